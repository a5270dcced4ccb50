"""Tells the broker from a thread of its own, so that a checkout never waits for it.

Note [A ring a moment]
    The first ring is told at once. Those that follow within a moment are one, told at its end:
    under load a ring a row would cost more than the row. Where a task may say so, the moment
    grows while they keep coming: a task for each few rows would cost more than they do.
"""

import atexit
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Mapping

from celery import Task

logger = logging.getLogger(__name__)

#: How long the end of a process waits for what has not been told yet; the tick does the rest.
_LAST_CALL_SECONDS = 1.0
#: See Note [A ring a moment].
MOMENT_SECONDS = 0.1


class Ringer:
    """One daemon thread a process, started with the first ring.

    Rings for the same task that come while it is being told are one ring: the task drains
    whatever it finds. After a fork the child starts a thread of its own.
    """

    def __init__(
        self,
        *,
        tell: Callable[[Task], object],
        longest_moments: Mapping[str, float] | None = None,
    ) -> None:
        """``longest_moments``: seconds by a task's name, where they are not MOMENT_SECONDS."""
        self._tell = tell
        self._longest_moments = longest_moments or {}
        self._changed = threading.Condition()
        self._waiting: dict[str, Task] = {}
        self._is_telling = False
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._begin_anew)
        atexit.register(self.wait, timeout_seconds=_LAST_CALL_SECONDS)

    def ring(self, task: Task) -> None:
        """This will have the task told soon; takes some microseconds."""
        if task.name in self._waiting and self._thread is not None and self._thread.is_alive():
            # It is told from now on: whatever was committed before is found by it. To take the
            # lock and wake the thread each time would cost more than the webhook that rang.
            return
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="whatsapp-doorbell", daemon=True
                )
                self._thread.start()
            # Before the entry, which others take for a promise: whoever is woken looks only
            # once the lock is free, and whatever ends this thread here has promised nothing.
            self._changed.notify_all()
            self._waiting[task.name] = task

    def wait(self, *, timeout_seconds: float) -> bool:
        """This will wait until everything has been told.

        Returns:
            False where that took longer.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._waiting and not self._is_telling, timeout_seconds
            )

    def _begin_anew(self) -> None:
        self._changed = threading.Condition()
        self._waiting, self._is_telling, self._thread = {}, False, None

    def _run(self) -> None:
        moments = Moments(longest=self._longest_moments)
        while True:
            with self._changed:
                self._is_telling = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting)
                if (pause := min(map(moments.due_at, self._waiting)) - time.monotonic()) > 0:
                    # Another ring, for a task that was not told lately, ends the pause.
                    self._changed.wait(pause)
                now = time.monotonic()
                tasks = [
                    task for name, task in self._waiting.items() if moments.due_at(name) <= now
                ]
                for task in tasks:
                    del self._waiting[task.name]
                    moments.note_told(task.name, now=now)
                self._is_telling = True
            for task in tasks:
                try:
                    self._tell(task)
                except Exception as err:  # noqa: BLE001  # the thread must live to ring again
                    logger.error("A doorbell broke", extra={"fault": type(err).__name__})


class Moments:
    """When a task may be told again. See Note [A ring a moment].

    Times are seconds of one clock that never goes back; whose, is the caller's affair.
    """

    def __init__(self, *, longest: Mapping[str, float]) -> None:
        """``longest``: seconds by a task's name, where a moment may grow beyond MOMENT_SECONDS."""
        self._longest = longest
        self._told_at: dict[str, float] = {}
        self._lengths: dict[str, float] = {}

    def due_at(self, name: str) -> float:
        """The end of its moment; long ago where it was never told."""
        return self._told_at.get(name, -math.inf) + self._lengths.get(name, MOMENT_SECONDS)

    def note_told(self, name: str, *, now: float) -> None:
        """This will begin its next moment, a longer one where rings keep coming."""
        keeps_coming = now - self.due_at(name) < MOMENT_SECONDS
        if keeps_coming:
            grown = 2 * self._lengths.get(name, MOMENT_SECONDS)
            self._lengths[name] = min(grown, self._longest.get(name, MOMENT_SECONDS))
        else:
            self._lengths[name] = MOMENT_SECONDS
        self._told_at[name] = now
