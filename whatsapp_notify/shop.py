"""What a shop developer uses: the adapter, its values, and the call for everything else."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db.models import Model
from django.utils import timezone

from whatsapp_notify.domain.bot_turns import BotLine, BotReply, BotTurn, HandOver, Place
from whatsapp_notify.domain.occasions import Cart, CartLine, Customer, Occasion, Order
from whatsapp_notify.services import discounts, events, watching
from whatsapp_notify.services.adapters import ShopAdapter

__all__ = [
    "BotLine",
    "BotReply",
    "BotTurn",
    "Cart",
    "CartLine",
    "Customer",
    "HandOver",
    "Occasion",
    "Order",
    "Place",
    "ShopAdapter",
    "is_birthday_code",
    "record_event",
]

_MAX_NAME = 60


def record_event(
    name: str,
    *,
    subject: Model | None = None,
    customer: Customer | None = None,
    user: Model | None = None,
    order_ref: str = "",
    key: str | None = None,
    data: Mapping[str, Any] | None = None,
    occurred_at: datetime | None = None,
) -> bool:
    """This will record that something happened in the shop; automations do the rest.

    ``subject`` is a saved row that the shop's adapter understands, such as an order. Without
    one, tell who it is about: ``user``, an account that the adapter understands, or
    ``customer``, with all that is to be known. ``data`` holds more values for templates by
    name, ``{"product": "Mug"}``.

    The event is one INSERT in the caller's transaction: it is undone with it, and a repeated
    ``key`` disturbs nothing. After the commit a worker is woken; where you have switched
    autocommit off and commit by hand, the next tick finds the event. Without a ``key`` an event
    happens once per subject, else once per ``order_ref``, else with each call::

        record_event("stock.back", user=user, key=f"{product.pk}:{user.pk}",
                     data={"product": product.name})

    Returns:
        False where the event had been recorded before.

    Raises:
        ValueError: The event has no name or a longer one than 60 characters, it is about
            nobody, its subject has not been saved, or ``occurred_at`` has no time zone.
    """
    _check(name, subject=subject, customer=customer, user=user, occurred_at=occurred_at)
    now = timezone.now()
    label, pk = "", ""
    if subject is not None:
        label, pk = subject._meta.label_lower, watching.pk_text(subject.pk)
    happening = events.Happening(
        name=name,
        key=f"{name}:{key or _default_key(label, pk, order_ref)}",
        occurred_at=occurred_at or now,
        subject_label=label,
        subject_pk=pk,
        user_id=user.pk if user else None,
        order_ref=order_ref,
        data=data or {},
    )
    if customer is not None:
        return bool(events.record_for_customer(happening, customer=customer, now=now))
    return bool(events.record(happening, now=now))


def is_birthday_code(code: str, *, user: Model | None = None, phone: str = "") -> bool:
    """This will tell whether a customer's birthday greeting carried this discount code.

    ``phone`` is for guests, in E.164. The code of this year's birthday and of last year's count;
    whether one was used before is for the shop to keep.
    """
    return discounts.is_birthday_code(
        code=code, user_id=user.pk if user else None, phone=phone, now=timezone.now()
    )


def _check(
    name: str,
    *,
    subject: Model | None,
    customer: Customer | None,
    user: Model | None,
    occurred_at: datetime | None,
) -> None:
    if not 0 < len(name) <= _MAX_NAME:
        raise ValueError(f"The name of an event has 1 to {_MAX_NAME} characters.")
    if subject is None and customer is None and user is None:
        raise ValueError("Say whom the event is about: subject, user or customer.")
    if any(each is not None and each.pk is None for each in (subject, user)):
        raise ValueError("The event is about a row that has not been saved.")
    if occurred_at is not None and timezone.is_naive(occurred_at):
        raise ValueError("occurred_at needs a time zone.")


def _default_key(label: str, pk: str, order_ref: str) -> str:
    if label:
        return f"{label}:{pk}"
    return f"order:{order_ref}" if order_ref else uuid4().hex
