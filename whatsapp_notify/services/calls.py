"""Many calls to a backend at once, without the database.

# Note [Moments and calls are apart]
The thread that owns the database may write answers just when a place in the pace comes; a call
that begins late falls into the next second, which is full by itself. So places are handed out
a little ahead, and a thread that has taken one waits for it. Only then does it take a call, the
most urgent that is ready. What is more urgent than those is made ready at once, and begins at the
next moment, whoever waited for that; the moment that is owed to the others comes with the next
place.

# Note [The rate is kept where calls begin]
Where the machine stands still for a while, all that should have begun meanwhile begins at its end,
beside what is on time, and the second after that would hold too many. So begins are counted, and
not places: each call passes a turnstile. Where the owner comes late, calls stand there, and as
many begin as the rate allows, whether it looks after them or not. What stands there has been
looked at and cannot be taken back: so only what may begin soon is handed over, and no more than
begins within a part of a second.

# Note [A signal raises anywhere]
Ctrl-C and Celery's soft time limit raise in the thread that owns the calls, between any two of its
steps. So a call is let go of before it is handed over: struck between the two it stays ``calling``
and comes to be in doubt. The other way round, one that has begun would be taken back, and sent
again. Such a call was counted and has no answer to come; nobody waits for it once the threads have
ended.
"""

import heapq
import itertools
import logging
import math
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import NamedTuple, Self

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
from whatsapp_notify.services.claims import PlannedCall

logger = logging.getLogger(__name__)

#: Returns the contacts to whom no call must start any more; see Note [The last look] of
#: ``claims``.
Look = Callable[[Collection[PlannedCall]], frozenset[int]]

#: A call starts at most so long after the last look at it; later it is looked at again.
LOOK_SECONDS = 1.0
#: How long before its place a call is looked at and handed to the threads, at the earliest;
#: at the latest when half of that is left, with all that have a place until then and may begin:
#: each look is a query.
AHEAD_SECONDS = 0.05
#: Answers that come within so long of each other go together.
_TOGETHER_SECONDS = 0.01
#: So many calls as the rate allows in one second start in this time: some reach the provider a
#: little later after their start than others, and no second there may hold more.
_SECOND = 1.005
#: No more calls wait to begin than begin in so long.
_BACKLOG_SECONDS = 0.4
#: A call stands at the turnstile for at most so long. One that is overtaken begins with a later
#: place, up to a horizon away, and may stand there too: with the usual horizon less than
#: LOOK_SECONDS together; with the longest it may come too late, and is decided anew.
_STANDS_SECONDS = 0.3

_TOO_LATE = Refused(action=Action.RECONSIDER, detail="The call could not begin in time.")
_RECONSIDER = Refused(
    action=Action.RECONSIDER, detail="The customer or the shop has changed their mind."
)


class _Waiting(NamedTuple):
    """A call that has a place in the pace; the smallest is handed over first."""

    priority: int
    number: int
    start_before: float
    planned: PlannedCall


class _Moment(NamedTuple):
    """Not before when one more call begins, and through which slot of the turnstile."""

    at: float
    slot: int


#: A call that is handed over, and its moment; None where it takes that of another.
_Due = tuple[_Waiting, _Moment | None]


class _Ready(NamedTuple):
    """A call that has been looked at; the smallest begins first."""

    priority: int
    number: int
    start_before: float
    outgoing: Outgoing


class Calls:
    """A pool of threads that only call; the thread that owns the database does all else.

    Messages are looked at and handed over by ``collect`` and ``start_due``, shortly before their
    moment, and begun by the threads. See Note [Moments and calls are apart].
    """

    def __init__(
        self, *, backend: Backend, concurrency: int, per_second: float, look: Look
    ) -> None:
        self._backend = backend
        self._concurrency = concurrency
        self._look = look
        self._backlog = Backlog(per_second=per_second)
        self._turnstile = turnstile(per_second=per_second)
        self._threads: list[threading.Thread] = []
        #: Places in the pace, soonest first, and who takes the next: the most urgent.
        self._places: deque[float] = deque()
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        #: When one more call begins, and as many that have been looked at, in order of urgency.
        self._moments: queue.SimpleQueue[_Moment | None] = queue.SimpleQueue()
        #: How many moments there were until now.
        self._handed_over = 0
        self._ready: list[_Ready] = []
        #: How many more are ready than have moments.
        self._owed = 0
        self._answers: queue.SimpleQueue[tuple[Outgoing, Receipt]] = queue.SimpleQueue()
        self._in_flight = 0
        self._is_abandoned = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._dismiss()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    @property
    def free(self) -> int:
        """How many more calls may be started now."""
        return self._concurrency - self._in_flight - len(self._waiting)

    @property
    def is_idle(self) -> bool:
        if self._in_flight == 0 and not self._waiting:
            return True
        return self._is_abandoned and self._is_over

    @property
    def _is_over(self) -> bool:
        """Whether no answer can come any more; see Note [A signal raises anywhere]."""
        is_calling = any(thread.is_alive() for thread in self._threads)
        return not is_calling and self._answers.empty()

    @property
    def least_urgent(self) -> int | None:
        """The priority of the least urgent call that begins within moments; None without one."""
        return max((each.priority for each in tuple(self._ready)), default=None)

    def start(
        self, planned: Sequence[PlannedCall], *, claimed_at: float, start_before: float
    ) -> None:
        """This will have the messages called, each at a place in the pace.

        What is urgent takes the place of what is not, if that has not started yet.

        ``claimed_at`` and ``start_before`` are moments of ``time.monotonic``. A call that has
        not begun by the second one is refused here, and has definitely not left.
        """
        for each in planned:
            self._places.append(claimed_at + each.start_in)
            entry = _Waiting(each.priority, next(self._numbers), start_before, each)
            heapq.heappush(self._waiting, entry)

    def collect(self, *, timeout: float, at_most: int) -> list[tuple[Outgoing, Receipt]]:
        """This will start what is due and return the answers that came within the time.

        With some answers at hand it does not wait for more than is due by then.
        """
        answers: list[tuple[Outgoing, Receipt]] = []
        try:
            self._collect(answers, time.monotonic() + timeout, at_most)
        except BaseException:
            # The last look has failed. What had been answered is still to be written.
            for answer in answers:
                self._answers.put(answer)
            self._in_flight += len(answers)
            raise
        return answers

    def abandon(self) -> None:
        """This will take back all calls that have not been handed over; not one has left.

        Nothing can be started any more.
        """
        self._in_flight += len(self._waiting)
        for each in self._waiting:
            self._answers.put((each.planned.outgoing, _RECONSIDER))
        self._waiting.clear()
        self._places.clear()
        for _moment in range(self._owed):
            self._answers.put((heapq.heappop(self._ready).outgoing, _RECONSIDER))
        self._owed = 0
        # All that has been handed over comes before.
        self._dismiss()
        self._is_abandoned = True

    def _dismiss(self) -> None:
        """This will let each thread end after the calls that it still has to make."""
        for _thread in self._threads:
            self._moments.put(None)

    def _collect(
        self, answers: list[tuple[Outgoing, Receipt]], deadline: float, at_most: int
    ) -> None:
        while len(answers) < at_most:
            self.start_due()
            now = time.monotonic()
            if self.is_idle or now >= deadline:
                break
            try:
                answers.append(self._answers.get(timeout=self._until_next_start(deadline) - now))
            except queue.Empty:
                continue
            self._in_flight -= 1
            self._take_all(answers, at_most)
            self._rest(deadline, answers, at_most)

    def _take_all(self, answers: list[tuple[Outgoing, Receipt]], at_most: int) -> None:
        while len(answers) < at_most:
            try:
                answers.append(self._answers.get_nowait())
            except queue.Empty:
                return
            self._in_flight -= 1

    def _rest(self, deadline: float, answers: Sequence[object], at_most: int) -> None:
        """This will let more answers come: to be woken for each of them costs more than they do."""
        pause = min(deadline - time.monotonic(), _TOGETHER_SECONDS)
        if pause > 0 and self._in_flight and len(answers) < at_most:
            time.sleep(pause)

    def start_due(self) -> None:
        """This will hand over the calls whose moment is near, unless the last look forbids it."""
        if overtaking := self._overtaking():
            self._look_and_begin(overtaking)
        now = time.monotonic()
        if not self._places or self._places[0] > now + AHEAD_SECONDS / 2:
            return
        not_begun = len(self._ready) - self._owed
        room = self._backlog.room(not_begun=not_begun, begun=self._handed_over - not_begun, now=now)
        due: deque[_Due] = deque()
        while room > 0 and self._places and self._places[0] <= now + AHEAD_SECONDS:
            slot = self._turnstile.take(now=now, within=_STANDS_SECONDS)
            if slot is None:
                break
            moment = _Moment(self._places.popleft(), slot)
            room -= 1
            if self._owed:
                self._owed -= 1
                self._hand_over(moment)
            else:
                due.append((heapq.heappop(self._waiting), moment))
        if due:
            self._look_and_begin(due)

    def _overtaking(self) -> deque[_Due]:
        """This will take out the calls that are more urgent than some that are ready.

        No more of them than those, as each takes the moment of one.
        """
        found: deque[_Due] = deque()
        last = self.least_urgent
        if last is None or not self._waiting or self._waiting[0].priority >= last:
            return found
        urgent = self._waiting[0].priority
        others = sum(each.priority > urgent for each in tuple(self._ready)) - self._owed
        while self._waiting and self._waiting[0].priority == urgent and len(found) < others:
            found.append((heapq.heappop(self._waiting), None))
        return found

    def _look_and_begin(self, due: deque[_Due]) -> None:
        self._in_flight += len(due)
        looked_at = time.monotonic()
        try:
            revoked = self._look([call.planned for call, _moment in due])
            while due:
                is_revoked = due[0][0].planned.contact_id in revoked
                if not is_revoked:
                    self._hire()
                # Before anything becomes of it: see Note [A signal raises anywhere].
                call, moment = due.popleft()
                if is_revoked:
                    self._take_back(call, moment)
                else:
                    before = min(call.start_before, looked_at + LOOK_SECONDS)
                    ready = _Ready(call.priority, call.number, before, call.planned.outgoing)
                    self._begin(ready, at=moment)
        except BaseException:
            # Not one of these has been handed over: that must not be forgotten.
            while due:
                self._take_back(*due.popleft())
            raise

    def _take_back(self, call: _Waiting, moment: _Moment | None) -> None:
        self._answers.put((call.planned.outgoing, _RECONSIDER))
        if moment is None:
            # It will take no moment, so that nobody is owed its place.
            self._places.pop()

    def _hire(self) -> None:
        """This will start one more thread if there are fewer than calls.

        Where the machine allows no more of them, as containers do, those that there are make
        all calls, but for one: its place is for the thread that ends calls which take too long,
        without which none begins.

        Raises:
            RuntimeError: It allows less than two.
        """
        if len(self._threads) >= min(self._in_flight, self._concurrency):
            return
        thread = threading.Thread(target=self._run, name="whatsapp-call", daemon=True)
        # First: one that nobody knows of would end in place of another, which never does.
        self._threads.append(thread)
        try:
            thread.start()
        except RuntimeError:
            if thread in threading.enumerate():
                raise  # a signal has: see Note [A signal raises anywhere]
            self._threads.remove(thread)
            if len(self._threads) < 2:
                raise
            self._concurrency = len(self._threads) - 1
            logger.warning("The machine allows no more threads", extra={"count": self._concurrency})
            # One of them ends; for each in the list another follows, of which one is left over.
            self._moments.put(None)

    def _begin(self, call: _Ready, *, at: _Moment | None) -> None:
        """This will make a call ready, and have one more begin at that moment, if there is one."""
        # Before the moment, which tells a thread that there is one.
        heapq.heappush(self._ready, call)
        if at is None:
            self._owed += 1
        else:
            self._hand_over(at)

    def _hand_over(self, moment: _Moment) -> None:
        self._handed_over += 1
        self._moments.put(moment)

    def _until_next_start(self, deadline: float) -> float:
        """This will return when to look at what waits again: not for each call of its own."""
        if not self._places:
            return deadline
        return max(self._next_handover(deadline), time.monotonic() + _TOGETHER_SECONDS)

    def _next_handover(self, deadline: float) -> float:
        return min(deadline, self._places[0] - AHEAD_SECONDS / 2) if self._places else deadline

    def _run(self) -> None:
        while (moment := self._moments.get()) is not None:
            if (pause := moment.at - time.monotonic()) > 0:
                time.sleep(pause)
            self._turnstile.pass_through(moment.slot)
            # There are no fewer than moments; one step of the interpreter, as numbers differ.
            call = heapq.heappop(self._ready)
            self._call(call.outgoing, call.start_before)

    def _call(self, outgoing: Outgoing, start_before: float) -> None:
        receipt: Receipt
        try:
            is_in_time = time.monotonic() < start_before
            receipt = self._backend.send(outgoing) if is_in_time else _TOO_LATE
        except BaseException as err:  # noqa: BLE001  # whatever happens, in a thread of ours
            logger.error("A backend raised: %s", faults.trace(err))
            receipt = Unknown(reason=UnknownReason.PROCESS_DIED, detail=type(err).__name__)
        # Without an answer the call would count as running for ever.
        self._answers.put((outgoing, receipt))


class Backlog:
    """How many calls may wait to begin; see Note [The rate is kept where calls begin].

    Used by the owner alone.
    """

    def __init__(self, *, per_second: float) -> None:
        #: What is handed over ahead of its moment is no backlog.
        self._least = math.ceil(per_second * AHEAD_SECONDS)
        #: Moments of the last second, and how many had begun by each.
        self._begun: deque[tuple[float, int]] = deque()

    def room(self, *, not_begun: int, begun: int, now: float) -> int:
        """This will return how many more may be handed over, and note how many have begun."""
        self._begun.append((now, begun))
        while self._begun[0][0] < now - 1.0:
            self._begun.popleft()
        in_a_second = begun - self._begun[0][1]
        return max(self._least, int(_BACKLOG_SECONDS * in_a_second)) - not_begun


class Turnstile:
    """No more calls begin in any one second than the rate.

    See Note [The rate is kept where calls begin].

    There are as many slots as calls in a second, and each is used once in a second: so no
    second holds two starts of one slot, whatever their order, and hundreds of threads do not
    stand in line for one lock.

    Args:
        per_second: The rate of this process.
        clock: Returns seconds, as ``time.monotonic`` does.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        *,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        count = max(1, int(per_second))
        self._locks = [threading.Lock() for _slot in range(count)]
        self._begun = [-math.inf] * count
        #: When what has taken it was likely to begin.
        self._taken = [-math.inf] * count
        self._taking = threading.Lock()
        self._next = 0
        self._clock, self._sleep = clock, sleep

    def take(self, *, now: float, within: float) -> int | None:
        """This will return the slot of one more call; None where that opens later.

        A slot that is not used after all is left empty for a second.
        """
        with self._taking:
            slot = self._next
            opens_at = max(self._begun[slot], self._taken[slot]) + _SECOND
            if opens_at > now + within:
                return None
            self._taken[slot] = max(now, opens_at)
            self._next = (slot + 1) % len(self._begun)
            return slot

    def pass_through(self, slot: int) -> None:
        """This will return once a call may start through that slot, and count it."""
        with self._locks[slot]:
            if (pause := self._begun[slot] + _SECOND - self._clock()) > 0:
                self._sleep(pause)
            self._begun[slot] = self._clock()


_turnstiles: dict[float, Turnstile] = {}


def turnstile(*, per_second: float) -> Turnstile:
    """This will return the one of this process.

    A run follows another within moments, and two may be at work at once.
    """
    # Of two runs that make one at the same moment, both get that which came first.
    return _turnstiles.setdefault(per_second, Turnstile(per_second=per_second))


def forget_turnstiles() -> None:
    """This will let the next calls begin as if none had before."""
    _turnstiles.clear()


# A lock that a thread of the parent holds is never released in a child.
os.register_at_fork(after_in_child=forget_turnstiles)
