"""The gate: which messages leave now, decided on fresh facts and committed before any byte.

# Note [One transaction holds gate and call]
The facts are read and ``calling`` is committed in one transaction that holds the contact
rows. An opt-out takes the same row, so either it is committed first and the gate sees it, or
the call had begun before. On SQLite the transaction is IMMEDIATE and holds everything.

# Note [Locks are taken in one order]
Messages by id, contacts by id, templates, the sender: who needs several takes them so. The
gate alone begins with the sender, and therefore waits for nothing after it: messages and
contacts that somebody else holds are skipped, and looked at the next time. So a shop that
holds a customer's row while it waits for its payment provider delays that customer only.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from whatsapp_notify import conf
from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain import policy
from whatsapp_notify.domain.content import Content
from whatsapp_notify.domain.policy import Block, Hold
from whatsapp_notify.domain.receipts import Outgoing
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import Contact, DeliveryEvent, Message, Sender
from whatsapp_notify.models.set_based import update_rows
from whatsapp_notify.services import facts, faults, installation, senders, timeline

logger = logging.getLogger(__name__)

_UNREADABLE = "unreadable"

#: Calls are committed at most so long before they start, so that a killed process leaves few
#: in doubt and an opt-out waits for few.
HORIZON = timedelta(seconds=0.5)

#: How long after its deadline a call's answer is still waited for before it counts as lost.
ANSWER_GRACE = timedelta(seconds=15)

#: A call that has not begun so long after its claim must not begin any more: the process was
#: frozen, and the message may be in doubt, or sent again by a person, meanwhile.
START_WITHIN = timedelta(seconds=10)

#: The pace is at most so far ahead; further, somebody has put the clock back.
_BELIEVABLE_PACE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What came of one look into the outbox."""

    #: What to call, each with the seconds until its start.
    calls: Sequence[tuple[Outgoing, float]] = ()
    #: How many rows were changed, whatever the verdict.
    seen: int = 0
    #: When to look again, where a brake or the pace forbids it now.
    wait_until: datetime | None = None


@dataclass(slots=True, kw_only=True)
class _Changes:
    """Rows to be written, gathered while deciding."""

    calling: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[int, Content] = field(default_factory=dict)
    held: list[dict[str, Any]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)
    unreadable: list[dict[str, Any]] = field(default_factory=list)
    paced: dict[int, datetime] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)


def claim(*, limit: int, now: datetime) -> Claimed:
    """This will decide about messages that are due and commit ``calling`` for those allowed.

    A transaction of its own; the caller must not have one open.

    Raises:
        RuntimeError: A transaction is open, so nothing could be committed before the call.
    """
    sender_id = senders.current().pk
    this_installation = installation.current(now=now)
    with transaction.atomic(durable=True):
        sender = senders.lock(sender_id=sender_id)
        of_sender = facts.of_sender(sender=sender, installation=this_installation)
        brake = policy.sender_brake(of_sender, now)
        if brake is not None:
            return Claimed(wait_until=brake.until)
        is_probe = of_sender.is_circuit_open
        limit = 1 if is_probe else _affordable(sender, limit=limit, now=now)
        if not limit:
            return Claimed(wait_until=(sender.paced_until or now) - HORIZON / 2)
        messages = _hold_due(limit=limit, now=now)
        if not messages:
            return Claimed()
        batch = facts.Batch(
            messages=messages, sender=sender, installation=this_installation, now=now
        )
        changes = _Changes()
        for message in messages:
            try:
                _judge(message, batch, changes, now)
            except Exception as err:  # noqa: BLE001  # one poison row must not stop the others
                logger.error("A message could not be decided: %s", faults.trace(err))
                _put_aside(message, changes, now)
        claimed = _commit_calls(messages, batch, changes, sender, this_installation.instance, now)
        if is_probe and claimed.calls:
            sender.circuit_probe_at = now + senders.PROBE_INTERVAL
            sender.save(update_fields=["circuit_probe_at"])
        return claimed


def _affordable(sender: Sender, *, limit: int, now: datetime) -> int:
    """This will tell how many calls the pace lets start within the horizon."""
    room = now + HORIZON - _pace_begin(sender, now)
    return min(limit, max(0, math.ceil(room / _spacing())))


def _pace_begin(sender: Sender, now: datetime) -> datetime:
    paced_until = sender.paced_until
    if paced_until is None or paced_until > now + _BELIEVABLE_PACE:
        return now
    return max(paced_until, now)


def _spacing() -> timedelta:
    return timedelta(seconds=1 / conf.load().MESSAGES_PER_SECOND)


def _lease(sender: Sender, *, count: int, now: datetime) -> list[float]:
    """This will take ``count`` places in the pace and return the seconds until each.

    Strictly one after the other, so that no second ever holds more than the rate.
    """
    begin = _pace_begin(sender, now)
    spacing = _spacing()
    sender.paced_until = begin + count * spacing
    sender.save(update_fields=["paced_until"])
    return [(begin + place * spacing - now).total_seconds() for place in range(count)]


def _hold_due(*, limit: int, now: datetime) -> list[Message]:
    """This will return due messages, held until the commit, with their contacts held too."""
    rows = Message.objects.select_related("contact").select_for_update(
        # SQLite has no row locks: its transaction holds the whole database anyway.
        skip_locked=connection.features.has_select_for_update_skip_locked,
        no_key=True,
        of=("self", "contact") if connection.features.has_select_for_update_of else (),
    )
    due = rows.filter(is_pending=True, due_at__lte=now)
    return list(due.order_by("priority", "due_at", "id")[:limit])


def _judge(message: Message, batch: facts.Batch, changes: _Changes, now: datetime) -> None:
    decision = batch.decide(message)
    checks = decision.to_json()
    match decision.verdict:
        case Block(reason=reason):
            state = State.EXPIRED if reason == "expired" else State.BLOCKED
            changes.ended.append(
                {
                    "id": message.pk,
                    "state": str(state),
                    "reason": reason,
                    "is_pending": False,
                    "checks": checks,
                }
            )
            changes.lines.append(_line(message, DeliveryEvent.Kind(state), now, reason=reason))
        case Hold(reason=reason, until=until):
            changes.held.append(
                {"id": message.pk, "due_at": until, "reason": reason, "checks": checks}
            )
            if reason != message.reason:
                changes.lines.append(
                    _line(message, DeliveryEvent.Kind.HELD_BACK, now, reason=reason)
                )
        case _:
            # Read before anything else is done: it may be unreadable.
            changes.contents[message.pk] = contents.from_json(message.content)
            batch.count_call(message)
            changes.paced[message.contact_id] = batch.contact(message).paced_until or now
            message.attempt += 1
            changes.calling.append(
                {
                    "id": message.pk,
                    "state": str(State.CALLING),
                    "reason": "",
                    "is_pending": False,
                    "checks": checks,
                    # The number may be another than when it was planned.
                    "sender_id": batch.sender_id,
                    "attempt": message.attempt,
                    "called_at": now,
                    "call_expires_at": now + _patience(),
                }
            )
            changes.lines.append(_line(message, DeliveryEvent.Kind.CALLING, now))


def _put_aside(message: Message, changes: _Changes, now: datetime) -> None:
    """This will end a message that cannot even be decided; a person may send it again."""
    changes.unreadable.append(
        {
            "id": message.pk,
            "state": str(State.FAILED),
            "reason": _UNREADABLE,
            "is_pending": False,
            "needs_attention": True,
            "failed_at": now,
        }
    )
    changes.lines.append(_line(message, DeliveryEvent.Kind.FAILED, now, reason=_UNREADABLE))


def _patience() -> timedelta:
    return HORIZON + timedelta(seconds=conf.load().CALL_DEADLINE_SECONDS) + ANSWER_GRACE


def _line(message: Message, kind: str, now: datetime, *, reason: str = "") -> dict[str, Any]:
    return timeline.line(
        message_id=message.pk, kind=kind, at=now, now=now, attempt=message.attempt, reason=reason
    )


def _commit_calls(
    messages: Sequence[Message],
    batch: facts.Batch,
    changes: _Changes,
    sender: Sender,
    instance: str,
    now: datetime,
) -> Claimed:
    only_queued = {"state": [str(State.QUEUED)]}
    claimed = update_rows(model=Message, rows=changes.calling, only_where=only_queued)
    seen = len(claimed)
    for rows in (changes.held, changes.ended, changes.unreadable):
        seen += len(update_rows(model=Message, rows=rows, only_where=only_queued))
    update_rows(
        model=Contact,
        rows=[{"id": pk, "paced_until": moment} for pk, moment in changes.paced.items()],
    )
    timeline.write(changes.lines)
    leaving = [message for message in messages if message.pk in claimed]
    starts = _lease(sender, count=len(leaving), now=now) if leaving else []
    calls = [
        (_outgoing(message, changes.contents[message.pk], batch, instance), start)
        for message, start in zip(leaving, starts, strict=True)
    ]
    return Claimed(calls=calls, seen=seen)


def _outgoing(message: Message, content: Content, batch: facts.Batch, instance: str) -> Outgoing:
    address = batch.address(message)
    return Outgoing(
        message_id=message.pk,
        attempt=message.attempt,
        phone=address.phone,
        user_id=address.user_id,
        content=content,
        opaque_id=message.opaque_id(instance=instance),
    )
