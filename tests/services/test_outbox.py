"""Into the outbox."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.concurrency import together
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.models import Message
from whatsapp_notify.services import delivery, outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rung() -> Any:
    heard: list[Any] = []
    signals.messages_due.connect(listener := lambda **told: heard.append(told), weak=False)
    yield heard
    signals.messages_due.disconnect(listener)


class TestEnqueue:
    def test_f04_two_who_plan_the_same_plan_it_once(self) -> None:
        person = factories.contact()
        drafts = [factories.draft(person) for _each in range(4)]
        for draft in drafts:
            draft.key = "order.shipped:1"

        counts = together(
            *[lambda draft=draft: outbox.enqueue(messages=[draft], now=NOW) for draft in drafts]
        )

        assert sorted(counts) == [0, 0, 0, 1]
        assert Message.objects.get().timeline.filter(kind="planned").count() == 1

    def test_f05_a_clash_leaves_the_shops_transaction_whole(self) -> None:
        person = factories.contact()
        first, again = factories.draft(person), factories.draft(person)
        again.key = first.key
        outbox.enqueue(messages=[first], now=NOW)

        with transaction.atomic():
            count = outbox.enqueue(messages=[again], now=NOW)
            get_user_model().objects.create(username="customer")

        assert count == 0
        assert get_user_model().objects.filter(username="customer").exists()

    def test_f01_a_shop_that_rolls_back_has_planned_nothing(self, rung: Any) -> None:
        person = factories.contact()

        with transaction.atomic():
            outbox.enqueue(messages=[factories.draft(person)], now=NOW)
            transaction.set_rollback(True)

        assert Message.objects.count() == 0
        assert rung == []

    def test_rings_after_the_commit(self, rung: Any) -> None:
        person = factories.contact()

        with transaction.atomic():
            outbox.enqueue(messages=[factories.draft(person)], now=NOW)
            assert rung == []

        assert len(rung) == 1

    def test_is_silent_about_what_is_planned_for_later(self, rung: Any) -> None:
        factories.queued(due_at=NOW + timedelta(hours=1))

        assert rung == []

    def test_keeps_what_it_refuses_with_the_reason(self, rung: Any) -> None:
        person = factories.contact(consents=())

        message = factories.queued(person)

        assert (message.state, message.reason, message.is_pending) == ("blocked", "consent", False)
        assert [line.kind for line in message.timeline.all()] == ["blocked"]
        assert rung == []

    def test_what_came_too_late_is_expired_like_in_the_gate(self) -> None:
        message = factories.queued(expires_at=NOW - timedelta(hours=1))

        assert (message.state, message.reason, message.is_pending) == ("expired", "expired", False)
        assert [line.kind for line in message.timeline.all()] == ["expired"]

    def test_quiet_hours_move_the_due_time(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = {
            **settings.WHATSAPP_NOTIFY, "QUIET_HOURS": ("21:00", "08:00"), "TIME_ZONE": "UTC",
        }  # fmt: skip
        night = NOW.replace(hour=23)
        person = factories.contact(consents=("offers",), time_zone="UTC")

        message = factories.queued(person, key="offers", now=night)

        assert (message.state, message.reason) == ("queued", "quiet_hours")
        assert message.due_at == NOW.replace(hour=8) + timedelta(days=1)

    def test_the_queries_do_not_grow_with_the_messages(self) -> None:
        def queries(count: int) -> int:
            drafts = [factories.draft(factories.contact()) for _each in range(count)]
            with CaptureQueriesContext(connection) as seen:
                assert outbox.enqueue(messages=drafts, now=NOW) == count
            return len(seen)

        queries(1)

        assert queries(60) == queries(2)

    def test_no_messages_are_no_query(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            assert outbox.enqueue(messages=[], now=NOW) == 0


class TestCancel:
    def test_takes_back_what_has_not_left(self) -> None:
        message = factories.queued()

        cancelled = outbox.cancel(message_ids=[message.pk, message.pk], actor="owner", now=NOW)
        delivery.deliver(clock=lambda: NOW)

        message.refresh_from_db()
        assert cancelled == {message.pk}
        assert (message.state, message.is_pending, message.attempt) == ("cancelled", False, 0)
        assert message.timeline.get(kind="cancelled").actor == "owner"

    def test_leaves_what_has_left(self) -> None:
        message = factories.queued()
        delivery.deliver(clock=lambda: NOW)
        other = factories.queued()

        ids = [message.pk, other.pk]
        assert outbox.cancel(message_ids=ids, actor="owner", now=NOW) == {other.pk}

    def test_against_senders_each_message_is_either_called_or_cancelled(
        self, settings: Any
    ) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 10_000}
        ids = [factories.queued().pk for _each in range(30)]

        together(
            lambda: delivery.deliver(clock=lambda: NOW),
            lambda: [outbox.cancel(message_ids=[pk], actor="owner", now=NOW) for pk in ids[::-1]],
        )

        left = Message.objects.filter(state="accepted", attempt=1).count()
        back = Message.objects.filter(state="cancelled", attempt=0).count()
        assert left + back == 30
