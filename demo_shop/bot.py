"""A bot by rules: what the shop sells, at what price, and how long a parcel takes."""

from __future__ import annotations

import re

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from demo_shop.fulfilment import DELIVERY_TIME
from demo_shop.models import Product
from demo_shop.templatetags.shop import money
from whatsapp_notify.shop import BotReply, BotTurn, HandOver

#: More than that is no answer, but a catalogue.
_MAX_PRODUCTS = 3

#: "Do you have", "what does it cost", in the languages of the shop.
_ASKS_FOR_PRODUCT = re.compile(
    r"\b(do you (have|sell)|have you got|how much|price|cost|in stock"
    r"|onko teillä|löytyykö|myyttekö|hinta|maksaa|paljonko"
    r"|har ni|finns|säljer ni|pris|kostar"
    r"|у вас есть|есть ли|продаёте|сколько|цена|стоит)",
    re.IGNORECASE,
)
_ASKS_FOR_DELIVERY_TIME = re.compile(
    r"\bhow (long|fast|soon)\b.*\b(deliver|ship|arriv|take)"
    r"|\b(delivery|shipping) time|toimitusaika|kauanko.*toimi|leveranstid|hur lång tid.*lever"
    r"|срок доставки|как долго.*достав",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{3,}")


def answer(turn: BotTurn) -> BotReply | HandOver:
    """This will answer two questions from what the shop knows, and leave all else to a person."""
    with translation.override(turn.language):
        if _ASKS_FOR_DELIVERY_TIME.search(turn.text):
            days = DELIVERY_TIME.days
            text = _("From dispatch to your parcel locker it takes about %(days)d days.")
            return BotReply(text % {"days": days})
        if not _ASKS_FOR_PRODUCT.search(turn.text):
            return HandOver("no question that the bot knows")
        products = _products_named_in(turn.text)
        if not 0 < len(products) <= _MAX_PRODUCTS:
            return HandOver(f"{len(products)} products fit the question")
        return BotReply("\n\n".join([_("Yes, we have:"), *map(_in_words, products)]))


def _products_named_in(text: str) -> list[Product]:
    """This will return the products of whose names the most words are in the text."""
    asked = set(_words(text))
    products = list(Product.objects.filter(is_published=True).order_by("name", "id"))
    hits = {product: len(asked & set(_words(product.name))) for product in products}
    most = max(hits.values(), default=0)
    return [product for product in products if most and hits[product] == most]


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _in_words(product: Product) -> str:
    address = settings.SHOP_BASE_URL + product.get_absolute_url()
    return f"{product.name}, {money(product.price)}\n{address}"
