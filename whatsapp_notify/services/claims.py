"""The gate: which messages leave now, decided on fresh facts and committed before any byte.

# Note [One transaction holds gate and call]
The facts are read and ``calling`` is committed in one transaction that holds the contact
rows. An opt-out takes the same row, so either it is committed first and the gate sees it, or
the call had begun before. On SQLite the transaction is IMMEDIATE and holds everything.

# Note [The last look]
Between the commit of ``calling`` and the first byte a call waits for its place in the pace. An
opt-out, or the red button, that is committed meanwhile must still stop it. So shortly before
calls start, one query asks whether the consent of their contacts, or the sender, has changed
since the gate saw them; such a call is taken back to the queue, and the gate decides again.

# Note [Locks are taken in one order]
Messages by id, contacts by id, templates, the sender: who needs several takes them so. The
gate alone begins with the sender, and therefore waits for nothing after it: messages and
contacts that somebody else holds are skipped, and looked at the next time. So a shop that
holds a customer's row while it waits for its payment provider delays that customer only.
"""

import logging
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, Self

from django.db.models import Exists
from django.db.models.expressions import Combinable

from whatsapp_notify import conf
from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain import opaque, policy
from whatsapp_notify.domain.content import Content, TemplateContent, TextContent
from whatsapp_notify.domain.policy import Block, Hold
from whatsapp_notify.domain.receipts import Outgoing
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import Contact, DeliveryEvent, Message, Sender
from whatsapp_notify.models.set_based import among, as_text, from_text, look_up_by_key, update_rows
from whatsapp_notify.services import (
    commits,
    facts,
    faults,
    installation,
    patience,
    senders,
    timeline,
)
from whatsapp_notify.services.facts import ContactFacts

logger = logging.getLogger(__name__)

_UNREADABLE = "unreadable"

#: Calls are committed so long before they start, so that a killed process leaves few in doubt;
#: long enough that a process which is late does not leave places in the pace empty.
HORIZON = timedelta(seconds=0.25)

#: At most so long after the decision, where the database or the machine is slow.
LONGEST_HORIZON = timedelta(seconds=0.5)

#: What a round takes beside deciding and writing: the commit, the last look, answers that are
#: gathered.
_BETWEEN_STEPS = timedelta(seconds=0.03)

#: How long after its deadline a call's answer is still waited for before it counts as lost.
ANSWER_GRACE = timedelta(seconds=15)

#: A call that has not begun so long after its claim must not begin any more: the process was
#: frozen, and the message may be in doubt, or sent again by a person, meanwhile.
START_WITHIN = timedelta(seconds=10)

#: A claim takes no longer; further, somebody has put the clock forward.
_SLOWEST_CLAIM = timedelta(seconds=2)

#: The rest makes up for calls that reach the provider closer together than they started.
_SHARE_OF_RATE = 0.987

#: The pace is at most so far ahead; further, somebody has put the clock back.
_BELIEVABLE_PACE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """How long the next steps of the sender are likely to take, by how long the last ones did."""

    #: From the begin of a claim until all is decided.
    deciding: timedelta = timedelta()
    #: To write the answers that came between two claims.
    writing: timedelta = timedelta()

    @property
    def horizon(self) -> timedelta:
        """How far ahead of a decision the pace is used: until the next has been made.

        Where the two steps take 0.35 s, each round of a horizon of 0.25 s leaves the places of
        0.1 s empty, and the queue grows on a machine that has time left.
        """
        steps = self.deciding + self.writing + _BETWEEN_STEPS
        return min(max(HORIZON, steps), LONGEST_HORIZON)

    def with_deciding(self, took: timedelta) -> Self:
        """This will return the tempo after one more decision."""
        return replace(self, deciding=_slowly_less(self.deciding, took))

    def with_writing(self, took: timedelta) -> Self:
        """This will return the tempo after answers have been written once more."""
        return replace(self, writing=_slowly_less(self.writing, took))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """A call that has been committed, and what the gate saw; see Note [The last look]."""

    outgoing: Outgoing
    #: Seconds from the claim until its place in the pace.
    start_in: float
    #: Smaller starts first.
    priority: int
    contact_id: int
    consent_revision: int
    sender_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What came of one look into the outbox."""

    calls: Sequence[PlannedCall] = ()
    #: How many rows were changed, whatever the verdict.
    seen: int = 0
    #: When to look again, where a brake or the pace forbids more of them now.
    wait_until: datetime | None = None
    #: How long it was until all was decided.
    took: timedelta = timedelta()


@dataclass(slots=True)
class _Due:
    """A row of the outbox, held, with as much of it as the gate and the call need."""

    pk: int
    contact_id: int
    topic_id: int
    event_id: int | None
    channel: str
    event_name: str
    order_ref: str
    template_name: str
    template_language: str
    reason: str
    token: str
    priority: int
    attempt: int
    content: Any
    due_at: datetime
    expires_at: datetime


#: Its columns, in its order; times are read as text, see ``set_based.as_text``.
_DUE_COLUMNS: tuple[str | Combinable, ...] = (
    *(each.name for each in fields(_Due)[:-2]),
    as_text("due_at"),
    as_text("expires_at"),
)


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


def claim(
    *,
    limit: int,
    now: datetime,
    clock: Callable[[], datetime] | None = None,
    tempo: Tempo = Tempo(),
) -> Claimed:
    """This will decide about messages that are due and commit ``calling`` for those allowed.

    A transaction of its own; the caller must not have one open.

    Args:
        clock: Tells the time once all is decided, so that no place in the pace has passed by
            then; such a place would be made up for in a rush.
        tempo: Tells when that is likely to be. Places up to the horizon are reckoned from there:
            of a claim that takes as long as half the horizon, a third would be lost.

    Raises:
        RuntimeError: A transaction is open, or autocommit is off, so nothing could be committed
            before the call.
    """
    sender_id = senders.current().pk
    this_installation = installation.current(now=now)
    with commits.transaction_of_its_own():
        look_up_by_key()
        sender = senders.lock(sender_id=sender_id)
        of_sender = facts.of_sender(sender=sender, installation=this_installation)
        brake = policy.sender_brake(of_sender, now)
        if brake is not None:
            return Claimed(wait_until=brake.until)
        is_probe = of_sender.is_circuit_open
        # No further: places too far ahead would be in doubt when the process is killed.
        deciding = min(tempo.deciding, tempo.horizon)
        decides_at = now + deciding
        affordable = 1 if is_probe else _affordable(sender, tempo, limit=limit, now=decides_at)
        if not affordable:
            wait_until = _half_used(sender, tempo, now=now) - deciding
            return Claimed(wait_until=wait_until, took=deciding)
        messages, contacts, revisions = _hold_due(limit=affordable, now=now)
        if not messages:
            return Claimed()
        batch = facts.Batch(
            messages=messages,
            sender=sender,
            installation=this_installation,
            now=now,
            contacts=contacts,
        )
        changes = _Changes()
        for message in messages:
            try:
                _judge(message, batch, changes, now)
            except Exception as err:  # noqa: BLE001  # one poison row must not stop the others
                logger.error("A message could not be decided: %s", faults.trace(err))
                _put_aside(message, changes, now)
        claimed, seen = _commit_calls(messages, batch, changes, now)
        instance = this_installation.instance
        decided_at = now if clock is None else min(max(now, clock()), now + _SLOWEST_CLAIM)
        starts = _lease(sender, count=len(claimed), since=now, now=decided_at) if claimed else []
        if is_probe and claimed:
            sender.circuit_probe_at = now + senders.PROBE_INTERVAL
            sender.save(update_fields=["circuit_probe_at"])
        return Claimed(
            calls=[
                PlannedCall(
                    outgoing=_outgoing(message, changes.contents[message.pk], batch, instance),
                    start_in=start,
                    priority=message.priority,
                    contact_id=message.contact_id,
                    consent_revision=revisions[message.contact_id],
                    sender_id=sender.pk,
                )
                for message, start in zip(claimed, starts, strict=True)
            ],
            seen=seen,
            wait_until=(
                _half_used(sender, tempo, now=now) - (decided_at - now)
                if len(messages) == affordable < limit
                else None
            ),
            took=decided_at - now,
        )


def _slowly_less(before: timedelta, took: timedelta) -> timedelta:
    """This will return how long a step is likely to take next, as far as that makes a difference.

    Half at least of what was likely before: places are given up to the horizon, and where that
    is suddenly nearer, nothing can be decided until they have passed, however urgent.
    """
    return min(max(took, before / 2), LONGEST_HORIZON)


def look(*, planned: Collection[PlannedCall]) -> frozenset[int]:
    """This will return the contacts to whom no call must start any more.

    See Note [The last look]. One query, in no transaction.
    """
    stopped = Sender.objects.filter(
        pk__in={each.sender_id for each in planned}, stopped_at__isnull=False
    )
    seen = {each.contact_id: each.consent_revision for each in planned}
    rows = Contact.objects.filter(among("pk", seen)).values_list(
        "pk", "consent_revision", Exists(stopped)
    )
    now = {pk: None if is_stopped else revision for pk, revision, is_stopped in rows}
    return frozenset(pk for pk, revision in seen.items() if now.get(pk) != revision)


def _affordable(sender: Sender, tempo: Tempo, *, limit: int, now: datetime) -> int:
    """This will tell how many calls the pace lets start within the horizon."""
    room = now + tempo.horizon - _pace_begin(sender, now)
    return min(limit, max(0, math.ceil(room / _spacing())))


def _half_used(sender: Sender, tempo: Tempo, *, now: datetime) -> datetime:
    """This will tell when half of the horizon is free again: then it is worth a look."""
    return (sender.paced_until or now) - tempo.horizon / 2


def _pace_begin(sender: Sender, now: datetime) -> datetime:
    paced_until = sender.paced_until
    if paced_until is None or paced_until > now + _BELIEVABLE_PACE:
        return now
    return max(paced_until, now)


def _spacing() -> timedelta:
    # Rounded up: a microsecond too little, and a second holds one call too many.
    per_second = _SHARE_OF_RATE * conf.load().MESSAGES_PER_SECOND
    return timedelta(microseconds=math.ceil(1_000_000 / per_second))


def _lease(sender: Sender, *, count: int, since: datetime, now: datetime) -> list[float]:
    """This will take ``count`` places in the pace and return the seconds from ``since`` to each.

    Strictly one after the other, so that no second ever holds more than the rate.
    """
    begin = _pace_begin(sender, now)
    spacing = _spacing()
    sender.paced_until = begin + count * spacing
    sender.save(update_fields=["paced_until"])
    return [(begin + place * spacing - since).total_seconds() for place in range(count)]


def _hold_due(
    *, limit: int, now: datetime
) -> tuple[list[_Due], dict[int, ContactFacts], dict[int, int]]:
    """This will return due messages, their contacts and the revisions of their consent.

    Both rows are held until the commit; whoever else holds one of them is not waited for.
    """
    rows = (
        patience.free(Message.objects.filter(is_pending=True, due_at__lte=now))
        .order_by("priority", "due_at", "id")
        .values_list(*_DUE_COLUMNS, "contact__consent_revision", *facts.contact_columns("contact"))
    )
    width = len(_DUE_COLUMNS)
    messages: list[_Due] = []
    contacts: dict[int, ContactFacts] = {}
    revisions: dict[int, int] = {}
    for row in rows[:limit]:
        message = _Due(*row[:width])
        message.due_at, message.expires_at = from_text(row[width - 2]), from_text(row[width - 1])
        messages.append(message)
        revisions[message.contact_id] = row[width]
        contacts[message.contact_id] = facts.to_contact(row[width + 1 :])
    return messages, contacts, revisions


def _judge(message: _Due, batch: facts.Batch, changes: _Changes, now: datetime) -> None:
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
            changes.contents[message.pk] = _content(message, batch)
            changes.paced[message.contact_id] = batch.count_call(message)
            message.attempt += 1
            changes.calling.append({"id": message.pk, "attempt": message.attempt, "checks": checks})


def _content(message: _Due, batch: facts.Batch) -> Content:
    content = contents.from_json(message.content)
    if isinstance(content, TemplateContent) and content.text and batch.goes_as_text(message):
        return TextContent(body=content.text)
    return content


def _put_aside(message: _Due, changes: _Changes, now: datetime) -> None:
    """This will end a message that cannot even be decided; a person may send it again."""
    changes.unreadable.append({"id": message.pk})
    changes.lines.append(_line(message, DeliveryEvent.Kind.FAILED, now, reason=_UNREADABLE))


def _patience() -> timedelta:
    deadline = timedelta(seconds=conf.load().CALL_DEADLINE_SECONDS)
    return LONGEST_HORIZON + deadline + ANSWER_GRACE


def _line(message: _Due, kind: str, now: datetime, *, reason: str = "") -> dict[str, Any]:
    return timeline.line(
        message_id=message.pk, kind=kind, at=now, now=now, attempt=message.attempt, reason=reason
    )


def _commit_calls(
    messages: Sequence[_Due],
    batch: facts.Batch,
    changes: _Changes,
    now: datetime,
) -> tuple[list[_Due], int]:
    """This will write what was decided.

    Returns:
        The messages whose calls are committed, and how many rows were changed in all.
    """
    calling = {
        "state": str(State.CALLING),
        "reason": "",
        "is_pending": False,
        # The number may be another than when it was planned.
        "sender_id": batch.sender_id,
        "called_at": now,
        "call_expires_at": now + _patience(),
    }
    unreadable = {
        "state": str(State.FAILED),
        "reason": _UNREADABLE,
        "is_pending": False,
        "needs_attention": True,
        "failed_at": now,
    }
    claimed = _update(changes.calling, same=calling)
    others = (
        _update(changes.held),
        _update(changes.ended, same={"is_pending": False}),
        _update(changes.unreadable, same=unreadable),
    )
    update_rows(
        model=Contact,
        rows=[{"id": pk, "paced_until": moment} for pk, moment in changes.paced.items()],
    )
    timeline.write(changes.lines)
    leaving = [message for message in messages if message.pk in claimed]
    timeline.write(
        [{"message_id": each.pk, "attempt": each.attempt} for each in leaving],
        same={"kind": str(DeliveryEvent.Kind.CALLING), "at": now, "recorded_at": now},
    )
    return leaving, len(leaving) + sum(map(len, others))


def _update(
    rows: Sequence[dict[str, Any]], *, same: dict[str, Any] | None = None
) -> frozenset[int]:
    only_queued = {"state": [str(State.QUEUED)]}
    return update_rows(model=Message, rows=rows, same=same, only_where=only_queued)


def _outgoing(message: _Due, content: Content, batch: facts.Batch, instance: str) -> Outgoing:
    address = batch.address(message)
    return Outgoing(
        message_id=message.pk,
        attempt=message.attempt,
        phone=address.phone,
        user_id=address.user_id,
        content=content,
        opaque_id=opaque.encode(
            instance=instance,
            message_id=message.pk,
            token=message.token,
            attempt=message.attempt,
        ),
    )
