"""From a cart to an order, and who may look at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.base import SessionBase
from django.core.signing import BadSignature, Signer
from django.db import transaction

from demo_shop.cart import CartLine, total_of
from demo_shop.models import Order, OrderLine

_SESSION_KEY = "guest_orders"
_signer = Signer(salt="demo_shop.guest_order")


@dataclass(frozen=True, kw_only=True)
class Buyer:
    """Who orders, as typed at the checkout."""

    first_name: str
    email: str
    phone: str
    language: str
    #: None for a guest.
    user: User | None


@transaction.atomic
def place_order(*, buyer: Buyer, lines: list[CartLine], now: datetime) -> Order:
    """This will store the order with its lines at today's prices.

    Raises:
        ValueError: there is nothing to order.
    """
    if not lines:
        raise ValueError("An order needs at least one line.")
    order = Order(
        user=buyer.user,
        first_name=buyer.first_name,
        email=buyer.email,
        phone=buyer.phone,
        language=buyer.language,
        total=total_of(lines),
        placed_at=now,
    )
    order.save()
    _add_lines(order, lines)
    return order


@transaction.atomic
def draft_order(
    *,
    cart_key: str,
    user_id: int | None,
    first_name: str,
    phone: str,
    language: str,
    lines: list[CartLine],
) -> Order:
    """This will make a draft of a cart of the chat, once for each key, at today's prices."""
    order, is_new = Order.objects.get_or_create(
        cart_key=cart_key,
        defaults={
            "status": Order.Status.DRAFT,
            "user_id": user_id,
            "first_name": first_name,
            "phone": phone,
            "language": language,
            "total": total_of(lines),
        },
    )
    if is_new:
        _add_lines(order, lines)
    return order


def _add_lines(order: Order, lines: list[CartLine]) -> None:
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            product=line.product,
            name=line.product.name,
            unit_price=line.product.price,
            quantity=line.quantity,
        )
        for line in lines
    )


def remember_guest_order(*, session: SessionBase, order: Order) -> None:
    """This will let the guest who ordered come back to the order's page."""
    session[_SESSION_KEY] = [*session.get(_SESSION_KEY, []), _signer.sign(order.number)]


def may_see(*, order: Order, user: User | AnonymousUser, session: SessionBase) -> bool:
    """This will tell whether the visitor is the customer of the order."""
    if order.user_id is not None:
        return user.pk == order.user_id
    return any(_is_token_of(order, token) for token in session.get(_SESSION_KEY, []))


def _is_token_of(order: Order, token: str) -> bool:
    try:
        return _signer.unsign(token) == order.number
    except BadSignature:
        return False
