"""What time and lost doorbells leave behind."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.concurrency import together
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.models import Message, WebhookEvent
from whatsapp_notify.services import arrivals, claims, heartbeats, sweep, unmatched, webhooks

pytestmark = pytest.mark.django_db(transaction=True)

LATER = NOW + timedelta(days=1)


def call() -> Message:
    message = factories.queued()
    claims.claim(limit=1, now=NOW)
    message.refresh_from_db()
    return message


@pytest.fixture
def rung() -> Any:
    heard: list[str] = []
    listeners = {
        signals.events_recorded: lambda **told: heard.append("events"),
        signals.webhooks_recorded: lambda **told: heard.append("webhooks"),
        signals.messages_due: lambda **told: heard.append("messages"),
        signals.attention_needed: lambda **told: heard.append(f"attention {told['reason']}"),
    }
    for signal, listener in listeners.items():
        signal.connect(listener, weak=False)
    yield heard
    for signal, listener in listeners.items():
        signal.disconnect(listener)


class TestCalls:
    def test_f19_leaves_a_call_alone_whose_answer_may_come(self) -> None:
        message = call()

        swept = sweep.sweep(now=message.call_expires_at)

        message.refresh_from_db()
        assert (swept.in_doubt, message.state) == (0, "calling")

    def test_f15_a_call_without_an_answer_is_in_doubt_and_shown_once(self, rung: Any) -> None:
        message = call()
        rung.clear()
        over = message.call_expires_at + timedelta(seconds=1)

        first, second = sweep.sweep(now=over), sweep.sweep(now=over)

        message.refresh_from_db()
        assert (first.in_doubt, second.in_doubt) == (1, 0)
        assert (message.state, message.needs_attention) == ("in_doubt", True)
        assert not message.is_pending
        assert rung == ["attention in_doubt"]

    def test_more_than_one_transaction_holds(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(sweep, "_CHUNK", 3)
        for _each in range(7):
            factories.queued()
        claims.claim(limit=50, now=NOW)

        swept = sweep.sweep(now=NOW + timedelta(minutes=2))

        assert swept.in_doubt == 7

    def test_two_sweeps_at_once_tell_it_once(self) -> None:
        message = call()

        together(*[lambda: sweep.sweep(now=NOW + timedelta(minutes=2))] * 3)

        assert message.timeline.filter(kind="in_doubt").count() == 1


class TestDoubts:
    def test_a_doubt_of_a_day_is_unknown_and_still_shown(self) -> None:
        message = call()
        sweep.sweep(now=NOW + timedelta(minutes=2))

        sweep.sweep(now=NOW + timedelta(hours=23))
        message.refresh_from_db()
        assert message.state == "in_doubt"
        swept = sweep.sweep(now=NOW + timedelta(hours=25))

        message.refresh_from_db()
        assert (swept.unknown, message.state, message.reason) == (1, "unknown", "no_news")
        assert message.needs_attention
        assert not message.is_pending

    def in_doubt_at(self, at: datetime) -> int:
        """How many doubts a sweep at that time gives up, and one more that is old by then."""
        message = factories.queued()
        Message.objects.filter(pk=message.pk).update(
            state="in_doubt", is_pending=False, needs_attention=True, called_at=NOW
        )
        return sweep.sweep(now=at).unknown

    def test_are_looked_at_once_a_minute(self) -> None:
        day = NOW + timedelta(hours=25)

        found = [self.in_doubt_at(day + timedelta(seconds=s)) for s in (0, 5, 59, 60, 65, 120)]

        assert found == [1, 0, 0, 3, 0, 2]

    def test_are_looked_at_again_when_the_clock_was_ahead(self) -> None:
        day = NOW + timedelta(hours=25)
        self.in_doubt_at(day + timedelta(days=30))

        assert self.in_doubt_at(day) == 1

    def test_two_sweeps_at_once_look_once(self) -> None:
        sweep.sweep(now=NOW)

        told = together(
            *[lambda: heartbeats.is_time(name="doubts", every=timedelta(hours=1), now=LATER)] * 4
        )

        assert sorted(told) == [False, False, False, True]

    def test_the_others_that_ask_for_attention_are_not_read_with_each_tick(self) -> None:
        sweep.sweep(now=NOW)

        with CaptureQueriesContext(connection) as seen:
            sweep.sweep(now=NOW + timedelta(seconds=5))

        assert not [q for q in seen.captured_queries if '"needs_attention"' in _where(q["sql"])]


def _where(sql: str) -> str:
    return sql.partition(" WHERE ")[2]


class TestDoorbells:
    def test_f24_rings_for_what_waits(self, rung: Any) -> None:
        factories.queued()
        arrivals.record(body=b"{}", now=NOW)
        rung.clear()

        sweep.sweep(now=NOW)

        assert sorted(rung) == ["messages", "webhooks"]

    def test_is_silent_when_nothing_is_due(self, rung: Any) -> None:
        factories.queued(due_at=NOW + timedelta(hours=1))
        rung.clear()

        sweep.sweep(now=NOW)

        assert rung == []

    def test_rings_even_if_something_else_in_it_breaks(self, rung: Any, monkeypatch: Any) -> None:
        factories.queued()
        rung.clear()

        def broken(**arguments: Any) -> int:
            raise ValueError("a bug")

        monkeypatch.setattr(unmatched, "match_all", broken)
        with pytest.raises(ValueError, match="a bug"):
            sweep.sweep(now=NOW)

        assert rung == ["messages"]


class TestPrune:
    def test_f97_lets_read_webhooks_go_after_their_retention_and_keeps_poison(self) -> None:
        for body in (b'{"entry": [ ]}', b"{", b'{"entry": []}'):
            arrivals.record(body=body, now=NOW)
        webhooks.process(now=NOW)
        WebhookEvent.objects.filter(body=b'{"entry": []}').update(
            received_at=NOW + timedelta(days=20)
        )

        kept = sweep.sweep(now=NOW + timedelta(days=29))
        gone = sweep.sweep(now=NOW + timedelta(days=31))

        assert (kept.pruned_webhooks, gone.pruned_webhooks) == (0, 1)
        assert sorted(factories.webhook_states()) == ["processed", "quarantined"]
