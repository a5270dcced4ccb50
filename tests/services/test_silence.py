"""Messages leave, and nothing is heard of them."""

from datetime import timedelta
from typing import Any

import pytest

from tests import factories, webhook_bodies
from tests.concurrency import together
from tests.factories import NOW
from tests.services.test_statuses import calling, outgoing_of
from whatsapp_notify import signals
from whatsapp_notify.backends.cloud_api import CloudApiBackend
from whatsapp_notify.backends.locmem import LocmemBackend
from whatsapp_notify.domain.receipts import Accepted
from whatsapp_notify.models import DeliveryEvent, Heartbeat, Message, WebhookEvent
from whatsapp_notify.services import (
    arrivals,
    health,
    heartbeats,
    overview,
    receipts,
    silence,
    sweep,
)

pytestmark = pytest.mark.django_db(transaction=True)


class ReportingBackend(LocmemBackend):
    has_webhooks = True


@pytest.fixture(autouse=True)
def _reporting(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = {
        **settings.WHATSAPP_NOTIFY,
        "BACKEND": f"{__name__}.ReportingBackend",
        "MESSAGES_PER_SECOND": 10_000,
    }


@pytest.fixture
def alarms() -> Any:
    heard: list[str] = []
    signals.attention_needed.connect(
        listener := lambda **told: heard.append(f"{told['reason']}: {told['detail']}"), weak=False
    )
    yield heard
    signals.attention_needed.disconnect(listener)


def after(**time: float) -> Any:
    return NOW + timedelta(**time)


def webhook(*, at: Any) -> None:
    arrivals.record(body=webhook_bodies.body(at=str(at)), now=at)


def accept(message: Message, *, at: Any = NOW) -> None:
    receipt = Accepted(provider_message_id=f"wamid.{message.pk}")
    answers = [(outgoing_of(message), receipt)]
    receipts.record(answers=answers, now=at + timedelta(seconds=1))


def watched(*, until: Any, every: timedelta = timedelta(minutes=1)) -> list[bool]:
    """Look again and again, as the tick does."""
    found, now = [], NOW + timedelta(seconds=5)
    while now <= until:
        found.append(silence.look(now=now))
        now += every
    return found


class TestLook:
    def test_f69_no_webhook_for_a_quarter_of_an_hour_is_told_once(self, alarms: Any) -> None:
        webhook(at=after(minutes=-10))
        accept(calling()[0])

        found = watched(until=after(minutes=60))

        assert found == [False] * 15 + [True] * 45
        assert alarms == ["webhook_silence: no webhook since 2026-11-23 10:00 UTC"]

    def test_f69_a_shop_that_never_had_a_webhook_is_told(self, alarms: Any) -> None:
        accept(calling()[0])

        assert watched(until=after(minutes=20))[-1]
        assert len(alarms) == 1

    def test_f69_the_next_webhook_ends_it_and_the_next_silence_is_told_again(
        self, alarms: Any
    ) -> None:
        accept(calling()[0])
        watched(until=after(minutes=20))

        webhook(at=after(minutes=21))
        assert not silence.look(now=after(minutes=21))
        assert not silence.look(now=after(hours=8))
        assert not Heartbeat.objects.filter(name=silence.TOLD).exists()
        accept(calling()[0], at=after(hours=8))
        found = [silence.look(now=after(hours=8, minutes=minute)) for minute in range(30)]

        assert found == [False] * 16 + [True] * 14
        assert alarms[1:] == ["webhook_silence: no webhook since 2026-11-23 18:00 UTC"]

    def test_f69_a_message_that_is_followed_by_news_is_no_silence(self, alarms: Any) -> None:
        accept(calling()[0])
        assert not silence.look(now=after(seconds=5))
        webhook(at=after(seconds=6))

        assert not any(watched(until=after(hours=3)))
        assert alarms == []

    def test_f69_a_night_without_messages_is_no_silence(self, alarms: Any) -> None:
        webhook(at=NOW)
        factories.queued()

        assert not any(watched(until=after(hours=9), every=timedelta(minutes=10)))
        assert alarms == []

    def test_f69_is_seen_behind_a_campaign_that_is_only_planned(
        self, alarms: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(silence, "_LOOKED_AT", 5)
        accept(calling()[0])
        assert not silence.look(now=after(minutes=1))
        for _each in range(6):
            factories.queued()

        assert silence.look(now=after(minutes=16))

    def test_a_month_without_messages_is_none_although_old_webhooks_are_deleted(
        self, alarms: Any
    ) -> None:
        accept(calling()[0])
        webhook(at=after(seconds=6))
        heartbeats.beat(name=heartbeats.WEBHOOK, now=after(seconds=7))
        WebhookEvent.objects.all().delete()

        assert not silence.look(now=after(days=31))
        assert alarms == []

    def test_f90_a_webhook_from_a_clock_ahead_hides_no_silence(self, alarms: Any) -> None:
        webhook(at=after(minutes=-10))
        webhook(at=after(hours=5))
        accept(calling()[0])

        assert watched(until=after(minutes=20))[-1]
        assert len(alarms) == 1

    def test_f90_a_webhook_from_a_clock_ahead_counts_from_when_it_was_read(
        self, alarms: Any
    ) -> None:
        accept(calling()[0])
        webhook(at=after(hours=5))
        heartbeats.beat(name=heartbeats.WEBHOOK, now=after(seconds=5))

        assert not any(watched(until=after(hours=3)))

    @pytest.mark.parametrize("sweeps_ahead", [True, False])
    def test_f90_a_message_from_a_clock_ahead_counts_from_when_it_was_seen(
        self, alarms: Any, sweeps_ahead: bool
    ) -> None:
        webhook(at=after(minutes=-10))
        accept(calling()[0], at=after(hours=5))
        if sweeps_ahead:
            assert silence.look(now=after(hours=5, minutes=20))
            alarms.clear()

        found = watched(until=after(minutes=30))

        assert found == [False] * 15 + [True] * 15
        assert len(alarms) == 1

    def test_two_sweeps_at_once_tell_it_once(self, alarms: Any) -> None:
        accept(calling()[0])

        together(*[lambda: sweep.sweep(now=after(minutes=20))] * 3)

        assert [alarm.split(":")[0] for alarm in alarms].count("webhook_silence") == 1

    def test_a_backend_without_webhooks_has_none_to_miss(self, settings: Any, alarms: Any) -> None:
        settings.WHATSAPP_NOTIFY = {
            **settings.WHATSAPP_NOTIFY,
            "BACKEND": "whatsapp_notify.backends.locmem.LocmemBackend",
        }
        accept(calling()[0])

        assert not any(watched(until=after(minutes=60)))
        assert CloudApiBackend.has_webhooks

    def test_costs_two_queries_while_webhooks_come(self, django_assert_num_queries: Any) -> None:
        webhook(at=NOW)

        with django_assert_num_queries(2):
            silence.look(now=after(seconds=30))


class TestOverview:
    def test_knows_since_when(self) -> None:
        accept(calling()[0])
        watched(until=after(minutes=20))

        parts = {part.name: part for part in overview.overview(now=after(minutes=20)).parts}

        assert parts["webhook"].silent_since == after(seconds=1)
        assert parts["worker"].silent_since is None


class TestHealth:
    @staticmethod
    def silent_for(**time: float) -> int | None:
        items = {item.name: item for item in health.machinery(now=after(**time))}
        return items["webhook_silence_seconds"].value

    @pytest.fixture
    def many(self) -> None:
        """More lines than are looked at, long after the first message was accepted."""
        webhook(at=after(minutes=-10))
        accept(calling()[0])
        silence.look(now=after(minutes=2))
        at, message = after(minutes=59), Message.objects.get()
        DeliveryEvent.objects.bulk_create(
            DeliveryEvent(
                message=message, kind="accepted", at=at, recorded_at=at, attempt=100 + number
            )
            for number in range(501)
        )

    def test_f69_counts_from_the_first_message_however_many_have_followed(self, many: None) -> None:
        assert self.silent_for(hours=1) == 3599

    def test_f69_a_webhook_ends_it_before_the_next_sweep(self, many: None) -> None:
        webhook(at=after(minutes=60))

        assert self.silent_for(minutes=61) == 0

    def test_f69_a_message_after_that_webhook_counts_from_itself(self, many: None) -> None:
        webhook(at=after(minutes=60))
        accept(calling()[0], at=after(minutes=61))

        assert self.silent_for(minutes=71) == 599

    def test_f69_counts_where_no_sweep_has_looked(self) -> None:
        webhook(at=after(minutes=-10))
        accept(calling()[0])

        assert self.silent_for(minutes=20) == 1199
        assert not Heartbeat.objects.exists()
