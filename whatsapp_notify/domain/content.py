"""What a message says, in terms of no particular provider.

A message row keeps its content as JSON (``to_json``); ``cloud_api.payloads`` turns it into
the wire format, ``Preview`` is what the customer sees, drawn as a chat bubble.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whatsapp_notify.domain import chat_content
from whatsapp_notify.domain.chat_content import ChatContent


@dataclass(frozen=True, slots=True, kw_only=True)
class TextParameter:
    """A value for one placeholder; ``name`` only where the template names its placeholders."""

    text: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyParameter:
    """An amount that WhatsApp writes in the reader's own way."""

    fallback: str
    code: str
    #: The amount times one thousand: 12.90 is 12900.
    amount_1000: int
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DateTimeParameter:
    """A moment, written out as ``fallback``."""

    fallback: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaParameter:
    """A picture, video or document; exactly one of ``media_id`` and ``link``."""

    #: "image", "video" or "document".
    media: str
    media_id: str = ""
    link: str = ""
    filename: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationParameter:
    """A point on the map; degrees as decimal strings."""

    latitude: str
    longitude: str
    name: str = ""
    address: str = ""


BodyParameter = TextParameter | CurrencyParameter | DateTimeParameter
HeaderParameter = TextParameter | MediaParameter | LocationParameter


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonParameter:
    """The variable part of one button.

    ``index`` counts all buttons of the template from zero, static ones too. ``kind`` is
    "url" (value = suffix), "quick_reply" (value = payload), "copy_code" (value = code),
    "catalog" (value = thumbnail product), "mpm" (sections) or "flow" (value = flow token,
    data in ``data``).
    """

    index: int
    kind: str
    value: str = ""
    sections: tuple[tuple[str, tuple[str, ...]], ...] = ()
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One card of a carousel, in order."""

    header: HeaderParameter | None = None
    body: tuple[BodyParameter, ...] = ()
    buttons: tuple[ButtonParameter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateContent:
    """A template with all its values."""

    name: str
    #: Exactly as approved: "en_US" is not "en".
    language: str
    header: HeaderParameter | None = None
    body: tuple[BodyParameter, ...] = ()
    buttons: tuple[ButtonParameter, ...] = ()
    cards: tuple[Card, ...] = ()
    #: Unix milliseconds; None where the template has no limited-time offer.
    offer_expires_ms: int | None = None
    #: What is sent instead while the service window is open; empty where the template always is.
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextContent:
    """Free-form text, allowed only while the service window is open."""

    body: str
    preview_url: bool = False
    #: Message id of the provider that this one answers; empty for none.
    reply_to: str = ""


Content = TextContent | TemplateContent | ChatContent


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewButton:
    kind: str
    label: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The message as the customer sees it."""

    body: str
    header: str = ""
    #: "", "image", "video", "audio", "document" or "location".
    header_media: str = ""
    footer: str = ""
    buttons: tuple[PreviewButton, ...] = ()
    cards: tuple["Preview", ...] = ()


_PARAMETERS: dict[str, type[Any]] = {
    "text": TextParameter,
    "currency": CurrencyParameter,
    "date_time": DateTimeParameter,
    "media": MediaParameter,
    "location": LocationParameter,
}
_PARAMETER_KINDS = {cls: kind for kind, cls in _PARAMETERS.items()}


def to_json(content: Content) -> dict[str, Any]:
    """This will turn content into plain JSON, with its ``kind``.

    "text", "template" or one of ``chat_content.KINDS``.
    """
    if not isinstance(content, TemplateContent):
        return {"kind": kind_of(content), **dataclasses.asdict(content)}
    data = {
        "kind": "template",
        "name": content.name,
        "language": content.language,
        "header": _parameter_to_json(content.header),
        "body": [_parameter_to_json(parameter) for parameter in content.body],
        "buttons": [_button_to_json(button) for button in content.buttons],
        "cards": [
            {
                "header": _parameter_to_json(card.header),
                "body": [_parameter_to_json(parameter) for parameter in card.body],
                "buttons": [_button_to_json(button) for button in card.buttons],
            }
            for card in content.cards
        ],
        "offer_expires_ms": content.offer_expires_ms,
    }
    return {**data, "text": content.text} if content.text else data


def kind_of(content: TextContent | ChatContent) -> str:
    """This will return the word by which rows know the kind of a free-form message."""
    return "text" if isinstance(content, TextContent) else chat_content.kind_of(content)


def from_json(data: Mapping[str, Any]) -> Content:
    """This will read what ``to_json`` wrote.

    Raises:
        ValueError: The data is no content of a known kind.
    """
    try:
        fields = {key: value for key, value in data.items() if key != "kind"}
        match data["kind"]:
            case "text":
                return TextContent(**fields)
            case kind if kind in chat_content.KINDS:
                return chat_content.from_fields(kind, fields)
            case "template":
                return TemplateContent(
                    name=data["name"],
                    language=data["language"],
                    header=_parameter_from_json(data.get("header")),
                    body=tuple(_parameter_from_json(item) for item in data.get("body", [])),
                    buttons=tuple(_button_from_json(item) for item in data.get("buttons", [])),
                    cards=tuple(
                        Card(
                            header=_parameter_from_json(card.get("header")),
                            body=tuple(_parameter_from_json(item) for item in card["body"]),
                            buttons=tuple(_button_from_json(item) for item in card["buttons"]),
                        )
                        for card in data.get("cards", [])
                    ),
                    offer_expires_ms=data.get("offer_expires_ms"),
                    text=data.get("text", ""),
                )
    except (KeyError, TypeError) as err:
        raise ValueError("This is not the content of a message.") from err
    raise ValueError(f"Content of kind {data['kind']!r} is not known.")


def preview_of(content: TextContent | ChatContent) -> Preview:
    """This will draw a free-form message as the customer sees it."""
    match content:
        case chat_content.ButtonsContent(buttons=buttons):
            shown = tuple(PreviewButton(kind="reply", label=each.title) for each in buttons)
        case chat_content.ListContent(button=button, sections=sections):
            rows = (row for section in sections for row in section.rows)
            shown = (
                PreviewButton(kind="list", label=button),
                *(PreviewButton(kind="row", label=row.title) for row in rows),
            )
        case chat_content.LinkContent(button=button, url=url):
            shown = (PreviewButton(kind="url", label=button, value=url),)
        case chat_content.MediaContent(media=media, filename=filename):
            words = content.caption or content.transcript
            return Preview(body=words, header=filename, header_media=media)
        case chat_content.LocationContent(name=name, address=address):
            where = address or f"{content.latitude}, {content.longitude}"
            return Preview(body=where, header=name, header_media="location")
        case chat_content.LocationRequestContent(body=body):
            return Preview(body=body, buttons=(PreviewButton(kind="location", label=""),))
        case _:
            return Preview(body=content.body)
    file = None if isinstance(content, chat_content.ListContent) else content.header_file
    return Preview(
        body=content.body,
        header=file.filename if file else content.header,
        header_media=file.media if file else "",
        footer=content.footer,
        buttons=shown,
    )


def in_text(preview: Preview) -> str:
    """This will write a template's words as one text; "" where it is more than words."""
    if preview.header_media or preview.buttons or preview.cards:
        return ""
    return "\n\n".join(filter(None, (preview.header, preview.body, preview.footer)))


def preview_to_json(preview: Preview) -> dict[str, Any]:
    """This will turn a preview into plain JSON."""
    return dataclasses.asdict(preview)


def preview_from_json(data: Mapping[str, Any]) -> Preview:
    """This will read what ``preview_to_json`` wrote."""
    return Preview(
        body=data.get("body", ""),
        header=data.get("header", ""),
        header_media=data.get("header_media", ""),
        footer=data.get("footer", ""),
        buttons=tuple(PreviewButton(**button) for button in data.get("buttons", ())),
        cards=tuple(preview_from_json(card) for card in data.get("cards", ())),
    )


def _parameter_to_json(parameter: BodyParameter | HeaderParameter | None) -> dict[str, Any] | None:
    if parameter is None:
        return None
    return {"type": _PARAMETER_KINDS[type(parameter)], **dataclasses.asdict(parameter)}


def _parameter_from_json(data: Mapping[str, Any] | None) -> Any:
    if data is None:
        return None
    fields = dict(data)
    return _PARAMETERS[fields.pop("type")](**fields)


def _button_to_json(button: ButtonParameter) -> dict[str, Any]:
    data = {"index": button.index, "kind": button.kind, "value": button.value}
    if button.sections:
        data["sections"] = [[title, list(products)] for title, products in button.sections]
    if button.data:
        data["data"] = dict(button.data)
    return data


def _button_from_json(data: Mapping[str, Any]) -> ButtonParameter:
    return ButtonParameter(
        index=data["index"],
        kind=data["kind"],
        value=data.get("value", ""),
        sections=tuple((title, tuple(products)) for title, products in data.get("sections", ())),
        data=data.get("data", {}),
    )
