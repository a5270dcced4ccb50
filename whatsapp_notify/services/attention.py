"""All that waits for a person: in doubt, failed, put aside, stopped.

# Note [A crowd is counted to its end only so far]
``state`` stands in no index, so the newest rows that ask for attention are told apart one by
one, and only so many of them. Who has more of them than that has another problem first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import (
    Message,
    Sender,
    ShopEvent,
    UnmatchedStatus,
    WebhookEvent,
)
from whatsapp_notify.services import overview

#: Messages that ask for attention, newest first, of which the groups are made.
MESSAGES_LOOKED_AT = 2_000
#: Quarantined webhooks that are counted.
WEBHOOKS_COUNTED = 1000
#: The latest events and unmatched statuses among which the open ones are looked for.
LATEST = 1000
#: Rows of a group that are shown, the oldest first.
SHOWN = 5


class Kind(StrEnum):
    """What a group is made of."""

    IN_DOUBT = "in_doubt"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    EVENTS = "events"
    WEBHOOKS = "webhooks"
    TEMPLATES = "templates"
    SENDERS = "senders"


#: Kinds of messages, most pressing first; see ``_kind``.
MESSAGES: Mapping[Kind, Q] = {
    Kind.IN_DOUBT: Q(state=State.IN_DOUBT),
    Kind.UNKNOWN: Q(state=State.UNKNOWN),
    Kind.UNREADABLE: Q(state=State.FAILED, reason="unreadable"),
    Kind.FAILED: ~Q(state__in=[State.IN_DOUBT, State.UNKNOWN]) & ~Q(reason="unreadable"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of one kind that wait for an answer."""

    kind: Kind
    count: int
    #: Whether there are more than were counted.
    is_more: bool = False
    oldest_at: datetime | None = None
    #: The oldest of them.
    ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Groups that are not empty, most pressing first."""

    groups: Sequence[Group]
    #: News about messages that nobody here knows; nothing has to be done about them.
    parked_statuses: int


def attention() -> Attention:
    """This will gather what waits for a person, in a constant number of queries."""
    newest = UnmatchedStatus.objects.order_by("-pk").values_list("matched_at", flat=True)[:LATEST]
    return Attention(
        groups=[group for group in all_groups() if group.count],
        parked_statuses=sum(matched_at is None for matched_at in newest),
    )


def all_groups() -> Sequence[Group]:
    """This will count what waits, by kind; empty kinds too."""
    return [_senders(), *_messages(), _webhooks(), _events(), _templates()]


def ids_of(*, kind: Kind, at_most: int) -> list[int]:
    """This will find the rows of a group, the oldest first."""
    rows: QuerySet[Any]
    match kind:
        case Kind.WEBHOOKS:
            rows = _quarantined()
        case Kind.EVENTS:
            rows = ShopEvent.objects.filter(pk__in=[pk for pk, _at in _failed_events()])
        case Kind.TEMPLATES:
            rows = overview.broken_templates()
        case Kind.SENDERS:
            rows = _stopped_senders()
        case _:
            rows = _asking().filter(MESSAGES[kind])
    return list(rows.order_by("pk").values_list("pk", flat=True)[:at_most])


def _messages() -> Sequence[Group]:
    """This will tell the newest apart. See Note [A crowd is counted to its end only so far]."""
    since = Coalesce("failed_at", "called_at", "created_at")
    newest = _asking().order_by("-pk").values_list("pk", since, "state", "reason")
    rows = list(newest[: MESSAGES_LOOKED_AT + 1])
    by_kind: dict[Kind, list[tuple[int, datetime | None]]] = {kind: [] for kind in MESSAGES}
    for pk, at, state, reason in rows[:MESSAGES_LOOKED_AT]:
        by_kind[_kind(state, reason)].append((pk, at))
    is_more = len(rows) > MESSAGES_LOOKED_AT
    return [_group(kind, found, is_more=is_more) for kind, found in by_kind.items()]


def _kind(state: str, reason: str) -> Kind:
    if state in {State.IN_DOUBT, State.UNKNOWN}:
        return Kind.IN_DOUBT if state == State.IN_DOUBT else Kind.UNKNOWN
    return Kind.UNREADABLE if reason == "unreadable" else Kind.FAILED


def _asking() -> QuerySet[Message]:
    return Message.objects.filter(needs_attention=True)


def _webhooks() -> Group:
    newest = list(
        _quarantined().order_by("-pk").values_list("pk", "received_at")[: WEBHOOKS_COUNTED + 1]
    )
    return _group(Kind.WEBHOOKS, newest[:WEBHOOKS_COUNTED], is_more=len(newest) > WEBHOOKS_COUNTED)


def _quarantined() -> QuerySet[WebhookEvent]:
    return WebhookEvent.objects.filter(is_quarantined=True)


def _events() -> Group:
    return _group(Kind.EVENTS, _failed_events())


def _failed_events() -> list[tuple[int, datetime]]:
    latest = ShopEvent.objects.order_by("-pk").values_list("pk", "occurred_at", "state")[:LATEST]
    return [(pk, at) for pk, at, state in latest if state == ShopEvent.State.FAILED]


def _templates() -> Group:
    since = Coalesce("stopped_at", "synced_at")
    rows = overview.broken_templates().order_by(since, "pk").values_list("pk", since)
    return _group(Kind.TEMPLATES, [(pk, at) for pk, at in rows][::-1])


def _senders() -> Group:
    since = Coalesce("circuit_opened_at", "stopped_at")
    rows = _stopped_senders().order_by(since, "pk").values_list("pk", since)
    return _group(Kind.SENDERS, [(pk, at) for pk, at in rows][::-1])


def _stopped_senders() -> QuerySet[Sender]:
    brakes = Q(stopped_at__isnull=False) | Q(circuit_opened_at__isnull=False)
    return Sender.objects.filter(brakes)


def _group(
    kind: Kind, newest_first: Sequence[tuple[int, datetime | None]], *, is_more: bool = False
) -> Group:
    moments = [at for _pk, at in newest_first if at is not None]
    return Group(
        kind=kind,
        count=len(newest_first),
        is_more=is_more,
        oldest_at=min(moments, default=None),
        ids=[pk for pk, _at in newest_first[: -SHOWN - 1 : -1]],
    )
