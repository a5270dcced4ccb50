"""Rows as the machinery would have written them."""

from datetime import datetime, timedelta
from typing import Any

from whatsapp_notify.domain.content import Preview, TextContent, preview_to_json, to_json
from whatsapp_notify.models import (
    Automation,
    ConsentRecord,
    ConsentState,
    Contact,
    Conversation,
    DeliveryEvent,
    Identity,
    InboundMessage,
    Message,
    Sender,
    ShopEvent,
    Template,
    Topic,
    UnreadWebhook,
    WebhookEvent,
)

COMPONENTS = [
    {"type": "HEADER", "format": "TEXT", "text": "On its way"},
    {
        "type": "BODY",
        "text": "Hello {{1}}, order *{{2}}* has left.",
        "example": {"body_text": [["Customer", "A1001"]]},
    },
    {"type": "FOOTER", "text": "Reply STOP to end"},
]


def make_topic(key: str = "orders", **fields: Any) -> Topic:
    defaults = {"name": key.capitalize(), "purpose": "delivery"}
    return Topic.objects.get_or_create(key=key, defaults={**defaults, **fields})[0]


def make_contact(phone: str = "+358401234567", **fields: Any) -> Contact:
    contact = Contact.objects.create(**{"first_name": "Customer", **fields})
    if phone:
        Identity.objects.create(contact=contact, kind="phone", value=phone)
        Identity.objects.create(contact=contact, kind="wa_id", value=phone.removeprefix("+"))
    return contact


def make_consent(
    contact: Contact, topic: Topic, *, at: datetime, action: str = "grant", **fields: Any
) -> ConsentRecord:
    record = ConsentRecord.objects.create(
        contact=contact,
        topic=topic,
        occurred_at=at,
        **{
            "action": action,
            "lawful_basis": "consent",
            "source": "checkout",
            "wording": "Yes, send me order news on WhatsApp.",
            "language": "en",
            **fields,
        },
    )
    ConsentState.objects.update_or_create(
        contact=contact,
        topic=topic,
        channel="whatsapp",
        defaults={"is_granted": action == "grant", "record": record, "changed_at": at},
    )
    return record


def make_sender(**fields: Any) -> Sender:
    defaults = {"phone_number_id": "100000000000001", "verified_name": "Shop"}
    return Sender.objects.create(**{**defaults, **fields})


def make_template(name: str = "order_shipped", language: str = "en", **fields: Any) -> Template:
    defaults = {"category": "UTILITY", "status": "APPROVED", "components": COMPONENTS}
    return Template.objects.create(name=name, language=language, **{**defaults, **fields})


def make_automation(topic: Topic | None = None, **fields: Any) -> Automation:
    defaults = {
        "name": "Shipped",
        "event": "order.shipped",
        "topic": topic or make_topic(),
        "template_name": "order_shipped",
        "parameters": {"body.1": "{first_name}", "body.2": "{order_ref}"},
    }
    return Automation.objects.create(**{**defaults, **fields})


def make_event(number: int = 1, *, at: datetime, **fields: Any) -> ShopEvent:
    defaults = {"name": "order.shipped", "key": f"event:{number}", "occurred_at": at}
    return ShopEvent.objects.create(**{**defaults, **fields})


def make_message(contact: Contact, *, at: datetime, number: int = 1, **fields: Any) -> Message:
    body = fields.pop("body", "Order *A1001* has left.")
    defaults = {
        "key": f"message:{number}",
        "topic": fields.pop("topic", None) or make_topic(),
        "content": to_json(TextContent(body=body)),
        "preview": preview_to_json(Preview(body=body, footer="Reply STOP to end")),
        "template_name": "order_shipped",
        "template_language": "en",
        "event_name": "order.shipped",
        "state": "delivered",
        "is_pending": False,
        "created_at": at,
        "due_at": at,
        "expires_at": at + timedelta(days=2),
    }
    return Message.objects.create(contact=contact, **{**defaults, **fields})


def make_line(message: Message, kind: str, *, at: datetime, **fields: Any) -> DeliveryEvent:
    return DeliveryEvent.objects.create(message=message, kind=kind, at=at, recorded_at=at, **fields)


def make_inbound(contact: Contact, *, at: datetime, number: int = 1, **fields: Any) -> Any:
    defaults = {"kind": "text", "text": "Where is my order?", "sent_at": at, "received_at": at}
    return InboundMessage.objects.create(
        contact=contact, provider_message_id=f"wamid.{number}", **{**defaults, **fields}
    )


def make_conversation(contact: Contact, *, at: datetime, **fields: Any) -> Conversation:
    defaults = {
        "last_inbound_at": at,
        "last_message_at": at,
        "window_expires_at": at + timedelta(hours=24),
    }
    sender = fields.pop("sender", None) or Sender.objects.first() or make_sender()
    return Conversation.objects.create(contact=contact, sender=sender, **{**defaults, **fields})


def make_webhook(
    number: int = 1, *, at: datetime, is_unread: bool = False, **fields: Any
) -> WebhookEvent:
    defaults = {"body": b'{"object": "whatsapp_business_account"}', "received_at": at}
    values = {"digest": number.to_bytes(32, "big"), **defaults, **fields}
    event = WebhookEvent.objects.create(**values)
    if is_unread:
        UnreadWebhook.objects.create(webhook=event, size=len(event.body), received_at=at)
    return event
