"""Taking typed values out of JSON that may be anything."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

JsonObject = Mapping[str, Any]

_SECONDS = re.compile(r"[0-9]{1,12}")
#: 2100-01-01. What claims to happen later is no time in seconds, and dates near year 9999
#: overflow as soon as they are shown in another time zone.
_MAX_SECONDS = 4_102_444_800
_MIN_CODE, _MAX_CODE = -(2**31), 2**31 - 1


class Malformed(ValueError):
    """This element does not have the shape that its place asks for."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error that Meta reports; ``code`` is explained by ``cloud_api.errors``."""

    code: int | None
    title: str = ""
    message: str = ""
    details: str = ""
    href: str = ""


def as_object(value: Any, *, key: str) -> JsonObject:
    """This will give the value if it is an object.

    Raises:
        Malformed: It is something else.
    """
    if not isinstance(value, dict):
        raise Malformed(key, "is no object")
    return value


def objects(value: Any) -> list[JsonObject]:
    """This will give the objects of a list; what is none is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def child(data: JsonObject, key: str) -> JsonObject:
    """This will give the object at the key; an empty one where there is none."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def text(data: JsonObject, *keys: str) -> str:
    """This will give the first of the keys that holds a text or number, as text; else empty."""
    for key in keys:
        value = data.get(key)
        if value is None:
            continue
        if isinstance(value, str):
            if value:
                return value
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
    return ""


def required(data: JsonObject, key: str) -> str:
    """This will give the text at the key.

    Raises:
        Malformed: There is none.
    """
    value = text(data, key)
    if not value.strip():
        raise Malformed(key, "is missing")
    return value


def flag(data: JsonObject, key: str) -> bool:
    """This will tell whether the key holds ``true``."""
    return data.get(key) is True


def moment(data: JsonObject, key: str) -> datetime:
    """This will read seconds since 1970, as a number or as digits, into aware UTC.

    Raises:
        Malformed: They are missing, or no time of this century.
    """
    found = optional_moment(data, key)
    if found is None:
        raise Malformed(key, "is no time in seconds")
    return found


def optional_moment(data: JsonObject, key: str) -> datetime | None:
    """This will read seconds since 1970; None where there is no such time."""
    value = data.get(key)
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _MAX_SECONDS:
        return None
    return datetime.fromtimestamp(value, tz=UTC)


def number(data: JsonObject, key: str) -> int | None:
    """This will read a small integer; None where there is none."""
    value = data.get(key)
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if _MIN_CODE <= value <= _MAX_CODE else None


def problems(data: JsonObject) -> tuple[Problem, ...]:
    """This will read ``errors[]: {code, title, message, error_data: {details}, href}``."""
    told = objects(data.get("errors"))
    if not told:
        return ()
    return tuple(
        Problem(
            code=number(item, "code"),
            title=text(item, "title"),
            message=text(item, "message"),
            details=text(child(item, "error_data"), "details") or text(item, "details"),
            href=text(item, "href"),
        )
        for item in told
    )


def language(data: JsonObject, *keys: str) -> str:
    """This will read a language code, written as the API wants it: ``en_US``, not ``en-US``."""
    return text(data, *keys).replace("-", "_")
