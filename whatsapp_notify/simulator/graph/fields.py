"""The ``fields`` parameter: Graph answers what it is asked for, and the id."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.http import HttpRequest

from whatsapp_notify.simulator.errors import GraphError

#: ``name`` or ``pricing_analytics.start(1).end(2)``: only the name counts here.
_FIELD: Final = re.compile(r"\s*(\w+)")


def chosen(
    request: HttpRequest, node: Mapping[str, Any], *, default: Sequence[str]
) -> dict[str, Any]:
    """This will return the fields of a node that the call asks for, and its id.

    Raises: GraphError 100 for a field that the node does not have.
    """
    text = request.GET.get("fields", "")
    names = _FIELD.findall(text.replace(",", " ")) if text else list(default)
    for name in names:
        if name not in node:
            raise GraphError(100, message=f"(#100) Tried accessing nonexisting field ({name})")
    return {**{name: node[name] for name in names}, "id": node["id"]}
