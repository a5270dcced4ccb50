"""The shop's catalogue, from which customers of the simulator fill a cart.

WhatsApp keeps it in Meta's Commerce Manager; here the shop's own products stand for it.
"""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.utils.module_loading import import_string

from . import conf

#: Most products that are shown.
MOST_PRODUCTS: Final = 30
#: Most pieces of one product in a cart.
MAX_QUANTITY: Final = 99

_FIELD: Final = "quantity:"

logger = logging.getLogger(__name__)


class CatalogBroken(Exception):
    """The shop's function does not return its products. The argument names the fault."""


class BadQuantity(Exception):
    """No number of pieces from 0 to 99."""


class UnknownProduct(Exception):
    """Something is wanted that the catalogue has no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogProduct:
    """Something that can be put into a cart."""

    #: The shop's own id of it, as it is in the catalogue.
    retailer_id: str
    name: str
    price: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.retailer_id, str) or not isinstance(self.price, Decimal):
            raise TypeError("retailer_id must be a str and price a Decimal.")


def products() -> list[CatalogProduct]:
    """This will return what ``WHATSAPP_SIMULATOR["CATALOG"]`` returns, or nothing without it.

    Of products with one id the first, and no more than ``MOST_PRODUCTS``.

    Raises: CatalogBroken.
    """
    path = conf.get_settings().catalog
    if not path:
        return []
    found: dict[str, CatalogProduct] = {}
    try:
        for product in islice(import_string(path)(), MOST_PRODUCTS):
            found.setdefault(product.retailer_id, product)
    except Exception as err:
        # The shop's own code: it must not take the chat along.
        last = traceback.extract_tb(err.__traceback__)[-1]
        fault = f"{type(err).__name__}, {Path(last.filename).name}:{last.lineno}"
        logger.error("The shop's catalogue cannot be read", extra={"fault": fault})
        raise CatalogBroken(fault) from err
    return list(found.values())


def cart_items(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """This will return the items of a cart from the fields ``quantity:<retailer id>`` of a form.

    ``[{product_retailer_id, quantity, item_price, currency}]``, without what none is wanted of.

    Raises: BadQuantity, UnknownProduct, CatalogBroken.
    """
    wanted = {
        name.removeprefix(_FIELD): quantity
        for name, value in data.items()
        if name.startswith(_FIELD) and (quantity := _quantity(str(value).strip()))
    }
    known = {product.retailer_id: product for product in products()}
    if not known.keys() >= wanted.keys():
        raise UnknownProduct
    return [
        {
            "product_retailer_id": retailer_id,
            "quantity": quantity,
            "item_price": float(known[retailer_id].price),
            "currency": known[retailer_id].currency,
        }
        for retailer_id, quantity in wanted.items()
    ]


def _quantity(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        raise BadQuantity
    return int(text)
