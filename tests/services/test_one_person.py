"""What Graph says about one person: the pace, the marketing limit, a stop, a closed window."""

from datetime import timedelta
from typing import Any

import pytest

from tests import factories, webhook_bodies
from tests.cloud_api.scripted_server import Exchange
from tests.factories import NOW
from tests.graph import Call, Graph, accept, deliver, refuse, running
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.models import ConsentRecord, Contact, Message
from whatsapp_notify.services import outbox, statuses

pytestmark = pytest.mark.django_db(transaction=True)


class TestPace:
    def test_f41_keeps_the_order_of_one_persons_messages(self, settings: Any) -> None:
        person = factories.contact()
        messages = [factories.queued(person) for _each in range(8)]

        def every_other(graph: Graph, call: Call, exchange: Exchange) -> None:
            (refuse(131056) if len(graph.calls) % 2 else accept)(graph, call, exchange)

        with running(settings, CONCURRENCY=1) as graph:
            graph.fate = every_other
            for seconds in range(0, 120, 3):
                deliver(at=NOW + timedelta(seconds=seconds))

        assert [call.message_id for call in graph.accepted] == [each.pk for each in messages]
        assert set(Message.objects.values_list("state", "failures")) == {("accepted", 0)}

    def test_f41_leaves_everybody_else_alone(self, settings: Any) -> None:
        person = factories.contact()
        slow = [factories.queued(person) for _each in range(3)]
        others = [factories.queued() for _each in range(3)]
        with running(settings, CONCURRENCY=1) as graph:
            graph.fates = {message.pk: refuse(131056) for message in slow}
            deliver()

        assert [call.message_id for call in graph.accepted] == [each.pk for each in others]
        # One refusal is enough: the person's other messages have not been tried.
        assert [call.message_id for call in graph.calls] == [slow[0].pk, *(m.pk for m in others)]


class TestMarketingLimit:
    @pytest.mark.parametrize("code", [131049, 130472])
    def test_f46_ends_the_message_and_nothing_tries_it_again(
        self, settings: Any, code: int
    ) -> None:
        person = factories.contact(consents=("offers", "orders"))
        promotion = factories.queued(person, key="offers")
        news = factories.queued(person, key="orders")
        with running(settings) as graph:
            graph.fates[promotion.pk] = refuse(code)
            for hours in (0, 1, 23, 25, 47):
                deliver(at=NOW + timedelta(hours=hours))

        promotion.refresh_from_db()
        assert (promotion.state, promotion.reason) == ("failed", "later")
        assert promotion.error_code == code
        assert promotion.needs_attention
        assert len(graph.calls) == 2
        assert [call.message_id for call in graph.accepted] == [news.pk]


class TestStop:
    def test_f47_is_a_withdrawal_and_the_next_promotion_never_leaves(self, settings: Any) -> None:
        person = factories.contact(consents=("offers", "orders"))
        first = factories.queued(person, key="offers")
        with running(settings) as graph:
            graph.fates[first.pk] = refuse(131050)
            deliver()
            graph.heal()
            later = NOW + timedelta(days=1)
            second = factories.queued(person, key="offers", now=later)
            news = factories.queued(person, key="orders", now=later)
            deliver(at=later)

        record = person.consent_records.get(action=ConsentRecord.Action.WITHDRAW)
        assert (record.topic.key, record.source) == ("offers", "provider")
        second.refresh_from_db()
        assert (second.state, second.reason) == ("blocked", "consent")
        assert [call.message_id for call in graph.accepted] == [news.pk]
        assert len(graph.calls) == 2


class TestUndeliverable:
    def test_f48_ends_the_message_and_two_a_day_apart_end_the_address(self, settings: Any) -> None:
        person = factories.contact()
        tomorrow, after_that = NOW + timedelta(days=1), NOW + timedelta(days=2)
        with running(settings) as graph:
            graph.fate = refuse(131026)
            first = factories.queued(person)
            deliver()
            second = factories.queued(person, now=tomorrow)
            deliver(at=tomorrow)
            third = factories.queued(person, now=after_that)
            deliver(at=after_that)

        for message in (first, second):
            message.refresh_from_db()
            assert (message.state, message.reason) == ("failed", "stop_recipient")
        third.refresh_from_db()
        assert (third.state, third.reason) == ("blocked", "reachable")
        assert Contact.objects.get().unreachable_since == tomorrow
        assert len(graph.calls) == 2

    @pytest.mark.parametrize(
        ("hours", "is_unreachable"), [(0.1, False), (19.9, False), (20.1, True)]
    )
    @pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in-order", "swapped"])
    @pytest.mark.parametrize("is_one_batch", [True, False], ids=["at-once", "one-by-one"])
    def test_f48_the_time_between_counts_and_not_when_webhooks_come(
        self, hours: float, is_unreachable: bool, order: tuple[int, int], is_one_batch: bool
    ) -> None:
        person = factories.contact()
        messages = [factories.queued(person), factories.queued(person)]
        Message.objects.update(state="accepted", is_pending=False, attempt=1)
        failures = []
        for message, seconds in zip(messages, (60, 60 + int(hours * 3600)), strict=True):
            message.refresh_from_db()
            failures.append(
                webhook_bodies.status(
                    message, "failed", seconds=seconds, code=131026, wamid=f"wamid.{message.pk}"
                )
            )
        later = NOW + timedelta(days=2)
        told = [failures[place] for place in order]

        for batch in [told] if is_one_batch else [[each] for each in told]:
            parsed = wire.parse(webhook_bodies.body(statuses=batch))
            statuses.apply(statuses=parsed.statuses, now=later)

        since = Contact.objects.get().unreachable_since
        assert since == (later if is_unreachable else None)


class TestServiceWindow:
    def written(self, *, due_at: Any) -> Message:
        """A free-form answer, planned while the window was open until NOW + 1 hour."""
        person = factories.contact()
        factories.open_window(person, until=NOW + timedelta(hours=1))
        draft = factories.text_draft(person, due_at=due_at, expires_at=NOW + timedelta(days=1))
        outbox.enqueue(messages=[draft], now=NOW)
        return Message.objects.get(key=draft.key)

    @pytest.mark.parametrize(
        ("minutes", "state", "calls"), [(59, "accepted", 1), (60, "blocked", 0)]
    )
    def test_f48_is_looked_at_again_when_the_message_leaves(
        self, settings: Any, minutes: int, state: str, calls: int
    ) -> None:
        at = NOW + timedelta(minutes=minutes)
        message = self.written(due_at=NOW)
        assert message.state == "queued"
        with running(settings) as graph:
            deliver(at=at)

        message.refresh_from_db()
        assert message.state == state
        assert message.reason == ("service_window" if state == "blocked" else "")
        assert len(graph.calls) == calls

    def test_f48_closed_by_graphs_own_clock_ends_the_message(self, settings: Any) -> None:
        message = self.written(due_at=NOW)
        with running(settings) as graph:
            graph.fate = refuse(131047)
            for hours in (0, 1, 23):
                deliver(at=NOW + timedelta(hours=hours))

        message.refresh_from_db()
        assert (message.state, message.error_code) == ("failed", 131047)
        assert message.needs_attention
        assert len(graph.calls) == 1
