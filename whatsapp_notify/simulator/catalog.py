"""The shop's catalogue, from which customers of the simulator fill a cart.

WhatsApp keeps it in Meta's Commerce Manager; here the shop's own products stand for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.utils.module_loading import import_string

from . import conf

#: Most products that are shown.
MOST_PRODUCTS: Final = 30
#: Most pieces of one product in a cart.
MAX_QUANTITY: Final = 99


class BadQuantity(Exception):
    """No number of pieces from 0 to 99."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogProduct:
    """Something that can be put into a cart."""

    #: The shop's own id of it, as it is in the catalogue.
    retailer_id: str
    name: str
    price: Decimal
    currency: str


def products() -> list[CatalogProduct]:
    """This will return what ``WHATSAPP_SIMULATOR["CATALOG"]`` returns, or nothing without it.

    Raises: Exception: Whatever the shop's function raises, or its import.
    """
    path = conf.get_settings().catalog
    return list(import_string(path)())[:MOST_PRODUCTS] if path else []


def cart_items(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """This will return the items of a cart from the fields ``quantity:<retailer id>`` of a form.

    ``[{product_retailer_id, quantity, item_price, currency}]``, without what none is wanted of.

    Raises: BadQuantity.
    """
    items = []
    for product in products():
        quantity = _quantity(str(data.get(f"quantity:{product.retailer_id}", "")).strip())
        if quantity:
            items.append(
                {
                    "product_retailer_id": product.retailer_id,
                    "quantity": quantity,
                    "item_price": float(product.price),
                    "currency": product.currency,
                }
            )
    return items


def _quantity(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        raise BadQuantity
    return int(text)
