"""JSON from outside, made safe to store in SQLite and PostgreSQL alike.

Duplicate keys: the last one counts, as in every common parser. Numbers that no JSON column
takes (NaN, Infinity, 1e400, integers of more than 100 digits) and nesting beyond
``MAX_DEPTH`` condemn the whole body. NUL characters and lone surrogates, which only one of
the two databases would store, become U+FFFD.
"""

import json
import math
import re
from typing import Any, NoReturn

from whatsapp_notify.cloud_api.exceptions import MalformedBody
from whatsapp_notify.domain.storable import storable

MAX_DEPTH = 64
_MAX_INT_LENGTH = 101

#: Only an escape can bring a NUL or a lone surrogate through strict UTF-8 and strict JSON.
_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def load_object(body: bytes) -> dict[str, Any]:
    """This will read the bytes as one JSON object.

    Raises:
        MalformedBody: They are none, or hold what cannot be stored.
    """
    data = load(body)
    if not isinstance(data, dict):
        raise MalformedBody("not_an_object")
    return data


def load(body: bytes) -> Any:
    """This will read the bytes as one JSON value.

    Raises:
        MalformedBody: They are none, or hold what cannot be stored.
    """
    data, reason = _try_load(body)
    # Raised here, not inside an ``except``: a JSONDecodeError carries the whole document,
    # which is personal data, and would travel along as ``__context__``.
    if reason:
        raise MalformedBody(reason)
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _refuse_depth(data)
    if _SUSPICIOUS_ESCAPE.search(body):
        data = _clean(data)
    return data


def _try_load(body: bytes) -> tuple[Any, str]:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None, "not_utf8"
    try:
        data = _DECODER.decode(text)
    except _NumberOutOfRange:
        return None, "number_out_of_range"
    except ValueError:
        return None, "not_json"
    except RecursionError:
        return None, "too_deep"
    return data, ""


class _NumberOutOfRange(ValueError):
    """This number fits no JSON column."""


def _int(text: str) -> int:
    if len(text) > _MAX_INT_LENGTH:
        raise _NumberOutOfRange
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _NumberOutOfRange
    return number


def _refuse_constant(text: str) -> NoReturn:
    raise _NumberOutOfRange


_DECODER = json.JSONDecoder(parse_int=_int, parse_float=_float, parse_constant=_refuse_constant)


def _refuse_depth(data: Any) -> None:
    """This will walk level by level, so that no depth can exhaust the stack."""
    level = [data]
    for _depth in range(MAX_DEPTH + 1):
        level = [
            child
            for node in level
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise MalformedBody("too_deep")


def _clean(data: Any) -> Any:
    match data:
        case str():
            return storable(data)
        case dict():
            return {storable(key): _clean(value) for key, value in data.items()}
        case list():
            return [_clean(item) for item in data]
    return data
