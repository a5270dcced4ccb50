"""Webhooks in: the bytes first, their meaning later."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Length

from whatsapp_notify import signals
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import Status
from whatsapp_notify.domain import phone as phones
from whatsapp_notify.models import UnreadWebhook, WebhookBatch, WebhookEvent
from whatsapp_notify.models.set_based import among, insert_rows, look_up_by_key, update_rows
from whatsapp_notify.services import (
    doorbells,
    faults,
    heartbeats,
    inbound,
    joint,
    notices,
    patience,
    routing,
    shared_reads,
    statuses,
)

logger = logging.getLogger(__name__)

RowLimit = patience.RowLimit

#: Tells the time.
Clock = Callable[[], datetime]

BATCH = 1000
#: Bodies are read together up to so many bytes; one alone may be larger. Larger batches hold
#: messages for longer that others have news of as well.
_BATCH_BYTES = 1024 * 1024
#: Statuses joined in one statement.
_STATUSES = 5000
#: How often a process looks anew that was too late for the webhooks that it had found.
_TRIES = 5
#: A body that has broken off its processing so often is put aside.
MAX_ATTEMPTS = 3
#: What was taken up is left to its worker for so long; then it counts as broken off.
LEASE = timedelta(minutes=1)
#: A long backlog is read in turns: ``now`` must not fall behind the lease, nor a worker that is
#: asked to stop be kept.
_TURN_SECONDS = 15.0
#: Messages of different people in one transaction: people's rows are held for no longer.
_TOGETHER = 100


@dataclass(slots=True, kw_only=True)
class _Reading:
    event_id: int
    #: Including this one.
    attempts: int
    parsed: wire.Parsed
    problems: list[str]
    #: Something in it is about somebody whose row is held: it is to be read again.
    is_put_off: bool = False

    @property
    def has_rest(self) -> bool:
        """Whether there is more than statuses."""
        return bool(self.parsed.messages or self.parsed.preferences or self.parsed.notices)

    @property
    def rest(self) -> list[tuple[Callable[..., object], object]]:
        """What is no status, each with its handler."""
        return [
            *((inbound.receive, message) for message in self.parsed.messages),
            *((inbound.change_preference, each) for each in self.parsed.preferences),
            *((notices.take_note, notice) for notice in self.parsed.notices),
        ]


def process(*, now: datetime, clock: Clock | None = None, batch: int = BATCH) -> int:
    """This will read the webhooks that wait, oldest first, as far as they are left to this process.

    What comes meanwhile has rung for itself, and is read with others: to look for it at once
    would make many small batches, each at the price of a large one.

    Idempotent: any of it may be done again. Statuses of a batch are joined in bulk; whatever
    else is in the bodies, each element for itself, in a transaction of its own.
    A body that cannot be read, or breaks off its processing three times, goes to quarantine,
    where a person sees it; its good elements have been processed all the same. After the
    first time it is read alone, so that those that came with it are not put aside too.

    Args:
        clock: Tells the time again while the run goes on. What customers say counts from when it
            was said, but never from later than it is read: a stop that came after the begin of the
            run would count from the begin, and be less than what was agreed to meanwhile.

    Returns:
        How many webhooks were read.
    """
    tell = clock or (lambda: now)
    total = 0
    _find_broken_off(now)
    _put_poison_aside(now)
    may_be_more, turn_ends_at = True, time.monotonic() + _TURN_SECONDS
    while may_be_more:
        ids, may_be_more = _take(batch, tell())
        if ids:
            patience.with_database(lambda ids=ids: _process_batch(ids, tell))  # type: ignore[misc]
            # Whoever looked while these were ours has passed over what came between them.
            may_be_more = may_be_more or _fresh().filter(_between(ids[0], ids[-1])).exists()
        # One each time, whatever else comes; last, for it may have killed whoever read it.
        if alone := _take_broken_off(tell()):
            patience.with_database(
                lambda ids=alone: _process_batch(ids, tell, is_again=True)  # type: ignore[misc]
            )
        total += len(ids) + len(alone)
        may_be_more = may_be_more or bool(alone)
        if may_be_more and time.monotonic() > turn_ends_at:
            doorbells.ring(signals.webhooks_recorded, sender=WebhookEvent)
            break
    if total:
        heartbeats.beat(name=heartbeats.WEBHOOK, now=tell())
    return total


def waiting() -> QuerySet[UnreadWebhook]:
    """This will return those that have not been read, in the order in which they came."""
    return UnreadWebhook.objects.order_by("pk")


def is_waiting(*, since: datetime) -> bool:
    """This will tell whether a webhook that had come by then has not been read yet."""
    return _fresh().filter(received_at__lte=since).exists()


def retry(*, ids: Sequence[int]) -> frozenset[int]:
    """This will have quarantined webhooks read once more.

    Returns:
        The ids of those that wait now, and were in quarantine before.
    """
    with transaction.atomic():
        again = _end_quarantine(ids, problem="")
        events = WebhookEvent.objects.filter(pk__in=again)
        UnreadWebhook.objects.bulk_create(
            UnreadWebhook(webhook_id=pk, size=size, received_at=received_at)
            for pk, size, received_at in events.values_list("pk", Length("body"), "received_at")
        )
    if again:
        doorbells.ring(signals.webhooks_recorded, sender=WebhookEvent)
    return again


def drop(*, ids: Sequence[int]) -> frozenset[int]:
    """This will let quarantined webhooks rest unread; the problem stays with them.

    Returns:
        The ids of those that rest now, and did not before.
    """
    return _end_quarantine(ids)


def _end_quarantine(ids: Sequence[int], **also: str) -> frozenset[int]:
    return update_rows(
        model=WebhookEvent,
        rows=[{"id": pk} for pk in ids],
        same={"is_quarantined": False, **also},
        only_where={"is_quarantined": [True]},
    )


def _fresh() -> QuerySet[UnreadWebhook]:
    """Those of ``waiting`` that nobody has taken up."""
    return waiting().filter(attempts=0)


def _between(first_id: int, last_id: int) -> Q:
    return Q(pk__gte=first_id, pk__lte=last_id)


def _broken_off(now: datetime) -> QuerySet[UnreadWebhook]:
    return waiting().filter(attempts__range=(1, MAX_ATTEMPTS - 1), tried_at__lte=now - LEASE)


def _taken_up(ids: Sequence[int]) -> QuerySet[UnreadWebhook]:
    """This will hold webhooks that ``_take`` gave to this process; it waits for them.

    PostgreSQL lets a ``_take`` elsewhere hold a row for a moment that it then leaves to us.
    Passed over, the webhook would wait for a lease, and lose one of its attempts.
    """
    return UnreadWebhook.objects.select_for_update().filter(among("pk", ids)).order_by("pk")


def _take(batch: int, now: datetime) -> tuple[list[int], bool]:
    """This will note which waiting webhooks this process is about to read.

    It is committed before any work is done on them, so that whoever dies over them is known.

    Returns:
        Their ids, and whether more were waiting at that moment.
    """
    for _try in range(_TRIES):
        fresh = _fresh()
        for first_id, last_id in WebhookBatch.objects.values_list("first_id", "last_id"):
            fresh = fresh.exclude(_between(first_id, last_id))
        found = fresh.values_list("pk", "size")[: batch + 1]
        ids = _within_bytes(found)[:batch]
        if not ids:
            break
        batch_of_mine = {"first_id": ids[0], "last_id": ids[-1], "taken_at": now}
        if insert_rows(model=WebhookBatch, rows=[batch_of_mine]):
            return ids, len(found) > len(ids)
    return [], False


def _find_broken_off(now: datetime) -> None:
    """This will count an attempt on what a process that died had taken up.

    What is held is still being read, by a process that takes its time; it keeps nobody here.
    """
    # Taken in the future means by a clock that was ahead: nobody knows since when.
    is_lost = Q(taken_at__lte=now - LEASE) | Q(taken_at__gt=now + LEASE)
    lost = WebhookBatch.objects.filter(is_lost).order_by("first_id")
    if not lost.exists():
        return
    with transaction.atomic():
        for each in patience.free(lost):
            unread = _fresh().filter(_between(each.first_id, each.last_id))
            ids = list(patience.free(unread).values_list("pk", flat=True))
            UnreadWebhook.objects.filter(among("pk", ids)).update(
                attempts=1, tried_at=min(each.taken_at, now - LEASE)
            )
            if not unread.exists():
                each.delete()


def _take_broken_off(now: datetime) -> list[int]:
    """This will count an attempt on one webhook that broke off its processing."""
    if not _broken_off(now).exists():
        return []
    with transaction.atomic():
        rows = patience.free(_broken_off(now))
        # Who has waited longest first: one that kills its worker comes after those it took along,
        # and one that is put off again and again keeps no other waiting.
        ids = list(rows.order_by("tried_at", "pk").values_list("pk", flat=True)[:1])
        # Its time is the lease: see LEASE.
        UnreadWebhook.objects.filter(pk__in=ids).update(attempts=F("attempts") + 1, tried_at=now)
        return ids


def _within_bytes(sizes: Iterable[tuple[int, int]]) -> list[int]:
    ids: list[int] = []
    total = 0
    for pk, size in sizes:
        total += size
        if ids and total > _BATCH_BYTES:
            break
        ids.append(pk)
    return ids


def _process_batch(ids: Sequence[int], clock: Clock, *, is_again: bool = False) -> None:
    # What is read again may have been put off, with many others.
    limit = RowLimit(is_next=is_again)
    rest = [each for each in _join_statuses(ids, limit, clock()) if each.has_rest]
    if not rest:
        return
    with shared_reads.shared():
        for group in _groups(rest):
            _process_group(group, limit, clock)
    _let_go(ids)


def _join_statuses(ids: Sequence[int], limit: RowLimit, now: datetime) -> list[_Reading]:
    """This will read bodies and join their statuses; where there is nothing else, that is all.

    Those about somebody whose row is held are put off: see Note [Rows that the shop holds] of
    ``patience``.
    """
    with transaction.atomic():
        look_up_by_key()
        limit.begin()
        attempts = dict(_taken_up(ids).values_list("pk", "attempts"))
        events = WebhookEvent.objects.filter(among("pk", attempts)).order_by("pk")
        readings = [_read(pk, attempts[pk], body) for pk, body in events.values_list("pk", "body")]
        if len(readings) < len(attempts):
            _forget_deleted(attempts.keys() - {reading.event_id for reading in readings})
        told = [(reading, status) for reading in readings for status in reading.parsed.statuses]
        for start in range(0, len(told), _STATUSES):
            _apply_statuses(told[start : start + _STATUSES], limit, now)
        _end([reading for reading in readings if not reading.has_rest], now)
        if not any(reading.has_rest for reading in readings):
            # In the same commit: each one waits for the disk.
            _let_go(ids)
    return readings


def _forget_deleted(ids: Collection[int]) -> None:
    """This will let nobody wait for webhooks that were deleted before they were read."""
    UnreadWebhook.objects.filter(pk__in=ids).delete()
    logger.warning("Webhooks were deleted before they were read", extra={"count": len(ids)})


def _let_go(ids: Sequence[int]) -> None:
    """This will forget that webhooks were taken up together, all of which have been read."""
    WebhookBatch.objects.filter(first_id=ids[0], last_id=ids[-1]).delete()


def _groups(readings: Iterable[_Reading]) -> Iterator[list[_Reading]]:
    """This will put bodies together that hold one message each, of different people, in order.

    What a person has caused may be looked at by that person's next message.
    """
    group: list[_Reading] = []
    people: set[str] = set()
    for reading in readings:
        ids = _people_of(reading)
        if group and (not ids or len(group) == _TOGETHER or not people.isdisjoint(ids)):
            yield group
            group, people = [], set()
        if not ids:
            yield [reading]
            continue
        group.append(reading)
        people |= ids
    if group:
        yield group


def _people_of(reading: _Reading) -> set[str]:
    """This will return the ids of who wrote; none where the body is to be done for itself."""
    parsed = reading.parsed
    if len(reading.rest) != 1 or len(parsed.messages) != 1 or reading.attempts > 1:
        return set()
    (message,) = parsed.messages
    if message.kind in routing.NOTICES or message.group_id:
        return set()
    person = message.person
    spellings = phones.candidates(f"+{person.wa_id}")
    return set(filter(None, (person.wa_id, person.user_id, person.parent_user_id, *spellings)))


def _process_group(group: Sequence[_Reading], limit: RowLimit, clock: Clock) -> None:
    """This will process bodies together, and in halves where that breaks, to the bad one."""
    if len(group) == 1:
        _process_rest(group[0], limit, clock)
    elif not _process_together(group, clock()):
        middle = len(group) // 2
        _process_group(group[:middle], limit, clock)
        _process_group(group[middle:], limit, clock)


def _process_together(group: Sequence[_Reading], now: datetime) -> bool:
    """See Note [Several messages in one transaction].

    Returns:
        False where one of them broke, and nothing was done.
    """
    ids = [reading.event_id for reading in group]
    try:
        with joint.transaction_of_several(now=now):
            # Read, as a COUNT would hold none of them.
            if len(_taken_up(ids).values_list("pk")) < len(ids):
                return False
            messages = [reading.parsed.messages[0] for reading in group]
            inbound.receive_all(messages, now=now)
            _end(group, now)
    except Exception as err:  # noqa: BLE001  # done in halves, and the one that breaks alone says so
        logger.info("Messages are read in halves", extra={"fault": type(err).__name__})
        shared_reads.forget()
        return False
    return True


def _process_rest(reading: _Reading, limit: RowLimit, clock: Clock) -> None:
    """This will process what is no status, each element in its own transaction.

    People's rows are held for no longer than that. With those of one person held, another's
    must not be waited for: see Note [Locks are taken in one order] of ``claims``.
    """
    for number, (handle, element) in enumerate(reading.rest, start=1):
        now = clock()
        try:
            with transaction.atomic():
                limit.begin()
                if not _taken_up([reading.event_id]).exists():
                    return
                _apply_element(reading, handle, element, now)
                if number == len(reading.rest) and not reading.is_put_off:
                    _end([reading], now)
        except OperationalError as err:
            if not limit.is_met(err):
                raise
            shared_reads.forget()
            reading.is_put_off = True
    if reading.is_put_off:
        _end([reading], clock())


def _read(event_id: int, attempts: int, body: bytes | memoryview) -> _Reading:
    problems: list[str] = []
    try:
        parsed = wire.parse(bytes(body))
    except wire.MalformedBody as err:
        parsed = wire.Parsed()
        problems.append(str(err))
    if parsed.malformed:
        problems += [f"{each.path}: {each.reason}" for each in parsed.malformed]
    return _Reading(event_id=event_id, attempts=max(1, attempts), parsed=parsed, problems=problems)


def _apply_statuses(
    told: Sequence[tuple[_Reading, Status]], limit: RowLimit, now: datetime
) -> None:
    """This will join all statuses at once, and in halves where that breaks, to the bad one."""
    try:
        with transaction.atomic():
            statuses.apply(statuses=[status for _reading, status in told], now=now)
            patience.look_at_references()
        return
    except OperationalError as err:
        if not limit.is_met(err):
            raise  # the database is busy: nothing is wrong with the body
        if len(told) == 1:
            told[0][0].is_put_off = True
            return
        limit.begin()
    except Exception as err:  # noqa: BLE001  # one poison status must not stop the others
        if len(told) == 1:
            logger.error("A status could not be joined: %s", faults.trace(err))
            told[0][0].problems.append(f"Status: {type(err).__name__}")
            return
    middle = len(told) // 2
    _apply_statuses(told[:middle], limit, now)
    _apply_statuses(told[middle:], limit, now)


def _apply_element(
    reading: _Reading, handle: Callable[..., object], element: object, now: datetime
) -> None:
    try:
        with transaction.atomic():
            handle(element, now=now)
    except OperationalError:
        raise
    except Exception as err:  # noqa: BLE001  # one poison element must not stop the others
        shared_reads.forget()
        logger.error("A webhook element broke: %s", faults.trace(err))
        reading.problems.append(f"{type(element).__name__}: {type(err).__name__}")


def _end(readings: Sequence[_Reading], now: datetime) -> None:
    """This will write what became of webhooks; those that are put off are read after a pause.

    As often as need be: that is no fault of theirs.
    """
    _finish([reading for reading in readings if not reading.is_put_off])
    put_off = [reading.event_id for reading in readings if reading.is_put_off]
    if put_off:
        UnreadWebhook.objects.filter(pk__in=put_off).update(
            attempts=1, tried_at=now - LEASE + patience.ROW_PAUSE
        )
        logger.info("Webhooks wait for rows that are held", extra={"count": len(put_off)})


def _finish(readings: Sequence[_Reading]) -> None:
    """This will write what became of webhooks."""
    if not readings:
        return
    read = UnreadWebhook.objects.filter(among("pk", [each.event_id for each in readings]))
    read.delete()
    bad = [reading for reading in readings if reading.problems]
    for reading in bad:
        problem = "; ".join(reading.problems)[:300]
        WebhookEvent.objects.filter(pk=reading.event_id).update(
            is_quarantined=True, problem=problem
        )
    _ring_for_quarantine(len(bad))


def _put_poison_aside(now: datetime) -> None:
    poison = waiting().filter(attempts__gte=MAX_ATTEMPTS, tried_at__lte=now - LEASE)
    if not poison.exists():
        return
    with transaction.atomic():
        ids = list(patience.free(poison).values_list("pk", flat=True))
        WebhookEvent.objects.filter(pk__in=ids).update(
            is_quarantined=True, problem="It broke off its processing three times."
        )
        UnreadWebhook.objects.filter(pk__in=ids).delete()
        _ring_for_quarantine(len(ids))


def _ring_for_quarantine(count: int) -> None:
    if count:
        doorbells.ring(signals.attention_needed, reason="quarantine", detail=f"{count} webhooks")
