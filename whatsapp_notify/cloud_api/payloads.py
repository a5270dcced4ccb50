"""A message of ours as the bytes that Graph expects.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/
send-messages and templates/components, read 2026-11. What breaks a documented limit raises
ValueError before any byte leaves; the text of the error names the limit, never the value.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from whatsapp_notify.cloud_api import identities, payload_chat
from whatsapp_notify.cloud_api.payload_parts import body_component, button_component, header
from whatsapp_notify.domain import opaque
from whatsapp_notify.domain.content import (
    ButtonParameter,
    Card,
    Content,
    TemplateContent,
    TextContent,
)
from whatsapp_notify.domain.receipts import Outgoing
from whatsapp_notify.domain.storable import is_storable

MAX_TEXT_LENGTH = 4096
MAX_BUTTONS = 10
MIN_CARDS, MAX_CARDS = 2, 10

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_TEMPLATE_NAME = re.compile(r"[a-z0-9_]{1,512}")
#: ``json.dumps`` makes one anew for each call that differs from its defaults.
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
#: A NUL, as JSON writes it.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:_[A-Za-z]{2,4})?")


def message(*, outgoing: Outgoing) -> bytes:
    """This will write the body of ``POST /{phone_number_id}/messages``: compact JSON in UTF-8.

    Raises:
        ValueError: The message breaks a limit of the Cloud API.
    """
    data: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_recipient(outgoing),
        **_content(outgoing.content),
    }
    if outgoing.opaque_id:
        if len(outgoing.opaque_id) > opaque.MAX_LENGTH:
            raise ValueError(f"The opaque id is longer than {opaque.MAX_LENGTH} characters.")
        data["biz_opaque_callback_data"] = outgoing.opaque_id
    return _to_bytes(data)


def _recipient(outgoing: Outgoing) -> dict[str, str]:
    # ``to`` wins where both are given, and a shop that knows the number does best to use it.
    # Without the plus sign Graph may put the shop's own country code before the number.
    if outgoing.phone:
        if not _PHONE.fullmatch(outgoing.phone):
            raise ValueError("The phone number is not in E.164 with a plus sign.")
        return {"to": outgoing.phone}
    if not identities.is_user_id(outgoing.user_id):
        raise ValueError("The message has neither a phone number nor a user id to go to.")
    return {"recipient": outgoing.user_id}


def _content(content: Content) -> dict[str, Any]:
    match content:
        case TextContent():
            return _text(content)
        case TemplateContent():
            return {"type": "template", "template": _template(content)}
        case _:
            return payload_chat.write(content)


def _text(content: TextContent) -> dict[str, Any]:
    if not content.body.strip():
        raise ValueError("The text is empty.")
    if len(content.body) > MAX_TEXT_LENGTH:
        raise ValueError(f"The text is longer than {MAX_TEXT_LENGTH} characters.")
    text: dict[str, Any] = {"body": content.body}
    if content.preview_url:
        text["preview_url"] = True
    context = {"context": {"message_id": content.reply_to}} if content.reply_to else {}
    return {**context, "type": "text", "text": text}


def _template(content: TemplateContent) -> dict[str, Any]:
    if not _TEMPLATE_NAME.fullmatch(content.name):
        raise ValueError("A template name is 1 to 512 of a-z, 0-9 and _.")
    if not _LANGUAGE.fullmatch(content.language):
        raise ValueError("The template language is no code like en or en_US.")
    data: dict[str, Any] = {"name": content.name, "language": {"code": content.language}}
    components = [
        *_offer(content),
        *_buttons(content.buttons, is_in_card=False),
        *_carousel(content.cards),
    ]
    if content.body:
        components.insert(0, body_component(content.body))
    if content.header:
        components.insert(0, header(content.header))
    if components:
        data["components"] = components
    return data


def _offer(content: TemplateContent) -> list[dict[str, Any]]:
    if content.offer_expires_ms is None:
        return []
    if content.offer_expires_ms <= 0:
        raise ValueError("The offer expires at a time that is no time.")
    offer = {"expiration_time_ms": content.offer_expires_ms}
    parameter = {"type": "limited_time_offer", "limited_time_offer": offer}
    return [{"type": "limited_time_offer", "parameters": [parameter]}]


def _buttons(buttons: Sequence[ButtonParameter], *, is_in_card: bool) -> list[dict[str, Any]]:
    indexes = [button.index for button in buttons]
    if len(set(indexes)) != len(indexes):
        raise ValueError("Two buttons have the same index.")
    if any(not 0 <= index < MAX_BUTTONS for index in indexes):
        raise ValueError(f"Button indexes run from 0 to {MAX_BUTTONS - 1}.")
    if sum(button.kind == "copy_code" for button in buttons) > 1:
        raise ValueError("A template has at most one button that copies a code.")
    ordered = sorted(buttons, key=lambda button: button.index)
    return [button_component(button, is_in_card=is_in_card) for button in ordered]


def _carousel(cards: Sequence[Card]) -> list[dict[str, Any]]:
    if not cards:
        return []
    if not MIN_CARDS <= len(cards) <= MAX_CARDS:
        raise ValueError(f"A carousel has {MIN_CARDS} to {MAX_CARDS} cards.")
    items = [{"card_index": index, "components": _card(card)} for index, card in enumerate(cards)]
    if len({_shape(item["components"]) for item in items}) > 1:
        raise ValueError("All cards of a carousel have the same parts.")
    return [{"type": "carousel", "cards": items}]


def _card(card: Card) -> list[dict[str, Any]]:
    components = _buttons(card.buttons, is_in_card=True)
    if card.body:
        components.insert(0, body_component(card.body))
    if card.header:
        components.insert(0, header(card.header))
    return components


def _shape(components: Any) -> tuple[Any, ...]:
    return tuple(
        (
            component["type"],
            component.get("sub_type"),
            component.get("index"),
            tuple(parameter["type"] for parameter in component["parameters"]),
        )
        for component in components
    )


def _to_bytes(data: Mapping[str, Any]) -> bytes:
    text = _JSON.encode(data)
    # Looked for before encoding, because the error of ``encode`` would carry the whole message.
    # A lone surrogate has no UTF-8. The expression alone would cost more than all else here.
    if not is_storable(text) or ("\\u0000" in text and _NUL.search(text)):
        raise ValueError("The message holds a NUL character or half a character.")
    return text.encode("utf-8")
