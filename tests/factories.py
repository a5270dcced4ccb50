"""Rows that tests start from; each function makes one thing with sensible values."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain.content import Preview, TemplateContent, TextContent, TextParameter
from whatsapp_notify.domain.policy import LawfulBasis, Purpose
from whatsapp_notify.models import (
    ConsentRecord,
    Contact,
    Conversation,
    Identity,
    InteractiveCampaign,
    Message,
    Template,
    Topic,
    UnreadWebhook,
    WebhookEvent,
)
from whatsapp_notify.services import consent, outbox, senders
from whatsapp_notify.services.consent import Proof

#: A Monday noon in Helsinki: no quiet hours, no change of clocks near.
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

#: To store one. SQLite begins and ends a transaction around two.
QUERIES_OF_A_WEBHOOK = 1 if connection.vendor == "postgresql" else 4

_numbers = itertools.count(1)

_PURPOSE = {
    "service": (Purpose.SERVICE, LawfulBasis.CONTRACT),
    "orders": (Purpose.DELIVERY, LawfulBasis.CONSENT),
    "feedback": (Purpose.SURVEY, LawfulBasis.CONSENT),
    "offers": (Purpose.PROMOTION, LawfulBasis.CONSENT),
}


def topic(key: str = "orders") -> Topic:
    purpose, basis = _PURPOSE[key]
    found, _created = Topic.objects.get_or_create(
        key=key,
        defaults={
            "name": key,
            "purpose": purpose,
            "lawful_basis": basis,
            "is_offered": purpose is not Purpose.SERVICE,
        },
    )
    return found


def phone() -> str:
    return f"+3584573{next(_numbers):05d}"


def contact(
    *, consents: tuple[str, ...] = ("orders",), now: datetime = NOW, **fields: Any
) -> Contact:
    """A contact with a phone, who agreed a day ago to these topics."""
    number = fields.pop("phone", None) or phone()
    row = Contact.objects.create(**{"first_name": "Customer", **fields})
    if number:
        Identity.objects.create(contact=row, kind=Identity.Kind.PHONE, value=number)
    if consents:
        consent.grant(
            contact=row,
            topics=[topic(key) for key in consents],
            proof=Proof(source=ConsentRecord.Source.CHECKOUT, wording="Yes, please write to me."),
            occurred_at=now - timedelta(days=1),
            now=now - timedelta(days=1),
        )
    return row


def template(name: str = "order_shipped", language: str = "en", **fields: Any) -> Template:
    found, _created = Template.objects.get_or_create(
        name=name,
        language=language,
        defaults={
            "category": "UTILITY",
            "status": "APPROVED",
            "components": [
                {
                    "type": "BODY",
                    "text": "Hello {{1}}, your order is on its way.",
                    "example": {"body_text": [["Customer"]]},
                }
            ],
            **fields,
        },
    )
    return found


def draft(to: Contact, *, key: str = "orders", now: datetime = NOW, **fields: Any) -> Message:
    """An unsaved template message that is due now."""
    category = "MARKETING" if key == "offers" else "UTILITY"
    row = fields.pop("template", None) or template(name=f"template_{key}", category=category)
    content = TemplateContent(
        name=row.name, language=row.language, body=(TextParameter(text="Customer"),)
    )
    return Message(
        **{
            "key": f"test:{next(_numbers)}",
            "contact": to,
            "topic": topic(key),
            "content": contents.to_json(content),
            "preview": contents.preview_to_json(Preview(body="Hello Customer.")),
            "template_name": row.name,
            "template_language": row.language,
            "due_at": now,
            "expires_at": now + timedelta(days=2),
            "created_at": now,
            **fields,
        }
    )


def text_draft(to: Contact, *, now: datetime = NOW, **fields: Any) -> Message:
    """An unsaved free-form message that is due now."""
    body = fields.pop("body", "Thank you!")
    return Message(
        **{
            "key": f"test:{next(_numbers)}",
            "contact": to,
            "topic": topic("service"),
            "content": contents.to_json(TextContent(body=body)),
            "preview": contents.preview_to_json(Preview(body=body)),
            "due_at": now,
            "expires_at": now + timedelta(hours=2),
            "created_at": now,
            **fields,
        }
    )


def queued(to: Contact | None = None, *, now: datetime = NOW, **fields: Any) -> Message:
    """A message that has been put into the outbox."""
    row = draft(to or contact(consents=(fields.get("key", "orders"),)), now=now, **fields)
    outbox.enqueue(messages=[row], now=now)
    return Message.objects.get(key=row.key)


def open_window(to: Contact, *, until: datetime) -> Conversation:
    return Conversation.objects.create(
        contact=to, sender=senders.current(), last_inbound_at=NOW, window_expires_at=until
    )


def webhook_states() -> list[str]:
    """What became of the webhooks: "waiting", "processed" or "quarantined", in their order."""
    unread = set(UnreadWebhook.objects.values_list("pk", flat=True))
    rows = WebhookEvent.objects.order_by("id").values_list("pk", "is_quarantined")
    ended = {True: "quarantined", False: "processed"}
    return ["waiting" if pk in unread else ended[is_quarantined] for pk, is_quarantined in rows]


def state_of(event: WebhookEvent) -> str:
    """What became of one of them."""
    ids = WebhookEvent.objects.order_by("id").values_list("pk", flat=True)
    return dict(zip(ids, webhook_states(), strict=True))[event.pk]


def interactive_campaign(**fields: Any) -> InteractiveCampaign:
    """A campaign that began a day ago and asks for a photo of the summer."""
    return InteractiveCampaign.objects.create(
        **{
            "name": "Summer",
            "keywords": "summer\nkesä",
            "asks_for": "photo",
            "invitation": "Send us a photo, {first_name}!",
            "thanks": "Thank you for the photo!",
            "not_begun": "It begins on Monday.",
            "over": "It is over.",
            "starts_at": NOW - timedelta(days=1),
            "ends_at": NOW + timedelta(days=7),
            **fields,
        }
    )
