"""What the shop tells: the values that a shop adapter returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Customer:
    """A person whom the shop may write to; personal, so its ``repr`` shows no value."""

    #: As the customer typed it; national formats are read in the shop's default region.
    phone: str = ""
    first_name: str = ""
    full_name: str = ""
    #: "fi", "sv", "ru", "en" or any other code; empty for the shop's default language.
    language: str = ""
    birth_date: date | None = None
    #: IANA name such as "Europe/Helsinki"; empty for the shop's own.
    time_zone: str = ""
    #: Primary key of the shop's user; None for a guest.
    user_id: Any = None

    def __repr__(self) -> str:
        return f"<Customer user={self.user_id}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Order:
    """An order as its customer knows it."""

    #: The number that the customer sees.
    ref: str
    customer: Customer
    total: Decimal | None = None
    currency: str = ""
    #: One page where the customer sees the order.
    url: str = ""
    #: Where it is, in the customer's words and language: "packed", "on its way".
    status: str = ""
    shipped_on: date | None = None
    estimated_arrival: date | None = None
    carrier: str = ""
    tracking_code: str = ""
    tracking_url: str = ""
    #: More values for templates, by name.
    extra: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Order {self.ref}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """One product of an order from the chat."""

    #: The shop's own id of the product in the catalogue.
    product: str
    quantity: int
    #: What the customer was shown; None where it is no number.
    price: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Cart:
    """What a customer has put together in the chat."""

    #: The same for the same message however often it is told: an order is made once for it.
    key: str
    customer: Customer
    lines: tuple[CartLine, ...]
    #: What the customer wrote with it.
    note: str = ""

    def __repr__(self) -> str:
        return f"<Cart {self.key}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """One event with all that an automation may say about it."""

    event: str
    occurred_at: datetime
    customer: Customer
    order: Order | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
