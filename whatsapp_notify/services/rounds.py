"""All that the periodic tasks do, one after the other in one process, without a queue."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from whatsapp_notify.cloud_api.exceptions import GraphError, GraphUnavailable
from whatsapp_notify.services import (
    birthdays,
    drains,
    errands,
    events,
    heartbeats,
    inbound_media,
    reconcile,
    schedules,
    sender_health,
    sweep,
    webhooks,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round did."""

    webhooks: int
    errands: int
    events: int
    calls: int
    files: int
    #: It ended with more to be sent, so that the next round should follow at once.
    has_more: bool = False

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
        self._done_at: dict[str, datetime] = {}

    def run(self) -> Round:
        """This will do one round: read first, then plan, then send. Needs no open transaction.

        What comes in may cause what goes out, so that one round carries it all the way. It sends
        for one turn, as a task does: while a campaign leaves, what comes in is read all the same.

        Raises:
            RuntimeError: A transaction is open.
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
        answered = 0
        while not self._stop.is_set() and (count := errands.run(now=self._clock())):
            answered += count
        self._when_due("whatsapp_notify.reconcile", reconcile.scan, now=now)
        self._when_due("whatsapp_notify.greet_birthdays", birthdays.greet, now=now)
        self._when_due("whatsapp_notify.refresh_sender", _refresh_sender, now=now)
        planned = 0
        while not self._stop.is_set() and (count := events.process(now=self._clock())):
            planned += count
        drained = drains.drain(clock=self._clock, stop=self._stop)
        # Last, for a large file takes its time.
        fetched = inbound_media.fetch_due(now=self._clock()) if not self._stop.is_set() else 0
        return Round(
            webhooks=read,
            errands=answered,
            events=planned,
            calls=drained.calls,
            files=fetched,
            has_more=drained.has_more,
        )

    def _read(self) -> int:
        return webhooks.process(now=self._clock(), clock=self._clock)

    def _when_due(self, task: str, work: Callable[..., object], *, now: datetime) -> None:
        every = next(each.every for each in schedules.SCHEDULES if each.task == task)
        done_at = self._done_at.get(task)
        if done_at is None or now - done_at >= every:
            work(now=now)
            self._done_at[task] = now


def _refresh_sender(*, now: datetime) -> None:
    try:
        sender_health.refresh(now=now)
    except (GraphError, GraphUnavailable) as err:
        # Sending itself will meet the same, and say so where it counts.
        logger.warning("The sender's health could not be read", extra={"fault": type(err).__name__})
