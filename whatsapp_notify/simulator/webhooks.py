"""Webhook bodies in Meta's envelope, and the bytes they travel as.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/,
read 2026-11
"""

import json
from datetime import datetime
from typing import Any

from .conf import SimulatorSettings
from .errors import status_error
from .models import ChatMessage, SimulatedCustomer, SimulatedTemplate

Body = dict[str, Any]


def encode(body: Body) -> str:
    """This will return the text of a body as Meta writes it.

    Compact, everything beyond ASCII as lower-case ``\\uXXXX``, and slashes escaped: whoever
    parses and writes it anew before checking the signature fails here as with Meta.
    """
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/")


def envelope(*, settings: SimulatorSettings, field: str, value: Body) -> Body:
    """This will return ``{"object", "entry": [{"id", "changes": [{"field", "value"}]}]}``."""
    change = {"value": value, "field": field}
    entry = {"id": settings.business_account_id, "changes": [change]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def account_envelope(*, settings: SimulatorSettings, field: str, value: Body, at: datetime) -> Body:
    """This will return the envelope of a field that is not about messages: it has a ``time``."""
    body = envelope(settings=settings, field=field, value=value)
    body["entry"][0]["time"] = int(at.timestamp())
    return body


def _value(*, settings: SimulatorSettings, **parts: Any) -> Body:
    metadata = {
        "display_phone_number": settings.business_digits,
        "phone_number_id": settings.phone_number_id,
    }
    return {"messaging_product": "whatsapp", "metadata": metadata, **parts}


def _contact(customer: SimulatedCustomer) -> Body:
    contact: Body = {"profile": {"name": customer.name}}
    if not customer.hides_number:
        contact["wa_id"] = customer.wa_id
    return {**contact, "user_id": customer.user_id}


def _epoch(at: datetime) -> str:
    return str(int(at.timestamp()))


def status(
    *, settings: SimulatorSettings, message: ChatMessage, name: str, at: datetime, priced: bool
) -> Body:
    """This will return the body of one status: "sent", "delivered", "read" or "failed".

    ``contacts`` never come with "failed", and neither does the caller's opaque string, which
    Meta documents for the other three only.
    """
    customer = message.customer
    element: Body = {"id": message.wamid, "status": name, "timestamp": _epoch(at)}
    if not customer.hides_number:
        element["recipient_id"] = customer.wa_id
    element["recipient_user_id"] = customer.user_id
    if name == "failed":
        element["errors"] = [status_error(message.error_code or 131000)]
        value = _value(settings=settings, statuses=[element])
    else:
        if message.opaque_callback_data:
            element["biz_opaque_callback_data"] = message.opaque_callback_data
        if priced:
            element["pricing"] = _pricing(message.category)
        value = _value(settings=settings, contacts=[_contact(customer)], statuses=[element])
    return envelope(settings=settings, field="messages", value=value)


def _pricing(category: str) -> Body:
    return {
        "billable": True,
        "pricing_model": "PMP",
        "category": category,
        "type": "regular",
    }


def inbound(*, settings: SimulatorSettings, message: ChatMessage) -> Body:
    """This will return the body of a message that the customer wrote.

    ``value.messages[]: {from?, from_user_id, id, timestamp, type, <type>, context?}``;
    a system message comes without ``contacts``.
    """
    customer = message.customer
    element: Body = {} if customer.hides_number else {"from": customer.wa_id}
    element |= {"from_user_id": customer.user_id, "id": message.wamid}
    element |= {"timestamp": _epoch(message.created_at), **message.content}
    if message.context_wamid:
        element["context"] = {"from": settings.business_digits, "id": message.context_wamid}
    contacts = {} if message.kind == "system" else {"contacts": [_contact(customer)]}
    value = _value(settings=settings, **contacts, messages=[element])
    return envelope(settings=settings, field="messages", value=value)


def marketing_preference(
    *, settings: SimulatorSettings, customer: SimulatedCustomer, value: str, at: datetime
) -> Body:
    """This will return the body of "stop" or "resume" pressed in WhatsApp itself.

    Its timestamp is a number, unlike those of messages.
    """
    element: Body = {} if customer.hides_number else {"wa_id": customer.wa_id}
    element |= {
        "user_id": customer.user_id,
        "detail": f"User requested to {value} marketing messages",
        "category": "marketing_messages",
        "value": value,
        "timestamp": int(at.timestamp()),
    }
    whole = _value(settings=settings, contacts=[_contact(customer)], user_preferences=[element])
    return envelope(settings=settings, field="user_preferences", value=whole)


def template_status(
    *, settings: SimulatorSettings, template: SimulatedTemplate, at: datetime
) -> Body:
    """This will return the body that tells the status of a template.

    Meta spells the language with a hyphen here, and the id as a number.
    """
    value: Body = {
        "event": template.status,
        "message_template_id": int(template.graph_id),
        "message_template_name": template.name,
        "message_template_language": template.language.replace("_", "-"),
        "reason": template.rejected_reason,
        "message_template_category": template.category,
    }
    if template.status == SimulatedTemplate.Status.PAUSED:
        value["other_info"] = {
            "title": "FIRST_PAUSE",
            "description": "Your message template was paused for 3 hours.",
        }
    return account_envelope(
        settings=settings, field="message_template_status_update", value=value, at=at
    )


def template_category(
    *, settings: SimulatorSettings, template: SimulatedTemplate, previous: str, at: datetime
) -> Body:
    """This will return the body that tells the new category of a template."""
    value = {
        "message_template_id": int(template.graph_id),
        "message_template_name": template.name,
        "message_template_language": template.language.replace("_", "-"),
        "previous_category": previous,
        "new_category": template.category,
    }
    return account_envelope(settings=settings, field="template_category_update", value=value, at=at)


def template_quality(
    *, settings: SimulatorSettings, template: SimulatedTemplate, previous: str, at: datetime
) -> Body:
    """This will return the body that tells the new quality of a template."""
    value = {
        "previous_quality_score": previous,
        "new_quality_score": template.quality_score,
        "message_template_id": int(template.graph_id),
        "message_template_name": template.name,
        "message_template_language": template.language.replace("_", "-"),
    }
    return account_envelope(
        settings=settings, field="message_template_quality_update", value=value, at=at
    )


def merged(bodies: list[str]) -> str:
    """This will return one body that holds the statuses of several, as Meta batches them."""
    whole: Body = json.loads(bodies[0])
    target = whole["entry"][0]["changes"][0]["value"]
    for text in bodies[1:]:
        value = json.loads(text)["entry"][0]["changes"][0]["value"]
        for name in ("contacts", "statuses"):
            target.setdefault(name, []).extend(value.get(name, []))
    return encode(whole)
