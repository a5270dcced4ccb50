"""The right side of the desk: the customer's orders, consents and account."""

from collections.abc import Iterator
from typing import Any

from django.urls import reverse

from whatsapp_notify.admin import contact_page, desk_words
from whatsapp_notify.admin.desk_sight import Sight
from whatsapp_notify.domain.occasions import Order
from whatsapp_notify.models import ConsentState, Conversation
from whatsapp_notify.services.desk_orders import Found


def context(sight: Sight, conversation: Conversation, *, found: Found) -> dict[str, Any]:
    """This will gather what is known of the customer beside the chat."""
    contact = conversation.contact
    states = ConsentState.objects.filter(contact=contact).select_related("topic")
    return {
        "orders": [_order(order) for order in found.orders],
        "is_broken": found.is_broken,
        "consents": [contact_page.consent_badge(each) for each in states.order_by("topic_id")],
        "marketing_stopped_at": contact.marketing_stopped_at,
        "unreachable_since": contact.unreachable_since,
        "language": contact.language,
        "contact_url": (
            reverse("admin:whatsapp_notify_contact_change", args=[contact.pk])
            if sight.contact
            else ""
        ),
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "ref": order.ref,
        "url": order.url if order.url.startswith(("https://", "http://", "/")) else "",
        "facts": list(_facts(order)),
        "tracking_url": (
            order.tracking_url if order.tracking_url.startswith(("https://", "http://")) else ""
        ),
        "arrives_on": order.estimated_arrival,
        "shipped_on": order.shipped_on,
    }


def _facts(order: Order) -> Iterator[str]:
    if order.status:
        yield order.status
    if order.total is not None:
        yield desk_words.amount(order.total, order.currency)
    if order.carrier:
        yield f"{order.carrier} {order.tracking_code}".strip()
