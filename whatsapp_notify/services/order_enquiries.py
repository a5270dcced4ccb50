"""Where is my order: told to the order's own customer, and to nobody else.

# Note [Numbers cannot be guessed]
An order of somebody else and one that does not exist are answered with the same words, the
same traces on the rows, and after the same work. So who tries numbers learns nothing, and may
try but a few within an hour.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from whatsapp_notify import conf
from whatsapp_notify.domain import order_refs
from whatsapp_notify.domain.occasions import Order
from whatsapp_notify.models import AutomaticReply, Enquiry, InboundMessage
from whatsapp_notify.services import (
    adapters,
    answer_words,
    automatic_replies,
    chat_customers,
    conversations,
)

Kind = AutomaticReply.Kind

_HOUR = timedelta(hours=1)
_MAX_REF = 64


def answer(*, inbound: InboundMessage, now: datetime) -> Mapping[str, Any]:
    """This will tell where the orders are whose numbers a customer wrote. Needs a transaction.

    Sets ``order_ref``, without saving it. A person is called where the shop has no words for
    it, where nothing is known of the order, and where too many numbers were asked about.

    Returns:
        What was seen and done, to be kept with the message.

    Raises:
        Exception: Whatever the shop's adapter raises.
    """
    asked = order_refs.find(inbound.text)
    before = _asked_before(inbound)
    limit = conf.load().ORDER_LOOKUPS_PER_HOUR
    if before + len(asked) > limit:
        parts = [_words(Kind.ORDER_LIMIT, inbound, now)] if before <= limit else []
        said = _say(inbound, parts, is_for_person=True, now=now)
        return {"numbers": len(asked), "why": "limit", "reply": said}
    orders = _own_orders(asked, inbound)
    parts = [
        answer_words.of_order(contact=inbound.contact, order=order, now=now) for order in orders
    ]
    if not orders:
        # Beside an order that is told, another number is a phone or a postal code more often.
        parts = [_words(Kind.ORDER_UNKNOWN, inbound, now)]
    else:
        inbound.order_ref = orders[0].ref[:_MAX_REF]
    said = _say(inbound, parts, is_for_person=not all(parts), now=now)
    return {"numbers": len(asked), "told": len(orders), "reply": said}


def _words(kind: AutomaticReply.Kind, inbound: InboundMessage, now: datetime) -> str:
    return answer_words.of_kind(kind=kind, contact=inbound.contact, now=now)


def _say(
    inbound: InboundMessage, parts: Sequence[str], *, is_for_person: bool, now: datetime
) -> str:
    said = automatic_replies.reply(
        inbound=inbound, parts=parts, is_for_person=is_for_person, now=now
    )
    if is_for_person or said != "said":
        conversations.call_person(inbound=inbound, reason=Enquiry.Reason.ORDER, now=now)
    return said


def _asked_before(inbound: InboundMessage) -> int:
    """This will count the numbers of the hour before: by rows, so that it is always the same."""
    limit = conf.load().ORDER_LOOKUPS_PER_HOUR
    rows = InboundMessage.objects.filter(
        contact_id=inbound.contact_id,
        handled_as=InboundMessage.HandledAs.ORDER_STATUS,
        received_at__gt=inbound.received_at - _HOUR,
        pk__lt=inbound.pk,
    )
    # Each has one number at least: more rows than that cannot matter.
    texts = rows.order_by("-pk").values_list("text", flat=True)[: limit + 1]
    return sum(max(1, len(order_refs.find(text))) for text in texts)


def _own_orders(asked: Sequence[str], inbound: InboundMessage) -> list[Order]:
    """See Note [Numbers cannot be guessed]."""
    contact = inbound.contact
    numbers = chat_customers.numbers_of(contact)
    found: dict[str, Order] = {}
    for ref in asked:
        order = adapters.load().get_order_by_ref(ref)
        if order is not None and chat_customers.is_own(order, contact=contact, numbers=numbers):
            found.setdefault(order.ref, order)
    return list(found.values())
