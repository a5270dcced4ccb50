"""What a customer has put together in the chat becomes a draft order of the shop."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from whatsapp_notify.domain.occasions import Cart, CartLine, Order
from whatsapp_notify.models import AutomaticReply, Enquiry, InboundMessage
from whatsapp_notify.services import (
    adapters,
    answer_words,
    automatic_replies,
    chat_customers,
    conversations,
)

#: More of one product, or more products, is nothing that a person orders in a chat.
MAX_QUANTITY = 999
MAX_LINES = 100
_MAX_PRICE = Decimal(10) ** 9
_MAX_DECIMALS = 6
_MAX_REF = 64


def answer(*, inbound: InboundMessage, now: datetime) -> Mapping[str, Any]:
    """This will have the shop make a draft order, tell the customer and call a person to look.

    In one transaction with the mark that it is done, so that an order is made once for each
    message. Sets ``order_ref``, without saving it. Needs a transaction.

    Returns:
        What was seen and done, to be kept with the message.

    Raises:
        Exception: Whatever the shop's adapter raises.
        TypeError: It returned something else than an order.
    """
    cart = read(inbound=inbound)
    order = adapters.load().create_draft_order(cart) if cart.lines else None
    if order is not None and not isinstance(order, Order):
        raise TypeError("create_draft_order returns a shop.Order or None.")
    words = ""
    if order is not None:
        inbound.order_ref = order.ref[:_MAX_REF]
        words = answer_words.of_kind(
            kind=AutomaticReply.Kind.CART_TAKEN, contact=inbound.contact, now=now, order=order
        )
    said = automatic_replies.reply(inbound=inbound, parts=[words], is_for_person=not words, now=now)
    # In any case: a draft is looked at by the staff.
    conversations.call_person(inbound=inbound, reason=Enquiry.Reason.CART, now=now)
    return {"lines": len(cart.lines), "is_drafted": order is not None, "reply": said}


def read(*, inbound: InboundMessage) -> Cart:
    """This will return the cart of a message; lines without a piece are left out."""
    content = inbound.content["content"]
    return Cart(
        key=f"inbound:{inbound.pk}",
        customer=chat_customers.of_contact(inbound.contact),
        lines=tuple(_lines(content["items"][:MAX_LINES])),
        note=content["text"],
    )


def _lines(items: list[dict[str, Any]]) -> Iterator[CartLine]:
    for item in items:
        if item["quantity"] >= 1:
            yield CartLine(
                product=item["product_retailer_id"],
                quantity=min(item["quantity"], MAX_QUANTITY),
                price=price(item["item_price"]),
                currency=item["currency"],
            )


def price(text: str) -> Decimal | None:
    """This will read a price as Meta tells it; None where it is none.

    It comes as a binary fraction, so that more than six decimals are no part of it.
    """
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    if not (found.is_finite() and 0 <= found < _MAX_PRICE):
        return None
    decimals = -int(found.as_tuple().exponent)
    return found if decimals <= _MAX_DECIMALS else round(found, _MAX_DECIMALS)
