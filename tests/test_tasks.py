"""Tasks: ticks and doorbells that carry nothing."""

import os
import signal
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from tests import chat_shop, factories
from whatsapp_notify import tasks
from whatsapp_notify.backends import locmem
from whatsapp_notify.domain.receipts import Outgoing, Receipt
from whatsapp_notify.models import Heartbeat, Message
from whatsapp_notify.services import delivery, drains, inbound_media, schedules

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def continued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that asked to be run once more."""
    asked: list[str] = []
    monkeypatch.setattr(tasks.deliver, "delay", lambda: asked.append("deliver"))
    return asked


class TestDeliver:
    def test_sends_what_is_due_and_shows_that_it_lives(self, continued: list[str]) -> None:
        factories.queued(now=timezone.now())

        tasks.deliver()

        assert Message.objects.get().state == "accepted"
        assert Heartbeat.objects.filter(name="worker").exists()
        assert continued == []

    def test_f21_a_long_outbox_goes_on_in_a_task_of_its_own(
        self, continued: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drains, "drain", lambda **options: drains.Drained(has_more=True))

        tasks.deliver()

        assert continued == ["deliver"]

    def test_f21_claims_nothing_once_the_worker_is_asked_to_stop(
        self, continued: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        factories.queued(now=timezone.now())
        monkeypatch.setattr(tasks, "_stopping", tasks._Stopping())
        tasks._stop()

        tasks.deliver()

        assert locmem.outbox == []
        assert continued == []


class TestPoolProcess:
    def test_f21_ends_its_calls_and_claims_no_more_when_it_is_told_to_end(
        self, continued: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ended: list[int] = []
        before = signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))
        monkeypatch.setattr(tasks, "_is_pool_process", True)
        monkeypatch.setattr(tasks, "_stopping", tasks._Stopping())
        monkeypatch.setattr(delivery, "MICRO_BATCH", 1)
        for _each in range(30):
            factories.queued(now=timezone.now())

        def end(outgoing: Outgoing) -> Receipt | None:
            os.kill(os.getpid(), signal.SIGTERM)
            return None

        locmem.answer_with(end)
        try:
            tasks.deliver()
            assert ended == []
            states = set(Message.objects.values_list("state", flat=True))
            assert states == {"accepted", "queued"}
            os.kill(os.getpid(), signal.SIGTERM)
            # Between tasks the signal is not ours.
            assert ended == [signal.SIGTERM]
        finally:
            signal.signal(signal.SIGTERM, before)

    def test_leaves_the_signal_alone_in_any_other_process(
        self, continued: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        handlers: list[object] = []
        monkeypatch.setattr(
            delivery,
            "deliver",
            lambda **options: (
                handlers.append(signal.getsignal(signal.SIGTERM)) or delivery.Delivered()
            ),
        )

        tasks.deliver()

        assert handlers == [signal.getsignal(signal.SIGTERM)]


class TestRunErrands:
    def test_answers_a_customer_and_shows_that_it_lives(self, settings: Any) -> None:
        chat_shop.open_shop(settings)
        customer = chat_shop.customer()
        chat_shop.write(customer, "order A99999", at=timezone.now())

        tasks.run_errands()

        assert chat_shop.said(customer) == [chat_shop.WORDS["order_unknown"]]
        assert Heartbeat.objects.filter(name="worker").exists()


class TestFetchMedia:
    def test_fetches_what_is_due_and_shows_that_it_lives(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        moments: list[datetime] = []
        monkeypatch.setattr(inbound_media, "fetch_due", lambda *, now: moments.append(now))

        tasks.fetch_media()

        assert len(moments) == 1
        assert Heartbeat.objects.filter(name="worker").exists()


class TestTick:
    def test_beats_for_worker_and_scheduler(self) -> None:
        tasks.tick()

        assert set(Heartbeat.objects.values_list("name", flat=True)) >= {"beat", "worker"}


def test_every_schedule_names_a_task_that_exists() -> None:
    known = set(tasks.deliver.app.tasks)

    assert {schedule.task for schedule in schedules.SCHEDULES} <= known


def test_f26_tasks_take_nothing_that_could_be_stale(continued: list[str]) -> None:
    surplus: dict[str, Any] = {"message_id": 1, "unknown": "value"}

    for task in (tasks.deliver, tasks.process_events, tasks.process_webhooks, tasks.tick):
        task(**surplus)

    assert locmem.outbox == []
