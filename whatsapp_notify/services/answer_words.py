"""The shop's own words for an answer: in the customer's language, with its values filled in."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.utils import translation

from whatsapp_notify import conf
from whatsapp_notify.domain import placeholders
from whatsapp_notify.domain.occasions import Order
from whatsapp_notify.models import AutomaticReply, Contact
from whatsapp_notify.services import opening_hours, shared_reads, template_choice, wording

#: What answers about an order may hold beside the common names.
ORDER_NAMES = ("order_ref", "order_status", "estimated_arrival", "tracking_url", "order_url")
#: What every answer may hold.
NAMES = ("first_name", "business_name", "opening_hours", "next_opening")


class _InLanguage(Protocol):
    #: A column of the row.
    language: Any


_Row = TypeVar("_Row", bound=_InLanguage)


def of_kind(
    *,
    kind: AutomaticReply.Kind,
    contact: Contact,
    now: datetime,
    order: Order | None = None,
) -> str:
    """This will return what the shop says on an occasion; empty where it says nothing.

    Words with a name in braces that is not known here count as nothing: the admin does not let
    them be saved.
    """
    rows = shared_reads.once("automatic_replies", _active)
    row = nearest((row for row in rows if row.kind == kind), language=contact.language)
    return fill(row.body, contact=contact, now=now, order=order) if row else ""


def _active() -> list[AutomaticReply]:
    return list(AutomaticReply.objects.filter(is_active=True).order_by("id"))


def nearest(rows: Iterable[_Row], *, language: str) -> _Row | None:
    """This will choose by language: the customer's, that of all, the shop's own; else none."""
    by_language = {template_choice.base_of(row.language): row for row in rows}
    for wanted in (language or conf.load().DEFAULT_LANGUAGE, "", conf.load().DEFAULT_LANGUAGE):
        if (row := by_language.get(template_choice.base_of(wanted))) is not None:
            return row
    return None


def fill(body: str, *, contact: Contact, now: datetime, order: Order | None = None) -> str:
    """This will put the values into the words; empty where a name is not known here."""
    known = values(contact=contact, now=now, order=order)
    try:
        return placeholders.substitute(body, known).strip()
    except placeholders.UnknownPlaceholder:
        return ""


def values(*, contact: Contact, now: datetime, order: Order | None = None) -> Mapping[str, str]:
    """This will return what the words may hold, by name."""
    language = contact.language or conf.load().DEFAULT_LANGUAGE
    hours = opening_hours.current()
    common = {
        "first_name": contact.first_name,
        "business_name": conf.load().BUSINESS_NAME,
        "opening_hours": opening_hours.in_words(hours, language=language),
        "next_opening": opening_hours.next_opening_in_words(hours, now=now, language=language),
    }
    if order is None:
        return common
    with translation.override(template_choice.django_language(language)):
        arrival = wording.day(order.estimated_arrival, language=language)
    return common | {
        "order_ref": order.ref,
        "order_status": order.status,
        "estimated_arrival": arrival,
        "tracking_url": order.tracking_url,
        "order_url": order.url,
    }
