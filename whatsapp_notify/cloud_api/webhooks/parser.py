"""From the bytes of one POST to everything that is in them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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
    for path, entry in collected.each(data, "entry", path=""):
        for change_path, change in collected.each(entry, "changes", path=path):
            _read_change(collected, change, entry=entry, path=change_path)
    return collected.freeze()


def _read_change(
    collected: "_Collected", change: JsonObject, *, entry: JsonObject, path: str
) -> None:
    field_name, value = text(change, "field"), change.get("value")
    if not field_name or not isinstance(value, dict):
        collected.refuse(path, "field or value: is missing", change)
        return
    metadata = child(value, "metadata")
    origin = {
        "business_account_id": text(entry, "id"),
        "phone_number_id": text(metadata, "phone_number_id"),
        "display_phone_number": text(metadata, "display_phone_number")
        or text(value, "display_phone_number"),
    }
    base = {
        **origin,
        "field": field_name,
        "happened_at": optional_moment(entry, "time"),
        "raw": value,
    }
    if field_name in {"messages", "user_preferences"}:
        _read_messages(collected, value, origin=origin, base=base, path=f"{path}.value")
        return
    try:
        notice = read_notice(value, base=base)
    except Malformed as err:
        collected.refuse(f"{path}.value", str(err), change)
        return
    if isinstance(notice, UnknownChange):
        collected.unknown.append(notice)
    else:
        collected.notices.append(notice)


def _read_messages(
    collected: "_Collected",
    value: JsonObject,
    *,
    origin: dict[str, Any],
    base: dict[str, Any],
    path: str,
) -> None:
    contacts = read_contacts(value)
    kinds: tuple[tuple[str, Callable[..., Any], list[Any]], ...] = (
        ("messages", read_message, collected.messages),
        ("statuses", read_status, collected.statuses),
        ("user_preferences", read_preference, collected.preferences),
    )
    is_known = False
    for key, reader, found in kinds:
        if key not in value:
            continue
        is_known = True
        for element_path, element in collected.each(value, key, path=path):
            try:
                found.append(reader(element, origin=origin, contacts=contacts))
            except Malformed as err:
                collected.refuse(element_path, str(err), element)
    if errors := problems(value):
        is_known = True
        collected.notices.append(ValueErrorNotice(**base, errors=errors))
    if not is_known:
        collected.unknown.append(UnknownChange(**base))


class _Collected:
    """What has been read so far."""

    def __init__(self) -> None:
        self.statuses: list[Status] = []
        self.messages: list[InboundMessage] = []
        self.preferences: list[PreferenceChange] = []
        self.notices: list[Notice] = []
        self.unknown: list[UnknownChange] = []
        self.malformed: list[MalformedElement] = []

    def refuse(self, path: str, reason: str, raw: Any) -> None:
        self.malformed.append(MalformedElement(path=path, reason=reason, raw=raw))

    def each(self, data: JsonObject, key: str, *, path: str) -> list[tuple[str, JsonObject]]:
        """This will give the objects of a list with their paths, and refuse all else in it."""
        path = f"{path}.{key}" if path else key
        items = data.get(key)
        if not isinstance(items, list):
            self.refuse(path, "is no list", items)
            return []
        elements: list[tuple[str, JsonObject]] = []
        for index, item in enumerate(items):
            if isinstance(item, dict):
                elements.append((f"{path}[{index}]", item))
            else:
                self.refuse(f"{path}[{index}]", "is no object", item)
        return elements

    def freeze(self) -> Parsed:
        return Parsed(
            statuses=tuple(self.statuses),
            messages=tuple(self.messages),
            preferences=tuple(self.preferences),
            notices=tuple(self.notices),
            unknown=tuple(self.unknown),
            malformed=tuple(self.malformed),
        )
