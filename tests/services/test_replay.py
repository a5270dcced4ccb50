"""Old webhooks read again: what is missing comes back, and nothing begins."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from tests import database, factories, webhook_bodies, webhook_day
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.domain import replies
from whatsapp_notify.domain.policy import Purpose
from whatsapp_notify.models import (
    ConsentRecord,
    ConsentState,
    Contact,
    Conversation,
    DeliveryEvent,
    Identity,
    InboundMessage,
    Message,
    ShopEvent,
    SurveyAnswer,
    Template,
    Topic,
    UnmatchedStatus,
    UnreadWebhook,
    WebhookEvent,
)
from whatsapp_notify.services import (
    arrivals,
    consent,
    contacts,
    inbound,
    replay,
    replaying,
    senders,
    settlement,
    statuses,
    webhooks,
)
from whatsapp_notify.services.consent import Proof
from whatsapp_notify.services.replay import BadSpan, Replayed

pytestmark = pytest.mark.django_db(transaction=True)

EVENING = webhook_day.EVENING
#: When the backup was put back.
MORNING = NOW + timedelta(days=3)
#: When the first webhook of the day was handed in; by then all of it had happened.
HANDED = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 10_000}


@pytest.fixture(autouse=True)
def topics() -> None:
    for key in ("service", "orders", "feedback", "offers"):
        factories.topic(key)


@pytest.fixture
def rung() -> Any:
    """Every doorbell that is rung, but those of consent."""
    heard: list[str] = []
    names = (
        "events_recorded", "messages_due", "webhooks_recorded", "message_state_changed",
        "message_received", "survey_answered", "attention_needed",
    )  # fmt: skip
    listeners = {
        name: lambda name=name, **told: heard.append(f"{name} {told.get('reason', '')}".strip())
        for name in names
    }
    for name, listener in listeners.items():
        getattr(signals, name).connect(listener, weak=False)
    yield heard
    for name, listener in listeners.items():
        getattr(signals, name).disconnect(listener)


def keep(*bodies: bytes, first: datetime = HANDED) -> list[int]:
    """Raw webhooks that came one after the other, a minute apart."""
    for number, body in enumerate(bodies):
        arrivals.record(body=body, now=first + timedelta(minutes=number))
    return list(WebhookEvent.objects.order_by("id").values_list("pk", flat=True))


def read(*bodies: bytes, now: datetime = EVENING) -> None:
    keep(*bodies)
    webhooks.process(now=now)


def again(*, with_quarantined: bool = False, **options: Any) -> Replayed:
    events = replay.selection(since=NOW, until=EVENING, with_quarantined=with_quarantined)
    return replay.replay(events=events, now=MORNING, **options)


def paused(template: Template) -> bytes:
    """What Meta tells of a template that it has stopped."""
    notice = {
        "event": "PAUSED",
        "message_template_id": 1,
        "message_template_name": template.name,
        "message_template_language": template.language,
        "reason": "NONE",
    }
    return webhook_bodies.body().replace(
        b'"field": "messages", "value": {', b'"field": "message_template_status_update", '
        b'"value": {' + str(notice)[1:-1].replace("'", '"').encode() + b", "
    )  # fmt: skip


def forget_consents() -> None:
    """Let the ledger lose what it never would: its guards are taken off."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            guards = cursor.fetchall()
            for name, _sql in guards:
                cursor.execute(f"DROP TRIGGER {name}")
        ConsentState.objects.exclude(record__source="checkout").delete()
        cursor.execute("DELETE FROM whatsapp_notify_consentrecord WHERE source <> 'checkout'")
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = origin")
        else:
            for _name, sql in guards:
                cursor.execute(sql)


def stand_as_at_checkout() -> None:
    """Project the consents that the ledger still has."""
    for record in ConsentRecord.objects.order_by("occurred_at"):
        consent._project(record.contact, [record])


def forget_inbound() -> None:
    SurveyAnswer.objects.all().delete()
    Message.objects.filter(key__startswith="answer:").delete()
    InboundMessage.objects.all().delete()
    Conversation.objects.all().delete()


class TestIntact:
    @pytest.mark.parametrize("batch", [1, 7, 200])
    def test_f64_changes_nothing(self, batch: int, rung: Any) -> None:
        bodies = webhook_day.day()
        read(*bodies)
        before = database.rows()
        rung.clear()

        done = again(batch=batch)

        assert done == Replayed(webhooks=len(bodies))
        assert done.is_unchanged
        assert database.rows() == before
        assert rung == []

    def test_f64_changes_nothing_where_the_same_was_told_in_many_ways(self) -> None:
        bodies = webhook_day.day()
        rng = random.Random(64)
        told = [*bodies, *(webhook_day.again(body, rng) for body in bodies)]
        rng.shuffle(told)
        read(*told)
        before = database.rows()

        done = again()

        assert (done.webhooks, done.is_unchanged) == (len(told), True)
        assert database.rows() == before

    def test_leaves_the_webhooks_themselves_as_they_are(self) -> None:
        read(*webhook_day.day(), b"{")
        before = list(WebhookEvent.objects.order_by("pk").values())

        again()

        assert list(WebhookEvent.objects.order_by("pk").values()) == before

    def test_leaves_those_that_wait_to_the_worker(self) -> None:
        keep(webhook_day.tell(messages=[webhook_day.said("358457311111", "STOP", minute=1)]))

        done = again()

        assert done.webhooks == 0
        assert UnreadWebhook.objects.exists()
        assert not InboundMessage.objects.exists()

    def test_leaves_what_has_begun_to_wait_meanwhile(self, monkeypatch: Any) -> None:
        """A person had it processed again, when the replay had found it."""
        read(webhook_day.tell(messages=[webhook_day.said("358457311111", "hello", minute=1)]))
        find = replay._batches

        def find_and_wait(*args: Any) -> Any:
            for ids in find(*args):
                UnreadWebhook.objects.bulk_create(
                    UnreadWebhook(pk=pk, size=9, received_at=NOW) for pk in ids
                )
                yield ids

        monkeypatch.setattr(replay, "_batches", find_and_wait)

        again()

        assert UnreadWebhook.objects.exists()

    def test_a_topic_that_came_since_is_neither_given_nor_taken(self) -> None:
        contact = factories.contact(consents=("orders", "offers"))
        read(
            webhook_day.tell(messages=[webhook_day.said(contact, "STOP", minute=1)]),
            webhook_day.tell(user_preferences=[webhook_day.chose(contact, "stop", minute=2)]),
            webhook_day.tell(messages=[webhook_day.said(contact, "START", minute=3)]),
        )
        Topic.objects.create(key="outlet", name="Outlet", purpose=Purpose.PROMOTION)

        assert again().is_unchanged


class TestLost:
    def test_statuses_come_back(self, rung: Any) -> None:
        read(*webhook_day.day())
        expected = database.meaning()
        DeliveryEvent.objects.all()._raw_delete("default")
        Message.objects.exclude(key__startswith="answer:").update(
            state="accepted", reason="", needs_attention=False, error_code=None, error_detail="",
            sent_at=None, delivered_at=None, read_at=None, failed_at=None, pricing=None,
        )  # fmt: skip
        rung.clear()

        done = again()

        found = database.meaning()
        assert found["messages"] == expected["messages"]
        ours = {"calling", "accepted", "planned", "replied"}
        assert found["timelines"] == [line for line in expected["timelines"] if line[1] not in ours]
        assert (done.messages, done.statuses) == (11, len(found["timelines"]))
        assert rung == []

    def test_what_was_sent_after_the_backup_is_not_sent_again(self) -> None:
        """A backup holds the outbox of its time; the news since then say what has left."""
        contact = factories.contact()
        message = factories.queued(contact)
        backup = Message.objects.filter(pk=message.pk).values().get()
        [called] = webhook_day.sent(message)
        told = webhook_bodies.status(called, "delivered", seconds=60)
        read(webhook_bodies.body(statuses=[told]))
        Message.objects.filter(pk=message.pk).update(**backup)

        again()

        message.refresh_from_db()
        assert (message.state, message.is_pending) == ("delivered", False)
        assert message.provider_message_id == called.provider_message_id

    def test_customers_messages_and_survey_answers_come_back(self, rung: Any) -> None:
        read(*webhook_day.day())
        expected = database.meaning()
        forget_inbound()
        Message.objects.update(replied_at=None)
        rung.clear()

        done = again()

        found = database.meaning()
        for name in ("inbound", "surveys", "windows", "messages", "standing"):
            assert found[name] == expected[name], name
        assert done.inbound == len(expected["inbound"])
        assert done.survey_answers == 2
        assert rung == []
        assert not Message.objects.filter(key__startswith="answer:").exists()

    def test_withdrawals_come_back_where_the_messages_are_kept(self, rung: Any) -> None:
        """The ledger was lost, or an older version did not know the word."""
        contact = factories.contact(consents=("orders", "offers"))
        marketing = factories.contact(consents=("offers",))
        ended = factories.contact(consents=("orders", "offers"))
        read(
            webhook_day.tell(messages=[webhook_day.said(contact, "STOP", minute=1)]),
            webhook_day.tell(user_preferences=[webhook_day.chose(marketing, "stop", minute=2)]),
            webhook_day.tell(
                messages=[
                    webhook_day.said(ended, "", minute=3, type="button", button=_END_OF_OFFERS)
                ]
            ),
        )
        expected = database.meaning()
        forget_consents()
        stand_as_at_checkout()
        Contact.objects.update(marketing_stopped_at=None, marketing_changed_at=None)
        InboundMessage.objects.update(handled_as="kept")
        assert ConsentState.objects.filter(is_granted=False).count() == 0
        rung.clear()
        changed: list[int] = []
        signals.consent_changed.connect(
            listener := lambda **told: changed.append(told["record_id"]), weak=False
        )

        try:
            done = again()
        finally:
            signals.consent_changed.disconnect(listener)

        found = database.meaning()
        for name in ("standing", "consents", "people", "inbound"):
            assert found[name] == expected[name], name
        assert done.consents == len(changed) == 5
        assert rung == []
        assert again().is_unchanged

    def test_a_whole_day_comes_back(self, rung: Any) -> None:
        """As from a backup of noon: our own rows are there, and nothing of what was told."""
        bodies = webhook_day.day()
        backup = {
            model: list(model._default_manager.order_by("pk").values())
            for model in (Message, Contact)
        }
        people = set(Contact.objects.values_list("pk", flat=True))
        ids = set(Identity.objects.values_list("pk", flat=True))
        lines = set(DeliveryEvent.objects.values_list("pk", flat=True))
        read(*bodies)
        expected = database.meaning()
        forget_inbound()
        forget_consents()
        stand_as_at_checkout()
        DeliveryEvent.objects.exclude(pk__in=lines)._raw_delete("default")
        Identity.objects.exclude(pk__in=ids).delete()
        Identity.objects.update(ended_at=None)
        Contact.objects.exclude(pk__in=people).delete()
        for model, rows in backup.items():
            for row in rows:
                model._default_manager.filter(pk=row["id"]).update(**row)
        UnmatchedStatus.objects.all().delete()
        rung.clear()

        done = again()

        assert database.meaning() == expected
        assert done.inbound == len(expected["inbound"])
        assert rung == []
        assert again().is_unchanged

    def test_what_a_broken_version_has_let_lie_is_taken_up(self, monkeypatch: Any) -> None:
        body = webhook_day.tell(
            messages=[
                webhook_day.said("358457311111", "one", minute=1),
                webhook_day.said("358457311111", "two", minute=2),
            ]
        )
        receive = inbound.receive

        def broken(message: Any, *, now: Any) -> Any:
            if message.provider_message_id == "wamid.IN.2":
                raise KeyError("a bug")
            return receive(message, now=now)

        with monkeypatch.context() as patch:
            patch.setattr(inbound, "receive", broken)
            read(body)
        assert again() == Replayed(webhooks=0)

        done = again(with_quarantined=True)

        event = WebhookEvent.objects.get()
        assert (done.webhooks, done.inbound, done.unreadable) == (1, 1, 0)
        assert (event.is_quarantined, event.problem) == (False, "")


_END_OF_OFFERS = {"payload": replies.OPT_OUT_PROMOTIONS_PAYLOAD, "text": "No more offers"}


class TestSentences:
    def test_f65_withdrawal_by_a_sentence_comes_back(self) -> None:
        contact = factories.contact(consents=("orders",))
        said = webhook_day.said(contact, "Please take me off your list", minute=1)
        read(webhook_day.tell(messages=[said]))
        forget_consents()

        again()

        states = ConsentState.objects.filter(contact=contact, topic__key="orders")
        assert [state.is_granted for state in states] == [False]

    def test_f65_sentence_that_was_left_to_a_person_withdraws_nothing(self) -> None:
        contact = factories.contact(consents=("orders",))
        said = webhook_day.said(contact, "Please take me off your list", minute=1)
        read(webhook_day.tell(messages=[said]))
        InboundMessage.objects.update(handled_as=InboundMessage.HandledAs.KEPT)
        forget_consents()

        again()

        assert not ConsentState.objects.filter(contact=contact).exists()


class TestNothingBegins:
    def test_f65_an_old_start_does_not_win_over_a_later_stop(self) -> None:
        contact = factories.contact(consents=("orders",))
        read(
            webhook_day.tell(messages=[webhook_day.said(contact, "START", minute=1)]),
            webhook_day.tell(messages=[webhook_day.said(contact, "STOP", minute=2)]),
        )
        InboundMessage.objects.filter(text="START").update(provider_message_id="wamid.LOST")

        done = again()

        assert done.inbound == 1
        assert not ConsentState.objects.filter(contact=contact, is_granted=True).exists()

    def test_what_staff_recorded_later_stands(self) -> None:
        contact = factories.contact(consents=("orders",))
        read(webhook_day.tell(messages=[webhook_day.said(contact, "STOP", minute=1)]))
        forget_inbound()
        consent.grant(
            contact=contact,
            topics=[factories.topic("orders")],
            proof=Proof(source=ConsentRecord.Source.STAFF, recorded_by="owner"),
            occurred_at=NOW + timedelta(hours=1),
            now=NOW + timedelta(hours=1),
        )

        again()

        states = ConsentState.objects.filter(contact=contact, topic__key="orders")
        assert states.get().is_granted

    def test_a_start_that_was_lost_welcomes_nobody(self) -> None:
        contact = factories.contact(consents=())
        read(webhook_day.tell(messages=[webhook_day.said(contact, "START", minute=1)]))
        assert ShopEvent.objects.filter(name="customer.joined").count() == 1
        forget_inbound()
        forget_consents()
        ShopEvent.objects.all().delete()

        done = again()

        assert (done.inbound, done.consents) == (1, 3)
        assert not ShopEvent.objects.exists()
        assert not Message.objects.exists()

    @pytest.mark.parametrize("code", [131042, 190, 132015, 130429, 131026, 999_999])
    def test_an_old_failure_stops_neither_number_nor_template_nor_person(
        self, code: int, rung: Any
    ) -> None:
        contact = factories.contact()
        rows = webhook_day.sent(factories.queued(contact), factories.queued(contact))
        elements = [
            webhook_bodies.status(rows[0], "failed", seconds=60, code=code),
            webhook_bodies.status(rows[1], "failed", seconds=60 * 60 * 11, code=code),
        ]
        keep(*(webhook_bodies.body(statuses=[each]) for each in elements))
        UnreadWebhook.objects.all().delete()
        rung.clear()

        done = again()

        sender = senders.current()
        assert done.messages == 2
        assert (sender.circuit_opened_at, sender.slow_until) == (None, None)
        assert not Template.objects.filter(stopped_at__isnull=False).exists()
        assert Contact.objects.get(pk=contact.pk).unreachable_since is None
        assert rung == []

    def test_an_old_notice_moves_no_template(self) -> None:
        template = factories.template(name="order_shipped", status="APPROVED")
        read(paused(template))
        assert Template.objects.get(pk=template.pk).status == "PAUSED"
        Template.objects.update(status="APPROVED")

        done = again()

        assert done == Replayed(webhooks=1)
        assert Template.objects.get(pk=template.pk).status == "APPROVED"

    def test_an_old_message_does_not_clear_what_was_found_out_later(self) -> None:
        contact = factories.contact()
        read(webhook_day.tell(messages=[webhook_day.said(contact, "hello", minute=1)]))
        forget_inbound()
        later = NOW + timedelta(days=1)
        Contact.objects.filter(pk=contact.pk).update(unreachable_since=later)

        again()

        assert Contact.objects.get(pk=contact.pk).unreachable_since == later

    def test_f30_a_refusal_that_the_backup_lacks_comes_back(self) -> None:
        contact = factories.contact(consents=("offers",))
        draft = factories.queued(contact, key="offers")
        backup = Message.objects.filter(pk=draft.pk).values().get()
        [message] = webhook_day.sent(draft)
        failure = webhook_bodies.status(message, "failed", seconds=60, code=131050)
        keep(webhook_bodies.body(statuses=[failure]))
        UnreadWebhook.objects.all().delete()
        Message.objects.filter(pk=message.pk).update(**backup)

        again()

        message.refresh_from_db()
        assert (message.state, message.attempt, message.is_pending) == ("failed", 1, False)
        record = contact.consent_records.get(action=ConsentRecord.Action.WITHDRAW)
        assert record.source == "provider"

    def test_a_verdict_of_staff_stands(self) -> None:
        [message] = webhook_day.sent(factories.queued())
        failure = webhook_bodies.status(message, "failed", seconds=60, code=131000)
        read(webhook_bodies.body(statuses=[failure]))
        settlement.settle(
            message_id=message.pk, verdict="seen", expected_attempt=1, actor="owner", now=EVENING
        )

        again()

        message.refresh_from_db()
        assert (message.state, message.needs_attention) == ("failed", False)

    def test_what_staff_sends_again_is_not_failed_by_the_old_news(self) -> None:
        [message] = webhook_day.sent(factories.queued())
        failure = webhook_bodies.status(message, "failed", seconds=60, code=131000)
        read(webhook_bodies.body(statuses=[failure]))
        settlement.settle(
            message_id=message.pk,
            verdict="send_again",
            expected_attempt=1,
            actor="owner",
            now=EVENING,
        )

        again()

        message.refresh_from_db()
        assert (message.state, message.is_pending) == ("queued", True)


class TestNumbersThatHaveMoved:
    def test_f71_a_stop_of_the_former_owner_is_the_former_owners(self) -> None:
        former = factories.contact(consents=("orders",))
        number = webhook_day.wa_id(former)
        read(webhook_day.tell(messages=[webhook_day.said(former, "STOP", minute=1)]))
        forget_inbound()
        forget_consents()
        stand_as_at_checkout()
        Identity.objects.filter(contact=former).update(ended_at=NOW + timedelta(days=1))
        owner = factories.contact(phone=f"+{number}", consents=())
        consent.grant(
            contact=owner,
            topics=[factories.topic("orders")],
            proof=Proof(source=ConsentRecord.Source.CHECKOUT),
            occurred_at=NOW - timedelta(days=30),
            now=NOW + timedelta(days=2),
        )

        again()

        assert InboundMessage.objects.get().contact == former
        standing = dict(
            ConsentState.objects.filter(topic__key="orders").values_list("contact", "is_granted")
        )
        assert standing == {former.pk: False, owner.pk: True}
        assert contacts.find_by_phone(phone=f"+{number}") == owner

    def test_f71_a_change_of_number_that_is_history_ends_nothing(self) -> None:
        contact = factories.contact()
        number = webhook_day.wa_id(contact)
        change = webhook_day.new_number(contact, "358457388888", minute=1)
        read(webhook_day.tell(messages=[change]))
        forget_inbound()
        owner = factories.contact(phone=f"+{number}", consents=())
        before = database.rows()["Identity"]

        again()

        assert database.rows()["Identity"] == before
        assert contacts.find_by_phone(phone="+358457388888") == contact
        assert contacts.find_by_phone(phone=f"+{number}") == owner


class TestDry:
    def test_counts_and_changes_nothing(self, rung: Any) -> None:
        read(*webhook_day.day())
        forget_inbound()
        forget_consents()
        stand_as_at_checkout()
        Message.objects.update(state="accepted", sent_at=None, delivered_at=None, read_at=None)
        before = database.rows()
        webhooks_before = list(WebhookEvent.objects.order_by("pk").values())
        rung.clear()
        changed: list[int] = []
        signals.consent_changed.connect(
            listener := lambda **told: changed.append(told["record_id"]), weak=False
        )

        try:
            counted = again(is_dry=True)
        finally:
            signals.consent_changed.disconnect(listener)

        assert database.rows() == before
        assert list(WebhookEvent.objects.order_by("pk").values()) == webhooks_before
        assert (rung, changed) == ([], [])
        assert counted == again()
        assert not counted.is_unchanged


class TestPoison:
    def test_one_bad_element_costs_the_others_nothing(self, monkeypatch: Any) -> None:
        rows = webhook_day.sent(*(factories.queued() for _each in range(5)))
        bodies = [
            webhook_bodies.body(
                statuses=[webhook_bodies.status(row, "sent", seconds=60)],
                messages=[webhook_day.said(row.contact, "hello", minute=number)],
            )
            for number, row in enumerate(rows)
        ]
        keep(*bodies)
        UnreadWebhook.objects.all().delete()
        poison = rows[2].provider_message_id
        apply, receive = statuses.apply, inbound.receive

        def picky(*, statuses: Any, now: Any) -> int:
            if any(status.provider_message_id == poison for status in statuses):
                raise ValueError("value too long")
            return apply(statuses=statuses, now=now)

        def choosy(message: Any, *, now: Any) -> Any:
            if message.provider_message_id == "wamid.IN.4":
                raise KeyError("a bug")
            return receive(message, now=now)

        monkeypatch.setattr(statuses, "apply", picky)
        monkeypatch.setattr(inbound, "receive", choosy)

        done = again()

        problems = list(
            WebhookEvent.objects.order_by("id").values_list("is_quarantined", "problem")
        )
        good = (False, "")
        assert problems == [
            good, good, (True, "Status: ValueError"), good,
            (True, "InboundMessage: KeyError"),
        ]  # fmt: skip
        assert (done.statuses, done.inbound, done.unreadable) == (4, 4, 2)

    def test_f27_a_busy_database_is_waited_for(self, monkeypatch: Any) -> None:
        [message] = webhook_day.sent(factories.queued())
        keep(webhook_bodies.body(statuses=[webhook_bodies.status(message, "sent", seconds=60)]))
        UnreadWebhook.objects.all().delete()
        monkeypatch.setattr("whatsapp_notify.services.patience.time.sleep", lambda seconds: None)
        apply, faults = statuses.apply, iter([True, True])

        def busy(**arguments: Any) -> int:
            if next(faults, False):
                raise OperationalError("database is locked")
            return apply(**arguments)

        monkeypatch.setattr(statuses, "apply", busy)

        done = again()

        assert (done.statuses, done.messages, done.unreadable) == (1, 1, 0)

    def test_a_notice_in_quarantine_stays_there_for_process_again(self) -> None:
        body = webhook_bodies.body(errors=[{"code": 131000, "title": "An error"}])
        read(body)
        WebhookEvent.objects.update(is_quarantined=True, problem="ValueErrorNotice: KeyError")

        again(with_quarantined=True)

        event = WebhookEvent.objects.get()
        assert (event.is_quarantined, event.problem) == (True, "ValueErrorNotice: KeyError")

    @pytest.mark.parametrize("with_quarantined", [False, True])
    def test_what_staff_have_dropped_is_read_and_stays_dropped(
        self, with_quarantined: bool, rung: Any
    ) -> None:
        said = webhook_day.said("358457311111", "hello", minute=1)
        read(webhook_day.tell(messages=[said, {"id": 1}]), b"{")
        webhooks.drop(ids=list(WebhookEvent.objects.values_list("pk", flat=True)))
        dropped = list(WebhookEvent.objects.order_by("id").values())
        forget_inbound()
        rung.clear()

        done = again(with_quarantined=with_quarantined)

        assert (done.webhooks, done.inbound, done.unreadable) == (2, 1, 0)
        assert list(WebhookEvent.objects.order_by("id").values()) == dropped
        assert rung == []

    def test_a_dropped_one_that_can_be_read_now_stays_dropped_later_too(
        self, monkeypatch: Any
    ) -> None:
        body = webhook_day.tell(messages=[webhook_day.said("358457311111", "hello", minute=1)])
        with monkeypatch.context() as patch:
            patch.setattr(inbound, "receive", _broken)
            read(body)
            webhooks.drop(ids=[WebhookEvent.objects.get().pk])
        assert again().inbound == 1

        with monkeypatch.context() as patch:
            patch.setattr(inbound, "receive", _broken)
            again()

        assert factories.webhook_states() == ["processed"]

    @pytest.mark.parametrize("body", [b"{", b"{}"], ids=["unreadable", "readable"])
    def test_one_that_is_dropped_while_it_is_read_stays_dropped(
        self, body: bytes, monkeypatch: Any
    ) -> None:
        [pk] = keep(body)
        UnreadWebhook.objects.all().delete()
        WebhookEvent.objects.update(is_quarantined=True, problem="Old words.")
        write_outcomes = replay.rereading.write_outcomes

        def late(readings: Any, **named: Any) -> None:
            webhooks.drop(ids=[pk])
            write_outcomes(readings, **named)

        monkeypatch.setattr(replay.rereading, "write_outcomes", late)

        again(with_quarantined=True)

        event = WebhookEvent.objects.get()
        assert (event.is_quarantined, event.problem) == (False, "Old words.")

    def test_one_that_was_read_before_and_no_longer_can_be_goes_to_quarantine(self) -> None:
        keep(b"{")
        UnreadWebhook.objects.all().delete()

        done = again()

        event = WebhookEvent.objects.get()
        assert event.is_quarantined
        assert event.problem
        assert done.unreadable == 1


def _broken(*arguments: Any, **named: Any) -> Any:
    raise KeyError("a bug")


class TestStrangers:
    def test_f56_one_that_is_too_old_to_wait_is_let_go_again(self) -> None:
        told = webhook_bodies.status(wamid="wamid.NOT_OURS")
        read(webhook_bodies.body(statuses=[told]))
        UnmatchedStatus.objects.all().delete()

        events = replay.selection(since=NOW, until=EVENING)
        replay.replay(events=events, now=NOW + timedelta(days=10))

        assert not UnmatchedStatus.objects.exists()


class TestSpan:
    def test_is_from_the_beginning_until_now(self) -> None:
        since = NOW - timedelta(days=29)

        assert replay.span(since=since, until=None, now=NOW) == (since, NOW)

    @pytest.mark.parametrize(
        ("since", "until", "words"),
        [
            (timedelta(hours=1), None, "not come yet"),
            (-timedelta(hours=1), timedelta(hours=1), "not come yet"),
            (-timedelta(hours=1), -timedelta(hours=1), "not after the beginning"),
            (-timedelta(hours=1), -timedelta(hours=2), "not after the beginning"),
            (-timedelta(days=31), None, "kept for 30 days"),
        ],
    )
    def test_refuses(self, since: timedelta, until: timedelta | None, words: str) -> None:
        with pytest.raises(BadSpan, match=words):
            replay.span(since=NOW + since, until=until and NOW + until, now=NOW)

    def test_reads_those_that_came_within_and_no_others(self) -> None:
        ids = keep(b"{ }", b"{  }", b"{   }", first=NOW)
        UnreadWebhook.objects.all().delete()

        chosen = replay.selection(
            since=NOW + timedelta(minutes=1), until=NOW + timedelta(minutes=2)
        )

        assert list(chosen.values_list("pk", flat=True)) == ids[1:2]

    def test_goes_by_the_time_at_which_they_came(self, monkeypatch: Any) -> None:
        keep(b'{"a": 1}', first=NOW + timedelta(hours=2))
        keep(b'{"a": 2}', b'{"a": 3}', first=NOW)
        UnreadWebhook.objects.all().delete()
        seen: list[bytes] = []
        read = replay.rereading.read
        monkeypatch.setattr(
            replay.rereading,
            "read",
            lambda event, **told: seen.append(bytes(event.body)) or read(event, **told),
        )

        again(batch=2)

        assert seen == [b'{"a": 2}', b'{"a": 3}', b'{"a": 1}']

    def test_large_bodies_are_not_all_read_at_once(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(replay, "_BATCH_BYTES", 30)
        keep(*(b"{" + b" " * size + b"}" for size in (20, 21, 50, 3, 4)))
        UnreadWebhook.objects.all().delete()

        sizes = [len(ids) for ids in replay._batches(WebhookEvent.objects.all(), 200)]

        assert sizes == [1, 1, 1, 2]


class TestReadAgain:
    def test_reads_those_that_are_chosen(self) -> None:
        bodies = [
            webhook_day.tell(messages=[webhook_day.said("358457311111", "hello", minute=minute)])
            for minute in range(3)
        ]
        read(*bodies)
        forget_inbound()
        chosen = list(WebhookEvent.objects.order_by("id").values_list("pk", flat=True))[:2]

        done, ids = replay.read_again(ids=chosen, now=MORNING)

        assert (done.webhooks, done.inbound) == (2, 2)
        assert ids == set(chosen)

    def test_leaves_out_those_that_wait_or_are_gone(self, monkeypatch: Any) -> None:
        waiting, read_one, gone = keep(b"{ }", b"{  }", b"{   }")
        UnreadWebhook.objects.exclude(pk=waiting).delete()
        batches = replay._batches

        def late(*arguments: Any) -> Any:
            for ids in batches(*arguments):
                WebhookEvent.objects.filter(pk=gone).delete()
                yield ids

        monkeypatch.setattr(replay, "_batches", late)

        done, ids = replay.read_again(ids=[waiting, read_one, gone], now=MORNING)

        assert ids == {read_one}
        assert done.webhooks == 1

    def test_is_over_when_it_is_over(self) -> None:
        replay.read_again(ids=[], now=MORNING)

        assert not replaying.is_on()


class TestReadWaiting:
    def test_brings_back_begins_nothing_and_leaves_nothing_to_the_worker(self, rung: Any) -> None:
        keep(*webhook_day.day(), b"{")
        rung.clear()

        done = replay.read_waiting(now=MORNING)

        assert (done.webhooks, done.unreadable) == (WebhookEvent.objects.count(), 1)
        assert done.inbound == InboundMessage.objects.count() > 0
        assert rung == []
        assert not Message.objects.filter(key__startswith="answer:").exists()
        assert webhooks.process(now=MORNING) == 0

    def test_ends_where_the_worker_would_have(self) -> None:
        keep(*webhook_day.day())
        replay.read_waiting(now=EVENING)

        assert again().is_unchanged

    def test_takes_no_note_of_notices(self) -> None:
        template = factories.template(status="APPROVED")
        keep(paused(template))

        replay.read_waiting(now=MORNING)

        assert Template.objects.get(pk=template.pk).status == "APPROVED"
        assert factories.webhook_states() == ["processed"]

    def test_dry_leaves_them_waiting(self) -> None:
        keep(webhook_day.tell(messages=[webhook_day.said("358457311111", "STOP", minute=1)]), b"{")

        done = replay.read_waiting(now=MORNING, is_dry=True)

        assert (done.webhooks, done.inbound, done.unreadable) == (2, 1, 1)
        assert UnreadWebhook.objects.count() == 2
        assert not InboundMessage.objects.exists()

    def test_leaves_those_that_were_read_alone(self) -> None:
        read(webhook_day.tell(messages=[webhook_day.said("358457311111", "hello", minute=1)]))
        forget_inbound()

        assert replay.read_waiting(now=MORNING) == Replayed()
