"""Order numbers as customers write them."""

import re
import unicodedata
from collections.abc import Iterable

from whatsapp_notify.domain import phrases, replies

#: An order number has at least so many digits, and is no longer than the column.
_MIN_DIGITS = 3
_MAX_LENGTH = 64
#: More than that in one message is no question about an order.
_MAX_FOUND = 3

#: Letters, digits and dashes that stand alone; not a phone number with its plus sign.
_TOKEN = re.compile(r"(?<![\w+])#?([^\W_](?:[\w/-]{0,62}[^\W_])?)")
_NEITHER = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d{2}-\d{2}|\d{1,3}%")
#: "Where is my order", in the words of four languages; the beginnings are enough.
_ABOUT = (
    "order", "parcel", "package", "delivery", "shipment", "tracking",
    "tilau", "tilaus", "paket", "toimitu", "lahety",
    "bestall", "order", "leverans", "forsandel",
    "заказ", "посыл", "достав", "отправл",
)  # fmt: skip
_ABOUT_KEYS = tuple({word for each in _ABOUT for word in replies.words(each)})


def find(text: str) -> tuple[str, ...]:
    """This will return what may be the order numbers of a question, as they were written.

    The message is nothing but such a number, or it also speaks of an order; "our 3 children
    were born in 2019" has none. At most three.
    """
    text = _NEITHER.sub(" ", unicodedata.normalize("NFKC", text[:500]))
    found = dict.fromkeys(filter(_is_ref, _TOKEN.findall(text)))
    if not found or len(found) > _MAX_FOUND:
        return ()
    rest = _TOKEN.sub(lambda match: " " if _is_ref(match[1]) else match[0], text)
    if phrases.key(rest) and not is_about_order(rest):
        return ()
    return tuple(found)


def mentioned(text: str, *, known: Iterable[str]) -> str:
    """This will return the first of the known order numbers that stands alone in a text, or "".

    Only for numbers that are known to be the writer's own: no other word is asked for.
    """
    text = unicodedata.normalize("NFKC", text[:1500]).casefold()
    for ref in known:
        wanted = re.escape(unicodedata.normalize("NFKC", ref).casefold())
        if ref and re.search(rf"(?<![\w/+-]){wanted}(?![\w/-]*\w)", text):
            return ref
    return ""


def is_about_order(text: str) -> bool:
    """This will tell whether a message speaks of an order or a delivery."""
    return any(word.startswith(_ABOUT_KEYS) for word in replies.words(text[:500]))


def _is_ref(token: str) -> bool:
    digits = sum(map(str.isdigit, token))
    return digits >= _MIN_DIGITS and len(token) <= _MAX_LENGTH
