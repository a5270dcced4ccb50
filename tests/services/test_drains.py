"""Sending by tasks: a few at once, each for a while."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests import factories
from tests.factories import NOW
from whatsapp_notify.backends import locmem
from whatsapp_notify.domain.receipts import Outgoing, Receipt
from whatsapp_notify.models import InboundMessage, Lease, Message, ShopEvent
from whatsapp_notify.services import arrivals, drains, leases, senders

pytestmark = pytest.mark.django_db(transaction=True)


class Clock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move_with_each_call(self, **seconds: float) -> None:
        """This will move it while a message is at the provider."""

        def move(outgoing: Outgoing) -> Receipt | None:
            self.now += timedelta(**seconds)
            return None

        locmem.answer_with(move)


def drain(*, clock: Callable[[], datetime] = lambda: NOW) -> bool:
    return drains.drain(clock=clock, stop=threading.Event()).has_more


class TestDrain:
    def test_sends_what_is_due(self) -> None:
        factories.queued()

        has_more = drain()

        assert not has_more
        assert Message.objects.get().state == "accepted"
        assert Lease.objects.get().expires_at <= NOW

    def test_leaves_it_to_those_who_do_it_already(self) -> None:
        factories.queued()
        leases.take(names=["deliver:0"], now=NOW)

        has_more = drain()

        assert not has_more
        assert locmem.outbox == []

    def test_takes_a_second_place_where_the_shop_has_two(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "SENDING_TASKS": 2}
        factories.queued()
        leases.take(names=["deliver:0"], now=NOW)

        drain()

        assert len(locmem.outbox) == 1

    def test_sends_what_others_rang_for_while_it_held_the_place(self) -> None:
        factories.queued()

        def ring_in_vain(outgoing: Outgoing) -> Receipt | None:
            if len(locmem.outbox) == 1:
                factories.queued()
                assert not drain()
            return None

        locmem.answer_with(ring_in_vain)

        drain()

        assert len(locmem.outbox) == 2

    def test_ends_where_a_brake_keeps_what_is_due(self) -> None:
        factories.queued()
        senders.stop(sender=senders.current(), actor="staff", now=NOW - timedelta(minutes=1))

        has_more = drain()

        assert not has_more
        assert locmem.outbox == []


class TestTurn:
    """See Note [How long a turn is] of ``drains``. One call at a time, a round for each."""

    @pytest.fixture(autouse=True)
    def queued(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "CONCURRENCY": 1}
        for _each in range(4):
            factories.queued()

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    def keep_waiting(self, what: str, *, since: datetime) -> None:
        match what:
            case "webhook":
                arrivals.record(body=b'{"entry": []}', now=since)
            case "event":
                event = ShopEvent.objects.create(name="order.shipped", key="k", occurred_at=NOW)
                ShopEvent.objects.filter(pk=event.pk).update(recorded_at=since)
            case "question":
                InboundMessage.objects.create(
                    contact=factories.contact(),
                    provider_message_id="wamid.1",
                    kind="text",
                    sent_at=NOW,
                    received_at=NOW,
                    errand_due_at=since,
                )

    def test_f21_ends_in_time_and_says_that_there_is_more(self, clock: Clock) -> None:
        clock.move_with_each_call(seconds=16)

        has_more = drain(clock=clock)

        assert has_more
        assert len(locmem.outbox) == 2

    def test_is_long_where_nothing_else_waits(self, clock: Clock) -> None:
        clock.move_with_each_call(seconds=6)

        has_more = drain(clock=clock)

        assert not has_more
        assert len(locmem.outbox) == 4

    @pytest.mark.parametrize("what", ["webhook", "event", "question"])
    def test_f21_is_short_where_other_work_is_kept_waiting(self, clock: Clock, what: str) -> None:
        clock.move_with_each_call(seconds=6)
        self.keep_waiting(what, since=NOW)

        has_more = drain(clock=clock)

        assert has_more
        assert len(locmem.outbox) == 1

    @pytest.mark.parametrize("what", ["webhook", "event", "question"])
    def test_leaves_time_to_those_who_do_the_other_work(self, clock: Clock, what: str) -> None:
        clock.move_with_each_call(seconds=6)
        self.keep_waiting(what, since=NOW + timedelta(hours=1))

        has_more = drain(clock=clock)

        assert not has_more

    def test_does_not_end_for_an_event_that_pauses_before_its_next_try(self, clock: Clock) -> None:
        clock.move_with_each_call(seconds=6)
        self.keep_waiting("event", since=NOW)
        ShopEvent.objects.update(attempts=1, processed_at=NOW)

        has_more = drain(clock=clock)

        assert not has_more

    def test_is_no_shorter_than_the_shortest(self, clock: Clock) -> None:
        clock.move_with_each_call(seconds=1)
        self.keep_waiting("webhook", since=NOW - timedelta(hours=1))

        has_more = drain(clock=clock)

        assert not has_more
        assert len(locmem.outbox) == 4

    def test_f90_ends_where_the_clock_is_put_back(self, clock: Clock) -> None:
        clock.move_with_each_call(hours=-1)
        Message.objects.update(due_at=NOW - timedelta(days=1))

        has_more = drain(clock=clock)

        assert has_more
        assert len(locmem.outbox) == 1

    def test_f21_claims_no_more_once_the_worker_stops(self, clock: Clock) -> None:
        stop = threading.Event()

        def be_stopped(outgoing: Outgoing) -> Receipt | None:
            stop.set()
            return None

        locmem.answer_with(be_stopped)

        drained = drains.drain(clock=clock, stop=stop)

        assert not drained.has_more
        assert len(locmem.outbox) == 1
