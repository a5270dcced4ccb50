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

_READERS: Final[dict[str, Callable[..., Any]]] = {
    "messages": read_message,
    "statuses": read_status,
    "user_preferences": read_preference,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """Everything in one body, each kind in the order in which it came."""

    statuses: tuple[Status, ...] = ()
    messages: tuple[InboundMessage, ...] = ()
    preferences: tuple[PreferenceChange, ...] = ()
    notices: tuple[Notice, ...] = ()
    unknown: tuple[UnknownChange, ...] = ()
    malformed: tuple[MalformedElement, ...] = ()


def parse(body: bytes) -> Parsed:
    """This will read ``entry[].changes[]: {field, value}``.

    A change may hold several messages, statuses and preferences, of several numbers. A bad
    element becomes a ``MalformedElement`` and the others stay. Where a key stands twice in
    one object, the last one counts.

    Raises:
        MalformedBody: The body as a whole is no JSON object that can be read and stored.
    """
    data = load_object(body)
    collected = _Collected()
    if text(data, "object") not in {"", _OBJECT}:
        base: dict[str, Any] = {"business_account_id": "", "field": text(data, "object")}
        collected.unknown.append(UnknownChange(**base, raw=data))
        return collected.freeze()
    for path, entry in collected.each(data, "entry", path=None):
        for change_path, change in collected.each(entry, "changes", path=path):
            _read_change(collected, change, entry=entry, path=change_path)
    return collected.freeze()


def _read_change(
    collected: "_Collected", change: JsonObject, *, entry: JsonObject, path: _Path
) -> None:
    field_name, value = text(change, "field"), change.get("value")
    if not field_name or not isinstance(value, dict):
        collected.refuse(path, "field or value: is missing", change)
        return
    path = (path, "value", None)
    metadata = child(value, "metadata")
    origin = {
        "business_account_id": text(entry, "id"),
        "phone_number_id": text(metadata, "phone_number_id"),
        "display_phone_number": text(metadata, "display_phone_number")
        or text(value, "display_phone_number"),
    }

    def base() -> dict[str, Any]:
        happened_at = optional_moment(entry, "time")
        return {**origin, "field": field_name, "happened_at": happened_at, "raw": value}

    if field_name in {"messages", "user_preferences"}:
        is_known = _read_elements(collected, value, origin=origin, path=path)
        if errors := problems(value):
            collected.notices.append(ValueErrorNotice(**base(), errors=errors))
        elif not is_known:
            collected.unknown.append(UnknownChange(**base()))
        return
    try:
        notice = read_notice(value, base=base())
    except Malformed as err:
        collected.refuse(path, str(err), change)
        return
    if isinstance(notice, UnknownChange):
        collected.unknown.append(notice)
    else:
        collected.notices.append(notice)


def _read_elements(
    collected: "_Collected", value: JsonObject, *, origin: dict[str, Any], path: _Path
) -> bool:
    """This will read messages, statuses and preferences; returns whether there is a list of any."""
    contacts = read_contacts(value)
    is_known = False
    for key, reader in _READERS.items():
        if key not in value:
            continue
        is_known = True
        found = collected.elements[key]
        for element_path, element in collected.each(value, key, path=path):
            try:
                found.append(reader(element, origin=origin, contacts=contacts))
            except Malformed as err:
                collected.refuse(element_path, str(err), element)
    return is_known


class _Collected:
    """What has been read so far."""

    def __init__(self) -> None:
        self.elements: dict[str, list[Any]] = {key: [] for key in _READERS}
        self.notices: list[Notice] = []
        self.unknown: list[UnknownChange] = []
        self.malformed: list[MalformedElement] = []

    def refuse(self, path: _Path, reason: str, raw: Any) -> None:
        self.malformed.append(MalformedElement(path=_written(path), reason=reason, raw=raw))

    def each(self, data: JsonObject, key: str, *, path: _Path) -> list[tuple[_Path, JsonObject]]:
        """This will give the objects of a list with their paths, and refuse all else in it."""
        items = data.get(key)
        if not isinstance(items, list):
            self.refuse((path, key, None), "is no list", items)
            return []
        elements: list[tuple[_Path, JsonObject]] = []
        for index, item in enumerate(items):
            if isinstance(item, dict):
                elements.append(((path, key, index), item))
            else:
                self.refuse((path, key, index), "is no object", item)
        return elements

    def freeze(self) -> Parsed:
        return Parsed(
            statuses=tuple(self.elements["statuses"]),
            messages=tuple(self.elements["messages"]),
            preferences=tuple(self.elements["user_preferences"]),
            notices=tuple(self.notices),
            unknown=tuple(self.unknown),
            malformed=tuple(self.malformed),
        )


def _written(path: _Path) -> str:
    """This will write a path out, as ``MalformedElement.path`` has it."""
    if path is None:
        return ""
    parent, key, index = path
    step = key if index is None else f"{key}[{index}]"
    return f"{_written(parent)}.{step}" if parent else step
