"""Names in braces: "Order {order_ref}" and nothing more clever than that.

A value goes in as it is. It is not looked at again, has no attributes and no format, so
that a customer who is called "{order.total:>9999999}" is greeted by that name.
"""

import re
from collections.abc import Mapping

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_NAME = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)


class UnknownPlaceholder(ValueError):
    """The text names something that is not known here. Use one of the offered names."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__("Not known here: " + ", ".join(f"{{{name}}}" for name in names))
        self.names = names


def substitute(text: str, values: Mapping[str, str]) -> str:
    """This will put values in the place of their names, in one pass.

    ``{{`` and ``}}`` stand for single braces. A brace without its partner stays as it is.

    Raises:
        UnknownPlaceholder: Braces hold anything but one of the names in ``values``.
    """
    unknown = tuple(sorted(names_in(text) - _well_formed(values)))
    if unknown:
        raise UnknownPlaceholder(unknown)
    return _TOKEN.sub(lambda match: _replacement(match, values), text)


def names_in(text: str) -> frozenset[str]:
    """This will list what stands in braces, malformed names ("order.total") included."""
    groups = (match.group(1) for match in _TOKEN.finditer(text))
    return frozenset(name for name in groups if name is not None)


def _replacement(match: re.Match[str], values: Mapping[str, str]) -> str:
    name = match.group(1)
    return match.group()[0] if name is None else values[name]


def _well_formed(values: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for name in values if _NAME.fullmatch(name))
