"""The cart: products and quantities that live in the visitor's session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.sessions.backends.base import SessionBase

from demo_shop.models import Product

_SESSION_KEY = "cart"

#: More of one product is a question for the shop, not for the cart.
MAX_QUANTITY = 20


@dataclass(frozen=True)
class CartLine:
    """One product in the cart."""

    product: Product
    quantity: int

    @property
    def subtotal(self) -> Decimal:
        """This will return the price of the whole line."""
        return self.product.price * self.quantity


class Cart:
    """The cart of one session; iterating it gives its lines."""

    def __init__(self, session: SessionBase) -> None:
        self._session = session
        #: Product key as text, because sessions are JSON: {"3": 2}.
        self._quantities: dict[str, int] = dict(session.get(_SESSION_KEY, {}))

    def __iter__(self) -> Iterator[CartLine]:
        products = Product.objects.filter(pk__in=self._quantities, is_published=True)
        for product in products.order_by("name", "id"):
            yield CartLine(product, self._quantities[str(product.pk)])

    @property
    def count(self) -> int:
        """This will return the number of pieces."""
        return sum(self._quantities.values())

    def add(self, *, product: Product, quantity: int) -> None:
        """This will add pieces of a product, up to the limit for one product."""
        already = self._quantities.get(str(product.pk), 0)
        self.set_quantity(product=product, quantity=already + quantity)

    def set_quantity(self, *, product: Product, quantity: int) -> None:
        """This will set how many pieces are wanted; zero takes the product out."""
        self._quantities.pop(str(product.pk), None)
        if quantity > 0:
            self._quantities[str(product.pk)] = min(quantity, MAX_QUANTITY)
        self._session[_SESSION_KEY] = self._quantities

    def clear(self) -> None:
        """This will empty the cart."""
        self._quantities = {}
        self._session.pop(_SESSION_KEY, None)


def total_of(lines: list[CartLine]) -> Decimal:
    """This will add up the lines of a cart."""
    return sum((line.subtotal for line in lines), Decimal("0.00"))
