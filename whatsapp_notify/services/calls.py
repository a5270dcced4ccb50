"""Many calls to a backend at once, without the database."""

import logging
import queue
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from whatsapp_notify.backends.base import Backend
from whatsapp_notify.domain.receipts import (
    Action,
    Outgoing,
    Receipt,
    Refused,
    Unknown,
    UnknownReason,
)
from whatsapp_notify.services import faults

logger = logging.getLogger(__name__)


class Calls:
    """A pool of threads that only call; the thread that owns the database does all else.

    Messages are started at their own moment (``start_in`` seconds from now), in order, by
    ``collect``: threads never sleep.
    """

    def __init__(self, *, backend: Backend, concurrency: int) -> None:
        self._backend = backend
        self._concurrency = concurrency
        self._pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="whatsapp-call")
        self._waiting: deque[tuple[float, float, Outgoing]] = deque()
        self._answers: queue.SimpleQueue[tuple[Outgoing, Receipt]] = queue.SimpleQueue()
        self._in_flight = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True)

    @property
    def free(self) -> int:
        """How many more calls may be started now."""
        return self._concurrency - self._in_flight - len(self._waiting)

    @property
    def is_idle(self) -> bool:
        return self._in_flight == 0 and not self._waiting

    def start(self, outgoing: Outgoing, *, start_in: float, start_before: float) -> None:
        """This will have the message called in ``start_in`` seconds.

        ``start_before`` is a moment of ``time.monotonic``, looked at just before the call:
        later it is refused here, and has definitely not left.
        """
        self._waiting.append((time.monotonic() + start_in, start_before, outgoing))

    def collect(self, *, timeout: float, at_most: int) -> list[tuple[Outgoing, Receipt]]:
        """This will start what is due and return the answers that came within the time."""
        answers: list[tuple[Outgoing, Receipt]] = []
        deadline = time.monotonic() + timeout
        while len(answers) < at_most:
            self._start_due()
            remaining = self._until_next_start(deadline) - time.monotonic()
            if self.is_idle or time.monotonic() >= deadline:
                break
            try:
                answers.append(self._answers.get(timeout=max(remaining, 0.0002)))
            except queue.Empty:
                continue
            self._in_flight -= 1
        return answers

    def _start_due(self) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _moment, start_before, outgoing = self._waiting.popleft()
            self._in_flight += 1
            self._pool.submit(self._call, outgoing, start_before)

    def _until_next_start(self, deadline: float) -> float:
        return min(deadline, self._waiting[0][0]) if self._waiting else deadline

    def _call(self, outgoing: Outgoing, start_before: float) -> None:
        receipt: Receipt = Unknown(reason=UnknownReason.PROCESS_DIED)
        try:
            if time.monotonic() < start_before:
                receipt = self._backend.send(outgoing)
            else:
                receipt = Refused(action=Action.RETRY, detail="The process was frozen too long.")
        except Exception as err:  # noqa: BLE001  # a bug in a backend must not lose the answer
            logger.error("A backend raised: %s", faults.trace(err))
            receipt = Unknown(reason=UnknownReason.PROCESS_DIED, detail=type(err).__name__)
        finally:
            # Whatever happens: without an answer the call would count as running for ever.
            self._answers.put((outgoing, receipt))
