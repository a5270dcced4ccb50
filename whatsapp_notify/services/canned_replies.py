"""Answers that the staff has ready, with the values of one customer filled in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whatsapp_notify.domain import placeholders
from whatsapp_notify.domain.occasions import Order
from whatsapp_notify.models import CannedReply, Contact
from whatsapp_notify.services import answer_words, desk_staff, template_choice

#: What a canned reply may hold.
NAMES = (
    *answer_words.NAMES,
    "agent_name",
    *answer_words.ORDER_NAMES,
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Canned:
    """One answer, ready to be looked at; personal, so its ``repr`` shows no words."""

    id: int
    title: str
    #: What is typed after "/"; empty for none.
    shortcut: str
    body: str

    def __repr__(self) -> str:
        return f"<Canned #{self.id}>"


def offered(*, contact: Contact, user: Any, order: Order | None, now: datetime) -> Sequence[Canned]:
    """This will return all answers, those in the customer's language first.

    A value that is not known stays as its name in braces, for somebody to put it in: what still
    holds one is not sent.
    """
    rows = list(CannedReply.objects.filter(is_active=True).order_by("shortcut", "title", "id"))
    if not rows:
        return ()
    language = template_choice.base_of(contact.language)
    rows.sort(key=lambda row: _distance(template_choice.base_of(row.language), language))
    known = dict(answer_words.values(contact=contact, now=now, order=order))
    known["agent_name"] = desk_staff.name_for_customers(user)
    return [
        Canned(id=row.pk, title=row.title, shortcut=row.shortcut, body=_filled(row.body, known))
        for row in rows
    ]


def by_shortcut(canned: Sequence[Canned], *, text: str) -> Canned | None:
    """This will find the answer whose shortcut is all that was written, such as "/returns"."""
    shortcut = text.strip().casefold().removeprefix("/")
    if not shortcut or not text.strip().startswith("/"):
        return None
    return next((each for each in canned if each.shortcut.casefold() == shortcut), None)


def _filled(body: str, known: dict[str, str]) -> str:
    kept = {name: f"{{{name}}}" for name in placeholders.names_in(body)}
    kept.update({name: value for name, value in known.items() if value})
    try:
        return placeholders.substitute(body, kept)
    except placeholders.UnknownPlaceholder:
        return body  # braces that hold no name at all: shown as they were written


def _distance(offered: str, wanted: str) -> int:
    if offered == wanted:
        return 0
    return 1 if not offered else 2
