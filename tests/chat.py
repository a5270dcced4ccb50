"""What people do on WhatsApp, as the webhooks tell it."""

import itertools
from datetime import datetime
from typing import Any

from django.db import transaction

from tests.factories import NOW
from whatsapp_notify import conf
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.cloud_api.webhooks.inbound import Context
from whatsapp_notify.models import Contact, Identity, InboundMessage, Message
from whatsapp_notify.services import inbound

_numbers = itertools.count(1)


def user_id(country: str = "FI") -> str:
    return f"{country}.9{next(_numbers):015d}"


def person(of: Contact | None = None, **ids: str) -> wire.Person:
    """Somebody by their ids; with a contact, by the contact's phone."""
    if of is not None:
        ids.setdefault("wa_id", phone_of(of).removeprefix("+"))
    return wire.Person(**ids)


def phone_of(contact: Contact) -> str:
    return value_of(contact, Identity.Kind.PHONE)


def value_of(contact: Contact, kind: str) -> str:
    found = contact.identities.filter(kind=kind, ended_at__isnull=True).first()
    return found.value if found else ""


def message(
    content: contents.Content | str = "Hello",
    *,
    by: wire.Person,
    at: datetime = NOW,
    answers: Message | str = "",
    **fields: Any,
) -> wire.InboundMessage:
    """One message as it comes out of the parser."""
    body = contents.Text(body=content) if isinstance(content, str) else content
    quoted = answers.provider_message_id if isinstance(answers, Message) else answers
    settings = conf.load()
    return wire.InboundMessage(
        **{
            "business_account_id": settings.BUSINESS_ACCOUNT_ID,
            "phone_number_id": settings.PHONE_NUMBER_ID,
            "display_phone_number": "",
            "provider_message_id": f"wamid.IN{next(_numbers)}",
            "sent_at": at.replace(microsecond=0),
            "person": by,
            "kind": _KINDS.get(type(body), "text"),
            "content": body,
            "context": Context(provider_message_id=quoted) if quoted else None,
            **fields,
        }
    )


def receive(message: wire.InboundMessage, *, now: datetime | None = None) -> InboundMessage | None:
    """Hand a message in, as the webhook's processing does."""
    with transaction.atomic():
        return inbound.receive(message, now=now or message.sent_at)


def write(content: contents.Content | str, **fields: Any) -> InboundMessage:
    """Write a message that is new."""
    now = fields.pop("now", None)
    row = receive(message(content, **fields), now=now)
    assert row is not None
    return row


_KINDS: dict[type, str] = {
    contents.ButtonTap: "button",
    contents.ButtonReply: "interactive",
    contents.ListReply: "interactive",
    contents.Media: "image",
    contents.Order: "order",
    contents.Reaction: "reaction",
    contents.System: "system",
    contents.Unsupported: "unsupported",
    contents.Unknown: "type_of_tomorrow",
    contents.Revoke: "revoke",
    contents.Edit: "edit",
}
