"""The values that messages are made of, written in the reader's own way."""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlsplit

from django.utils import formats, translation

from whatsapp_notify import conf
from whatsapp_notify.domain.occasions import Occasion, Order
from whatsapp_notify.services import confirmations, template_choice

#: How somebody is addressed whose name is not known.
_NAMELESS = {
    "en": "there",
    "fi": "hyvä asiakas",
    "ru": "уважаемый клиент",
    "sv": "kära kund",
}
#: Elsewhere a short date reads as it is meant; 12/05 does not.
_DATE_FORMATS = {"en": "j F Y"}
_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}
_NO_BREAK_SPACE = "\u00a0"
_CENT = Decimal("0.01")

#: Names that expressions may use where the event is about an order.
ORDER_NAMES = (
    "order_ref",
    "order_total",
    "order_url",
    "shipped_on",
    "estimated_arrival",
    "carrier",
    "tracking_code",
    "tracking_url",
    "tracking_path",
)


def values(*, occasion: Occasion, survey_keyword: str, language: str) -> dict[str, str]:
    """This will return each value by its name; empty where the occasion has none.

    ``language`` is that of the template. What the shop and the caller of the event add goes
    over the standard names.
    """
    settings = conf.load()
    unnamed = nameless(language=language)
    customer = occasion.customer
    with translation.override(template_choice.django_language(language)):
        return {
            "first_name": customer.first_name or unnamed,
            "full_name": customer.full_name or customer.first_name or unnamed,
            "business_name": settings.BUSINESS_NAME,
            **_order_values(occasion.order, language),
            "survey_keyword": survey_keyword,
            "discount_percent": str(settings.BIRTHDAY_DISCOUNT_PERCENT),
            "discount_code": "",
            "benefit_url": settings.BENEFIT_URL,
            "qr_url": "",
            "topic_names": confirmations.names(data=occasion.extra),
            **(_as_text(occasion.order.extra) if occasion.order else {}),
            **_as_text(_own(occasion.extra)),
        }


def nameless(*, language: str) -> str:
    """This will return how somebody is addressed whose name is not known."""
    return _NAMELESS.get(template_choice.base_of(language), _NAMELESS["en"])


def _order_values(order: Order | None, language: str) -> dict[str, str]:
    if order is None:
        return dict.fromkeys(ORDER_NAMES, "")
    return {
        "order_ref": order.ref,
        "order_total": _amount(order.total, order.currency, language),
        "order_url": order.url,
        "shipped_on": day(order.shipped_on, language=language),
        "estimated_arrival": day(order.estimated_arrival, language=language),
        "carrier": order.carrier,
        "tracking_code": order.tracking_code,
        "tracking_url": order.tracking_url,
        "tracking_path": _tracking_path(order),
    }


def _tracking_path(order: Order) -> str:
    """This will return what follows the shop's own domain in the address to follow an order at.

    "track/TRACK123/", the variable part of a button, whose domain Meta fixes. Where the carrier
    has the tracking page, on a domain of its own, it is the shop's page of the order.
    """
    host = urlsplit(order.tracking_url).netloc
    is_elsewhere = not order.tracking_url or (host and host != urlsplit(order.url).netloc)
    parts = urlsplit(order.url if is_elsewhere else order.tracking_url)
    return parts._replace(scheme="", netloc="").geturl().lstrip("/")


def day(date: date | None, *, language: str) -> str:
    """This will write a date as the language does; needs that language to be active."""
    if date is None:
        return ""
    wanted = _DATE_FORMATS.get(template_choice.base_of(language), "SHORT_DATE_FORMAT")
    return formats.date_format(date, wanted, use_l10n=True)


def _amount(amount: Decimal | None, currency: str, language: str) -> str:
    if amount is None:
        return ""
    # Django would cut off what it does not show.
    rounded = Decimal(amount).quantize(_CENT, rounding=ROUND_HALF_UP)
    number = formats.number_format(rounded, 2, use_l10n=True, force_grouping=True)
    symbol = _SYMBOLS.get(currency, currency)
    if template_choice.base_of(language) == "en" and currency in _SYMBOLS:
        return f"{symbol}{number}"
    return f"{number}{_NO_BREAK_SPACE}{symbol}".strip()


def _own(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    """This will leave out what an event says to us alone."""
    return {name: value for name, value in extra.items() if name != confirmations.TOPIC_KEYS}


def _as_text(more: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in more.items()}
