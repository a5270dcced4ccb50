"""Out of the outbox: claim, call, record, until nothing is due."""

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DataError, IntegrityError, OperationalError, connection
from django.db.models import QuerySet

from whatsapp_notify import backends, conf
from whatsapp_notify.backends.base import Backend
from whatsapp_notify.domain import policy
from whatsapp_notify.domain.receipts import Outgoing, Receipt
from whatsapp_notify.models import Message
from whatsapp_notify.services import claims, faults, patience, receipts
from whatsapp_notify.services.calls import Calls
from whatsapp_notify.services.claims import PlannedCall, Tempo

logger = logging.getLogger(__name__)

#: Rows committed as ``calling`` together, and answers written together: few are in doubt when
#: a process is killed.
MICRO_BATCH = 200
#: Answers are written at the latest after so long.
COLLECT_SECONDS = 0.1
#: Those that are there already come within so long.
_AT_HAND_SECONDS = 0.01
#: How often it is looked meanwhile for what could overtake calls that have not begun.
_OVERTAKING_SECONDS = 0.02
#: A wait longer than this is left to the next tick.
LONGEST_WAIT = timedelta(seconds=1)


@dataclass(slots=True, kw_only=True)
class Delivered:
    """What one run did."""

    calls: int = 0
    looked_at: int = 0
    #: How long its next claim, and its next writing of answers, are likely to take.
    tempo: Tempo = field(default_factory=Tempo)


def deliver(
    *,
    clock: Callable[[], datetime],
    backend: Backend | None = None,
    stop: threading.Event | None = None,
    at_most: int | None = None,
    on_round: Callable[[datetime], None] | None = None,
) -> Delivered:
    """This will send what is due and return when nothing more is, or ``stop`` is set.

    Many may run at once, on one machine or several. Needs that no transaction is open. After
    ``stop`` nothing new is claimed and the current calls end, so that none is in doubt.

    Args:
        clock: Returns the time; asked before each claim and each record.
        at_most: Calls after which no more are claimed.
        on_round: Called with the time, several times a second, as a sign of life.

    Raises:
        RuntimeError: A transaction is open, or autocommit is off.
        django.db.OperationalError: The database stayed busy. Calls that were under way have
            been recorded if that was possible, else the sweep and webhooks do it.
    """
    stop = stop or threading.Event()
    report = Delivered()
    concurrency = conf.load().CONCURRENCY
    with Calls(
        backend=backend or backends.load(),
        concurrency=concurrency,
        per_second=conf.load().MESSAGES_PER_SECOND,
        look=_look,
    ) as calls:
        try:
            _run(calls, report, clock, stop, at_most, on_round)
        finally:
            # Where a claim or a look broke off, calls are under way whose answers are worth
            # keeping; what has not started does not any more.
            calls.abandon()
            while not calls.is_idle:
                _collect(calls, report, clock, may_hurry=False, until=math.inf)
    return report


def _run(
    calls: Calls,
    report: Delivered,
    clock: Callable[[], datetime],
    stop: threading.Event,
    at_most: int | None,
    on_round: Callable[[datetime], None] | None,
) -> None:
    may_hurry = True
    while True:
        if on_round is not None:
            on_round(clock())
        budget = calls.free if at_most is None else min(calls.free, at_most - report.calls)
        look_again_at: float | None = None
        if budget > 0 and not stop.is_set():
            looked_at = report.looked_at
            look_again_at = _claim(calls, report, min(budget, MICRO_BATCH), clock)
            is_full = report.looked_at - looked_at >= MICRO_BATCH
            if is_full and budget >= 2 * MICRO_BATCH:
                # There is more, and room for it: answers can wait. A claim that was not full is
                # not worth another one at once.
                calls.start_due()
                continue
        until = math.inf if look_again_at is None else look_again_at
        # Only where calls wait for the pace: else what is urgent leaves with the next claim. Not
        # twice in a row: what is urgent and yet was not claimed may be held by somebody.
        may_hurry = may_hurry and until < math.inf
        answers, may_hurry = _collect(calls, report, clock, may_hurry=may_hurry, until=until)
        if answers or not calls.is_idle:
            continue
        if look_again_at is None:
            return
        if look_again_at < math.inf:
            stop.wait(max(0.0, look_again_at - time.monotonic()))


def is_due(*, now: datetime) -> bool:
    """This will tell whether anything in the outbox is due."""
    return any(_has_due(priority=each, now=now) for each in sorted(policy.PRIORITIES.values()))


def due(*, priority: int, now: datetime) -> QuerySet[Message]:
    """This will find what is due of one priority, the longest due first.

    One priority at a time, and in this order: so it is read off the index. Asked for any, in
    any order, PostgreSQL reads a million messages that were sent long ago where it last counted
    while many were waiting.
    """
    of_priority = Message.objects.filter(is_pending=True, priority=priority, due_at__lte=now)
    return of_priority.order_by("due_at", "pk")


def _look(planned: Collection[PlannedCall]) -> frozenset[int]:
    return patience.with_database(lambda: claims.look(planned=planned))


def _collect(
    calls: Calls,
    report: Delivered,
    clock: Callable[[], datetime],
    *,
    may_hurry: bool,
    until: float,
) -> tuple[int, bool]:
    """This will write the answers that come within a while, shorter where something urgent is due.

    ``until`` ends it too, a moment of ``time.monotonic``: where claims and writing take long,
    places in the pace would stay empty.

    Returns:
        How many there were, and whether the while was a whole one.
    """
    answers: list[tuple[Outgoing, Receipt]] = []
    begun = time.monotonic()
    ends_at = max(begun + _AT_HAND_SECONDS, min(begun + COLLECT_SECONDS, until))
    is_whole = False
    try:
        while not is_whole:
            left = max(0.0, ends_at - time.monotonic())
            timeout = min(left, _OVERTAKING_SECONDS) if may_hurry else left
            answers += calls.collect(timeout=timeout, at_most=MICRO_BATCH - len(answers))
            is_whole = len(answers) >= MICRO_BATCH or calls.is_idle or time.monotonic() >= ends_at
            if not is_whole and may_hurry and _is_overtaking_due(calls, now=clock()):
                break
    finally:
        # Also where a look has failed: what has been answered must be written.
        if answers:
            began = clock()
            _record(answers, began)
            writing = max(timedelta(), clock() - began)
            report.tempo = report.tempo.with_writing(writing)
    return len(answers), is_whole


def _is_overtaking_due(calls: Calls, *, now: datetime) -> bool:
    """This will tell whether what is due could take the moment of a call that begins soon.

    Asked for each priority, in order: so the index is read from the due time on, and not a
    campaign of next week.
    """
    least_urgent = calls.least_urgent
    if least_urgent is None:
        return False
    more_urgent = sorted(each for each in policy.PRIORITIES.values() if each < least_urgent)
    try:
        return any(_has_due(priority=each, now=now) for each in more_urgent)
    except OperationalError:
        # Answers are at hand; the next claim has patience.
        connection.close_if_unusable_or_obsolete()
        return False


def _has_due(*, priority: int, now: datetime) -> bool:
    return due(priority=priority, now=now).values_list("pk").first() is not None


def _record(
    answers: Sequence[tuple[Outgoing, Receipt]],
    now: datetime,
    rows: patience.RowLimit | None = None,
) -> None:
    rows = rows or patience.RowLimit()
    # The calls are over: only the writing may be tried again, and it is worth many tries.
    try:
        patience.with_database(
            lambda: receipts.record(answers=answers, now=now, rows=rows),
            tries=10,
            gives_way=True,
        )
    except (DataError, IntegrityError) as err:
        # An answer that the database does not take must not cost the others theirs. Its
        # message stays ``calling``, until the sweep puts it in doubt for a person to see.
        logger.error("Answers could not be recorded: %s", faults.trace(err))
        if len(answers) > 1:
            for answer in answers:
                _record([answer], now, rows)
    except OperationalError as err:
        if not rows.is_met(err):
            raise
        if len(answers) > 1:
            for answer in answers:
                _record([answer], now, rows)
            return
        logger.warning("An answer is written without its customer, whose row is held")
        patience.with_database(
            lambda: receipts.record(answers=answers, now=now, spares_people=True), tries=10
        )


def _claim(
    calls: Calls, report: Delivered, limit: int, clock: Callable[[], datetime]
) -> float | None:
    """This will start what may leave, and return when to look again, by ``time.monotonic``.

    None where nothing is due soon; infinity where it depends on calls that are under way.
    """

    def claim() -> tuple[claims.Claimed, datetime, float]:
        # Read anew for each try: the database may have let us wait for long.
        now, began = clock(), time.monotonic()
        claimed = claims.claim(limit=limit, now=now, clock=clock, tempo=report.tempo)
        return claimed, now, began

    claimed, now, began = patience.with_database(claim)
    start_before = began + claims.START_WITHIN.total_seconds()
    calls.start(claimed.calls, claimed_at=began, start_before=start_before)
    report.calls += len(claimed.calls)
    report.looked_at += claimed.seen
    report.tempo = report.tempo.with_deciding(claimed.took)
    if claimed.wait_until is None:
        return math.inf if claimed.seen else None
    wait = claimed.wait_until - now
    return began + wait.total_seconds() if wait <= LONGEST_WAIT else None
