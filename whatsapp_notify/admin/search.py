"""Search by phone: a whole number in any spelling, or its beginning; never its middle."""

from typing import TypeVar

from django.db import connection
from django.db.models import Model, Q, QuerySet
from phonenumbers import phonenumberutil

from whatsapp_notify import conf
from whatsapp_notify.domain import phone as phones
from whatsapp_notify.models import Identity, Message

#: Most contacts that one search may find; a longer prefix finds fewer.
MAX_CONTACTS = 200
#: Digits that a prefix needs, so that a country code alone does not list everybody.
MIN_PREFIX_DIGITS = 6
#: Most messages that the beginning of an order number may find.
MAX_MESSAGES = 500

_Row = TypeVar("_Row", bound=Model)

_Kind = Identity.Kind
_IGNORED = str.maketrans("", "", " \t()-./\u00a0")


def contact_ids(term: str) -> list[int]:
    """This will find contacts by a number as staff type it; empty for no number, no match."""
    if len(term) > phones.MAX_INPUT_LENGTH:
        return []
    try:
        phone = phones.parse(term, region=conf.load().DEFAULT_REGION)
    except phones.InvalidPhone:
        prefix = _prefix(term.translate(_IGNORED))
        return _find(_beginning(prefix)) if prefix else []
    # Numbers of some countries differ in length: a whole one may begin a longer one.
    return _find(_whole(phone)) or _find(_beginning(phone))


def of_customers(rows: QuerySet[_Row], term: str, *, way: str = "contact__") -> QuerySet[_Row]:
    """This will find rows by their customer's number, or else by the beginning of a first name.

    ``way`` leads from a row to its contact.
    """
    term = term.strip()
    if not term:
        return rows
    if contacts := contact_ids(term):
        return rows.filter(**{f"{way}pk__in": contacts})
    return rows.filter(**{f"{way}first_name__istartswith": term})


def message_ids(order_ref: str) -> list[int]:
    """This will find messages about an order by its number, or else by its beginning."""
    # Rows without an order are left out in the words of the partial index.
    orders = Message.objects.exclude(order_ref="").values_list("pk", flat=True)
    if exact := list(orders.filter(order_ref=order_ref)[:MAX_MESSAGES]):
        return exact
    beginning = Q(order_ref__startswith=order_ref)
    if connection.vendor == "sqlite":
        # Its LIKE uses no index; its order of texts is that of their bytes.
        beginning &= Q(order_ref__gte=order_ref, order_ref__lt=f"{order_ref}\U0010ffff")
    return list(orders.filter(beginning)[:MAX_MESSAGES])


def _whole(phone: str) -> Q:
    return Q(kind=_Kind.PHONE, value=phone) | Q(
        kind=_Kind.WA_ID, value__in=phones.candidates(phone)
    )


def _beginning(prefix: str) -> Q:
    # A range instead of LIKE: it uses the index of every database.
    last = prefix + "9" * 20
    return Q(kind=_Kind.PHONE, value__gte=prefix, value__lte=last)


def _prefix(term: str) -> str:
    """This will turn the beginning of a number into the beginning of its E.164 form."""
    digits = term.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) >= MIN_PREFIX_DIGITS):
        return ""
    if term.startswith("+"):
        return term
    if term.startswith("00"):
        return "+" + term[2:]
    region = conf.load().DEFAULT_REGION.upper()
    trunk = phonenumberutil.ndd_prefix_for_region(region, True)
    if trunk and term.startswith(trunk):
        return f"+{phonenumberutil.country_code_for_region(region)}{term.removeprefix(trunk)}"
    return ""


def _find(condition: Q) -> list[int]:
    rows = Identity.objects.filter(condition, ended_at__isnull=True)
    return list(rows.values_list("contact_id", flat=True).distinct()[:MAX_CONTACTS])
