"""News of messages, in every order, repeated, in bulk and about calls of long ago."""

import itertools
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests import factories, webhook_bodies
from tests.concurrency import on_postgresql, together
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.domain.content import TextContent
from whatsapp_notify.domain.receipts import Accepted, Outgoing, Unknown, UnknownReason
from whatsapp_notify.models import DeliveryEvent, Message, UnmatchedStatus
from whatsapp_notify.services import claims, receipts, senders, settlement, statuses

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = ("sent", "delivered", "read", "failed")
#: All that news may write, beside what tells one message from another.
COLUMNS = (
    "state", "reason", "is_pending", "needs_attention", "call_expires_at", "error_code",
    "error_detail", "accepted_at", "sent_at", "delivered_at", "read_at", "failed_at",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 10_000}


def calling(count: int = 1) -> list[Message]:
    for _each in range(count):
        factories.queued()
    called = claims.claim(limit=50, now=NOW).calls
    return [Message.objects.get(pk=each.outgoing.message_id) for each in called]


def accept(message: Message, wamid: str = "") -> Message:
    outgoing = outgoing_of(message)
    receipt = Accepted(provider_message_id=wamid or f"wamid.{message.pk}.{message.attempt}")
    receipts.record(answers=[(outgoing, receipt)], now=NOW + timedelta(seconds=1))
    message.refresh_from_db()
    return message


def outgoing_of(message: Message) -> Outgoing:
    """The call that is under way, as far as its answer needs it."""
    return Outgoing(
        message_id=message.pk,
        attempt=message.attempt,
        phone="",
        user_id="",
        content=TextContent(body=""),
        opaque_id="",
    )


def apply(*elements: dict[str, Any]) -> int:
    parsed = wire.parse(webhook_bodies.body(statuses=elements))
    return statuses.apply(statuses=parsed.statuses, now=NOW + timedelta(minutes=1))


def told(message: Message, word: str, **fields: Any) -> dict[str, Any]:
    code = 131000 if word == "failed" else None
    seconds = 2 + WORDS.index(word)
    fields.setdefault("wamid", f"wamid.{message.pk}.{message.attempt}")
    return webhook_bodies.status(message, word, seconds=seconds, code=code, **fields)


class TestOrder:
    @pytest.mark.parametrize("is_answered", [True, False], ids=["accepted", "in-doubt"])
    @pytest.mark.parametrize(
        "words",
        [words for size in range(1, 5) for words in itertools.combinations(WORDS, size)],
        ids="-".join,
    )
    def test_f54_all_orders_end_in_the_same_row(
        self, words: Sequence[str], is_answered: bool
    ) -> None:
        rows = set()
        orders = list(itertools.permutations(words))
        messages = calling(len(orders))
        for message, order in zip(messages, orders, strict=True):
            if is_answered:
                accept(message)
            else:
                Message.objects.filter(pk=message.pk).update(state="in_doubt", needs_attention=True)
            for word in order:
                apply(told(message, word))
            rows.add(Message.objects.filter(pk=message.pk).values_list(*COLUMNS).get())

        assert len(rows) == 1

    def test_f54_the_answer_may_come_between_any_two(self) -> None:
        rows = set()
        for place, message in enumerate(calling(4)):
            for index, word in enumerate(("sent", "delivered", "read")):
                if index == place:
                    accept(message, wamid=f"wamid.P{place}")
                apply(told(message, word, wamid=f"wamid.P{place}"))
            if place == 3:
                accept(message, wamid=f"wamid.P{place}")
            rows.add(Message.objects.filter(pk=message.pk).values_list(*COLUMNS).get())

        assert len(rows) == 1

    def test_f54_read_without_delivered_is_read(self) -> None:
        message = accept(calling()[0])

        apply(told(message, "read"))

        message.refresh_from_db()
        assert (message.state, message.delivered_at) == ("read", None)

    def test_f54_what_arrived_has_not_failed(self) -> None:
        message = accept(calling()[0])

        apply(told(message, "delivered"), told(message, "failed"))

        message.refresh_from_db()
        assert (message.state, message.error_code) == ("delivered", None)
        assert not message.needs_attention
        assert message.failed_at is not None

    def test_a_time_that_is_told_twice_is_the_earlier(self) -> None:
        message = accept(calling()[0])

        for seconds in (9, 3, 7):
            apply(webhook_bodies.status(message, "sent", seconds=seconds))

        message.refresh_from_db()
        assert message.sent_at == NOW + timedelta(seconds=3)


class TestRepetition:
    def test_f53_the_same_news_many_times_at_once_are_one_line(self) -> None:
        message = accept(calling()[0])
        moved = []
        signals.message_state_changed.connect(
            listener := lambda **told: moved.append(told["state"]), weak=False
        )

        try:
            together(*[lambda: apply(told(message, "sent"))] * 6)
        finally:
            signals.message_state_changed.disconnect(listener)

        assert message.timeline.filter(kind="sent").count() == 1
        assert moved == ["sent"]

    def test_f64_a_replay_of_everything_changes_nothing(self) -> None:
        messages = [accept(message) for message in calling(5)]
        everything = [told(message, word) for message in messages for word in WORDS]
        apply(*everything)
        before = [list(model.objects.order_by("id").values()) for model in (Message, DeliveryEvent)]

        moved = apply(*everything) + apply(*reversed(everything))

        after = [list(model.objects.order_by("id").values()) for model in (Message, DeliveryEvent)]
        assert moved == 0
        assert after == before

    def test_f64_an_old_failure_does_not_stop_a_number_that_was_repaired(self) -> None:
        message = accept(calling()[0])
        failure = webhook_bodies.status(message, "failed", seconds=3, code=131042)
        apply(failure)
        assert senders.current().circuit_code == 131042
        senders.resume(sender=senders.current(), actor="owner", now=NOW)

        apply(failure)

        assert senders.current().circuit_opened_at is None


class TestDoubt:
    def test_f55_news_find_their_message_before_its_answer(self) -> None:
        [message] = calling()

        apply(told(message, "sent", wamid="wamid.EARLY"))

        message.refresh_from_db()
        assert (message.state, message.provider_message_id) == ("sent", "wamid.EARLY")
        assert message.call_expires_at is None

    def test_f16_news_settle_a_doubt(self) -> None:
        [message] = calling()
        lost = Unknown(reason=UnknownReason.CONNECTION_LOST)
        receipts.record(answers=[(outgoing_of(message), lost)], now=NOW)

        apply(told(message, "delivered", wamid="wamid.X"))

        message.refresh_from_db()
        assert (message.state, message.reason) == ("delivered", "")
        assert not message.needs_attention

    def test_f56_an_id_with_a_wrong_token_is_a_strangers(self) -> None:
        [message] = calling()
        element = told(message, "sent", wamid="wamid.FORGED")
        Message.objects.filter(pk=message.pk).update(token="0" * 32)

        apply(element)

        message.refresh_from_db()
        assert message.state == "calling"
        assert UnmatchedStatus.objects.get().provider_message_id == "wamid.FORGED"


class TestEarlierCalls:
    """A person has sent again; news of the first call arrive all the same."""

    def resent(self, *, failed: bool) -> tuple[Message, Message]:
        """The message as it was at its first call, and as it is now."""
        first = calling()[0]
        if failed:
            accept(first)
            apply(told(first, "failed"))
        else:
            Message.objects.filter(pk=first.pk).update(state="in_doubt", needs_attention=True)
        settlement.settle(
            message_id=first.pk, verdict="send_again", expected_attempt=1, actor="owner", now=NOW
        )
        return first, Message.objects.get(pk=first.pk)

    def test_a_late_sent_does_not_cancel_the_resend_of_a_failure(self) -> None:
        first, message = self.resent(failed=True)

        apply(told(first, "sent"))

        message.refresh_from_db()
        assert (message.state, message.is_pending) == ("queued", True)

    def test_a_late_sent_known_by_its_id_alone_does_not_either(self) -> None:
        first, message = self.resent(failed=True)

        apply(told(first, "sent", with_opaque_id=False))

        message.refresh_from_db()
        assert (message.state, message.is_pending) == ("queued", True)

    def test_a_late_sent_does_not_hide_the_answer_of_the_second_call(self) -> None:
        first, message = self.resent(failed=True)
        claims.claim(limit=1, now=NOW)

        apply(told(first, "sent"), told(first, "failed"))

        message.refresh_from_db()
        assert (message.state, message.attempt) == ("calling", 2)

    def test_a_late_delivered_cancels_the_resend(self) -> None:
        first, message = self.resent(failed=True)

        apply(told(first, "delivered"))

        message.refresh_from_db()
        assert (message.state, message.is_pending) == ("delivered", False)

    def test_a_late_sent_cancels_the_resend_of_a_doubt(self) -> None:
        first, message = self.resent(failed=False)

        apply(told(first, "sent", wamid="wamid.FIRST"))

        message.refresh_from_db()
        assert (message.state, message.is_pending) == ("sent", False)

    def test_an_old_failure_does_not_fail_the_second_call(self) -> None:
        first, message = self.resent(failed=False)
        claims.claim(limit=1, now=NOW)
        message.refresh_from_db()
        accept(message, wamid="wamid.SECOND")

        apply(told(first, "failed", wamid="wamid.FIRST"))

        message.refresh_from_db()
        assert (message.state, message.provider_message_id) == ("accepted", "wamid.SECOND")

    def test_a_failure_of_the_second_call_is_found_by_its_id_alone(self) -> None:
        _first, message = self.resent(failed=True)
        claims.claim(limit=1, now=NOW)
        message.refresh_from_db()
        accept(message, wamid="wamid.SECOND")

        apply(told(message, "failed", wamid="wamid.SECOND", with_opaque_id=False))

        message.refresh_from_db()
        assert (message.state, message.needs_attention) == ("failed", True)


class TestCallsThatTheRowDoesNotKnow:
    """The database went back in time, and news of the calls that it has lost arrive."""

    def restored(self, *, calls: int = 1, **fields: Any) -> tuple[Message, Message]:
        """The message as it was at its last call, and as the backup has it."""
        message = factories.queued()
        Message.objects.filter(pk=message.pk).update(**fields)
        message.refresh_from_db()
        lost = Message.objects.get(pk=message.pk)
        lost.attempt = message.attempt + calls
        return lost, message

    @pytest.mark.parametrize(
        ("state", "is_pending"), [("queued", True), ("unknown", False), ("sent", False)]
    )
    @pytest.mark.parametrize(
        "words",
        [words for size in (1, 2) for words in itertools.permutations(WORDS, size)],
        ids="-".join,
    )
    def test_f30_news_say_how_the_lost_call_ended(
        self, state: str, is_pending: bool, words: Sequence[str]
    ) -> None:
        lost, message = self.restored(
            state=state, is_pending=is_pending, needs_attention=state == "unknown"
        )

        for word in words:
            apply(told(lost, word))

        message.refresh_from_db()
        end = max(words, key=("sent", "failed", "delivered", "read").index)
        assert (message.state, message.is_pending) == (end, False)
        assert message.needs_attention == (end == "failed")
        assert message.provider_message_id == f"wamid.{message.pk}.1"
        assert message.attempt == 1

    def test_f30_a_failure_that_is_sent_again_is_another_call(self) -> None:
        lost, message = self.restored()
        apply(told(lost, "failed"))
        settlement.settle(
            message_id=message.pk,
            verdict="send_again",
            expected_attempt=1,
            actor="owner",
            now=NOW,
        )

        [call] = claims.claim(limit=1, now=NOW).calls

        assert call.outgoing.attempt == 2
        apply(told(lost, "failed"))
        message.refresh_from_db()
        assert message.state == "calling"

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in-order", "swapped"])
    def test_f30_the_last_call_decides_over_the_failure_of_an_earlier_one(
        self, order: tuple[int, int]
    ) -> None:
        lost, message = self.restored(
            calls=2, state="accepted", is_pending=False, provider_message_id="wamid.FIRST"
        )
        Message.objects.filter(pk=message.pk).update(attempt=1)
        message.refresh_from_db()
        news = told(message, "failed", wamid="wamid.FIRST"), told(lost, "sent", wamid="wamid.LAST")

        for place in order:
            apply(news[place])

        message.refresh_from_db()
        assert (message.state, message.attempt, message.error_code) == ("sent", 2, None)
        assert not message.needs_attention
        assert message.provider_message_id == "wamid.LAST"

    def test_f30_a_second_failure_asks_for_attention_again(self) -> None:
        lost, message = self.restored(state="failed", is_pending=False, needs_attention=False)

        apply(told(lost, "failed"))

        message.refresh_from_db()
        assert (message.reason, message.needs_attention) == ("provider_failed", True)

    @pytest.mark.parametrize("words", [("sent", "failed"), ("failed", "sent")], ids="-".join)
    def test_f30_what_staff_has_dropped_stays_dropped(self, words: Sequence[str]) -> None:
        lost, message = self.restored(state="unknown", is_pending=False, needs_attention=True)
        settlement.settle(
            message_id=message.pk, verdict="drop", expected_attempt=0, actor="owner", now=NOW
        )

        for word in words:
            apply(told(lost, word))

        message.refresh_from_db()
        assert (message.state, message.reason) == ("failed", "settled_by_staff")
        assert (message.attempt, message.needs_attention) == (1, False)

    def test_a_failure_of_a_call_that_was_refused_leaves_its_repetition_alone(self) -> None:
        lost, message = self.restored()
        Message.objects.filter(pk=message.pk).update(attempt=1)

        apply(told(lost, "failed"))

        message.refresh_from_db()
        assert (message.state, message.is_pending) == ("queued", True)

    def test_the_usual_news_do_not_write_the_number_of_the_call(self) -> None:
        message = accept(calling()[0])

        with CaptureQueriesContext(connection) as seen:
            apply(told(message, "sent"), told(message, "failed"))

        updates = [q["sql"] for q in seen.captured_queries if q["sql"].startswith("UPDATE")]
        assert updates
        assert not any('"attempt"' in sql for sql in updates)


class TestBulk:
    def test_f57_a_thousand_at_once_in_a_constant_number_of_queries(self) -> None:
        person = factories.contact()

        def queries(count: int) -> int:
            rows = [
                factories.draft(person, state="accepted", is_pending=False, attempt=1)
                for _each in range(count)
            ]
            for row in rows:
                row.provider_message_id, row.called_at = f"wamid.{row.key}", NOW
            Message.objects.bulk_create(rows)
            elements = [
                told(row, "delivered", with_opaque_id=False, wamid=row.provider_message_id)
                for row in rows
            ]
            began = time.perf_counter()
            with CaptureQueriesContext(connection) as seen:
                assert apply(*elements) == count
            assert time.perf_counter() - began < 10
            return len(seen)

        queries(1)

        assert queries(1000) == queries(2)

    def test_statuses_of_groups_and_new_words_move_nothing(self) -> None:
        message = accept(calling()[0])

        moved = apply(
            webhook_bodies.status(message, "teleported"),
            webhook_bodies.status(message, "read", recipient_type="group"),
        )

        message.refresh_from_db()
        assert (moved, message.state) == (0, "accepted")


@on_postgresql
def test_updates_of_whole_pages_stay_in_place() -> None:
    messages = [accept(message) for message in calling(50)]

    with transaction.atomic():
        before = updates_of_messages()
        apply(*(told(message, "sent") for message in messages))
        updates = updates_of_messages() - before

    assert updates.all == 50
    # With room for a third less it is 38.
    assert updates.in_place >= 47


class Updates(NamedTuple):
    """How many rows this connection has updated, of late."""

    all: int
    #: In their page, and in no index (HOT).
    in_place: int

    def __sub__(self, other: "Updates") -> "Updates":
        return Updates(self.all - other.all, self.in_place - other.in_place)


def updates_of_messages() -> Updates:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_get_xact_tuples_updated(oid), "
            "pg_stat_get_xact_tuples_hot_updated(oid) FROM pg_class WHERE relname = %s",
            [Message._meta.db_table],
        )
        return Updates(*cursor.fetchone())
