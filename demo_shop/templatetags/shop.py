"""Tags and filters of the shop's templates."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import template
from django.template.defaultfilters import floatformat
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from demo_shop.cart import Cart
from demo_shop.models import Order

register = template.Library()

_SYMBOLS = {"EUR": "€"}
_NO_BREAK_SPACE = "\u00a0"

#: The way of an order as the customer sees it: what is reached at which status.
_WAY = (
    (_("Ordered"), {"placed", "paid", "shipped", "out_for_delivery", "delivered"}),
    (_("Shipped"), {"shipped", "out_for_delivery", "delivered"}),
    (_("Out for delivery"), {"out_for_delivery", "delivered"}),
    (_("Delivered"), {"delivered"}),
)


@dataclass(frozen=True)
class Stage:
    """One stop on the way of an order."""

    label: Promise
    is_reached: bool
    #: The last one reached.
    is_current: bool


@register.filter
def money(amount: Decimal, currency: str = "EUR") -> str:
    """This will write an amount as Finns do, such as "129.00 €"."""
    return f"{floatformat(amount, '2g')}{_NO_BREAK_SPACE}{_SYMBOLS.get(currency, currency)}"


@register.filter
def stages(order: Order) -> list[Stage]:
    """This will return the way of the order with the stops that it has reached."""
    reached = [order.status in statuses for _label, statuses in _WAY]
    last = sum(reached) - 1
    return [
        Stage(label, reached[index], index == last) for index, (label, _statuses) in enumerate(_WAY)
    ]


@register.simple_tag(takes_context=True)
def cart_count(context: dict[str, Any]) -> int:
    """This will return the number of pieces in the visitor's cart."""
    request = context.get("request")
    return Cart(request.session).count if request else 0
