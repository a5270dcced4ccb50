"""A clock that jumps by an hour while a message is in each of its states."""

from datetime import datetime, timedelta

import pytest

from tests import factories, webhook_bodies
from tests.factories import NOW
from tests.graph import NoWaiting
from whatsapp_notify.backends import locmem
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.domain.receipts import (
    Accepted,
    Action,
    Outgoing,
    Receipt,
    Refused,
    Unknown,
    UnknownReason,
)
from whatsapp_notify.models import Heartbeat, Message
from whatsapp_notify.services import (
    claims,
    delivery,
    health,
    heartbeats,
    overview,
    receipts,
    senders,
    statuses,
    sweep,
)

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])


class Clock:
    """Goes on by a minute at each look of a test, and jumps when told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def deliver(clock: Clock) -> None:
    delivery.deliver(clock=clock, stop=NoWaiting())


def live_on(clock: Clock, *, hours: int = 3) -> None:
    """This will let the machinery run until the clock is well past the jump, either way."""
    for _step in range(hours * 6):
        clock.now += 10 * MINUTE
        sweep.sweep(now=clock.now)
        deliver(clock)


def answer_once(receipt: Receipt) -> None:
    receipts_left = [receipt]
    locmem.answer_with(lambda outgoing: receipts_left.pop() if receipts_left else None)


def the_message() -> Message:
    return Message.objects.get()


@JUMPS
class TestJump:
    def test_f90_while_queued_it_leaves_once(self, clock: Clock, jump: timedelta) -> None:
        factories.queued(due_at=NOW + 10 * MINUTE)
        clock.now += jump

        live_on(clock)

        assert the_message().state == "accepted"
        assert len(locmem.outbox) == 1

    def test_f90_while_waiting_for_another_try_it_leaves_once(
        self, clock: Clock, jump: timedelta
    ) -> None:
        factories.queued()
        answer_once(Refused(action=Action.RETRY))
        deliver(clock)
        clock.now += jump

        live_on(clock)

        assert (the_message().state, the_message().failures) == ("accepted", 1)
        assert len(locmem.outbox) == 2

    @pytest.mark.parametrize(
        "refusal",
        [
            Refused(action=Action.SLOW_DOWN, code=130429),
            Refused(action=Action.SLOW_PAIR, code=131056),
            Refused(action=Action.STOP_SENDER, code=190),
        ],
        ids=lambda refusal: str(refusal.action),
    )
    def test_f90_while_a_brake_is_on_it_comes_off(
        self, clock: Clock, jump: timedelta, refusal: Refused
    ) -> None:
        factories.queued()
        answer_once(refusal)
        deliver(clock)
        clock.now += jump

        live_on(clock)

        assert (the_message().state, the_message().failures) == ("accepted", 0)
        assert len(locmem.outbox) == 2
        sender = senders.current()
        assert (sender.circuit_opened_at, sender.slow_count) == (None, 0)

    def test_f90_during_the_call_its_answer_counts(self, clock: Clock, jump: timedelta) -> None:
        factories.queued()

        def call(outgoing: Outgoing) -> Receipt | None:
            clock.now += jump
            return None

        locmem.answer_with(call)

        deliver(clock)
        live_on(clock)

        assert the_message().state == "accepted"
        assert len(locmem.outbox) == 1

    def test_f90_during_the_call_of_a_dead_process_it_is_in_doubt_and_not_repeated(
        self, clock: Clock, jump: timedelta
    ) -> None:
        factories.queued()
        claims.claim(limit=1, now=clock.now)
        clock.now += jump

        live_on(clock)

        assert (the_message().state, the_message().reason) == ("in_doubt", "process_died")
        assert locmem.outbox == []

    def test_f90_an_answer_after_a_sweep_that_came_too_early_still_counts(
        self, clock: Clock, jump: timedelta
    ) -> None:
        factories.queued()
        [planned] = claims.claim(limit=1, now=clock.now).calls
        clock.now += jump
        sweep.sweep(now=clock.now)

        receipts.record(
            answers=[(planned.outgoing, Accepted(provider_message_id="wamid.1"))], now=clock.now
        )
        live_on(clock)

        assert (the_message().state, the_message().needs_attention) == ("accepted", False)
        assert locmem.outbox == []

    def test_f90_while_in_doubt_it_stays_so_until_news_come(
        self, clock: Clock, jump: timedelta
    ) -> None:
        factories.queued()
        answer_once(Unknown(reason=UnknownReason.TIMED_OUT))
        deliver(clock)
        clock.now += jump

        live_on(clock)

        assert the_message().state == "in_doubt"
        assert len(locmem.outbox) == 1
        tell("delivered", now=clock.now)
        assert the_message().state == "delivered"

    def test_f90_between_news_they_are_joined_all_the_same(
        self, clock: Clock, jump: timedelta
    ) -> None:
        factories.queued()
        deliver(clock)
        tell("sent", now=clock.now)
        clock.now += jump

        tell("delivered", now=clock.now)
        tell("read", now=clock.now)

        assert the_message().state == "read"


def tell(word: str, *, now: datetime) -> None:
    body = webhook_bodies.body(statuses=[webhook_bodies.status(the_message(), word)])
    statuses.apply(statuses=wire.parse(body).statuses, now=now)


def test_f90_an_expired_message_never_leaves_whatever_the_clock_did(clock: Clock) -> None:
    factories.queued(expires_at=NOW + 30 * MINUTE)
    clock.now += HOUR
    deliver(clock)
    clock.now -= 2 * HOUR

    live_on(clock)

    assert the_message().state == "expired"
    assert locmem.outbox == []


class TestSignOfLife:
    @staticmethod
    def ages(now: datetime) -> list[int | None]:
        items = {item.name: item.value for item in health.machinery(now=now)}
        return [items["worker_age_seconds"], items["beat_age_seconds"]]

    @staticmethod
    def alive(now: datetime) -> list[bool]:
        return [part.is_alive for part in overview.overview(now=now).parts]

    @pytest.fixture(autouse=True)
    def _ahead(self, clock: Clock) -> None:
        """One host, whose clock was ahead, was the last to live."""
        for name in (heartbeats.WORKER, heartbeats.BEAT, heartbeats.WEBHOOK):
            heartbeats.beat(name=name, now=clock.now + HOUR)

    def test_f90_from_a_clock_ahead_is_none(self, clock: Clock) -> None:
        assert self.ages(clock.now) == [None, None]
        parts = overview.overview(now=clock.now).parts
        assert [(part.at, part.is_alive) for part in parts] == [(None, False)] * 3

    def test_f90_from_a_clock_ahead_counts_when_its_time_has_come(self, clock: Clock) -> None:
        assert self.ages(clock.now + HOUR + 5 * MINUTE) == [300, 300]

    def test_f90_of_a_clock_that_is_right_takes_its_place(self, clock: Clock) -> None:
        for name in (heartbeats.WORKER, heartbeats.BEAT, heartbeats.WEBHOOK):
            heartbeats.beat(name=name, now=clock.now)

        assert self.ages(clock.now + 11 * MINUTE) == [660, 660]
        assert self.alive(clock.now + MINUTE) == [True] * 3
        assert self.alive(clock.now + 11 * MINUTE) == [False] * 3

    def test_clocks_that_differ_by_seconds_do_not_matter(self, clock: Clock) -> None:
        assert self.ages(clock.now + HOUR - MINUTE) == [0, 0]
        assert self.alive(clock.now + HOUR - MINUTE) == [True] * 3

    def test_is_not_written_down_more_often_for_that(self, clock: Clock) -> None:
        for seconds in (-5, -1, 1, 5):
            heartbeats.beat(
                name=heartbeats.WORKER, now=clock.now + HOUR + timedelta(seconds=seconds)
            )

        assert Heartbeat.objects.get(name=heartbeats.WORKER).at == clock.now + HOUR
