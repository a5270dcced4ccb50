"""Free-form messages: one reader per type checks it and says what its bubble shows.

A bubble is a dict of pieces, all optional:
``{"title", "body", "footer", "media": {kind, link, media_id, filename}, "location": {...},
"contacts": [{name, phone}], "buttons": [{kind, text, ...}], "list": {text, sections},
"cards": [pieces], "offer": {text, expires_ms}, "reaction": {emoji, wamid}, "rewritten": times}``.
Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/,
read 2026-11
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from .errors import GraphError, invalid, missing
from .models import StoredMedia
from .shapes import mapping, objects

TEXT_LIMIT: Final = 4096
CAPTION_LIMIT: Final = 1024
BODY_LIMIT: Final = 1024
LIST_BODY_LIMIT: Final = 4096
HEADER_LIMIT: Final = 60
FOOTER_LIMIT: Final = 60

Pieces = dict[str, Any]


def limited_text(value: Any, *, name: str, limit: int) -> str:
    """This will return a required text. Raises: GraphError 131008 or 100."""
    if value is None or value == "":
        raise missing(name)
    if not isinstance(value, str):
        raise GraphError(100, details=f"Param {name} must be a string.")
    if len(value) > limit:
        raise GraphError(
            100,
            message=f"(#100) Param {name} must be at most {limit} characters long.",
            details=f"Param {name} must be at most {limit} characters long.",
        )
    return value


def media_pieces(kind: str, value: Any) -> Pieces:
    """This will return the media of a message or of a template's header.

    Raises: GraphError 131008 without id and link, 100 when either is not usable.
    """
    if not isinstance(value, Mapping) or not (value.get("id") or value.get("link")):
        raise missing(f"{kind}['id']")
    link, media_id = str(value.get("link") or ""), str(value.get("id") or "")
    if link and not link.startswith(("http://", "https://")):
        raise GraphError(100, details=f"Param {kind}['link'] is not a valid URI.")
    if media_id and not StoredMedia.objects.filter(graph_id=media_id).exists():
        raise GraphError(
            100,
            details=f"Param {kind}['id'] is not a valid whatsapp business account media "
            "attachment ID",
        )
    filename = str(value.get("filename") or "")
    return {"kind": kind, "link": link, "media_id": media_id, "filename": filename}


def location_pieces(value: Any) -> Pieces:
    """This will return a location. Raises: GraphError 131008 or 131009."""
    if not isinstance(value, Mapping):
        raise missing("location")
    place: Pieces = {}
    for axis, limit in (("latitude", 90), ("longitude", 180)):
        if value.get(axis) in (None, ""):
            raise missing(f"location['{axis}']")
        try:
            place[axis] = float(value[axis])
        except (TypeError, ValueError) as err:
            raise invalid(f"location['{axis}']", "must be a number.") from err
        if not -limit <= place[axis] <= limit:
            raise invalid(f"location['{axis}']", "is out of range.")
    return {**place, "name": str(value.get("name", "")), "address": str(value.get("address", ""))}


def _read_text(value: Any) -> Pieces:
    if not isinstance(value, Mapping):
        raise missing("text")
    return {"body": limited_text(value.get("body"), name="text['body']", limit=TEXT_LIMIT)}


def _read_media(kind: str) -> Callable[[Any], Pieces]:
    def read(value: Any) -> Pieces:
        pieces: Pieces = {"media": media_pieces(kind, value)}
        if value.get("caption"):
            pieces["body"] = limited_text(
                value["caption"], name=f"{kind}['caption']", limit=CAPTION_LIMIT
            )
        return pieces

    return read


def _read_location(value: Any) -> Pieces:
    return {"location": location_pieces(value)}


def _read_contacts(value: Any) -> Pieces:
    people = []
    for person in objects(value, name="contacts"):
        name = mapping(person.get("name")).get("formatted_name")
        if not isinstance(name, str) or not name:
            raise missing("contacts['name']['formatted_name']")
        phones = objects(person.get("phones"), name="contacts['phones']")
        people.append({"name": name, "phone": str(phones[0].get("phone", "")) if phones else ""})
    if not people:
        raise missing("contacts")
    return {"contacts": people}


def _read_reaction(value: Any) -> Pieces:
    if not isinstance(value, Mapping) or not value.get("message_id"):
        raise missing("reaction['message_id']")
    emoji = value.get("emoji", "")
    if not isinstance(emoji, str) or len(emoji) > 16:
        raise invalid("reaction['emoji']", "must be one emoji.")
    return {"reaction": {"emoji": emoji, "wamid": str(value["message_id"])}}


def _read_interactive(value: Any) -> Pieces:
    if not isinstance(value, Mapping) or not value.get("type"):
        raise missing("interactive['type']")
    kind = str(value["type"])
    action = value.get("action")
    if not isinstance(action, Mapping):
        raise missing("interactive['action']")
    reader = _ACTIONS.get(kind)
    if reader is None:
        raise invalid("interactive['type']", f"{kind} is not known.")
    limit = LIST_BODY_LIMIT if kind == "list" else BODY_LIMIT
    body = value.get("body")
    pieces: Pieces = {
        "body": limited_text(
            body.get("text") if isinstance(body, Mapping) else None,
            name="interactive['body']['text']",
            limit=limit,
        )
    }
    header = _header(value.get("header"), kind=kind)
    return {**pieces, **header, **_footer(value), **reader(action)}


def _header(header: Any, *, kind: str) -> Pieces:
    if not isinstance(header, Mapping):
        return {}
    shown = str(header.get("type", ""))
    if shown == "text":
        text = limited_text(
            header.get("text"), name="interactive['header']['text']", limit=HEADER_LIMIT
        )
        return {"title": text}
    if kind == "list":
        raise invalid("interactive['header']['type']", "must be text in a list.")
    if shown in {"image", "video", "document"}:
        return {"media": media_pieces(shown, header.get(shown))}
    raise invalid("interactive['header']['type']", "must be text, image, video or document.")


def _footer(value: Mapping[str, Any]) -> Pieces:
    footer = value.get("footer")
    if not isinstance(footer, Mapping):
        return {}
    return {
        "footer": limited_text(
            footer.get("text"), name="interactive['footer']['text']", limit=FOOTER_LIMIT
        )
    }


def _read_buttons(action: Mapping[str, Any]) -> Pieces:
    buttons = action.get("buttons")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise invalid("interactive['action']['buttons']", "needs one to three buttons.")
    shown = []
    for button in buttons:
        reply = button.get("reply") if isinstance(button, Mapping) else None
        if not isinstance(reply, Mapping):
            raise missing("interactive['action']['buttons']['reply']")
        answer_id = _answer_id(reply, limit=256)
        title = _title(reply, limit=20, name="buttons")
        shown.append({"kind": "reply", "answer": "button_reply", "text": title, "id": answer_id})
    _refuse_twins([button["id"] for button in shown])
    return {"buttons": shown}


def _read_list(action: Mapping[str, Any]) -> Pieces:
    label = limited_text(action.get("button"), name="interactive['action']['button']", limit=20)
    sections = objects(action.get("sections"), name="sections")
    if not 1 <= len(sections) <= 10:
        raise invalid("interactive['action']['sections']", "needs one to ten sections.")
    shown: list[Pieces] = [
        {
            "title": str(section.get("title", ""))[:24],
            "rows": [_row(row) for row in objects(section.get("rows"), name="rows")],
        }
        for section in sections
    ]
    rows = [row for section in shown for row in section["rows"]]
    if not 1 <= len(rows) <= 10:
        raise invalid("interactive['action']['sections']", "needs one to ten rows in total.")
    if any(len(row["description"]) > 72 for row in rows):
        raise invalid("interactive['action']['sections']['rows']", "description is too long.")
    _refuse_twins([row["id"] for row in rows])
    return {"list": {"text": label, "sections": shown}}


def _row(row: Mapping[str, Any]) -> Pieces:
    return {
        "id": _answer_id(row, limit=200),
        "title": _title(row, limit=24, name="rows"),
        "description": str(row.get("description", "")),
    }


def _read_link(action: Mapping[str, Any]) -> Pieces:
    parameters = action.get("parameters")
    if not isinstance(parameters, Mapping):
        raise missing("interactive['action']['parameters']")
    text = limited_text(parameters.get("display_text"), name="display_text", limit=20)
    url = limited_text(parameters.get("url"), name="url", limit=2000)
    if not url.startswith(("http://", "https://")):
        raise invalid("url", "is not a valid URI.")
    return {"buttons": [{"kind": "url", "text": text, "url": url}]}


def _read_fixed_button(kind: str, text: str) -> Callable[[Mapping[str, Any]], Pieces]:
    def read(action: Mapping[str, Any]) -> Pieces:
        return {"buttons": [{"kind": kind, "text": text}]}

    return read


def _read_flow(action: Mapping[str, Any]) -> Pieces:
    parameters = action.get("parameters")
    if not isinstance(parameters, Mapping):
        raise missing("interactive['action']['parameters']")
    text = limited_text(parameters.get("flow_cta"), name="flow_cta", limit=30)
    return {
        "buttons": [{"kind": "flow", "text": text, "id": str(parameters.get("flow_token", ""))}]
    }


#: Kinds of interactive messages that a shop may send here.
_ACTIONS: Final[dict[str, Callable[[Mapping[str, Any]], Pieces]]] = {
    "button": _read_buttons,
    "list": _read_list,
    "cta_url": _read_link,
    "location_request_message": _read_fixed_button("location", "Send location"),
    "request_contact_info": _read_fixed_button("contact", "Share contact info"),
    "call_permission_request": _read_fixed_button("other", "Choose preference"),
    "flow": _read_flow,
    "product": _read_fixed_button("other", "View"),
    "product_list": _read_fixed_button("other", "View items"),
    "catalog_message": _read_fixed_button("other", "View catalog"),
    "order_details": _read_fixed_button("other", "Review and pay"),
    "order_status": _read_fixed_button("other", "View order"),
    "address_message": _read_fixed_button("other", "Provide address"),
}


def _answer_id(value: Mapping[str, Any], *, limit: int) -> str:
    return limited_text(value.get("id"), name="interactive['action']['id']", limit=limit)


def _title(value: Mapping[str, Any], *, limit: int, name: str) -> str:
    return limited_text(
        value.get("title"), name=f"interactive['action']['{name}']['title']", limit=limit
    )


def _refuse_twins(ids: list[str]) -> None:
    if len(set(ids)) != len(ids):
        raise invalid("interactive['action']", "ids must be unique.")


#: Types of free-form messages; each reader takes ``payload[type]``.
READERS: Final[dict[str, Callable[[Any], Pieces]]] = {
    "text": _read_text,
    **{kind: _read_media(kind) for kind in ("image", "video", "audio", "document", "sticker")},
    "location": _read_location,
    "contacts": _read_contacts,
    "reaction": _read_reaction,
    "interactive": _read_interactive,
}
