"""From the JSON of one inbound message to its content."""

import math
from collections.abc import Callable
from typing import Any

from whatsapp_notify.cloud_api import identities
from whatsapp_notify.cloud_api.exceptions import MalformedBody
from whatsapp_notify.cloud_api.json_body import load_object
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.cloud_api.webhooks.reading import (
    JsonObject,
    Malformed,
    as_object,
    child,
    flag,
    number,
    objects,
    required,
    text,
)

#: Names that older versions of webhooks use for the same events.
_SYSTEM_KINDS = {"customer_changed_number": "user_changed_number"}


def read_content(data: JsonObject) -> contents.Content:
    """This will read ``messages[]: {type, <type>: {...}}``; an unknown type is kept as it came.

    Raises:
        Malformed: The type is known and its object lacks what makes it useful.
    """
    reader = _READERS.get(text(data, "type"))
    return reader(data) if reader else contents.Unknown(raw=data)


def _text(data: JsonObject) -> contents.Content:
    value = as_object(data.get("text"), key="text")
    body = value.get("body")
    if not isinstance(body, str):
        raise Malformed("text.body", "is missing")
    return contents.Text(body=body)


def _button(data: JsonObject) -> contents.Content:
    value = as_object(data.get("button"), key="button")
    label = text(value, "text")
    return contents.ButtonTap(payload=text(value, "payload") or label, label=label)


def _interactive(data: JsonObject) -> contents.Content:
    value = child(data, "interactive")
    kind = text(value, "type")
    reply = child(value, kind) if kind else {}
    match kind:
        case "button_reply":
            return contents.ButtonReply(reply_id=required(reply, "id"), title=text(reply, "title"))
        case "list_reply":
            return contents.ListReply(
                reply_id=required(reply, "id"),
                title=text(reply, "title"),
                description=text(reply, "description"),
            )
        case "nfm_reply":
            return _flow_reply(reply)
    # The object may be missing, with the reason in ``value.errors``; or the kind is new.
    return contents.Unknown(raw=data)


def _flow_reply(reply: JsonObject) -> contents.Content:
    response_json = text(reply, "response_json")
    try:
        data = load_object(response_json.encode("utf-8"))
    except MalformedBody:
        data = None
    return contents.FlowReply(
        name=text(reply, "name"), body=text(reply, "body"), response_json=response_json, data=data
    )


def _media(data: JsonObject) -> contents.Content:
    kind = text(data, "type")
    value = as_object(data.get(kind), key=kind)
    return contents.Media(
        kind=kind,
        media_id=required(value, "id"),
        mime_type=text(value, "mime_type"),
        sha256=text(value, "sha256"),
        url=text(value, "url"),
        caption=text(value, "caption"),
        filename=text(value, "filename"),
        is_voice=flag(value, "voice"),
        is_animated=flag(value, "animated"),
    )


def _location(data: JsonObject) -> contents.Content:
    value = as_object(data.get("location"), key="location")
    return contents.Location(
        latitude=_degrees(value, "latitude", limit=90),
        longitude=_degrees(value, "longitude", limit=180),
        name=text(value, "name"),
        address=text(value, "address"),
        url=text(value, "url"),
    )


def _degrees(data: JsonObject, key: str, *, limit: int) -> float:
    try:
        degrees = float(text(data, key))
    except ValueError:
        degrees = math.nan
    if not -limit <= degrees <= limit:
        raise Malformed(key, "is no place on earth")
    return degrees


def _contact_cards(data: JsonObject) -> contents.Content:
    cards = objects(data.get("contacts"))
    if not cards:
        raise Malformed("contacts", "is missing")
    return contents.ContactCards(cards=tuple(_card(card) for card in cards))


def _card(card: JsonObject) -> contents.ContactCard:
    phones = objects(card.get("phones"))
    name = child(card, "name")
    return contents.ContactCard(
        name=text(name, "formatted_name", "first_name"),
        phones=tuple(filter(None, (text(phone, "phone") for phone in phones))),
        wa_ids=tuple(filter(None, (identities.to_wa_id(phone.get("wa_id")) for phone in phones))),
        origin=text(card, "origin"),
        vcard=text(card, "vcard"),
    )


def _order(data: JsonObject) -> contents.Content:
    value = as_object(data.get("order"), key="order")
    items = tuple(
        contents.OrderItem(
            product_retailer_id=text(item, "product_retailer_id"),
            quantity=number(item, "quantity") or 0,
            item_price=text(item, "item_price"),
            currency=text(item, "currency"),
        )
        for item in objects(value.get("product_items"))
    )
    return contents.Order(
        catalog_id=text(value, "catalog_id"), text=text(value, "text"), items=items
    )


def _reaction(data: JsonObject) -> contents.Content:
    value = as_object(data.get("reaction"), key="reaction")
    return contents.Reaction(
        provider_message_id=required(value, "message_id"), emoji=text(value, "emoji")
    )


def _system(data: JsonObject) -> contents.Content:
    value = as_object(data.get("system"), key="system")
    kind = text(value, "type")
    wa_id = identities.to_wa_id(value.get("wa_id")) or identities.to_wa_id(value.get("new_wa_id"))
    previous = identities.to_wa_id(data.get("from")) or identities.to_wa_id(value.get("customer"))
    return contents.System(
        kind=_SYSTEM_KINDS.get(kind, kind),
        body=text(value, "body"),
        wa_id=wa_id,
        previous_wa_id=previous if previous != wa_id else "",
        user_id=identities.to_user_id(value.get("user_id")),
        parent_user_id=identities.to_user_id(value.get("parent_user_id")),
        previous_user_id=identities.to_user_id(value.get("previous_user_id")),
        previous_parent_user_id=identities.to_user_id(value.get("previous_parent_user_id")),
        identity_key_hash=text(value, "identity"),
    )


def _unsupported(data: JsonObject) -> contents.Content:
    return contents.Unsupported(kind=text(child(data, "unsupported"), "type"))


def _welcome(data: JsonObject) -> contents.Content:
    return contents.WelcomeRequest()


def _edit(data: JsonObject) -> contents.Content:
    value = as_object(data.get("edit"), key="edit")
    inner = child(value, "message")
    # An edit of an edit is none of Meta's shapes, and would let a payload choose our depth.
    is_readable = text(inner, "type") not in {"", "edit", "revoke"}
    content: Any = None
    if is_readable:
        try:
            content = read_content(inner)
        except Malformed:
            content = None
    return contents.Edit(
        original_provider_message_id=required(value, "original_message_id"), content=content
    )


def _revoke(data: JsonObject) -> contents.Content:
    value = as_object(data.get("revoke"), key="revoke")
    return contents.Revoke(original_provider_message_id=required(value, "original_message_id"))


_READERS: dict[str, Callable[[JsonObject], contents.Content]] = {
    "text": _text,
    "button": _button,
    "interactive": _interactive,
    "image": _media,
    "video": _media,
    "audio": _media,
    "document": _media,
    "sticker": _media,
    "location": _location,
    "contacts": _contact_cards,
    "order": _order,
    "reaction": _reaction,
    "system": _system,
    "unsupported": _unsupported,
    "request_welcome": _welcome,
    "edit": _edit,
    "revoke": _revoke,
}
