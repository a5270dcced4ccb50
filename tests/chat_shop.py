"""A shop that customers write to: its words, an adapter for the chat, and scripted bots."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from demo_shop.models import Order
from tests import chat, factories, shop
from tests.factories import NOW
from whatsapp_notify.models import (
    AutomaticReply,
    Contact,
    Conversation,
    Enquiry,
    InboundMessage,
    Message,
)
from whatsapp_notify.shop import BotTurn, Cart, Customer
from whatsapp_notify.shop import Order as ShopOrder

WORDS = {
    "handed_over": "A person will answer soon.",
    "order_status": "Order {order_ref}: {order_status}. It comes on {estimated_arrival}.",
    "order_unknown": "We find no such order of yours.",
    "order_limit": "Please do not ask about so many orders.",
    "cart_taken": "Thank you, we have your order {order_ref}. See it here: {order_url}",
}


#: What a fault of the shop or the bot says, and no log may hold.
FAULT = "Key (value)=(+358457390142) already exists"


class ChatAdapter(shop.OrderAdapter):
    """Knows orders by their number; each status of the shop is told in English."""

    def get_order_by_ref(self, ref: str) -> ShopOrder | None:
        script("by_ref", ref)
        row = Order.objects.filter(number__iexact=ref).first()
        return self.get_order(row) if row else None

    def get_order(self, subject: Any) -> ShopOrder | None:
        order = super().get_order(subject)
        return _with_status(order, subject) if order else None

    def get_orders_of(self, customer: Customer) -> Sequence[ShopOrder]:
        script("of", customer)
        rows = Order.objects.filter(phone=customer.phone).order_by("-pk")
        return [order for row in rows if (order := self.get_order(row))]

    def create_draft_order(self, cart: Cart) -> ShopOrder | None:
        answer = script("cart", cart)
        if answer is not None:
            return answer  # type: ignore[no-any-return]
        row = shop.order(phone=cart.customer.phone, first_name=cart.customer.first_name)
        return self.get_order(row)


#: What the shop does when it is asked: by kind, a function of what was asked.
_scripts: dict[str, Callable[[Any], Any]] = {}
#: What the shop and the bot were asked, by kind.
asked: list[tuple[str, Any]] = []


def script(kind: str, value: Any) -> Any:
    asked.append((kind, value))
    return _scripts[kind](value) if kind in _scripts else None


def let(kind: str, answer: Callable[[Any], Any]) -> None:
    """From now on the shop, or the bot, does so when it is asked."""
    _scripts[kind] = answer


def bot(turn: BotTurn) -> Any:
    return script("bot", turn)


def raises(*args: Any) -> Any:
    # A trace shows this line, so that what it says stands elsewhere.
    raise ValueError(FAULT)


def reset() -> None:
    _scripts.clear()
    asked.clear()


def open_shop(settings: Any, **changes: Any) -> None:
    """Opens the shop with its words; nobody has asked anything."""
    reset()
    settings.WHATSAPP_NOTIFY = shop.configured(
        **{
            "ADAPTER": "tests.chat_shop.ChatAdapter",
            "WATCH": [],
            "DEFAULT_LANGUAGE": "en",
            "BOT": "tests.chat_shop.bot",
            **changes,
        }
    )
    for key in ("service", "orders", "feedback", "offers"):
        factories.topic(key)
    for kind, body in WORDS.items():
        AutomaticReply.objects.create(kind=kind, language="en", body=body)


def customer(**fields: Any) -> Contact:
    """Somebody who has been greeted before."""
    contact = factories.contact(**fields)
    conversation = factories.open_window(contact, until=NOW + timedelta(hours=1))
    conversation.greeted_at = NOW - timedelta(days=30)
    conversation.save()
    return contact


def write(contact: Contact, content: Any, **fields: Any) -> InboundMessage:
    return chat.write(content, by=fields.pop("by", None) or chat.person(contact), **fields)


def said(contact: Contact) -> list[str]:
    """What the shop has answered by itself."""
    rows = Message.objects.filter(contact=contact, key__startswith="answer:").order_by("id")
    return [row.content["body"] for row in rows]


def waits(contact: Contact) -> list[str]:
    """Why the customer waits for a person."""
    rows = Enquiry.objects.filter(conversation__contact=contact, ended_at=None)
    return list(rows.values_list("reason", flat=True))


def conversation(contact: Contact) -> Conversation:
    return Conversation.objects.get(contact=contact)


def last_step(row: InboundMessage) -> list[Any]:
    row.refresh_from_db()
    step: list[Any] = row.route[-1]
    return step


def _with_status(order: ShopOrder, row: Order) -> ShopOrder:
    return dataclasses.replace(order, status=str(row.get_status_display()))
