"""What customers send seldom: in groups, from advertisements, and what the API cannot show.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/,
read 2026-11
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from . import customers
from .errors import status_error
from .models import ChatMessage, SimulatedCustomer

#: A group that the business number is in.
SAMPLE_GROUP_ID: Final = "Y2FwaV9ncm91cDox"

#: An advertisement that opens a chat: ``messages[].referral``.
SAMPLE_REFERRAL: Final[Mapping[str, Any]] = {
    "source_url": "https://fb.me/3cr4Wqqkv",
    "source_id": "120226305854810726",
    "source_type": "ad",
    "body": "Summer sale",
    "headline": "Chat with us",
    "media_type": "image",
    "image_url": "https://scontent.example.com/a.jpg",
    "ctwa_clid": "Aff-n8ZTODiE79d22KtAwQKj9e",
    "welcome_message": {"text": "Hi! How can we help?"},
}


class NotTheirs(Exception):
    """Customers change and take back their own messages only."""


def write_in_group(
    customer: SimulatedCustomer, *, text: str, group_id: str, now: datetime
) -> ChatMessage:
    """This will send a text in a group, which opens no service window with the writer."""
    return customers.send(
        customer,
        kind="text",
        value={"body": text},
        pieces={"title": _("In a group"), "body": text},
        beside={"group_id": group_id},
        opens_window=False,
        now=now,
    )


def come_from_advertisement(
    customer: SimulatedCustomer, *, text: str, referral: Mapping[str, Any], now: datetime
) -> ChatMessage:
    """This will send the first text of a chat that an advertisement has opened."""
    headline = referral.get("headline", "")
    return customers.send(
        customer,
        kind="text",
        value={"body": text},
        pieces={"title": str(headline), "body": text},
        beside={"referral": dict(referral)},
        now=now,
    )


def send_unsupported(customer: SimulatedCustomer, *, kind: str, now: datetime) -> ChatMessage:
    """This will send what the API cannot show: "poll", "edit", "button", ..."""
    error = status_error(131051)
    # Only errors of statuses carry an address to read on.
    del error["href"]
    return customers.send(
        customer,
        kind="unsupported",
        value={"type": kind},
        pieces={"body": _("Something that the shop cannot see: %(kind)s") % {"kind": kind}},
        beside={"errors": [error]},
        now=now,
    )


def edit(
    customer: SimulatedCustomer, *, message: ChatMessage, text: str, now: datetime
) -> ChatMessage:
    """This will change the words of the customer's own message. Raises: NotTheirs."""
    inner = {"type": "text", "text": {"body": text}}
    value = {"original_message_id": message.wamid, "message": inner}
    return _rewrite(customer, message, kind="edit", value=value, body=text, now=now)


def revoke(customer: SimulatedCustomer, *, message: ChatMessage, now: datetime) -> ChatMessage:
    """This will take back the customer's own message. Raises: NotTheirs."""
    value = {"original_message_id": message.wamid}
    body = _("You deleted this message")
    return _rewrite(customer, message, kind="revoke", value=value, body=body, now=now)


def _rewrite(
    customer: SimulatedCustomer,
    message: ChatMessage,
    *,
    kind: str,
    value: dict[str, Any],
    body: str,
    now: datetime,
) -> ChatMessage:
    if message.customer_id != customer.pk or not message.is_from_customer:
        raise NotTheirs
    rewritten = message.pieces.get("rewritten", 0) + 1
    with transaction.atomic():
        message.pieces = {"body": body, "rewritten": rewritten}
        message.save(update_fields=["pieces"])
        return customers.send(
            customer, kind=kind, value=value, pieces={}, opens_window=False, now=now
        )
