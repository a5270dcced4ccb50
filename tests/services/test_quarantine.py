"""A database that was restored from a backup: what has left does not leave again."""

from datetime import timedelta
from typing import Any

import pytest

from tests import chat_shop, factories, webhook_bodies, webhook_day
from tests.chat_shop import last_step, said, waits, write
from tests.crowd import crowd
from tests.factories import NOW
from tests.graph import Graph, alarms, deliver, running
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.domain.bot_turns import BotReply
from whatsapp_notify.models import (
    ConsentRecord,
    Contact,
    InboundMessage,
    KeywordReply,
    Message,
    ShopEvent,
    Survey,
    UnreadWebhook,
    WebhookBatch,
    WebhookEvent,
)
from whatsapp_notify.services import (
    arrivals,
    claims,
    errands,
    events,
    quarantine,
    replay,
    rereading,
    settlement,
    statuses,
    sweep,
    webhooks,
)
from whatsapp_notify.services.events import Happening
from whatsapp_notify.services.quarantine import Quarantined

pytestmark = pytest.mark.django_db(transaction=True)

#: The morning after the backup.
MORNING = NOW + timedelta(hours=12)

#: To a keyword reply, to the shop, to the bot, and what is confirmed and thanked for.
QUESTIONS = ("returns", "order A99999", "a blue one?", "STOP", "SHOP 9")


class Backup:
    """The outbox as it was at this moment."""

    def __init__(self) -> None:
        self._rows = list(Message.objects.values())

    def restore(self) -> None:
        for row in self._rows:
            Message.objects.filter(pk=row["id"]).update(**row)


def quarantined(**counts: int) -> Quarantined:
    names = ("queued", "calling", "events", "errands", "webhooks", "unreadable", "left")
    return Quarantined(**{**dict.fromkeys(names, 0), **counts})


def keep(*bodies: bytes) -> None:
    """Webhooks that came within a minute, and had not been read when the backup was made."""
    for body in bodies:
        arrivals.record(body=body, now=NOW + timedelta(minutes=1))


def wrote(contact: Contact, words: str, **fields: Any) -> bytes:
    """A webhook with what a customer has just written."""
    return webhook_day.tell(messages=[webhook_day.said(contact, words, minute=0, **fields)])


def work() -> None:
    """What the first worker does that starts after the restore."""
    now = NOW + timedelta(minutes=3)
    for _round in range(2):
        webhooks.process(now=now)
        errands.run(now=now)
        events.process(now=now)


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

        assert found == quarantined(queued=1, left=1)
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

        assert counted == quarantined(queued=1, left=1)
        assert Message.objects.filter(is_pending=True).count() == 2
        assert quarantine.put_aside(actor="owner", now=MORNING) == counted


class TestWebhooksThatWaited:
    #: When the backup was put back: soon enough for an answer.
    NOON = NOW + timedelta(minutes=2)

    @pytest.fixture(autouse=True)
    def open_shop(self, settings: Any) -> None:
        chat_shop.open_shop(settings)
        chat_shop.let("bot", lambda turn: BotReply("Yes."))
        KeywordReply.objects.create(phrases="returns", language="en", body="Within a month.")
        Survey.objects.create(name="Shop", keyword="SHOP")

    @pytest.fixture
    def contact(self) -> Contact:
        contact = chat_shop.customer(consents=("orders", "offers"))
        events.process(now=NOW)
        return contact

    @pytest.mark.parametrize("words", QUESTIONS)
    def test_f30_without_quarantine_customers_would_be_answered_again(
        self, contact: Contact, words: str
    ) -> None:
        keep(wrote(contact, words))

        work()

        assert len(said(contact)) == 1

    @pytest.mark.parametrize("words", QUESTIONS)
    def test_f30_bring_back_what_was_written_and_the_worker_answers_nothing(
        self, contact: Contact, words: str
    ) -> None:
        keep(wrote(contact, words))

        assert quarantine.put_aside(actor="owner", now=self.NOON) == quarantined(webhooks=1)
        work()

        assert InboundMessage.objects.get().text == words
        assert not Message.objects.exists()
        assert chat_shop.asked == []
        assert factories.webhook_states() == ["processed"]

    def test_f30_an_opt_out_counts(self, contact: Contact) -> None:
        keep(wrote(contact, "STOP"))

        quarantine.put_aside(actor="owner", now=self.NOON)

        assert InboundMessage.objects.get().handled_as == "opt_out"
        withdrawn = ConsentRecord.objects.filter(contact=contact, action="withdraw")
        assert withdrawn.exists()

    def test_f30_a_run_that_dies_has_lost_no_opt_out(
        self, contact: Contact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither where it was not yet recorded, nor where it was."""
        other = chat_shop.customer(consents=("orders", "offers"))
        keep(
            wrote(contact, "STOP"),
            webhook_day.tell(messages=[webhook_day.said(other, "STOP", minute=1)]),
        )
        for name in ("apply_the_rest", "write_outcomes"):
            with monkeypatch.context() as patch:
                patch.setattr(rereading, name, _die)
                with pytest.raises(KeyboardInterrupt):
                    quarantine.put_aside(actor="owner", now=self.NOON)
            assert UnreadWebhook.objects.count() == 2

        assert quarantine.put_aside(actor="owner", now=self.NOON).webhooks == 2
        work()

        stopped = ConsentRecord.objects.filter(action="withdraw").values_list("contact", flat=True)
        assert set(stopped) == {contact.pk, other.pk}
        assert InboundMessage.objects.count() == 2
        assert not Message.objects.exists()

    def test_statuses_settle_what_had_left(self, contact: Contact) -> None:
        message = factories.queued(contact)
        told = Message.objects.get(pk=message.pk)
        told.attempt = 1  # of the call that the restored row knows nothing of
        keep(webhook_bodies.body(statuses=[webhook_bodies.status(told, "delivered", seconds=30)]))

        quarantine.put_aside(actor="owner", now=self.NOON)

        message.refresh_from_db()
        assert (message.state, message.needs_attention) == ("delivered", False)

    def test_that_cannot_be_read_are_in_quarantine_and_a_person_is_told(self) -> None:
        keep(b"{", webhook_bodies.body())
        counted = quarantine.count(now=self.NOON)
        assert UnreadWebhook.objects.count() == 2

        with alarms() as heard:
            found = quarantine.put_aside(actor="owner", now=self.NOON)

        assert found == counted == quarantined(webhooks=2, unreadable=1)
        assert heard == ["quarantined"]
        bad = WebhookEvent.objects.get(is_quarantined=True)
        assert (bytes(bad.body), bool(bad.problem)) == (b"{", True)

    def test_nobody_is_told_of_those_that_were_read(self, contact: Contact) -> None:
        keep(wrote(contact, "returns"))

        with alarms() as heard:
            quarantine.put_aside(actor="owner", now=self.NOON)

        assert heard == []

    def test_that_a_worker_had_taken_up_are_read_as_well(self, contact: Contact) -> None:
        keep(wrote(contact, "STOP"), webhook_bodies.body())
        webhooks._take(10, NOW)
        broken_off = UnreadWebhook.objects.filter(webhook__body=webhook_bodies.body())
        broken_off.update(attempts=2, tried_at=NOW)
        assert WebhookBatch.objects.exists()

        assert quarantine.put_aside(actor="owner", now=self.NOON).webhooks == 2

        assert webhooks.process(now=MORNING) == 0
        assert not WebhookBatch.objects.exists()
        assert factories.webhook_states() == ["processed"] * 2

    def test_f33_that_kill_whoever_reads_them_are_left_to_the_worker(self) -> None:
        keep(webhook_bodies.body())
        UnreadWebhook.objects.update(attempts=webhooks.MAX_ATTEMPTS, tried_at=NOW)

        assert quarantine.put_aside(actor="owner", now=self.NOON) == quarantined()

        webhooks.process(now=MORNING)
        assert factories.webhook_states() == ["quarantined"]

    def test_are_read_once(self, contact: Contact) -> None:
        keep(wrote(contact, "returns"), b"{")
        quarantine.put_aside(actor="owner", now=self.NOON)
        before = list(WebhookEvent.objects.order_by("pk").values())

        assert quarantine.put_aside(actor="owner", now=MORNING) == quarantined()

        assert list(WebhookEvent.objects.order_by("pk").values()) == before

    def test_come_last_so_that_one_that_breaks_the_run_keeps_nothing_in_the_outbox(
        self, contact: Contact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = factories.queued(contact)
        row = write(contact, "a blue one?")
        monkeypatch.setattr(replay, "replay", _die)

        with pytest.raises(KeyboardInterrupt):
            quarantine.put_aside(actor="owner", now=self.NOON)

        message.refresh_from_db()
        row.refresh_from_db()
        assert (message.reason, row.errand) == ("quarantined", "")


class TestErrandsThatWereDue:
    @pytest.fixture(autouse=True)
    def open_shop(self, settings: Any) -> None:
        chat_shop.open_shop(settings)

    def test_f30_are_a_persons_and_the_worker_answers_nothing(self) -> None:
        contact = chat_shop.customer()
        row = write(contact, "order A99999")

        counted = quarantine.count(now=NOW)
        assert quarantine.put_aside(actor="owner", now=NOW) == counted == quarantined(errands=1)
        work()

        assert chat_shop.asked == []
        assert said(contact) == []
        assert waits(contact) == ["order"]
        assert last_step(row) == ["order", "failed", {"why": "restored"}]
        assert quarantine.put_aside(actor="owner", now=MORNING) == quarantined()

    def test_counting_ends_none(self) -> None:
        contact = chat_shop.customer()
        write(contact, "order A99999")

        quarantine.count(now=NOW)

        assert waits(contact) == []
        assert errands.is_due(now=NOW)


def _die(*args: object, **options: object) -> None:
    raise KeyboardInterrupt
