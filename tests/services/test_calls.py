"""Many calls at once, each at its place in the pace, looked at shortly before."""

import itertools
import math
import queue
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType

import pytest

from whatsapp_notify.backends import locmem
from whatsapp_notify.backends.locmem import LocmemBackend
from whatsapp_notify.domain.content import TextContent
from whatsapp_notify.domain.receipts import Accepted, Action, Outgoing, Receipt, Refused
from whatsapp_notify.services import calls as calls_module
from whatsapp_notify.services.calls import Backlog, Calls, Turnstile, turnstile
from whatsapp_notify.services.claims import PlannedCall


def planned(number: int, *, priority: int = 20, start_in: float = 0.0) -> PlannedCall:
    return PlannedCall(
        outgoing=Outgoing(
            message_id=number,
            attempt=1,
            phone="+358457390100",
            user_id="",
            content=TextContent(body="Hello"),
            opaque_id=f"id.{number}",
        ),
        start_in=start_in,
        priority=priority,
        contact_id=number,
        consent_revision=0,
        sender_id=1,
    )


def none_revoked(planned: Collection[PlannedCall]) -> frozenset[int]:
    return frozenset()


def make_calls(*, look=none_revoked, per_second: float = 10_000, concurrency: int = 8) -> Calls:
    return Calls(backend=LocmemBackend(), concurrency=concurrency, per_second=per_second, look=look)


def finish(calls: Calls) -> list[tuple[Outgoing, Receipt]]:
    """This will wait until all have been answered."""
    answers = []
    ends_at = time.monotonic() + 30
    while not calls.is_idle:
        assert time.monotonic() < ends_at, "Some calls do not begin."
        answers += calls.collect(timeout=0.1, at_most=100)
    return answers


def run(
    *batches: list[PlannedCall],
    look=none_revoked,
    per_second: float = 10_000,
    concurrency: int = 8,
) -> list[tuple[Outgoing, Receipt]]:
    with make_calls(look=look, per_second=per_second, concurrency=concurrency) as calls:
        now = time.monotonic()
        for batch in batches:
            calls.start(batch, claimed_at=now, start_before=now + 60)
        return finish(calls)


@pytest.fixture
def far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are handed over two seconds ahead or more: a slow machine keeps the order too."""
    monkeypatch.setattr(calls_module, "AHEAD_SECONDS", 4.0)
    monkeypatch.setattr(calls_module, "LOOK_SECONDS", 60.0)


def two_news() -> list[PlannedCall]:
    return [planned(number, priority=30, start_in=1.5) for number in (1, 2)]


def allow_threads(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    start, left = threading.Thread.start, iter(range(count))

    def start_some(thread: threading.Thread) -> None:
        if next(left, None) is None:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)


def threads_that_call() -> int:
    return sum(thread.name == "whatsapp-call" for thread in threading.enumerate())


def hand_over(calls: Calls, news: list[PlannedCall], *, then: list[PlannedCall]) -> None:
    """This will hand over the news, and only then have the others called."""
    now = time.monotonic()
    calls.start(news, claimed_at=now, start_before=now + 90)
    calls.start_due()
    calls.start(then, claimed_at=now, start_before=now + 90)


class TestCalls:
    def test_answers_each_call_once(self) -> None:
        answers = run([planned(number) for number in range(50)])

        assert sorted(outgoing.message_id for outgoing, _receipt in answers) == list(range(50))
        assert {type(receipt) for _outgoing, receipt in answers} == {Accepted}

    def test_the_urgent_takes_the_next_place(self) -> None:
        slow = [planned(number, priority=30, start_in=0.02 * number) for number in range(1, 4)]
        urgent = [planned(9, priority=0, start_in=0.08)]

        run(slow, urgent, concurrency=1)

        assert [outgoing.message_id for outgoing in locmem.outbox] == [9, 1, 2, 3]

    def test_the_urgent_takes_a_moment_that_was_handed_over(self, far_ahead) -> None:
        news, urgent = planned(1, priority=30, start_in=1.5), planned(2, priority=0, start_in=1.51)

        with make_calls() as calls:
            hand_over(calls, [news], then=[urgent])
            finish(calls)

        assert [outgoing.message_id for outgoing in locmem.outbox] == [2, 1]

    def test_the_urgent_does_not_wait_until_another_place_is_near(self, far_ahead) -> None:
        """All moments that are near have been handed over; the next one is a while away."""
        urgent = planned(3, priority=0, start_in=2.2)

        with make_calls() as calls:
            hand_over(calls, two_news(), then=[urgent])
            finish(calls)

        assert [outgoing.message_id for outgoing in locmem.outbox] == [3, 1, 2]

    def test_what_overtakes_is_looked_at_and_costs_no_place(self, far_ahead) -> None:
        urgent = [planned(number, priority=0, start_in=2.2) for number in (3, 4)]

        with make_calls(look=lambda planned: frozenset({3})) as calls:
            hand_over(calls, two_news(), then=urgent)
            answers = finish(calls)

        assert [outgoing.message_id for outgoing in locmem.outbox] == [4, 1, 2]
        receipts = {outgoing.message_id: receipt for outgoing, receipt in answers}
        assert isinstance(receipts[3], Refused)

    def test_abandons_what_was_overtaken(self, far_ahead) -> None:
        urgent = planned(3, priority=0, start_in=60.0)

        with make_calls() as calls:
            hand_over(calls, two_news(), then=[urgent])
            calls.start_due()
            calls.abandon()
            answers = finish(calls)

        assert len(answers) == 3
        assert len(locmem.outbox) == 2

    def test_many_that_are_urgent_leave_in_turn(self) -> None:
        news = [planned(number, priority=30, start_in=0.04) for number in range(1, 4)]
        urgent = [
            planned(number, priority=number % 2, start_in=0.01 * number) for number in range(4, 30)
        ]

        answers = run(news, urgent)

        assert sorted(outgoing.message_id for outgoing, _receipt in answers) == list(range(1, 30))
        assert {type(receipt) for _outgoing, receipt in answers} == {Accepted}

    def test_begins_at_its_moment_while_the_owner_is_busy(self, far_ahead) -> None:
        begun: queue.SimpleQueue[float] = queue.SimpleQueue()
        locmem.answer_with(lambda outgoing: begun.put(time.monotonic()))

        with make_calls() as calls:
            now = time.monotonic()
            calls.start([planned(1, start_in=0.1)], claimed_at=now, start_before=now + 60)
            calls.start_due()
            # The owner does nothing but wait here.
            began_after = begun.get(timeout=10) - now
            finish(calls)

        assert began_after >= 0.1

    def test_looks_shortly_before_the_moment_only(self) -> None:
        looked: list[int] = []

        def look(planned: Collection[PlannedCall]) -> frozenset[int]:
            looked.extend(each.outgoing.message_id for each in planned)
            return frozenset()

        with make_calls(look=look) as calls:
            now = time.monotonic()
            later = calls_module.AHEAD_SECONDS + 60
            calls.start([planned(1, start_in=later)], claimed_at=now, start_before=now + 90)
            calls.start_due()
            calls.abandon()
            finish(calls)

        assert looked == []

    def test_does_not_begin_what_the_last_look_revokes(self) -> None:
        answers = run([planned(1), planned(2)], look=lambda planned: frozenset({2}))

        assert [outgoing.message_id for outgoing in locmem.outbox] == [1]
        receipts = {outgoing.message_id: receipt for outgoing, receipt in answers}
        assert isinstance(receipts[2], Refused)
        assert receipts[2].action is Action.RECONSIDER

    def test_forgets_no_call_where_the_look_fails(self) -> None:
        def fail(planned: Collection[PlannedCall]) -> frozenset[int]:
            raise ConnectionError

        with make_calls(look=fail, per_second=10, concurrency=2) as calls:
            now = time.monotonic()
            calls.start([planned(1)], claimed_at=now, start_before=now + 60)
            with pytest.raises(ConnectionError):
                calls.collect(timeout=0.1, at_most=1)
            answers = calls.collect(timeout=0.1, at_most=1)

        assert [receipt.action for _outgoing, receipt in answers] == [Action.RECONSIDER]
        assert locmem.outbox == []

    def test_forgets_no_call_where_a_thread_cannot_start(self, monkeypatch) -> None:
        with make_calls() as calls:
            now = time.monotonic()
            calls.start([planned(1), planned(2)], claimed_at=now, start_before=now + 60)
            with monkeypatch.context() as patch:
                allow_threads(0, patch)
                with pytest.raises(RuntimeError):
                    calls.start_due()
            answers = finish(calls)

        assert [receipt.action for _outgoing, receipt in answers] == [Action.RECONSIDER] * 2
        assert locmem.outbox == []

    def test_makes_do_with_the_threads_that_the_machine_allows(self, monkeypatch, caplog) -> None:
        """One is left to whoever watches the calls, or not one of them would begin."""
        allow_threads(3, monkeypatch)
        with make_calls(concurrency=8) as calls:
            now = time.monotonic()
            calls.start([planned(n) for n in range(20)], claimed_at=now, start_before=now + 60)
            answers = finish(calls)
            ends_at = time.monotonic() + 30
            while threads_that_call() > 2:
                assert time.monotonic() < ends_at, "It is still there."
            free = calls.free

        assert sorted(outgoing.message_id for outgoing, _receipt in answers) == list(range(20))
        assert all(isinstance(receipt, Accepted) for _outgoing, receipt in answers)
        assert (free, caplog.messages) == (2, ["The machine allows no more threads"])

    def test_breaks_off_where_the_machine_allows_one_thread(self, monkeypatch) -> None:
        allow_threads(1, monkeypatch)
        with make_calls(concurrency=8) as calls:
            now = time.monotonic()
            calls.start([planned(1), planned(2)], claimed_at=now, start_before=now + 60)
            with pytest.raises(RuntimeError):
                calls.start_due()
            answers = finish(calls)

        receipts = {outgoing.message_id: receipt for outgoing, receipt in answers}
        assert isinstance(receipts[1], Accepted)
        assert isinstance(receipts[2], Refused)
        assert receipts[2].action is Action.RECONSIDER

    def test_keeps_answers_where_a_later_look_fails(self) -> None:
        looks = iter([frozenset()])

        def fail_later(planned: Collection[PlannedCall]) -> frozenset[int]:
            try:
                return next(looks)
            except StopIteration:
                raise ConnectionError from None

        with make_calls(look=fail_later, per_second=100, concurrency=2) as calls:
            now = time.monotonic()
            batch = [planned(1), planned(2, start_in=0.2)]
            calls.start(batch, claimed_at=now, start_before=now + 60)
            with pytest.raises(ConnectionError):
                calls.collect(timeout=5.0, at_most=2)
            answers = calls.collect(timeout=0.1, at_most=2)

        assert {outgoing.message_id: type(receipt) for outgoing, receipt in answers} == {
            1: Accepted,
            2: Refused,
        }

    def test_abandons_what_has_not_started(self) -> None:
        with make_calls(look=none_revoked, per_second=100, concurrency=2) as calls:
            now = time.monotonic()
            calls.start([planned(1, start_in=60.0)], claimed_at=now, start_before=now + 90)
            calls.abandon()
            answers = calls.collect(timeout=0.1, at_most=2)

        assert [receipt.action for _outgoing, receipt in answers] == [Action.RECONSIDER]
        assert locmem.outbox == []

    def test_a_backlog_of_places_is_not_made_up_for_in_a_rush(self) -> None:
        starts: list[float] = []
        locmem.answer_with(lambda outgoing: starts.append(time.monotonic()))

        run([planned(number) for number in range(6)], per_second=5)

        # Five in a second; the sixth has waited for a second of its own. The first may have been
        # held up on its way from its place to its note.
        assert max(starts) - min(starts) >= 0.9

    def test_what_may_begin_soon_does_not_wait_for_the_owner(self, monkeypatch) -> None:
        monkeypatch.setattr(calls_module, "LOOK_SECONDS", 60.0)
        monkeypatch.setattr(calls_module, "_STANDS_SECONDS", 30.0)
        used = Turnstile(per_second=1)
        used.pass_through(used.take(now=0.0, within=0.0))
        monkeypatch.setattr(calls_module, "turnstile", lambda **_given: used)

        with make_calls(per_second=1) as calls:
            now = time.monotonic()
            calls.start([planned(1)], claimed_at=now, start_before=now + 90)
            # Once; from here on the owner does something else.
            calls.start_due()

        assert len(locmem.outbox) == 1

    def test_what_may_not_begin_soon_is_not_looked_at(self, monkeypatch) -> None:
        used = Turnstile(per_second=1, clock=lambda: time.monotonic() + 3.0)
        used.pass_through(used.take(now=0.0, within=0.0))
        monkeypatch.setattr(calls_module, "turnstile", lambda **_given: used)
        looked_at: list[int] = []

        def look(planned: Collection[PlannedCall]) -> frozenset[int]:
            looked_at.extend(each.contact_id for each in planned)
            return frozenset()

        with make_calls(look=look, per_second=1) as calls:
            now = time.monotonic()
            calls.start([planned(1)], claimed_at=now, start_before=now + 90)
            calls.start_due()
            calls.abandon()
            answers = calls.collect(timeout=0.1, at_most=1)

        assert looked_at == []
        assert [receipt.action for _outgoing, receipt in answers] == [Action.RECONSIDER]

    def test_no_more_wait_to_begin_than_begin_in_a_while(self, monkeypatch) -> None:
        may_begin = threading.Event()
        monkeypatch.setattr(Turnstile, "pass_through", lambda *_given: may_begin.wait(timeout=30))

        with make_calls(per_second=100) as calls:
            now = time.monotonic()
            calls.start(
                [planned(number) for number in range(8)], claimed_at=now, start_before=now + 90
            )
            calls.start_due()
            # What has not been handed over can be taken back.
            calls.abandon()
            may_begin.set()
            finish(calls)

        # What is handed over ahead, a twentieth of a second.
        assert sorted(outgoing.message_id for outgoing in locmem.outbox) == [0, 1, 2, 3, 4]

    def test_what_was_overtaken_begins_too_where_one_may_wait(self, far_ahead) -> None:
        # A quarter of a call a second, four seconds ahead.
        with make_calls(per_second=0.25) as calls:
            hand_over(calls, two_news()[:1], then=[planned(3, priority=0, start_in=1.6)])
            finish(calls)

        assert [outgoing.message_id for outgoing in locmem.outbox] == [3, 1]

    def test_a_run_that_follows_another_counts_what_that_has_begun(self) -> None:
        began = time.monotonic()
        for count in (4, 2):
            run([planned(number) for number in range(count)], per_second=5)

        # The first has left one of the five of its second to the other.
        assert time.monotonic() - began >= 1.0


Answered = tuple[list[int], list[tuple[Outgoing, Receipt]]]


@contextmanager
def interrupted(*, line: int, nth: int) -> Iterator[list[int]]:
    """This will raise where this thread comes to that line of ``calls``, as a signal does.

    Returns the lines that it has come to; 0 is none of them.
    """
    lines: list[int] = []

    def trace(frame: FrameType, event: str, _given: object) -> object:
        if frame.f_code.co_filename != calls_module.__file__:
            return None
        if event == "line":
            lines.append(frame.f_lineno)
            if frame.f_lineno == line and lines.count(line) == nth:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lines
    finally:
        sys.settrace(before)


def in_own_thread(work: Callable[[], Answered]) -> Answered:
    """This will do the work in a thread of its own, and end what is left behind with that.

    CPython 3.11 goes on handling an exception if a tracer raises at the end of its ``except``:
    that is the context of each later exception of the thread, in other tests too.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(work).result()


def run_interrupted(*, line: int, nth: int) -> Answered:
    """This will call two, one that is revoked and one that overtakes, as ``delivery`` does."""
    locmem.reset()
    # A tracer raises even where no signal does: before a ``with`` gives back its lock.
    calls_module.forget_turnstiles()
    answers: list[tuple[Outgoing, Receipt]] = []
    with make_calls(look=lambda planned: frozenset({3})) as calls:
        with suppress(KeyboardInterrupt), interrupted(line=line, nth=nth) as lines:
            news = [planned(number, priority=30, start_in=0.02) for number in (1, 2, 3)]
            hand_over(calls, news, then=[planned(4, priority=0, start_in=0.02)])
            while not calls.is_idle:
                answers += calls.collect(timeout=0.1, at_most=100)
        calls.abandon()
        answers += finish(calls)
    return lines, answers


class TestInterrupted:
    """A signal may raise between any two lines of the thread that owns the calls."""

    def test_f22_takes_nothing_back_that_was_handed_over(self, monkeypatch) -> None:
        to_threads = Calls._hand_over

        def to_threads_and_break_off(calls: Calls, moment: calls_module._Moment) -> None:
            to_threads(calls, moment)
            raise KeyboardInterrupt

        with make_calls() as calls:
            now = time.monotonic()
            calls.start([planned(1), planned(2)], claimed_at=now, start_before=now + 60)
            with monkeypatch.context() as patch:
                patch.setattr(Calls, "_hand_over", to_threads_and_break_off)
                with pytest.raises(KeyboardInterrupt):
                    calls.start_due()
            calls.abandon()
            answers = finish(calls)

        assert {outgoing.message_id: type(receipt) for outgoing, receipt in answers} == {
            1: Accepted,
            2: Refused,
        }
        assert [outgoing.message_id for outgoing in locmem.outbox] == [1]

    def test_f22_takes_nothing_back_that_has_begun_at_any_line(self, monkeypatch) -> None:
        monkeypatch.setattr(calls_module, "AHEAD_SECONDS", 1.0)
        lines, _answers = in_own_thread(partial(run_interrupted, line=0, nth=0))

        for line, nth in itertools.product(sorted(set(lines)), (1, 2)):
            _lines, answers = in_own_thread(partial(run_interrupted, line=line, nth=nth))
            begun = [outgoing.message_id for outgoing in locmem.outbox]
            taken_back = [
                each.message_id for each, receipt in answers if receipt == calls_module._RECONSIDER
            ]
            assert len(begun) == len(set(begun)), f"begun twice, line {line}"
            assert not set(begun) & set(taken_back), f"taken back though begun, line {line}"


class TestBacklog:
    """Rate 80: four are handed over ahead; else what begins within 0.4 s."""

    def test_follows_how_many_have_begun_in_the_last_second(self) -> None:
        backlog = Backlog(per_second=80)

        rooms = [
            backlog.room(not_begun=0, begun=begun, now=now)
            for now, begun in ((0.0, 0), (0.5, 40), (1.0, 80), (1.4, 90), (9.0, 90))
        ]

        assert rooms == [4, 16, 32, 20, 4]

    def test_what_waits_already_leaves_less_room(self) -> None:
        backlog = Backlog(per_second=80)
        backlog.room(not_begun=0, begun=0, now=0.0)

        assert backlog.room(not_begun=10, begun=80, now=1.0) == 22

    def test_one_a_second_leaves_room_for_one(self) -> None:
        assert Backlog(per_second=1).room(not_begun=0, begun=0, now=0.0) == 1


class TestTurnstile:
    def test_gives_a_slot_only_where_that_opens_in_time(self) -> None:
        turning = Turnstile(per_second=2, clock=lambda: 100.0)
        for _each in range(2):
            turning.pass_through(turning.take(now=100.0, within=0.0))

        assert turning.take(now=100.5, within=0.5) is None
        # It was not used up by the question.
        assert turning.take(now=100.5, within=0.6) == 0

    def test_gives_no_slot_to_two_calls_before_the_first_has_begun(self) -> None:
        turning = Turnstile(per_second=1, clock=lambda: 100.0)
        turning.pass_through(turning.take(now=100.0, within=0.0))

        assert turning.take(now=100.8, within=0.3) == 0
        assert turning.take(now=100.8, within=0.3) is None
        # The first has not begun after all.
        assert turning.take(now=102.1, within=0.3) == 0

    def test_a_process_has_one_for_each_rate(self) -> None:
        assert turnstile(per_second=80) is turnstile(per_second=80)
        assert turnstile(per_second=80) is not turnstile(per_second=20)

    def test_two_runs_that_begin_at_the_same_moment_share_it(self, monkeypatch) -> None:
        shared: list[Turnstile] = []

        class Overtaken(Turnstile):
            def __init__(self, *, per_second: float) -> None:
                super().__init__(per_second=per_second)
                if not shared:
                    shared.append(self)
                    shared[0] = turnstile(per_second=per_second)

        monkeypatch.setattr(calls_module, "Turnstile", Overtaken)

        assert turnstile(per_second=80) is shared[0]

    def test_calls_that_are_late_together_leave_no_second_with_more_than_the_rate(self) -> None:
        now = 0.0

        def sleep(seconds: float) -> None:
            nonlocal now
            now += seconds

        turning = Turnstile(per_second=20, clock=lambda: now, sleep=sleep)
        starts: list[float] = []

        # One place each 0.0507 s for four seconds; the machine stands still from 1.5 to 1.9.
        for place in (number * 0.0507 for number in range(80)):
            now = max(now, 1.9 if 1.5 < place < 1.9 else place)
            turning.pass_through(turning.take(now=now, within=math.inf))
            starts.append(now)

        fullest = max(sum(start <= each < start + 1 for each in starts) for start in starts)
        assert fullest == 20
        # Nothing is later than it was because of the stop.
        assert max(start - number * 0.0507 for number, start in enumerate(starts)) < 0.4

    def test_no_second_holds_more_where_more_threads_wait_than_start_in_one(self) -> None:
        looked_at: dict[threading.Thread, float] = {}

        def clock() -> float:
            # The last look of a thread is its start.
            now = looked_at[threading.current_thread()] = time.monotonic()
            return now

        turning = Turnstile(per_second=4, clock=clock)
        slots = [turning.take(now=0.0, within=math.inf) for _each in range(9)]
        threads = [threading.Thread(target=turning.pass_through, args=(slot,)) for slot in slots]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        starts = sorted(looked_at.values())
        # Four at once, four after a second, the last after another.
        gaps = [later - earlier for earlier, later in zip(starts, starts[4:], strict=False)]
        assert min(gaps) >= 1.0
