"""Webhooks on their way into the table: alone, together, and when that goes wrong."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DataError, Error, connection, connections, transaction

from tests import webhook_bodies
from tests.concurrency import by_hand, in_a_loop, process, together
from tests.factories import NOW, QUERIES_OF_A_WEBHOOK
from tests.torture import forks
from whatsapp_notify import signals
from whatsapp_notify.models import WebhookEvent
from whatsapp_notify.services import arrivals

pytestmark = pytest.mark.django_db(transaction=True)


class Gate:
    """Stands where arrivals are inserted; keeps the first INSERT waiting, and counts all."""

    def __init__(self, insert: Callable[[Sequence[Any]], bool]) -> None:
        self._insert = insert
        self.is_reached = threading.Event()
        self.opened = threading.Event()
        self.sizes: list[int] = []
        #: Raised by the INSERT for several.
        self.fault: BaseException | None = None

    def __call__(self, going: Sequence[Any]) -> bool:
        self.sizes.append(len(going))
        self.is_reached.set()
        assert self.opened.wait(10)
        if self.fault is not None and len(going) > 1:
            raise self.fault
        return self._insert(going)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(arrivals._insert)
    monkeypatch.setattr(arrivals, "_insert", gate)
    yield gate
    gate.opened.set()


def record(number: int) -> bool:
    return arrivals.record(body=b"{%d}" % number, now=NOW)


async def arecord(number: int) -> bool:
    return await arrivals.arecord(body=b"{%d}" % number, now=NOW)


async def reached(gate: Gate) -> None:
    """Let the loop go on until the first INSERT stands at the gate."""
    assert await asyncio.to_thread(gate.is_reached.wait, 10)


async def one_and_then(gate: Gate, *others: Coroutine[Any, Any, Any]) -> list[Any]:
    """Let one webhook be inserted, and others come to the same loop meanwhile."""
    first = asyncio.create_task(arecord(0))
    await reached(gate)
    tasks = [asyncio.create_task(other) for other in others]
    await asyncio.sleep(0)
    gate.opened.set()
    return list(await asyncio.gather(first, *tasks, return_exceptions=True))


def arrival(number: int) -> arrivals._ArrivalOfThread:
    return arrivals._ArrivalOfThread(body=b"{%d}" % number, received_at=NOW)


def start(number: int) -> threading.Thread:
    """One webhook, in a thread of its own."""
    thread = threading.Thread(target=_alone, args=[number], daemon=True)
    thread.start()
    return thread


def done(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def queue_up(gate: Gate, *, count: int) -> list[threading.Thread]:
    """Let one webhook be inserted, and others come meanwhile."""
    threads = []
    for number in range(count):
        threads.append(start(number))
        assert gate.is_reached.wait(10)
    while len(arrivals._queue) < count - 1:
        threading.Event().wait(0.001)
    return threads


def _alone(number: int) -> None:
    try:
        record(number)
    except Interrupted:
        pass
    finally:
        connection.close()


class Patience:
    """Waits for others until the test says that it has lasted too long."""

    def __init__(self) -> None:
        self.is_over = threading.Event()

    def sleep(self, arrival: Any) -> bool:
        while not self.is_over.is_set():
            if arrival._woken.acquire(timeout=0.001):
                return True
        return False


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    patience = Patience()
    monkeypatch.setattr(
        arrivals._ArrivalOfThread, "sleep", lambda arrival, seconds: patience.sleep(arrival)
    )
    return patience


class Interrupted(BaseException):
    """A thread is ended in the middle of its work."""


async def crowd(gate: Gate, *, count: int) -> list[asyncio.Task[bool]]:
    """Let so many webhooks come to a database that hangs, until the first one is refused."""
    tasks = [asyncio.create_task(arecord(number)) for number in range(count)]
    await asyncio.wait(tasks, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    async with asyncio.timeout(5):
        while len(gate.sizes) < arrivals._THREADS_AT_MOST:
            await asyncio.sleep(0.001)
    return tasks


async def none_waits() -> None:
    """Let the loop go on until its threads have done, or dropped, all that they were given."""
    async with asyncio.timeout(5):
        while arrivals._executor._works_count:
            await asyncio.sleep(0.001)


class TestRecord:
    def test_f53_the_same_bytes_are_kept_once(self) -> None:
        body = webhook_bodies.body(statuses=[webhook_bodies.status()])

        new = together(*[lambda: arrivals.record(body=body, now=NOW)] * 6)

        assert sorted(new) == [False] * 5 + [True]
        assert WebhookEvent.objects.count() == 1

    def test_is_one_query(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(QUERIES_OF_A_WEBHOOK):
            arrivals.record(body=b"{}", now=NOW)

    def test_rings_once(self) -> None:
        rung = []
        signals.webhooks_recorded.connect(
            listener := lambda **told: rung.append(told["sender"]), weak=False
        )
        try:
            arrivals.record(body=b"{}", now=NOW)
            arrivals.record(body=b"{}", now=NOW)
        finally:
            signals.webhooks_recorded.disconnect(listener)

        assert rung == [WebhookEvent]

    def test_those_that_come_meanwhile_go_together(self, gate: Gate) -> None:
        threads = queue_up(gate, count=6)
        gate.opened.set()
        for thread in threads:
            thread.join(10)

        assert gate.sizes == [1, 5]
        assert WebhookEvent.objects.count() == 6

    def test_rings_once_for_those_that_go_together(self, gate: Gate) -> None:
        rung: list[Any] = []
        signals.webhooks_recorded.connect(
            listener := lambda **told: rung.append(told["sender"]), weak=False
        )
        try:
            threads = queue_up(gate, count=6)
            gate.opened.set()
            for thread in threads:
                thread.join(10)
        finally:
            signals.webhooks_recorded.disconnect(listener)

        assert rung == [WebhookEvent] * 2

    def test_goes_on_alone_where_going_together_fails(self, gate: Gate) -> None:
        gate.fault = DataError("One of them is wrong.")
        threads = queue_up(gate, count=4)
        gate.opened.set()
        for thread in threads:
            thread.join(10)

        assert sorted(gate.sizes) == [1, 1, 1, 1, 3]
        assert WebhookEvent.objects.count() == 4

    def test_outlives_the_thread_that_inserts_for_all(self, gate: Gate) -> None:
        gate.fault = Interrupted()
        threads = queue_up(gate, count=4)
        gate.opened.set()
        for thread in threads:
            thread.join(10)

        # All but the one that was ended while it inserted for the three.
        assert WebhookEvent.objects.count() == 3
        assert record(99)

    def test_in_a_transaction_goes_alone(self, gate: Gate) -> None:
        gate.opened.set()
        with transaction.atomic():
            record(1)
            transaction.set_rollback(True)

        assert gate.sizes == [1]
        assert not WebhookEvent.objects.exists()
        assert record(1)

    def test_keeps_nothing_that_nobody_commits(self) -> None:
        """An answer of 200 would say that it was."""
        with by_hand(), pytest.raises(Error):
            record(1)

        assert record(1)

    def test_does_not_put_large_bodies_together(
        self, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrivals, "_TOGETHER_BYTES", 2 * len(b"{0}"))
        threads = queue_up(gate, count=6)
        gate.opened.set()
        for thread in threads:
            thread.join(10)

        assert gate.sizes == [1, 2, 2, 1]

    def test_f25_does_not_wait_for_ever_for_somebody_elses_insert(
        self, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrivals, "_PATIENCE_SECONDS", 0.01)
        hanging = threading.Thread(target=_alone, args=[0], daemon=True)
        hanging.start()
        assert gate.is_reached.wait(10)
        monkeypatch.setattr(arrivals, "_insert", gate._insert)

        assert record(1)

        gate.opened.set()
        hanging.join(10)
        assert WebhookEvent.objects.count() == 2

    def test_raises_what_the_database_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(going: Sequence[Any]) -> bool:
            raise DataError("No.")

        monkeypatch.setattr(arrivals, "_insert", refuse)

        with pytest.raises(DataError):
            record(1)


class TestLeaderThatHangs:
    def test_f27_is_waited_for_once(
        self, gate: Gate, patience: Patience, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hanging = queue_up(gate, count=1)
        monkeypatch.setattr(arrivals, "_insert", gate._insert)
        patience.is_over.set()
        done([start(1)])

        patience.is_over.clear()
        done([start(2)])
        done([start(3)])

        assert WebhookEvent.objects.count() == 3
        gate.opened.set()
        done(hanging)
        assert WebhookEvent.objects.count() == 4

    def test_f27_those_it_has_taken_along_wait_for_it_once(
        self, gate: Gate, patience: Patience
    ) -> None:
        hangs, goes_on, insert = threading.Event(), threading.Event(), gate._insert

        def insert_but_hang(going: Sequence[Any]) -> bool:
            if len(going) == 3:
                hangs.set()
                assert goes_on.wait(10)
            return insert(going)

        gate._insert = insert_but_hang
        threads = queue_up(gate, count=4)
        gate.opened.set()
        assert hangs.wait(10)
        patience.is_over.set()
        while len(living := [each for each in threads if each.is_alive()]) > 1:
            living[-1].join(0.01)
        patience.is_over.clear()
        done([start(4)])

        assert WebhookEvent.objects.count() == 4
        goes_on.set()
        done(threads)
        assert WebhookEvent.objects.count() == 5

    def test_those_that_wait_behind_it_go_together(self, gate: Gate, patience: Patience) -> None:
        hanging, *others = queue_up(gate, count=4)
        stays_shut, gate.opened = gate.opened, threading.Event()
        gate.opened.set()

        arrivals._queue.pass_over(arrivals._queue._waiting[0])

        done(others)
        assert hanging.is_alive()
        stays_shut.set()
        done([hanging])
        assert gate.sizes == [1, 3]
        assert WebhookEvent.objects.count() == 4

    def test_it_leads_nobody_once_it_comes_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(arrivals, "_PATIENCE_SECONDS", 0.0)
        queue = arrivals._Queue()
        hanging, leader, waiting, last = (arrival(number) for number in range(4))
        queue.enter(hanging)
        assert queue.next_to_go(hanging) == [hanging]
        queue.enter(leader)
        assert leader.leads
        queue._waiting.append(waiting)

        queue.leave(hanging)

        assert not waiting.leads
        assert queue.next_to_go(leader) == [leader, waiting]
        queue.leave(leader)
        queue.enter(last)
        assert last.leads

    def test_whoever_leads_late_leads_his_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """He was passed over before he had begun: a process may be frozen for a while."""
        monkeypatch.setattr(arrivals, "_PATIENCE_SECONDS", 0.0)
        queue = arrivals._Queue()
        late, leader = arrival(0), arrival(1)
        queue.enter(late)
        queue.enter(leader)

        assert (late.leads, leader.leads) == (True, True)
        assert queue.next_to_go(leader) == [leader]
        assert queue.next_to_go(late) == [late]


@pytest.mark.usefixtures("brief_connections")
class TestArecord:
    def test_f53_the_same_bytes_are_kept_once(self) -> None:
        async def six() -> list[bool]:
            return await asyncio.gather(*(arecord(1) for _each in range(6)))

        assert sorted(in_a_loop(six())) == [False] * 5 + [True]
        # Another loop of the same process, and a thread.
        assert not in_a_loop(arecord(1))
        assert not record(1)
        assert WebhookEvent.objects.count() == 1

    def test_those_that_come_meanwhile_go_together(self, gate: Gate) -> None:
        others = [arecord(number) for number in range(1, 6)]

        assert in_a_loop(one_and_then(gate, *others)) == [True] * 6
        assert gate.sizes == [1, 5]
        assert WebhookEvent.objects.count() == 6

    @pytest.mark.parametrize(
        ("seconds", "sizes"), [(0.0, [1, 1, 1]), (0.5, [1, 2])], ids=["at once", "gathered"]
    )
    def test_gathers_for_a_moment_after_an_insert(
        self, gate: Gate, monkeypatch: pytest.MonkeyPatch, seconds: float, sizes: list[int]
    ) -> None:
        monkeypatch.setattr(arrivals, "_gathering", lambda count: seconds)
        gate.opened.set()

        async def one_and_two_more() -> None:
            await arecord(0)
            await asyncio.gather(arecord(1), arecord(2))

        in_a_loop(one_and_two_more())

        assert gate.sizes == sizes

    def test_what_fills_an_insert_is_gathered_no_longer(
        self, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrivals, "_gathering", lambda count: 60.0)
        monkeypatch.setattr(arrivals, "_TOGETHER", 3)
        others = [arecord(number) for number in range(1, 4)]

        async def within_seconds() -> None:
            await asyncio.wait_for(one_and_then(gate, *others), 5)

        in_a_loop(within_seconds())

        assert gate.sizes == [1, 3]

    def test_waits_for_nobody_more_once_they_pause(
        self, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A client with three connections posts the next three once these are answered."""
        monkeypatch.setattr(arrivals, "_gathering", lambda count: 60.0 if count > 1 else 0.05)
        gate.opened.set()

        async def three_by_three() -> None:
            await arecord(0)
            for number in (1, 4, 7):
                posts = asyncio.gather(*map(arecord, range(number, number + 3)))
                await asyncio.wait_for(posts, 5)

        in_a_loop(three_by_three())

        assert gate.sizes == [1, 3, 3, 3]

    @pytest.mark.parametrize(
        ("per_second", "settled_on"), [(100, 0.004), (500, 0.004), (800, 0.016), (5000, 0.016)]
    )
    def test_gathers_longer_the_more_come(self, per_second: int, settled_on: float) -> None:
        """Few wait hardly at all; also once a crowd has gone by."""
        seconds = arrivals._gathering(8)
        for _insert in range(40):
            seconds = arrivals._gathering(max(1, round(per_second * seconds)))

        assert seconds == settled_on

    def test_rings_once_for_those_that_go_together(
        self, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rung: list[Any] = []
        signals.webhooks_recorded.connect(
            listener := lambda **told: rung.append(told["sender"]), weak=False
        )
        try:
            with ThreadPoolExecutor(2) as threads:
                monkeypatch.setattr(arrivals, "_executor", threads)
                in_a_loop(one_and_then(gate, arecord(1), arecord(2), arecord(0)))
        finally:
            signals.webhooks_recorded.disconnect(listener)

        assert rung == [WebhookEvent] * 2

    def test_goes_on_alone_where_going_together_fails(self, gate: Gate) -> None:
        gate.fault = DataError("One of them is wrong.")
        others = [arecord(number) for number in range(1, 4)]

        assert in_a_loop(one_and_then(gate, *others)) == [True] * 4
        assert sorted(gate.sizes)[-1] == 3
        assert WebhookEvent.objects.count() == 4

    def test_whoever_is_gone_keeps_nobody_waiting(self, gate: Gate) -> None:
        async def leave_before_the_insert() -> list[Any]:
            leaving = asyncio.create_task(arecord(0))
            await reached(gate)
            waiting = asyncio.create_task(arecord(1))
            staying = asyncio.create_task(arecord(2))
            await asyncio.sleep(0)
            leaving.cancel()
            waiting.cancel()
            await asyncio.sleep(0)
            gate.opened.set()
            return await asyncio.gather(leaving, waiting, staying, return_exceptions=True)

        *gone, stayed = in_a_loop(leave_before_the_insert())

        assert [type(each) for each in gone] == [asyncio.CancelledError] * 2
        assert stayed is True
        # What was on its way is kept, what was not yet is not: nobody was answered.
        assert sorted(bytes(each.body) for each in WebhookEvent.objects.all()) == [b"{0}", b"{2}"]

    def test_f25_does_not_wait_for_ever_for_somebody_elses_insert(
        self, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrivals, "_PATIENCE_SECONDS", 0.01)

        async def beside_one_that_hangs() -> None:
            hanging = asyncio.create_task(arecord(0))
            await reached(gate)
            monkeypatch.setattr(arrivals, "_insert", gate._insert)
            await asyncio.wait_for(asyncio.gather(*map(arecord, range(1, 41))), 5)
            # The one that hangs was tried once more, alone.
            await asyncio.wait_for(hanging, 5)
            assert not gate.opened.is_set()
            gate.opened.set()
            await none_waits()

        in_a_loop(beside_one_that_hangs())

        assert WebhookEvent.objects.count() == 41

    def test_f27_an_insert_that_hangs_is_waited_for_once(
        self, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def after_one_that_hangs() -> list[bool]:
            hanging = asyncio.create_task(arecord(0))
            await reached(gate)
            monkeypatch.setattr(arrivals, "_insert", gate._insert)
            new = [await asyncio.wait_for(hanging, 5)]
            monkeypatch.setattr(arrivals, "_PATIENCE_SECONDS", 60.0)
            new.append(await asyncio.wait_for(arecord(1), 5))
            gate.opened.set()
            await none_waits()
            return new

        monkeypatch.setattr(arrivals, "_PATIENCE_SECONDS", 0.01)

        assert in_a_loop(after_one_that_hangs()) == [True, True]
        assert WebhookEvent.objects.count() == 2

    def test_those_that_wait_behind_one_that_hangs_go_together(
        self, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def after_one_that_hangs() -> list[bool]:
            hanging = asyncio.create_task(arecord(0))
            await reached(gate)
            opened, gate.opened = gate.opened, threading.Event()
            gate.opened.set()
            behind = [asyncio.create_task(arecord(number)) for number in range(1, 4)]
            await asyncio.sleep(0)
            stream = arrivals._stream
            stream._end(stream._under_way)
            new = await asyncio.wait_for(asyncio.gather(hanging, *behind), 5)
            opened.set()
            await none_waits()
            return new

        monkeypatch.setattr(arrivals, "_PATIENCE_SECONDS", 60.0)

        assert in_a_loop(after_one_that_hangs()) == [True] * 4
        assert sorted(gate.sizes) == [1, 1, 3]
        assert WebhookEvent.objects.count() == 4

    def test_what_comes_back_late_ends_nobody_elses_insert(self) -> None:
        async def beside_another() -> None:
            stream = arrivals._Stream(asyncio.get_running_loop())
            stream._is_busy, stream._under_way = True, []

            stream._end([])

            assert stream._is_busy

        in_a_loop(beside_another())

    def test_whoever_was_taken_waits_for_the_insert(
        self, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Those in the line have waited for long where the INSERT before theirs hung."""

        async def taken_late() -> list[bool]:
            tasks = [asyncio.create_task(arecord(number)) for number in range(2)]
            await asyncio.sleep(0)
            taken, waiting = arrivals._stream._futures
            for each in (taken, waiting):
                arrivals._stream._give_up(each)
            gate.opened.set()
            return await asyncio.gather(*tasks)

        monkeypatch.setattr(arrivals, "_PATIENCE_SECONDS", 60.0)

        assert in_a_loop(taken_late()) == [True, True]
        assert gate.sizes == [1, 1]

    def test_raises_what_the_database_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(going: Sequence[Any]) -> bool:
            raise DataError("No.")

        monkeypatch.setattr(arrivals, "_insert", refuse)

        with pytest.raises(DataError):
            in_a_loop(arecord(1))

    def test_keeps_nothing_that_nobody_commits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An answer of 200 would say that it was."""
        monkeypatch.setitem(connections.settings["default"], "AUTOCOMMIT", False)

        with pytest.raises(Error):
            in_a_loop(arecord(1))

        assert not WebhookEvent.objects.exists()

    def test_outlives_a_machine_that_gives_no_thread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_thread(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        async def first_without_then_with() -> bool:
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", no_thread)
                with pytest.raises(arrivals.Busy):
                    await arecord(1)
            return await arecord(2)

        monkeypatch.setattr(arrivals, "_PATIENCE_SECONDS", 60.0)
        monkeypatch.setattr(arrivals, "_executor", arrivals._Threads())

        assert in_a_loop(first_without_then_with())

    def test_loops_of_several_threads_do_not_meet(self) -> None:
        new = together(*[lambda number=number: asyncio.run(arecord(number)) for number in range(6)])

        assert new == [True] * 6


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch, gate: Gate) -> Iterator[None]:
    """Threads that nobody before has kept busy, and a gate that is waited for hardly at all."""
    monkeypatch.setattr(arrivals, "_PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(arrivals, "_executor", arrivals._Threads())
    yield
    # They must not touch the database of the next test.
    gate.opened.set()
    in_a_loop(none_waits())


@pytest.mark.usefixtures("brief_connections", "threads")
class TestThreadsOfALoop:
    AT_MOST = arrivals._THREADS_AT_MOST + arrivals._WAITING_AT_MOST

    def test_f27_a_database_that_hangs_leaves_the_loop_its_own_threads(self, gate: Gate) -> None:
        async def work_of_the_shop() -> str:
            await crowd(gate, count=2 * self.AT_MOST)
            return await asyncio.wait_for(asyncio.to_thread(lambda: "done"), 5)

        assert in_a_loop(work_of_the_shop()) == "done"

    def test_f27_what_finds_too_many_waiting_is_refused(self, gate: Gate) -> None:
        async def more_than_may_wait() -> list[Any]:
            tasks = await crowd(gate, count=2 * self.AT_MOST)
            assert len(gate.sizes) == arrivals._THREADS_AT_MOST
            gate.opened.set()
            return await asyncio.gather(*tasks, return_exceptions=True)

        answers = in_a_loop(more_than_may_wait())

        refused = [each for each in answers if isinstance(each, arrivals.Busy)]
        assert len(refused) >= len(answers) - self.AT_MOST - arrivals._TOGETHER
        assert len(refused) + sum(isinstance(each, bool) for each in answers) == len(answers)
        kept = {bytes(each.body) for each in WebhookEvent.objects.all()}
        assert {b"{%d}" % n for n, each in enumerate(answers) if isinstance(each, bool)} <= kept

    def test_the_threads_of_a_crowd_end(self, gate: Gate) -> None:
        def count() -> int:
            return sum(each.name == "whatsapp-webhooks" for each in threading.enumerate())

        async def come_and_go() -> tuple[int, int]:
            before = count()
            tasks = await crowd(gate, count=2 * self.AT_MOST)
            crowded = count()
            gate.opened.set()
            await asyncio.gather(*tasks, return_exceptions=True)
            async with asyncio.timeout(5):
                while count() - before > arrivals._THREADS_KEPT:
                    await asyncio.sleep(0.001)
            return crowded - before, count() - before

        crowded, left = in_a_loop(come_and_go())

        assert crowded == arrivals._THREADS_AT_MOST
        assert left == arrivals._THREADS_KEPT

    def test_whoever_is_gone_takes_no_thread(self, gate: Gate) -> None:
        async def leave() -> None:
            tasks = await crowd(gate, count=2 * self.AT_MOST)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            gate.opened.set()
            await none_waits()

        in_a_loop(leave())

        assert len(gate.sizes) == arrivals._THREADS_AT_MOST

    def test_a_forked_worker_has_threads_of_its_own(self, gate: Gate) -> None:
        async def fork_beside_one_that_hangs() -> None:
            hanging = asyncio.create_task(arecord(1))
            await reached(gate)
            pid = forks.fork(record_in_the_child)
            gate.opened.set()
            forks.wait(pid)
            await hanging

        def record_in_the_child() -> None:
            gate.opened = threading.Event()
            gate.opened.set()
            in_a_loop(asyncio.wait_for(arecord(2), 5))

        in_a_loop(fork_beside_one_that_hangs())

        assert WebhookEvent.objects.count() == 2

    def test_the_process_ends_while_the_database_hangs(self) -> None:
        """Ends also without the answer of a thread."""
        script = (
            "import asyncio, threading\n"
            "from django.utils import timezone\n"
            "from whatsapp_notify.services import arrivals\n"
            "is_reached = threading.Event()\n"
            "arrivals._insert = lambda going: is_reached.set() or threading.Event().wait()\n"
            "async def main():\n"
            "    asyncio.create_task(arrivals.arecord(body=b'{}', now=timezone.now()))\n"
            "    assert await asyncio.to_thread(is_reached.wait, 10)\n"
            "asyncio.run(main())\n"
            "print('ends')\n"
        )
        with process(script) as running:
            try:
                said, _errors = running.communicate(timeout=30)
            finally:
                running.kill()

        assert said == "ends\n"
        assert running.returncode == 0
