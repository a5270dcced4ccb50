"""After a step back in time: what may have left already is kept from leaving again.

# Note [What was read is not read anew]
A webhook that waited when the backup was made has been read since, and its customers have been
answered; those answers were lost with the later rows, so that nothing would keep a worker from
giving them again. So what waits is read as a replay, which brings back and begins nothing. What
a worker still had to ask of the shop or the bot is a person's, who can see in the chat whether
it was answered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from whatsapp_notify import signals
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import DeliveryEvent, Message, ShopEvent
from whatsapp_notify.models.set_based import update_rows
from whatsapp_notify.services import doorbells, errands, replay, timeline

#: Rows in one transaction.
_CHUNK = 500

REASON = "quarantined"
#: What the way of a customer's message says of an errand that was ended.
ERRAND_ENDED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """How much was put aside, or would be."""

    #: Messages that waited to leave.
    queued: int
    #: Messages whose call was under way when the backup was made.
    calling: int
    #: Events from which messages had yet to be made.
    events: int
    #: Messages of customers that a worker had yet to answer.
    errands: int
    #: Webhooks that waited to be read.
    webhooks: int
    #: Those of them with something that could not be read; they are in quarantine.
    unreadable: int
    #: Messages planned for later: their time has not come in either history, so they stay.
    left: int


def count(*, now: datetime) -> Quarantined:
    """This will tell what ``put_aside`` would do."""
    read = replay.read_waiting(now=now, is_dry=True)
    return Quarantined(
        queued=_waiting(now).count(),
        calling=_calling().count(),
        events=_events().count(),
        errands=errands.left().count(),
        webhooks=read.webhooks,
        unreadable=read.unreadable,
        left=_later(now).count(),
    )


def put_aside(*, actor: str, now: datetime) -> Quarantined:
    """This will take what may have left before the restore out of the reach of the senders.

    The messages are "unknown": a late status of WhatsApp's settles those that had left, a
    person says of the rest that they were sent, sends them again or drops them. Events are
    "failed", and can be tried again. Customers who wrote are not answered: see Note [What was
    read is not read anew]. Safe to repeat; nothing is deleted.
    """
    queued = sum(_put_aside(ids, State.QUEUED, actor, now) for ids in _chunks(_waiting(now)))
    calling = sum(_put_aside(ids, State.CALLING, actor, now) for ids in _chunks(_calling()))
    events = _events().update(
        state=ShopEvent.State.FAILED,
        is_pending=False,
        processed_at=now,
        note=_("Put aside after a restore; its messages may have been sent before."),
    )
    ended = errands.end_all(why=ERRAND_ENDED)
    # Last, for a strange body may break the run, and the rest is out of reach by then.
    read = replay.read_waiting(now=now)
    if queued or calling or events or read.unreadable:
        detail = (
            f"{queued + calling} messages, {events} events, {read.unreadable} unreadable webhooks"
        )
        doorbells.ring(signals.attention_needed, reason=REASON, detail=detail)
    return Quarantined(
        queued=queued,
        calling=calling,
        events=events,
        errands=ended,
        webhooks=read.webhooks,
        unreadable=read.unreadable,
        left=_later(now).count(),
    )


def _waiting(now: datetime) -> QuerySet[Message]:
    # What waits for a template is woken before its time when the template is repaired.
    return Message.objects.filter(Q(due_at__lte=now) | Q(reason="template"), is_pending=True)


def _later(now: datetime) -> QuerySet[Message]:
    return Message.objects.filter(is_pending=True, due_at__gt=now).exclude(reason="template")


def _calling() -> QuerySet[Message]:
    return Message.objects.filter(call_expires_at__isnull=False, state=State.CALLING)


def _events() -> QuerySet[ShopEvent]:
    return ShopEvent.objects.filter(is_pending=True)


def _chunks(rows: QuerySet[Message]) -> Iterator[list[int]]:
    ids = list(rows.order_by("id").values_list("id", flat=True))
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def _put_aside(ids: list[int], state: State, actor: str, now: datetime) -> int:
    with transaction.atomic():
        held = Message.objects.select_for_update(no_key=True).filter(pk__in=ids)
        messages = list(held.order_by("id"))
        changed = update_rows(
            model=Message,
            rows=[
                {
                    "id": message.pk,
                    "state": str(State.UNKNOWN),
                    "reason": REASON,
                    "is_pending": False,
                    "needs_attention": True,
                    "call_expires_at": None,
                }
                for message in messages
            ],
            only_where={"state": [str(state)]},
        )
        timeline.write(
            [
                timeline.line(
                    message_id=message.pk,
                    kind=DeliveryEvent.Kind.UNKNOWN,
                    at=now,
                    now=now,
                    attempt=message.attempt,
                    reason=REASON,
                    actor=actor,
                )
                for message in messages
                if message.pk in changed
            ]
        )
    return len(changed)
