"""The shop's own words for an answer: in the customer's language, with its values filled in."""

import re
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
#: Of these at least one must be known, or nothing can be said of where the order is.
_NEWS_OF_ORDER = ORDER_NAMES[1:]
#: What every answer may hold.
NAMES = ("first_name", "business_name", "opening_hours", "next_opening")
#: Of these nothing is known while the shop has told no hours.
HOURS_NAMES = ("opening_hours", "next_opening")
#: What canned replies of the staff may hold.
CANNED_NAMES = (*NAMES, "agent_name", "order_ref", "order_status", "tracking_url")
#: Occasions that are about an order.
_ABOUT_ORDER = frozenset({AutomaticReply.Kind.ORDER_STATUS, AutomaticReply.Kind.CART_TAKEN})

#: Between two sentences of one line.
_SENTENCE_END = re.compile(r"(?<=[.!?…])[ \t]+")


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

    A sentence with a value that is not known of the order is left out. Words with a name in
    braces that is not known here count as nothing: the admin does not let them be saved.
    """
    row = _row(kind, contact)
    if row is None:
        return ""
    known = values(contact=contact, now=now, order=order)
    return fill(_without_gaps(row.body, known), contact=contact, now=now, order=order)


def of_order(*, contact: Contact, order: Order, now: datetime) -> str:
    """This will say where an order is; empty where the shop has no words, or nothing is known.

    Where all that the words would tell is unknown, what is known is said bare: "A1001: packed".
    """
    row = _row(AutomaticReply.Kind.ORDER_STATUS, contact)
    if row is None:
        return ""
    known = values(contact=contact, now=now, order=order)
    told = [known[name] for name in _NEWS_OF_ORDER if known[name]]
    if not told:
        return ""
    body = _without_gaps(row.body, known)
    if not placeholders.names_in(body).isdisjoint(_NEWS_OF_ORDER):
        return fill(body, contact=contact, now=now, order=order)
    return f"{order.ref}: " + "\n".join(told)


def _row(kind: AutomaticReply.Kind, contact: Contact) -> AutomaticReply | None:
    rows = shared_reads.once("automatic_replies", _active)
    return nearest((row for row in rows if row.kind == kind), language=contact.language)


def _without_gaps(body: str, known: Mapping[str, str]) -> str:
    """This will leave out sentences that name a value of the order which is empty."""
    empty = {name for name in ORDER_NAMES if name in known and not known[name]}
    lines = []
    for line in body.split("\n"):
        sentences = _SENTENCE_END.split(line)
        kept = [each for each in sentences if placeholders.names_in(each).isdisjoint(empty)]
        if kept or not line.strip():
            lines.append(" ".join(kept))
    return "\n".join(lines)


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
    """This will put the values into the words; empty where a name is not known here.

    A line about hours that the shop has not told is left out: "Our hours: ." helps nobody.
    """
    known = values(contact=contact, now=now, order=order)
    untold = {name for name in HOURS_NAMES if not known[name]}
    lines = body.splitlines()
    told = [line for line in lines if placeholders.names_in(line).isdisjoint(untold)]
    try:
        return placeholders.substitute("\n".join(told), known).strip()
    except placeholders.UnknownPlaceholder:
        return ""


def names_of(kind: str) -> tuple[str, ...]:
    """This will return what the words for an occasion may hold."""
    return (*NAMES, *ORDER_NAMES) if kind in _ABOUT_ORDER else NAMES


def values(*, contact: Contact, now: datetime, order: Order | None = None) -> Mapping[str, str]:
    """This will return what the words may hold, by name."""
    language = contact.language or conf.load().DEFAULT_LANGUAGE
    hours = opening_hours.current()
    common = {
        "first_name": contact.first_name or wording.nameless(language=language),
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
