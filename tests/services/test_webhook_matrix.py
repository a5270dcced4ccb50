"""Webhooks repeated, swapped, spoilt and too many: the rows stay the same."""

import itertools
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from tests import database, factories, webhook_bodies, webhook_day
from tests.concurrency import together
from tests.factories import NOW
from tests.services.test_statuses import accept, calling, told
from whatsapp_notify import signals
from whatsapp_notify.models import (
    ConsentRecord,
    ConsentState,
    Contact,
    DeliveryEvent,
    InboundMessage,
    Message,
    UnmatchedStatus,
    WebhookEvent,
)
from whatsapp_notify.services import arrivals, inbound, statuses, sweep, webhooks

pytestmark = pytest.mark.django_db(transaction=True)

EVENING = webhook_day.EVENING


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 10_000}


def read(*bodies: bytes, now: Any = EVENING) -> None:
    """Post them one after the other and read them."""
    for body in bodies:
        arrivals.record(body=body, now=now)
    webhooks.process(now=now)


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def heard(*watched: Any) -> Iterator[list[str]]:
    """What these signals say meanwhile; the words are those of what moved."""
    calls: list[str] = []

    def listen(**told: Any) -> None:
        calls.append(str(told.get("state") or told["sender"].__name__))

    for signal in watched:
        signal.connect(listen)
    try:
        yield calls
    finally:
        for signal in watched:
            signal.disconnect(listen)


class TestDay:
    def test_the_day_holds_every_kind_of_news(self) -> None:
        """Or else all that follows would prove little."""
        read(*webhook_day.day())

        assert set(factories.webhook_states()) == {"processed"}
        moved = set(Message.objects.exclude(key__startswith="answer:").values_list("state"))
        assert moved >= {("read",), ("delivered",), ("failed",), ("sent",)}
        handled = set(InboundMessage.objects.values_list("handled_as", flat=True))
        assert handled == {"opt_out", "opt_in", "survey", "kept", "person", "notice"}
        assert all(database.rows().values())
        assert UnmatchedStatus.objects.count() == 1
        assert set(ConsentRecord.objects.values_list("source", flat=True)) == {
            "checkout", "keyword", "provider",
        }  # fmt: skip

    @pytest.mark.parametrize("seed", range(6))
    def test_f64_the_day_shuffled_and_repeated_leaves_the_same_database(self, seed: int) -> None:
        rng = random.Random(seed)
        bodies = webhook_day.day()
        read(*bodies)
        before = database.rows()
        once_more = [*bodies, *(webhook_day.again(body, rng) for body in bodies * 2)]
        rng.shuffle(once_more)

        # Half of them while the first bytes are still kept, all of them when they are gone.
        read(*once_more[::2], now=EVENING + timedelta(days=1))
        WebhookEvent.objects.all().delete()
        rng.shuffle(once_more)
        read(*once_more, now=EVENING + timedelta(days=6))

        assert database.rows() == before
        assert set(factories.webhook_states()) == {"processed"}

    def test_f54_f65_the_day_means_the_same_in_any_order(self) -> None:
        """But for a new number: who writes from one before WhatsApp tells whose it is is new."""
        bodies = [body for body in webhook_day.day() if webhook_day.NEW_NUMBER not in body]
        with undone():
            read(*bodies)
            expected = database.meaning()
        rng = random.Random(54)

        for _round in range(12):
            order = bodies + rng.sample(bodies, 10)
            rng.shuffle(order)
            with undone():
                read(*order)
                assert database.meaning() == expected

    def test_f53_many_workers_read_the_day_at_once(self) -> None:
        bodies = webhook_day.day()
        rng = random.Random(53)
        with undone():
            read(*bodies)
            expected = database.meaning()
        for body in [*bodies, *(webhook_day.again(body, rng) for body in bodies)]:
            arrivals.record(body=body, now=EVENING)

        together(*[lambda: webhooks.process(now=EVENING, batch=7)] * 4)

        assert set(factories.webhook_states()) == {"processed"}
        found = database.meaning()
        # Whose message is read first decides which contact is new, so people are compared apart.
        assert found["messages"] == expected["messages"]
        assert found["timelines"] == expected["timelines"]
        assert found["standing"] == expected["standing"]


class TestRepetition:
    def test_f53_a_delivered_told_a_hundred_times_at_once_counts_once(self) -> None:
        message = accept(calling()[0])
        bodies = [
            webhook_bodies.body(statuses=[told(message, "delivered")], number=number)
            for number in range(100)
        ]

        def work(number: int) -> None:
            for body in bodies[number::4]:
                arrivals.record(body=body, now=NOW)
                webhooks.process(now=NOW)

        with heard(signals.message_state_changed) as calls:
            together(*[lambda number=number: work(number) for number in range(4)])
            webhooks.process(now=NOW)

        assert factories.webhook_states() == ["processed"] * 100
        assert message.timeline.filter(kind="delivered").count() == 1
        assert calls == ["delivered"]

    def test_f53_a_stop_told_a_hundred_times_at_once_is_one_stop(self) -> None:
        factories.topic("service")
        contact = factories.contact(consents=("orders", "offers"))
        element = webhook_day.said(contact, "STOP", minute=1)
        bodies = [webhook_day.tell(messages=[element], number=number) for number in range(100)]

        def work(number: int) -> None:
            for body in bodies[number::4]:
                arrivals.record(body=body, now=NOW)
                webhooks.process(now=NOW)

        with heard(signals.message_received, signals.consent_changed) as calls:
            together(*[lambda number=number: work(number) for number in range(4)])
            webhooks.process(now=NOW)

        assert InboundMessage.objects.count() == 1
        assert ConsentRecord.objects.filter(action="withdraw").count() == 2
        assert Message.objects.filter(key__startswith="answer:").count() == 1
        assert sorted(calls) == ["ConsentRecord"] * 2 + ["InboundMessage"]
        assert set(factories.webhook_states()) == {"processed"}

    def test_f53_a_hold_told_twice_is_one_line(self) -> None:
        message = accept(calling()[0])
        hold = webhook_bodies.status(message, "held_for_quality_assessment", seconds=2)

        read(webhook_bodies.body(statuses=[hold, hold]))
        read(webhook_bodies.body(statuses=[hold], more="bytes"))

        message.refresh_from_db()
        assert message.state == "held"
        assert message.timeline.filter(kind="held").count() == 1


class TestEarly:
    @pytest.mark.parametrize(
        "words", list(itertools.permutations(("sent", "delivered", "read"))), ids="-".join
    )
    def test_f55_news_before_our_own_answer_end_as_those_behind_it(
        self, words: tuple[str, ...]
    ) -> None:
        early, late = calling(2)
        for word in words:
            read(webhook_bodies.body(statuses=[told(early, word)]))

        accept(early)
        accept(late)
        for word in words:
            read(webhook_bodies.body(statuses=[told(late, word)]))

        news = [
            Message.objects.filter(pk=each.pk).values_list(*_COLUMNS).get()
            for each in (early, late)
        ]
        assert news[0] == news[1]
        early.refresh_from_db()
        assert early.provider_message_id == f"wamid.{early.pk}.1"


_COLUMNS = ("state", "sent_at", "delivered_at", "read_at", "is_pending", "needs_attention")


class TestStrangers:
    def test_f56_one_stranger_among_ninety_nine_is_parked_for_eight_days(self) -> None:
        messages = [accept(message) for message in calling(33)]
        known = [told(each, word) for each in messages for word in ("sent", "delivered", "read")]
        known.insert(50, webhook_bodies.status(wamid="wamid.APP", word="delivered", seconds=9))

        read(webhook_bodies.body(statuses=known))

        assert factories.webhook_states() == ["processed"]
        assert Message.objects.filter(state="read").count() == 33
        sweep.sweep(now=EVENING + timedelta(days=7, hours=23))
        assert UnmatchedStatus.objects.get().provider_message_id == "wamid.APP"

    def test_f56_a_message_that_turns_up_on_the_eighth_day_is_told(self) -> None:
        read(webhook_bodies.body(statuses=[webhook_bodies.status(wamid="wamid.LATE", seconds=9)]))
        sweep.sweep(now=EVENING + timedelta(days=7, hours=23))
        [message] = calling()

        accept(message, wamid="wamid.LATE")

        message.refresh_from_db()
        assert (message.state, message.sent_at) == ("sent", NOW + timedelta(seconds=9))

    def test_f56_a_foreign_status_changes_nobodys_consent(self) -> None:
        """Another app at the same number may send what it likes."""
        contact = factories.contact(consents=("offers",))

        read(
            webhook_day.tell(
                statuses=[
                    webhook_bodies.status(
                        wamid="wamid.APP", word="failed", code=131050,
                        recipient_id=webhook_day.wa_id(contact),
                    )
                ]
            )
        )  # fmt: skip

        assert not ConsentRecord.objects.filter(action="withdraw").exists()


BAD_STATUSES: dict[str, Any] = {
    "no object": "sent",
    "null": None,
    "no id": {"status": "sent", "timestamp": "1"},
    "no time": {"id": "wamid.B", "status": "sent", "timestamp": "yesterday"},
    "an object for a word": {"id": "wamid.B", "status": {}, "timestamp": "1"},
    "a time of no calendar": {"id": "wamid.B", "status": "sent", "timestamp": "9" * 30},
}


class TestBulk:
    @pytest.mark.parametrize(
        ("bad", "place"),
        [*((bad, 499) for bad in BAD_STATUSES), ("no time", 0), ("null", 999)],
        ids=str,
    )
    def test_f57_a_thousand_statuses_one_of_them_bad(self, bad: str, place: int) -> None:
        person = factories.contact()
        rows = [
            factories.draft(person, state="accepted", is_pending=False, attempt=1)
            for _each in range(999)
        ]
        for row in rows:
            row.provider_message_id, row.called_at = f"wamid.{row.key}", NOW
        Message.objects.bulk_create(rows)
        elements: list[Any] = [
            webhook_bodies.status(row, "delivered", seconds=5, with_opaque_id=False) for row in rows
        ]
        elements.insert(place, BAD_STATUSES[bad])

        read(webhook_bodies.body(statuses=elements))

        event = WebhookEvent.objects.get()
        assert Message.objects.filter(state="delivered").count() == 999
        assert DeliveryEvent.objects.filter(kind="delivered").count() == 999
        assert event.is_quarantined
        assert f"statuses[{place}]" in event.problem

    def test_f57_every_entry_and_change_is_read(self) -> None:
        messages = [accept(message) for message in calling(6)]
        bodies = [
            json.loads(webhook_bodies.body(statuses=[told(each, "sent")])) for each in messages
        ]
        first, second = (
            {"id": "1", "changes": [each["entry"][0]["changes"][0] for each in part]}
            for part in (bodies[:3], bodies[3:])
        )
        first["changes"].insert(1, {"field": "messages", "value": "no object"})
        data = {"object": "whatsapp_business_account", "entry": [first, 7, second]}

        read(json.dumps(data).encode())

        event = WebhookEvent.objects.get()
        assert Message.objects.filter(state="sent").count() == 6
        assert "entry[0].changes[1]" in event.problem
        assert "entry[1]" in event.problem


class TestConsent:
    WORDS = ("START", "STOP", "START", "STOP")

    @pytest.mark.parametrize("last", ["STOP", "START"])
    def test_f65_every_order_of_start_and_stop_with_a_replay_ends_with_the_last(
        self, last: str
    ) -> None:
        for key in ("service", "orders", "offers"):
            factories.topic(key)
        contact = factories.contact(consents=("orders", "offers"))
        words = self.WORDS if last == "STOP" else self.WORDS[:3]
        acts = [
            webhook_day.said(contact, word, minute=minute)
            for minute, word in enumerate(words, start=1)
        ]
        ends = set()

        for order in itertools.permutations(range(len(acts))):
            with undone():
                for number, index in enumerate((*order, *order[:2], 0)):
                    read(webhook_day.tell(messages=[acts[index]], number=number))
                states = ConsentState.objects.filter(contact=contact).order_by("topic_id")
                ends.add(tuple(states.values_list("is_granted", "changed_at")))

        moment = NOW + timedelta(minutes=len(acts))
        assert ends == {((last == "START", moment),) * 2}

    def test_f72_every_order_of_stop_and_resume_ends_the_same(self) -> None:
        contact = factories.contact(consents=("orders", "offers"))
        acts = [
            webhook_day.chose(contact, value, minute=minute)
            for minute, value in enumerate(("stop", "resume", "stop", "resume"), start=1)
        ]
        ends = set()

        for order in itertools.permutations(range(4)):
            with undone():
                for number, index in enumerate((*order, *order[::-1])):
                    read(webhook_day.tell(user_preferences=[acts[index]], number=number))
                contact.refresh_from_db()
                records = ConsentRecord.objects.filter(contact=contact, action="withdraw")
                stops = records.order_by("occurred_at").values_list("topic__key", "occurred_at")
                granted = ConsentState.objects.filter(contact=contact, is_granted=True)
                ends.add(
                    (
                        contact.marketing_stopped_at, contact.marketing_changed_at,
                        tuple(stops),
                        tuple(granted.values_list("topic__key", flat=True)),
                    )
                )  # fmt: skip

        both = tuple(("offers", NOW + timedelta(minutes=minute)) for minute in (1, 3))
        assert ends == {(None, NOW + timedelta(minutes=4), both, ("orders",))}

    def test_f72_a_stop_told_again_does_not_reach_a_topic_that_came_later(self) -> None:
        contact = factories.contact(consents=("offers",))
        stop = webhook_day.chose(contact, "stop", minute=1)
        read(webhook_day.tell(user_preferences=[stop]))
        factories.topic("service")
        factories.Topic.objects.create(key="outlet", name="Outlet", purpose="promotion")

        read(webhook_day.tell(user_preferences=[stop], number=2))

        topics = ConsentRecord.objects.filter(action="withdraw").values_list("topic__key")
        assert list(topics) == [("offers",)]


class TestReplies:
    def test_f54_the_first_reply_counts_whatever_the_order(self) -> None:
        contact = factories.contact()
        factories.queued(contact)
        [message] = webhook_day.sent(*Message.objects.all())
        replies = [webhook_day.said(contact, "hello", minute=minute) for minute in (5, 3, 9)]

        for order in itertools.permutations(replies):
            with undone():
                read(*[webhook_day.tell(messages=[reply]) for reply in order])
                message.refresh_from_db()
                assert message.replied_at == NOW + timedelta(minutes=3)


class TestHiddenNumbers:
    def test_f70_a_stop_of_somebody_who_hides_the_number_ends_all(self) -> None:
        """Known by the bubble that was answered first, by the user id from then on."""
        for key in ("service", "orders"):
            factories.topic(key)
        contact = factories.contact(consents=("orders",))
        factories.queued(contact)
        [message] = webhook_day.sent(*Message.objects.all())
        hidden = {"from_user_id": "FI.90000000000007"}
        answer = webhook_day.said(
            "", "who is this?", minute=1, context={"id": message.provider_message_id}, **hidden
        )
        stop = webhook_day.said("", "STOP", minute=2, **hidden)
        for element in (answer, stop):
            del element["from"]

        read(webhook_day.tell(messages=[answer]), webhook_day.tell(messages=[stop]))

        assert Contact.objects.count() == 1
        assert not ConsentState.objects.filter(contact=contact, is_granted=True).exists()


class TestCrash:
    class Killed(BaseException):
        """Stands for SIGKILL: nothing behind it is executed."""

    @pytest.mark.parametrize("place", range(5))
    def test_f67_killed_at_any_stage_it_is_read_by_the_next(
        self, place: int, monkeypatch: Any
    ) -> None:
        for key in ("service", "orders"):
            factories.topic(key)
        contact = factories.contact(consents=("orders",))
        factories.queued(contact)
        [message] = webhook_day.sent(*Message.objects.all())
        body = webhook_day.tell(
            statuses=[webhook_bodies.status(message, "read", seconds=60)],
            messages=[
                webhook_day.said(contact, "hello", minute=2),
                webhook_day.said(contact, "STOP", minute=3),
            ],
        )
        with undone():
            read(body)
            expected = database.meaning()
        steps = iter(range(100))

        def deadly(work: Any) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                if next(steps) == place:
                    raise self.Killed
                done = work(*args, **kwargs)
                if next(steps) == place:
                    raise self.Killed
                return done

            return call

        monkeypatch.setattr(statuses, "apply", deadly(statuses.apply))
        monkeypatch.setattr(inbound, "receive", deadly(inbound.receive))
        arrivals.record(body=body, now=EVENING)
        with pytest.raises(self.Killed):
            webhooks.process(now=EVENING)

        sweep.sweep(now=EVENING + timedelta(minutes=2))
        webhooks.process(now=EVENING + timedelta(minutes=2))

        assert factories.webhook_states() == ["processed"]
        assert database.meaning() == expected
