"""Text that both databases take: PostgreSQL refuses NUL, and no one stores half a character.

Nearly all text is ASCII, which Python knows of a string without looking at its characters.
"""

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
#: Stands for what cannot be read (U+FFFD).
REPLACEMENT = "\ufffd"


def is_storable(text: str) -> bool:
    """This will tell whether a text column takes it as it is."""
    if text.isascii():
        return "\x00" not in text
    return _UNSTORABLE.search(text) is None


def storable(text: str, *, instead: str = REPLACEMENT) -> str:
    """This will replace NUL characters and lone surrogates, each by ``instead``."""
    return text if is_storable(text) else _UNSTORABLE.sub(instead, text)
