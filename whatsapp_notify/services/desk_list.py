"""Which conversations the desk shows, in which order, and what was said last in each."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from whatsapp_notify.models import Contact, Conversation, InboundMessage, Message

PAGE = 50

#: Of a row, what the list shows and may change.
_SEEN = (
    "id", "last_message_at", "waiting_since", "assigned_to_id", "closed_at", "mode",
    "window_expires_at",
)  # fmt: skip


class Show(StrEnum):
    """Which of them."""

    OPEN = "open"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    WAITING = "waiting"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Wanted:
    """What somebody wants to see of the list; what was searched for is personal."""

    user_id: Any
    show: Show = Show.OPEN
    label_id: int | None = None
    #: None where nothing is searched for by a number.
    contact_ids: Collection[int] | None = None
    first_name: str = ""
    page: int = 1

    def __repr__(self) -> str:
        return f"<Wanted {self.show}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """What was said last in a chat."""

    inbound: InboundMessage | None = None
    message: Message | None = None


def rows(wanted: Wanted) -> QuerySet[Conversation]:
    """This will find the conversations of a page, and one more where there is another page.

    Who waits comes first, the longest first; then by what was written last.
    """
    found = _of_kind(wanted)
    if wanted.label_id is not None:
        found = found.filter(contact__labels__label_id=wanted.label_id)
    if wanted.contact_ids is not None:
        found = found.filter(contact_id__in=wanted.contact_ids)
    elif wanted.first_name:
        found = found.filter(contact__first_name__istartswith=wanted.first_name)
    start = (max(wanted.page, 1) - 1) * PAGE
    return found.order_by(
        F("waiting_since").asc(nulls_last=True), F("last_message_at").desc(nulls_last=True), "-id"
    )[start : start + PAGE + 1]


def tag(wanted: Wanted) -> str:
    """This will return a text that differs once the page would show other rows; one query."""
    return tag_of(list(rows(wanted).only(*_SEEN)))


def tag_of(found: Sequence[Conversation]) -> str:
    """This will return the same text for rows that have been read already."""
    seen = [[getattr(row, name) for name in _SEEN] for row in found]
    return hashlib.sha256(json.dumps(seen, default=str).encode()).hexdigest()[:16]


def last_of(
    contact_ids: Collection[int], *, with_inbound_text: bool, with_message_text: bool
) -> Mapping[int, Last]:
    """This will find what was said last in each chat, in three queries."""
    latest = Contact.objects.filter(pk__in=contact_ids).values_list(
        "pk", Subquery(_latest(InboundMessage)), Subquery(_latest(Message))
    )
    ids = list(latest)
    theirs = InboundMessage.objects.only(
        "id", "sent_at", "kind", *(["text"] if with_inbound_text else [])
    ).in_bulk([inbound_id for _pk, inbound_id, _id in ids if inbound_id])
    ours = Message.objects.only(
        "id", "created_at", "template_name", *(["preview"] if with_message_text else [])
    ).in_bulk([message_id for _pk, _id, message_id in ids if message_id])
    return {
        pk: _later(theirs.get(inbound_id), ours.get(message_id))
        for pk, inbound_id, message_id in ids
    }


def _of_kind(wanted: Wanted) -> QuerySet[Conversation]:
    is_open = Q(closed_at__isnull=True)
    conditions = {
        Show.OPEN: is_open,
        Show.MINE: is_open & Q(assigned_to_id=wanted.user_id),
        Show.UNASSIGNED: is_open & Q(assigned_to__isnull=True),
        Show.WAITING: Q(waiting_since__isnull=False),
        Show.CLOSED: ~is_open,
    }
    return Conversation.objects.filter(conditions[wanted.show])


def _latest(model: type[InboundMessage] | type[Message]) -> QuerySet[Any]:
    rows: QuerySet[Any] = model._default_manager.filter(contact_id=OuterRef("pk"))
    return rows.order_by("-id").values("id")[:1]


def _later(inbound: InboundMessage | None, message: Message | None) -> Last:
    if inbound is None:
        return Last(message=message)
    if message is None or inbound.sent_at > message.created_at:
        return Last(inbound=inbound)
    return Last(message=message)
