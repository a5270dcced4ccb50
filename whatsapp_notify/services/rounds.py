"""All that the periodic tasks do, one after the other in one process, without a queue."""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from whatsapp_notify.cloud_api.exceptions import GraphError, GraphUnavailable
from whatsapp_notify.services import (
    birthdays,
    drains,
    errands,
    events,
    faults,
    heartbeats,
    inbound_media,
    reconcile,
    schedules,
    sender_health,
    sweep,
    webhooks,
)

logger = logging.getLogger(__name__)

#: What is put off, as somebody holds its rows, comes back while others are tried; it keeps what
#: comes after it waiting for no longer.
_TURN_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round did."""

    webhooks: int
    errands: int
    events: int
    calls: int
    files: int
    #: It ended with more to be done, so that the next round should follow at once.
    has_more: bool = False
    #: What is due was left to others that send, or were killed a moment ago.
    is_left_to_others: bool = False

    @property
    def is_idle(self) -> bool:
        return not (self.webhooks or self.errands or self.events or self.calls or self.files)


class Rounds:
    """Does what is due, round after round; remembers when the rare work was last done.

    It may run beside workers: all of it takes turns in the database.
    """

    def __init__(self, *, clock: Callable[[], datetime], stop: threading.Event) -> None:
        self._clock = clock
        self._stop = stop
        #: By the monotonic clock: the other may be put back.
        self._done_at: dict[str, float] = {}

    def run(self) -> Round:
        """This will do one round: read first, then plan, then send. Needs no open transaction.

        What comes in may cause what goes out, so that one round carries it all the way. It sends
        for one turn, as a task does: while a campaign leaves, what comes in is read all the same.

        Raises:
            RuntimeError: A transaction is open, or autocommit is off.
            django.db.OperationalError: The database stayed busy, or is away.
        """
        now = self._clock()
        heartbeats.beat(name=heartbeats.BEAT, now=now)
        heartbeats.beat(name=heartbeats.WORKER, now=now)
        sweep.sweep(now=now)
        read = 0
        while not self._stop.is_set() and (count := self._read()):
            read += count
            if not webhooks.is_waiting(since=now):
                break
        answered, has_errands = self._for_a_turn(errands.run)
        self._when_due("whatsapp_notify.reconcile", reconcile.scan, now=now)
        self._when_due("whatsapp_notify.greet_birthdays", birthdays.greet, now=now)
        self._when_due("whatsapp_notify.refresh_sender", _refresh_sender, now=now)
        planned, has_events = self._for_a_turn(
            partial(events.process, clock=self._clock, is_stopping=self._stop.is_set)
        )
        drained = drains.drain(clock=self._clock, stop=self._stop)
        # Last, for a large file takes its time.
        fetched = inbound_media.fetch_due(now=self._clock()) if not self._stop.is_set() else 0
        return Round(
            webhooks=read,
            errands=answered,
            events=planned,
            calls=drained.calls,
            files=fetched,
            has_more=drained.has_more or has_errands or has_events,
            is_left_to_others=drained.is_left_to_others,
        )

    def _read(self) -> int:
        return webhooks.process(now=self._clock(), clock=self._clock)

    def _for_a_turn(self, work: Callable[..., int]) -> tuple[int, bool]:
        """This will do the work until nothing is left of it, or its turn is over.

        Returns:
            How much was done, and whether the turn has ended it.
        """
        total, turn_ends_at = 0, time.monotonic() + _TURN_SECONDS
        while not self._stop.is_set() and (count := work(now=self._clock())):
            total += count
            if time.monotonic() > turn_ends_at:
                return total, True
        return total, False

    def _when_due(self, task: str, work: Callable[..., object], *, now: datetime) -> None:
        """This will do rare work; what breaks in it must not keep messages from leaving.

        Where it was the database that is away, the next step says so.
        """
        every = next(each.every for each in schedules.SCHEDULES if each.task == task)
        since = time.monotonic() - self._done_at.get(task, -math.inf)
        if since < every.total_seconds():
            return
        self._done_at[task] = time.monotonic()
        try:
            work(now=now)
        except Exception as err:  # noqa: BLE001  # the shop's own models are asked
            logger.error("A periodic task failed: %s", faults.trace(err), extra={"task": task})


def _refresh_sender(*, now: datetime) -> None:
    try:
        sender_health.refresh(now=now)
    except (GraphError, GraphUnavailable) as err:
        # Sending itself will meet the same, and say so where it counts.
        logger.warning("The sender's health could not be read", extra={"fault": type(err).__name__})
