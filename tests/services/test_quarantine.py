"""A database that was restored from a backup: what has left does not leave again."""

from datetime import timedelta
from typing import Any

import pytest

from tests import factories, webhook_bodies
from tests.crowd import crowd
from tests.factories import NOW
from tests.graph import Graph, alarms, deliver, running
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.models import Message, ShopEvent
from whatsapp_notify.services import (
    claims,
    events,
    quarantine,
    settlement,
    statuses,
    sweep,
)
from whatsapp_notify.services.events import Happening
from whatsapp_notify.services.quarantine import Quarantined

pytestmark = pytest.mark.django_db(transaction=True)

#: The morning after the backup.
MORNING = NOW + timedelta(hours=12)


class Backup:
    """The outbox as it was at this moment."""

    def __init__(self) -> None:
        self._rows = list(Message.objects.values())

    def restore(self) -> None:
        for row in self._rows:
            Message.objects.filter(pk=row["id"]).update(**row)


def sent_and_restored(graph: Graph) -> list[Message]:
    """Messages that had all been sent when the database went back to the evening before."""
    messages = crowd(5)
    backup = Backup()
    deliver()
    assert len(graph.accepted) == len(messages)
    backup.restore()
    return messages


class TestRestore:
    def test_f30_without_quarantine_everything_would_leave_again(self, settings: Any) -> None:
        with running(settings) as graph:
            sent_and_restored(graph)

            deliver(at=MORNING)

        assert set(graph.copies().values()) == {2}

    def test_f30_nothing_leaves_again_from_quarantine(self, settings: Any) -> None:
        with running(settings) as graph:
            messages = sent_and_restored(graph)

            quarantine.put_aside(actor="owner", now=MORNING)
            for hours in (0, 1, 30):
                deliver(at=MORNING + timedelta(hours=hours))
                sweep.sweep(now=MORNING + timedelta(hours=hours))

        assert graph.copies() == {message.pk: 1 for message in messages}
        rows = Message.objects.values_list("state", "reason", "is_pending", "needs_attention")
        assert set(rows) == {("unknown", "quarantined", False, True)}

    def test_f30_late_news_tell_that_it_had_left(self, settings: Any) -> None:
        with running(settings) as graph:
            message = sent_and_restored(graph)[0]
        quarantine.put_aside(actor="owner", now=MORNING)
        told = Message.objects.get(pk=message.pk)
        told.attempt = 1  # of the call that the restored row knows nothing of
        body = webhook_bodies.body(statuses=[webhook_bodies.status(told, "delivered")])

        statuses.apply(statuses=wire.parse(body).statuses, now=MORNING)

        message.refresh_from_db()
        assert (message.state, message.needs_attention) == ("delivered", False)

    def test_f30_late_news_tell_that_it_has_failed(self, settings: Any) -> None:
        with running(settings) as graph:
            message = sent_and_restored(graph)[0]
        quarantine.put_aside(actor="owner", now=MORNING)
        told = Message.objects.get(pk=message.pk)
        told.attempt = 1
        body = webhook_bodies.body(statuses=[webhook_bodies.status(told, "failed", code=131000)])

        statuses.apply(statuses=wire.parse(body).statuses, now=MORNING)

        message.refresh_from_db()
        assert (message.state, message.reason) == ("failed", "provider_failed")
        assert (message.error_code, message.needs_attention) == (131000, True)

    @pytest.mark.parametrize(
        ("verdict", "state", "copies"),
        [("was_sent", "accepted", 1), ("drop", "failed", 1), ("send_again", "accepted", 2)],
    )
    def test_f30_a_person_decides(
        self, settings: Any, verdict: str, state: str, copies: int
    ) -> None:
        with running(settings) as graph:
            message = sent_and_restored(graph)[0]
            quarantine.put_aside(actor="owner", now=MORNING)

            settlement.settle(
                message_id=message.pk,
                verdict=verdict,
                expected_attempt=message.attempt,
                actor="owner",
                now=MORNING,
            )
            deliver(at=MORNING)

        message.refresh_from_db()
        assert (message.state, message.needs_attention) == (state, False)
        assert graph.copies()[message.pk] == copies


class TestPutAside:
    def test_keeps_who_did_it_and_calls_a_person_once(self) -> None:
        message = factories.queued()
        with alarms() as heard:
            first = quarantine.put_aside(actor="owner", now=NOW)
            second = quarantine.put_aside(actor="owner", now=NOW)

        assert (first.queued, second.queued) == (1, 0)
        assert heard == ["quarantined"]
        line = message.timeline.order_by("id").last()
        assert line is not None
        assert (line.kind, line.reason, line.actor) == ("unknown", "quarantined", "owner")

    def test_takes_calls_that_were_under_way(self) -> None:
        message = factories.queued()
        claims.claim(limit=1, now=NOW)

        assert quarantine.put_aside(actor="owner", now=MORNING).calling == 1
        sweep.sweep(now=MORNING)

        message.refresh_from_db()
        assert (message.state, message.reason, message.attempt) == ("unknown", "quarantined", 1)

    def test_leaves_what_is_planned_for_later_but_not_what_waits_for_a_template(self) -> None:
        later = factories.queued(due_at=MORNING + timedelta(hours=1))
        waiting = factories.queued()
        Message.objects.filter(pk=waiting.pk).update(
            reason="template", due_at=MORNING + timedelta(minutes=10)
        )

        found = quarantine.put_aside(actor="owner", now=MORNING)

        assert found == Quarantined(queued=1, calling=0, events=0, left=1)
        later.refresh_from_db()
        assert (later.state, later.is_pending) == ("queued", True)

    def test_keeps_events_from_being_planned_until_a_person_tries_them_again(self) -> None:
        events.record(Happening(name="order.shipped", key="k1", occurred_at=NOW), now=NOW)

        assert quarantine.put_aside(actor="owner", now=MORNING).events == 1

        assert events.process(now=MORNING) == 0
        event = ShopEvent.objects.get()
        assert (event.state, event.is_pending) == ("failed", False)
        assert event.note
        assert events.retry(event_ids=[event.pk]) == {event.pk}

    def test_counts_the_same_without_touching_anything(self) -> None:
        factories.queued()
        factories.queued(due_at=MORNING + timedelta(hours=1))

        counted = quarantine.count(now=MORNING)

        assert counted == Quarantined(queued=1, calling=0, events=0, left=1)
        assert Message.objects.filter(is_pending=True).count() == 2
        assert quarantine.put_aside(actor="owner", now=MORNING) == counted
