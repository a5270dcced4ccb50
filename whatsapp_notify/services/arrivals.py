"""Raw webhooks into their table, those that come together in one INSERT.

# Note [Those that wait go together]
An INSERT of one row costs the database more for itself than for the row: the statement is
parsed and its commit reaches the disk. So while one thread of a web server inserts, those that
come meanwhile wait; the first of them inserts next, for all, and rings for all. Each is woken when
its own bytes are committed, and nobody is answered before. Where one webhook alone is under way it
waits for nothing.

Nobody waits for long: the connection of the one that inserts may be dead, while others are in
order. Whoever has waited for it in vain ends its turn, so that the first in the line inserts next,
and goes alone where that is somebody else. The one that hangs still answers those that it has taken
along, if it comes back while they wait, but has no say any more in who is next.

# Note [Those of an event loop]
A server that runs an event loop has no thread for each webhook, and the loop must wait for no
database. Those of a loop are gathered by the loop itself and inserted in a thread; no thread is
woken for each. To gather costs nothing there, so an INSERT begins no sooner than some milliseconds
after the one before: at 500 webhooks a second each would be an INSERT of its own otherwise. The
more came together, the longer is gathered for the next: above some 670 a second that grows from
INSERT to INSERT up to its limit, below it shrinks again. But once nobody has come for much longer
than between two of those before, nobody more is waited for: a client with few connections sends its
next POSTs only when these are answered. The first one after a pause still waits for nothing, nor do
those that fill an INSERT. An INSERT that takes too long is passed over: the next one begins, and
those in it go alone.

# Note [Threads of our own]
Those of a loop are inserted by a few threads of our own. While the table is locked or the database
hangs, each INSERT keeps its thread and its connection, and cannot be cancelled: in the executor of
the event loop they would leave no thread for the shop's own work, nor for finding the address of a
host. So the threads are few, and so are those that wait for one; the others are refused at once,
and whoever posted repeats it. They are daemons: no process that ends waits for them.
"""

import asyncio
import hashlib
import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, TypeVar

from django.db import Error, close_old_connections, connection, connections, transaction
from django.db.models import Model
from django.db.transaction import TransactionManagementError

from whatsapp_notify import signals
from whatsapp_notify.models import UnreadWebhook, WebhookEvent
from whatsapp_notify.services import commits, doorbells

#: One INSERT takes bodies together up to so many, and so many bytes; one alone may be larger.
_TOGETHER = 64
_TOGETHER_BYTES = 8 * 1024 * 1024
#: How long somebody else's INSERT is waited for.
_PATIENCE_SECONDS = 2.0
#: From the begin of one INSERT of an event loop to that of the next: at least, for each that the
#: one took, and at most.
_GATHER_SECONDS = 0.004
_GATHER_SECONDS_EACH = 0.0015
_GATHER_SECONDS_AT_MOST = 0.016
#: Nobody more is waited for after so many times the time between two of those before. Where they
#: come independently, one in seven comes later than that.
_PAUSE = 2
#: What comes sooner is now: the time of uvloop's event loop moves on by so much.
_TICK_SECONDS = 0.001
#: Threads that insert for event loops: one rings, or is done, while another inserts. There are more
#: while some of them hang. See Note [Threads of our own].
_THREADS_KEPT = 2
_THREADS_AT_MOST = 8
#: So many more may wait for a thread: where an INSERT fails, each of those in it goes alone.
_WAITING_AT_MOST = _TOGETHER


class Busy(Exception):
    """The database keeps too many waiting already. Let it be posted once more."""


@dataclass(slots=True, eq=False, repr=False)
class _Arrival:
    body: bytes
    received_at: datetime
    digest: bytes = field(init=False)
    #: None until its INSERT has been committed.
    is_new: bool | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256(self.body).digest()


@dataclass(slots=True, eq=False, repr=False)
class _ArrivalOfThread(_Arrival):
    #: Its thread inserts for all that wait.
    leads: bool = field(default=False, init=False)
    #: Which leader it is, has been taken along by or waits for, counted in its queue.
    turn: int = field(default=0, init=False)
    #: Free once its thread is to go on.
    _woken: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        _Arrival.__post_init__(self)
        self._woken.acquire()

    def sleep(self, *, seconds: float) -> bool:
        """This will wait until ``wake``, at most so long; False where that was in vain."""
        return self._woken.acquire(timeout=seconds)

    def wake(self) -> None:
        """This will let its thread go on; to be called once."""
        self._woken.release()


_Some = TypeVar("_Some", bound=_Arrival)


class _Queue:
    """Arrivals of one process that wait for the INSERT under way, and who leads the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_ArrivalOfThread] = []
        self._is_led = False
        #: How many have led.
        self._turn = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, arrival: _ArrivalOfThread) -> None:
        """This will wait until others have inserted it, or it leads, for a while."""
        with self._lock:
            if not self._is_led:
                self._lead(arrival)
                return
            arrival.turn = self._turn
            self._waiting.append(arrival)
        if not arrival.sleep(seconds=_PATIENCE_SECONDS):
            self.pass_over(arrival)

    def next_to_go(self, leader: _ArrivalOfThread) -> list[_ArrivalOfThread]:
        """This will take out as many as one INSERT takes; who leads is the first of them."""
        with self._lock:
            self._waiting.insert(0, leader)
            going = _take(self._waiting)
            for each in going:
                each.turn = leader.turn
            return going

    def pass_over(self, impatient: _ArrivalOfThread) -> None:
        """This will have the next one lead, where the one that it waits for leads still."""
        with self._lock:
            if not impatient.leads:
                self._end_turn(impatient.turn)

    def leave(self, arrival: _ArrivalOfThread) -> None:
        """This will have the next one lead, where this one did; it waits no longer."""
        with self._lock:
            if arrival in self._waiting:
                self._waiting.remove(arrival)
            if arrival.leads:
                self._end_turn(arrival.turn)

    def _end_turn(self, turn: int) -> None:
        if turn != self._turn:
            return  # passed over: somebody else has led since
        if self._waiting:
            successor = self._waiting.pop(0)
            self._lead(successor)
            successor.wake()
        else:
            self._is_led = False

    def _lead(self, arrival: _ArrivalOfThread) -> None:
        self._is_led = arrival.leads = True
        self._turn += 1
        arrival.turn = self._turn


class _Stream:
    """Arrivals of one event loop. See Note [Those of an event loop]."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: list[_Arrival] = []
        self._futures: dict[_Arrival, asyncio.Future[None]] = {}
        #: An INSERT is under way, or its moment is waited for.
        self._is_busy = False
        #: Those in the INSERT under way, and when that is passed over.
        self._under_way: Sequence[_Arrival] | None = None
        self._timer: asyncio.TimerHandle | None = None
        #: Moments of the loop's clock: the last INSERT's begin, the latest begin of the next ...
        self._begun_at = 0.0
        self._may_begin_at = 0.0
        #: ... and when somebody came last; after so long without another nobody is waited for.
        self._came_at = 0.0
        self._pause_seconds = 0.0

    async def insert(self, arrival: _Arrival) -> None:
        """This will wait until it is inserted, together with others, or that has failed.

        Also until that takes too long, or no INSERT has taken it for as long: see ``is_new``.
        """
        future = self._futures[arrival] = self.loop.create_future()
        self._waiting.append(arrival)
        self._came_at = self.loop.time()
        timer = self.loop.call_later(_PATIENCE_SECONDS, self._give_up, arrival)
        try:
            if not self._is_busy:
                self._begin_next()
            await future
        finally:
            timer.cancel()
            del self._futures[arrival]
            # Where nobody waits for the answer any more, it is not inserted.
            if arrival.is_new is None and arrival in self._waiting:
                self._waiting.remove(arrival)

    def _give_up(self, arrival: _Arrival) -> None:
        """This will let it go on if it still waits in the line."""
        if arrival in self._waiting:
            self._waiting.remove(arrival)
            self._let_go_on([arrival])

    def _begin_next(self) -> None:
        """This will insert those that wait, or look again when more may have come."""
        self._is_busy = True
        looks_at = max(self._begun_at + _GATHER_SECONDS, self._came_at + self._pause_seconds)
        looks_at = min(looks_at, self._may_begin_at)
        # As many as one INSERT takes have waited long enough.
        is_soon = looks_at < self.loop.time() + _TICK_SECONDS
        if not is_soon and len(self._waiting) < _TOGETHER:
            self.loop.call_at(looks_at, self._begin_next)
        else:
            self._begin()

    def _begin(self) -> None:
        begun_at, before = self.loop.time(), self._begun_at
        going = _take(self._waiting)
        self._begun_at = begun_at
        self._may_begin_at = begun_at + _gathering(len(going))
        self._pause_seconds = _PAUSE * (begun_at - before) / max(1, len(going))
        self._under_way = going
        self._timer = self.loop.call_later(_PATIENCE_SECONDS, self._end, going)
        try:
            _executor.submit(self._insert, going)
        except Busy:
            # Each finds out for itself.
            self.loop.call_soon(self._end, going)

    def _insert(self, going: Sequence[_Arrival]) -> None:
        """This will insert and ring, in a thread."""
        has_new = False
        try:
            # Before and after, as Django's handler does around each request.
            close_old_connections()
            has_new = bool(going) and _insert(going)
        except Error:
            pass  # each finds out for itself what is wrong
        finally:
            with suppress(RuntimeError):  # the loop has been closed
                self.loop.call_soon_threadsafe(self._end, going)
            if has_new:
                _ring()
            close_old_connections()

    def _end(self, going: Sequence[_Arrival]) -> None:
        """This will let those in an INSERT go on, once it is over or has taken too long."""
        # What was passed over ends once more when it comes back.
        if going is self._under_way:
            self._under_way, self._is_busy = None, False
            if self._timer is not None:
                self._timer.cancel()
            if self._waiting:
                self._begin_next()
        self._let_go_on(going)

    def _let_go_on(self, arrivals: Sequence[_Arrival]) -> None:
        for each in arrivals:
            future = self._futures.get(each)
            if future is not None and not future.done():
                future.set_result(None)


def _gathering(count: int) -> float:
    """This will tell how many seconds to gather after an INSERT of so many."""
    return max(_GATHER_SECONDS, min(_GATHER_SECONDS_EACH * count, _GATHER_SECONDS_AT_MOST))


class _Threads(Executor):
    """The threads that insert for event loops. See Note [Threads of our own]."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        #: Works that are under way or wait, and threads that do them or wait for one.
        self._works_count = 0
        self._threads_count = 0

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":
        """This will have one of the threads do it soon.

        Raises:
            Busy: All of them work, and enough others wait.
        """
        future: Future[Any] = Future()
        with self._lock:
            if self._works_count >= _THREADS_AT_MOST + _WAITING_AT_MOST:
                raise Busy
            if self._works_count >= self._threads_count < _THREADS_AT_MOST:
                self._begin_thread()
            self._works_count += 1
        self._works.put((future, partial(work, *args, **named)))
        return future

    def _begin_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="whatsapp-webhooks", daemon=True)
        try:
            thread.start()
        except RuntimeError as err:
            # The machine gives no thread; those that there are do it.
            if not self._threads_count:
                raise Busy from err
        else:
            self._threads_count += 1

    def _run(self) -> None:
        try:
            is_needed = True
            while is_needed:
                _do(*self._works.get())
                is_needed = self._goes_on()
        finally:
            connections.close_all()

    def _goes_on(self) -> bool:
        """This will note that a work is done, and tell whether its thread is to wait for more."""
        with self._lock:
            self._works_count -= 1
            is_needed = self._threads_count - self._works_count <= _THREADS_KEPT
            self._threads_count -= not is_needed
            return is_needed


def _do(future: "Future[Any]", work: Callable[[], Any]) -> None:
    """This will do the work, unless nobody wants it any more."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as err:  # noqa: BLE001  # it is raised where the future is waited for
        future.set_exception(err)
        # It knows this frame: the body would be kept until garbage is collected.
        del future, work


_queue = _Queue()
_stream: _Stream | None = None
_executor: Executor = _Threads()


def record(*, body: bytes, now: datetime) -> bool:
    """This will keep the raw bytes of a signed POST, and ring the doorbell.

    The same bytes once more are the same webhook. Committed on return, unless the caller has
    a transaction open.

    Returns:
        Whether they are new.

    Raises:
        django.db.Error: The database has not taken them, or nobody would commit them.
    """
    arrival = _ArrivalOfThread(body=body, received_at=now)
    # Within a transaction of ours the others' rows would depend on our commit.
    if not connection.in_atomic_block and connection.get_autocommit():
        _go_together(arrival)
    return _insert_alone(arrival) if arrival.is_new is None else arrival.is_new


async def arecord(*, body: bytes, now: datetime) -> bool:
    """As ``record``, for an event loop, which goes on meanwhile. Committed on return.

    Raises:
        django.db.Error: The database has not taken them.
        Busy: It keeps too many waiting already.
    """
    global _stream
    stream, loop = _stream, asyncio.get_running_loop()
    if stream is None or stream.loop is not loop:
        stream = _stream = _Stream(loop)
    arrival = _Arrival(body=body, received_at=now)
    await stream.insert(arrival)
    if arrival.is_new is not None:
        return arrival.is_new
    # Another connection may be in order; if not, it says what is wrong.
    return await loop.run_in_executor(_executor, _go_alone, arrival)


def _go_alone(arrival: _Arrival) -> bool:
    """This will insert in a thread that no handler of Django's runs in."""
    close_old_connections()
    try:
        return _insert_alone(arrival)
    finally:
        close_old_connections()


def _insert_alone(arrival: _Arrival) -> bool:
    """This will insert and ring, and tell whether it is new.

    By what the INSERT says: another one that took it along may come to its end right now.
    """
    is_new = _insert([arrival])
    if is_new:
        _ring()
    return is_new


def _go_together(arrival: _ArrivalOfThread) -> None:
    """This will have it inserted with others, by this thread or by that of one of them.

    See Note [Those that wait go together]. Where the others keep us waiting for long, we are
    left to go alone: our own connection may be in order.
    """
    queue, going, has_new = _queue, list[_ArrivalOfThread](), False
    try:
        queue.enter(arrival)
        if arrival.leads:
            going = queue.next_to_go(arrival)
            has_new = _insert(going)
    except Error:
        pass  # each finds out for itself what is wrong
    finally:
        # Also where this very thread is ended: the others must not wait for it.
        queue.leave(arrival)
        for each in going:
            if each is not arrival:
                each.wake()
        # Whoever listens may take a while, or record a webhook: nobody waits for that.
        if has_new:
            _ring()


def _take(waiting: list[_Some]) -> list[_Some]:
    """This will take out as many as one INSERT takes."""
    count = total = 0
    for each in waiting[:_TOGETHER]:
        total += len(each.body)
        if count and total > _TOGETHER_BYTES:
            break
        count += 1
    going, waiting[:count] = waiting[:count], []
    return going


def _ring() -> None:
    doorbells.ring(signals.webhooks_recorded, sender=WebhookEvent)


def _insert(arrivals: Sequence[_Arrival]) -> bool:
    """This will insert them, to be read, and tell whether any is new."""
    if commits.are_by_hand():
        # Whoever posts them would be told that they are kept.
        raise TransactionManagementError("Nothing is committed while autocommit is off.")
    # By digest: two processes that keep the same bodies must not wait for each other.
    ordered = sorted(arrivals, key=lambda each: each.digest)
    adapt = connection.ops.adapt_datetimefield_value
    values = [
        value for each in ordered for value in (each.digest, each.body, adapt(each.received_at))
    ]
    insert = _insert_at_once if connection.vendor == "postgresql" else _insert_in_two
    new = {bytes(digest) for digest in insert(len(ordered), values)}
    has_new = bool(new)
    for each in ordered:
        each.is_new = each.digest in new
        new.discard(each.digest)
    return has_new


def _insert_at_once(count: int, values: Sequence[Any]) -> list[bytes]:
    """This will return the digests of the new ones."""
    arrived = _insert_sql(count, returning="id, digest, length(body) AS size, received_at")
    to_be_read = _to_be_read_sql("SELECT id, size, received_at, 0 FROM arrived")
    both = f"WITH arrived AS ({arrived}), unread AS ({to_be_read})"
    with connection.cursor() as cursor:
        cursor.execute(f"{both} SELECT digest FROM arrived", values)  # noqa: S608  # ours
        return [digest for (digest,) in cursor.fetchall()]


def _insert_in_two(count: int, values: Sequence[Any]) -> list[bytes]:
    """This will do the same on SQLite, whose statements have one INSERT each."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_insert_sql(count, returning="id, digest"), values)
        arrived = cursor.fetchall()
        if arrived:
            marks = ", ".join(["%s"] * len(arrived))
            webhooks = f"FROM {_table(WebhookEvent)} WHERE id IN ({marks})"
            to_be_read = _to_be_read_sql(f"SELECT id, length(body), received_at, 0 {webhooks}")
            cursor.execute(to_be_read, [pk for pk, _digest in arrived])
        return [digest for _pk, digest in arrived]


@lru_cache(maxsize=2 * _TOGETHER)
def _insert_sql(count: int, *, returning: str) -> str:
    """This will write the INSERT: raw, for ``create`` takes twice as long as all else."""
    rows = ", ".join(["(%s, %s, %s, false, '')"] * count)
    return (
        f"INSERT INTO {_table(WebhookEvent)} "  # noqa: S608  # names are ours
        f"(digest, body, received_at, is_quarantined, problem) VALUES {rows} "
        f"ON CONFLICT DO NOTHING RETURNING {returning}"
    )


def _to_be_read_sql(rows: str) -> str:
    return f"INSERT INTO {_table(UnreadWebhook)} (webhook_id, size, received_at, attempts) {rows}"


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _begin_anew() -> None:
    """This will forget what threads of the parent process were doing."""
    global _queue, _stream, _executor
    _queue, _stream, _executor = _Queue(), None, _Threads()


os.register_at_fork(after_in_child=_begin_anew)
