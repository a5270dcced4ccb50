"""From the bytes of one POST to everything that is in them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from whatsapp_notify.cloud_api.json_body import load_object
from whatsapp_notify.cloud_api.webhooks.inbound import InboundMessage, read_message
from whatsapp_notify.cloud_api.webhooks.notice_reading import read_notice
from whatsapp_notify.cloud_api.webhooks.notices import Notice, UnknownChange, ValueErrorNotice
from whatsapp_notify.cloud_api.webhooks.people import read_contacts
from whatsapp_notify.cloud_api.webhooks.preferences import PreferenceChange, read_preference
from whatsapp_notify.cloud_api.webhooks.reading import (
    JsonObject,
    Malformed,
    child,
    optional_moment,
    problems,
    text,
)
from whatsapp_notify.cloud_api.webhooks.statuses import Status, read_status

_OBJECT = "whatsapp_business_account"

#: By the key of their list: where they are gathered, and who reads one.
_READERS: Final[dict[str, tuple[str, Callable[..., Any]]]] = {
    "messages": ("messages", read_message),
    "statuses": ("statuses", read_status),
    "user_preferences": ("preferences", read_preference),
}

#: The way to an element, from its end: (the way to what it is in, key, index if in a list). It is
#: written out for the few that are refused only.
_Path = tuple[Any, str, int | None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedElement:
    """One element that could not be read, among others that could."""

    #: Such as ``entry[0].changes[2].value.statuses[17]``.
    path: str
    #: Names the key and the problem, never the value.
    reason: str
    #: As it came; personal.
    raw: Any = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Parsed:
    """Everything in one body, each kind in the order in which it came."""

    statuses: list[Status] = field(default_factory=list)
    messages: list[InboundMessage] = field(default_factory=list)
    preferences: list[PreferenceChange] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    unknown: list[UnknownChange] = field(default_factory=list)
    malformed: list[MalformedElement] = field(default_factory=list)


def parse(body: bytes) -> Parsed:
    """This will read ``entry[].changes[]: {field, value}``.

    A change may hold several messages, statuses and preferences, of several numbers. A bad
    element becomes a ``MalformedElement`` and the others stay. Where a key stands twice in
    one object, the last one counts.

    Raises:
        MalformedBody: The body as a whole is no JSON object that can be read and stored.
    """
    data = load_object(body)
    parsed = Parsed()
    if text(data, "object") not in {"", _OBJECT}:
        base: dict[str, Any] = {"business_account_id": "", "field": text(data, "object")}
        parsed.unknown.append(UnknownChange(**base, raw=data))
        return parsed
    for index, entry in enumerate(_list(parsed, data, "entry", None)):
        path: _Path = (None, "entry", index)
        if not isinstance(entry, dict):
            _refuse(parsed, path, "is no object", entry)
            continue
        for at, change in enumerate(_list(parsed, entry, "changes", path)):
            change_path: _Path = (path, "changes", at)
            if isinstance(change, dict):
                _read_change(parsed, change, entry, change_path)
            else:
                _refuse(parsed, change_path, "is no object", change)
    return parsed


def _read_change(parsed: Parsed, change: JsonObject, entry: JsonObject, path: _Path) -> None:
    field_name, value = text(change, "field"), change.get("value")
    if not field_name or not isinstance(value, dict):
        _refuse(parsed, path, "field or value: is missing", change)
        return
    path = (path, "value", None)
    if field_name in {"messages", "user_preferences"}:
        is_known = _read_elements(parsed, value, entry, path)
        if is_known and "errors" not in value:
            return
        if errors := problems(value):
            parsed.notices.append(
                ValueErrorNotice(**_base(field_name, value, entry), errors=errors)
            )
        elif not is_known:
            parsed.unknown.append(UnknownChange(**_base(field_name, value, entry)))
        return
    try:
        notice = read_notice(value, base=_base(field_name, value, entry))
    except Malformed as err:
        _refuse(parsed, path, str(err), change)
        return
    if isinstance(notice, UnknownChange):
        parsed.unknown.append(notice)
    else:
        parsed.notices.append(notice)


def _base(field_name: str, value: JsonObject, entry: JsonObject) -> dict[str, Any]:
    """This will give what all notices hold."""
    happened_at = optional_moment(entry, "time")
    return {**_origin(value, entry), "field": field_name, "happened_at": happened_at, "raw": value}


def _origin(value: JsonObject, entry: JsonObject) -> dict[str, Any]:
    """This will give which account, and which number of ours, a change is about."""
    metadata = child(value, "metadata")
    return {
        "business_account_id": text(entry, "id"),
        "phone_number_id": text(metadata, "phone_number_id"),
        "display_phone_number": text(metadata, "display_phone_number")
        or text(value, "display_phone_number"),
    }


def _read_elements(parsed: Parsed, value: JsonObject, entry: JsonObject, path: _Path) -> bool:
    """This will read messages, statuses and preferences; returns whether there is a list of any."""
    contacts = read_contacts(value)
    is_known = False
    for key, (kind, reader) in _READERS.items():
        if key not in value:
            continue
        is_known = True
        found = getattr(parsed, kind)
        # Of a status, which is most of what comes, nobody asks which number of ours it is about.
        given = {} if reader is read_status else {"origin": _origin(value, entry)}
        for index, element in enumerate(_list(parsed, value, key, path)):
            if not isinstance(element, dict):
                _refuse(parsed, (path, key, index), "is no object", element)
                continue
            try:
                found.append(reader(element, contacts=contacts, **given))
            except Malformed as err:
                _refuse(parsed, (path, key, index), str(err), element)
    return is_known


def _list(parsed: Parsed, data: JsonObject, key: str, path: _Path) -> list[Any]:
    """This will give a list, and refuse whatever else is in its place."""
    items = data.get(key)
    if isinstance(items, list):
        return items
    _refuse(parsed, (path, key, None), "is no list", items)
    return []


def _refuse(parsed: Parsed, path: _Path, reason: str, raw: Any) -> None:
    parsed.malformed.append(MalformedElement(path=_written(path), reason=reason, raw=raw))


def _written(path: _Path) -> str:
    """This will write a path out, as ``MalformedElement.path`` has it."""
    if path is None:
        return ""
    parent, key, index = path
    step = key if index is None else f"{key}[{index}]"
    return f"{_written(parent)}.{step}" if parent else step
