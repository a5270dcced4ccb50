"""Answers: late, repeated, of older calls, and beside each other."""

import itertools
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from tests import factories, webhook_bodies
from tests.concurrency import beside, on_postgresql, together
from tests.factories import NOW
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
from whatsapp_notify.models import DeliveryEvent, Identity, Message, Sender
from whatsapp_notify.services import (
    claims,
    delivery,
    receipts,
    senders,
    settlement,
    statuses,
    sweep,
)

pytestmark = pytest.mark.django_db(transaction=True)

ACCEPTED = Accepted(provider_message_id="wamid.A1")


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 10_000}


def send_again(outgoing: Outgoing) -> None:
    """A person who has seen this call."""
    settlement.settle(
        message_id=outgoing.message_id,
        verdict="send_again",
        expected_attempt=outgoing.attempt,
        actor="owner",
        now=NOW,
    )


class Impatient(threading.Event):
    """Waits no time at all: the clock of the test goes on by itself."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


def call(count: int = 1, **fields: Any) -> list[Outgoing]:
    """Messages whose calls are under way."""
    for _each in range(count):
        factories.queued(**fields)
    return [each.outgoing for each in claims.claim(limit=50, now=NOW).calls]


def record(*answers: tuple[Outgoing, Receipt], now: Any = NOW) -> None:
    receipts.record(answers=answers, now=now)


def row(outgoing: Outgoing) -> Message:
    return Message.objects.get(pk=outgoing.message_id)


def tell(message: Message, word: str, **fields: Any) -> None:
    body = webhook_bodies.body(statuses=[webhook_bodies.status(message, word, **fields)])
    statuses.apply(statuses=wire.parse(body).statuses, now=NOW)


class TestLateAnswers:
    def test_f17_an_acceptance_after_the_sweep_settles_the_doubt(self) -> None:
        [outgoing] = call()
        sweep.sweep(now=NOW + timedelta(minutes=5))
        assert row(outgoing).state == "in_doubt"

        record((outgoing, ACCEPTED), now=NOW + timedelta(minutes=6))

        message = row(outgoing)
        assert (message.state, message.reason) == ("accepted", "")
        assert (message.needs_attention, message.is_pending) == (False, False)
        assert message.provider_message_id == "wamid.A1"

    def test_a_refusal_after_the_sweep_proves_that_nothing_has_left(self) -> None:
        [outgoing] = call()
        sweep.sweep(now=NOW + timedelta(minutes=5))

        record((outgoing, Refused(action=Action.RETRY, code=131016)))

        message = row(outgoing)
        assert (message.state, message.is_pending) == ("queued", True)
        assert not message.needs_attention

    def test_a_doubt_after_the_sweep_changes_nothing(self) -> None:
        [outgoing] = call()
        sweep.sweep(now=NOW + timedelta(minutes=5))

        record((outgoing, Unknown(reason=UnknownReason.TIMED_OUT)))

        assert row(outgoing).reason == "process_died"

    def test_f55_a_status_before_the_answer_stands(self) -> None:
        [outgoing] = call()
        tell(row(outgoing), "delivered", wamid="wamid.A1", seconds=1)

        record((outgoing, ACCEPTED), now=NOW + timedelta(seconds=2))

        message = row(outgoing)
        assert (message.state, message.provider_message_id) == ("delivered", "wamid.A1")
        assert message.delivered_at == NOW + timedelta(seconds=1)

    def test_f55_the_last_calls_id_counts_though_a_status_was_quicker(self) -> None:
        """One in the batch that a status has told as it is, one that it has told otherwise."""
        alike, other = call(2)
        tell(row(alike), "sent", wamid="wamid.A1")
        tell(row(other), "failed", wamid="wamid.OLD", code=131000)

        record(
            (alike, ACCEPTED),
            (other, Accepted(provider_message_id="wamid.NEW")),
            now=NOW + timedelta(seconds=2),
        )

        told = [(row(each).state, row(each).provider_message_id) for each in (alike, other)]
        assert told == [("sent", "wamid.A1"), ("failed", "wamid.NEW")]
        lines = DeliveryEvent.objects.filter(kind="accepted")
        assert set(lines.values_list("message_id", flat=True)) == {
            alike.message_id,
            other.message_id,
        }

    @pytest.mark.parametrize("seconds", [1, 3])
    def test_f55_the_earlier_of_both_times_counts(self, seconds: int) -> None:
        [outgoing] = call()
        tell(row(outgoing), "sent", wamid="wamid.A1", seconds=seconds)

        record((outgoing, ACCEPTED), now=NOW + timedelta(seconds=2))

        assert row(outgoing).accepted_at == NOW + timedelta(seconds=min(seconds, 2))

    def test_an_acceptance_stops_a_resend_that_has_not_left(self) -> None:
        [outgoing] = call()
        record((outgoing, Unknown(reason=UnknownReason.TIMED_OUT)))
        send_again(outgoing)

        record((outgoing, ACCEPTED))

        message = row(outgoing)
        assert (message.state, message.is_pending) == ("accepted", False)

    @pytest.mark.parametrize(
        "late",
        [
            Refused(action=Action.DROP, code=131009),
            Refused(action=Action.RETRY, code=131016),
            Unknown(reason=UnknownReason.TIMED_OUT),
            Accepted(provider_message_id="wamid.OLD"),
        ],
        ids=lambda receipt: type(receipt).__name__,
    )
    def test_an_answer_to_an_older_call_does_not_touch_the_newer(self, late: Receipt) -> None:
        [first] = call()
        record((first, Unknown(reason=UnknownReason.TIMED_OUT)))
        send_again(first)
        [second] = [each.outgoing for each in claims.claim(limit=1, now=NOW).calls]

        record((first, late))

        message = row(second)
        assert (message.state, message.attempt) == ("calling", 2)
        assert message.provider_message_id is None

    def test_a_resend_is_known_by_its_own_id(self) -> None:
        [first] = call()
        record((first, ACCEPTED))
        tell(row(first), "failed", code=131000)
        send_again(first)
        [second] = [each.outgoing for each in claims.claim(limit=1, now=NOW).calls]

        record((second, Accepted(provider_message_id="wamid.A2")))

        message = row(second)
        assert message.provider_message_id == "wamid.A2"
        assert (message.error_code, message.error_detail) == (None, "")

    def test_the_same_answers_written_twice_are_written_once(self) -> None:
        outgoing, refused = call(2)
        answers = ((outgoing, ACCEPTED), (refused, Refused(action=Action.RETRY, code=131016)))

        record(*answers)
        before = list(Message.objects.order_by("id").values())
        lines = row(outgoing).timeline.count()
        record(*answers)

        assert list(Message.objects.order_by("id").values()) == before
        assert row(outgoing).timeline.count() == lines


class TestCost:
    def test_the_queries_do_not_grow_with_the_answers(self) -> None:
        def queries(count: int) -> int:
            answers = [
                (outgoing, Accepted(provider_message_id=f"wamid.{count}.{number}"))
                for number, outgoing in enumerate(call(count))
            ]
            with CaptureQueriesContext(connection) as seen:
                record(*answers)
            return len(seen)

        assert queries(40) == queries(2)

    def test_f55_where_a_status_has_told_it_the_row_is_not_written_again(self) -> None:
        [outgoing] = call()
        tell(row(outgoing), "sent", wamid="wamid.A1")

        with CaptureQueriesContext(connection) as seen:
            record((outgoing, ACCEPTED), now=NOW + timedelta(seconds=2))

        # The one that looks for messages that wait for this answer.
        assert sum('UPDATE "whatsapp_notify_message"' in each["sql"] for each in seen) == 1
        kinds = DeliveryEvent.objects.filter(message=outgoing.message_id).order_by("id")
        assert list(kinds.values_list("kind", flat=True))[-2:] == ["sent", "accepted"]

    def test_a_whole_batch_of_refusals_stops_the_number_once(self) -> None:
        def queries(count: int) -> int:
            refused = Refused(action=Action.STOP_SENDER, code=190)
            answers: list[tuple[Outgoing, Receipt]] = [(each, refused) for each in call(count)]
            with CaptureQueriesContext(connection) as seen:
                record(*answers)
            senders.resume(sender=senders.current(), actor="owner", now=NOW)
            Message.objects.update(is_pending=False)
            return len(seen)

        assert queries(40) == queries(2)

    def test_ids_that_are_known_already_cost_nothing_more(self) -> None:
        [outgoing] = call()
        told = Accepted(provider_message_id="wamid.A1", wa_id="5511987654321")
        record((outgoing, told))
        assert Identity.objects.filter(kind="wa_id", value="5511987654321").exists()

        with CaptureQueriesContext(connection) as seen:
            record((outgoing, told))

        assert not any("INSERT" in each["sql"] and "identity" in each["sql"] for each in seen)


class TestBrakes:
    def test_f44_an_acceptance_of_a_call_under_way_does_not_unlock_an_account(self) -> None:
        locked, accepted = call(2)

        record(
            (locked, Refused(action=Action.STOP_SENDER, code=131031)),
            (accepted, ACCEPTED),
            now=NOW + timedelta(seconds=1),
        )

        assert senders.current().circuit_code == 131031

    def test_f43_nor_does_one_that_is_recorded_later(self) -> None:
        refused, accepted = call(2)
        stop = Refused(action=Action.STOP_SENDER, code=190)
        record((refused, stop), now=NOW + timedelta(seconds=1))

        record((accepted, ACCEPTED), now=NOW + timedelta(seconds=2))

        assert senders.current().circuit_opened_at is not None

    def test_f44_a_lesser_refusal_does_not_let_a_locked_account_try_again(self) -> None:
        first, second = call(2)
        record((first, Refused(action=Action.STOP_SENDER, code=131042)))

        record((second, Refused(action=Action.STOP_SENDER, code=190)))

        sender = senders.current()
        assert (sender.circuit_code, sender.circuit_probe_at) == (131042, None)

    def test_f44_of_several_refusals_the_gravest_is_kept(self) -> None:
        first, second = call(2)

        record(
            (first, Refused(action=Action.STOP_SENDER, code=190)),
            (second, Refused(action=Action.STOP_SENDER, code=368)),
        )

        assert senders.current().circuit_code == 368

    def test_f40_an_acceptance_beside_a_throttle_does_not_end_the_pause(self) -> None:
        slow, accepted = call(2)

        record(
            (slow, Refused(action=Action.SLOW_DOWN, code=130429)),
            (accepted, ACCEPTED),
            now=NOW + timedelta(seconds=0.2),
        )

        assert senders.current().slow_until == NOW + timedelta(seconds=1.2)

    def test_f40_a_throttled_shop_sends_all_of_it_once(self) -> None:
        for _each in range(30):
            factories.queued()
        seen: set[int] = set()
        numbers = iter(range(1000))

        def throttle(outgoing: Outgoing) -> Receipt | None:
            if next(numbers) % 3 == 0:
                return Refused(action=Action.SLOW_DOWN, code=130429)
            assert outgoing.message_id not in seen
            seen.add(outgoing.message_id)
            return None

        locmem.answer_with(throttle)
        ticks = itertools.count()
        for minutes in range(0, 400, 20):
            delivery.deliver(
                clock=lambda at=NOW + timedelta(minutes=minutes): (
                    at + timedelta(seconds=next(ticks))
                ),
                stop=Impatient(),
            )

        assert len(seen) == 30
        assert set(Message.objects.values_list("state", "failures")) == {("accepted", 0)}

    def test_f40_a_burst_of_throttles_is_one_lesson(self) -> None:
        answers = [(each, Refused(action=Action.SLOW_DOWN, code=130429)) for each in call(10)]

        record(*answers)

        assert senders.current().slow_count == 1


class TestLostConnection:
    @on_postgresql
    def test_f28_an_answer_survives_a_connection_that_is_cut(self, monkeypatch: Any) -> None:
        message = factories.queued()
        monkeypatch.setattr("whatsapp_notify.services.patience.time.sleep", lambda seconds: None)
        backends: list[int] = []

        def deliver() -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                backends.append(cursor.fetchone()[0])
            delivery.deliver(clock=lambda: NOW)

        def cut(outgoing: Outgoing) -> None:
            def terminate() -> None:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_terminate_backend(%s)", [backends[0]])

            beside(terminate)

        locmem.answer_with(cut)

        beside(deliver)

        message.refresh_from_db()
        assert message.state == "accepted"
        assert len(locmem.outbox) == 1

    def test_f27_a_deadlock_is_tried_again_and_the_call_is_not(self, monkeypatch: Any) -> None:
        message = factories.queued()
        monkeypatch.setattr("whatsapp_notify.services.patience.time.sleep", lambda seconds: None)
        write = receipts.record
        faults = iter([True, True, True])

        def deadlock(**arguments: Any) -> None:
            if next(faults, False):
                raise OperationalError("deadlock detected")
            write(**arguments)

        monkeypatch.setattr(receipts, "record", deadlock)

        delivery.deliver(clock=lambda: NOW)

        message.refresh_from_db()
        assert message.state == "accepted"
        assert len(locmem.outbox) == 1

    def test_f27_two_who_write_at_the_same_time_both_get_it_in(self) -> None:
        half, other = call(10), call(10)

        def accept(some: list[Outgoing]) -> None:
            record(*((each, Accepted(provider_message_id=f"w{each.message_id}")) for each in some))

        together(
            lambda: accept(half),
            lambda: accept(other),
            lambda: sweep.sweep(now=NOW + timedelta(minutes=5)),
        )

        assert Message.objects.filter(state="accepted").count() == 20
        assert Sender.objects.count() == 1
