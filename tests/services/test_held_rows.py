"""Rows that the shop holds for as long as its payment provider takes, or for ever.

See Note [Rows that the shop holds] of ``patience``. Each work ends while the row is still held.
"""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from tests import chat, chat_shop, factories, webhook_bodies
from tests.concurrency import beside, held_by_the_shop, on_postgresql
from tests.factories import NOW
from tests.services.test_statuses import accept, calling, outgoing_of, told
from whatsapp_notify.domain.receipts import Accepted, Action, Refused
from whatsapp_notify.models import (
    Contact,
    Label,
    Message,
    ShopEvent,
    UnreadWebhook,
    WebhookBatch,
    WebhookEvent,
)
from whatsapp_notify.services import arrivals, delivery, events, patience, rounds, sweep, webhooks

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]

STOPPED = 131050


@pytest.fixture(autouse=True)
def open_shop(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chat_shop.open_shop(settings)
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 10_000}
    monkeypatch.setattr(patience, "ROW_SECONDS", 0.1)


def arrive(contact: Contact, words: str) -> WebhookEvent:
    digits = chat.phone_of(contact).lstrip("+")
    element = webhook_bodies.text(words, wamid=f"wamid.{contact.pk}", wa_id=digits)
    return post(webhook_bodies.body(messages=[element]))


def post(body: bytes) -> WebhookEvent:
    arrivals.record(body=body, now=NOW)
    return WebhookEvent.objects.latest("id")


states = factories.webhook_states


def stopped(message: Message) -> dict[str, Any]:
    """The customer has stopped marketing at WhatsApp."""
    return webhook_bodies.status(
        message, "failed", seconds=5, code=STOPPED, wamid=message.provider_message_id
    )


def named(user_id: str) -> dict[str, Any]:
    """A status tells an id of the customer that we do not know."""
    return {"recipient_user_id": user_id}


class TestWebhooks:
    def test_f27_a_stop_of_somebody_who_buys_keeps_no_other_stop_waiting(self) -> None:
        buying, *others = [factories.contact() for _number in range(4)]
        for contact in (buying, *others):
            arrive(contact, "STOP")

        with held_by_the_shop(buying):
            webhooks.process(now=NOW)

            assert states() == ["waiting", "processed", "processed", "processed"]
            assert not WebhookBatch.objects.exists()

        webhooks.process(now=NOW + timedelta(seconds=5))
        assert set(states()) == {"processed"}
        for contact in (buying, *others):
            assert not contact.consent_states.filter(is_granted=True).exists()

    @pytest.mark.parametrize("words", ["STOP", "Hello", "How do you do, is the shop open?"])
    def test_f27_whoever_buys_keeps_no_later_webhook_waiting(self, words: str) -> None:
        """A stop locks its customer; other words refer to them, which is looked at last."""
        buying, other = factories.contact(), factories.contact()
        arrive(buying, words)
        arrive(other, "STOP")

        with held_by_the_shop(buying):
            for minutes in range(4):
                webhooks.process(now=NOW + timedelta(minutes=minutes))

            assert states() == ["waiting", "processed"]

        webhooks.process(now=NOW + timedelta(minutes=4))
        assert states() == ["processed"] * 2

    def test_a_status_that_names_somebody_who_buys_keeps_no_other_waiting(self) -> None:
        first, second = [accept(message) for message in calling(2)]
        post(webhook_bodies.body(statuses=[told(first, "delivered", **named("FI.1"))]))
        post(webhook_bodies.body(statuses=[told(second, "delivered")]))

        with held_by_the_shop(first.contact):
            webhooks.process(now=NOW)

            assert states() == ["waiting", "processed"]

        webhooks.process(now=NOW + timedelta(seconds=5))
        assert states() == ["processed"] * 2
        assert first.contact.identities.filter(value="FI.1").exists()

    def test_a_status_that_is_put_off_is_not_read_with_the_message_beside_it(self) -> None:
        [message] = [accept(each) for each in calling(1)]
        writing = [factories.contact() for _number in range(2)]
        said = [
            webhook_bodies.text(
                "Hello", wamid=f"wamid.H{each.pk}", wa_id=chat.phone_of(each).lstrip("+")
            )
            for each in writing
        ]
        post(webhook_bodies.body(statuses=[stopped(message)], messages=[said[0]]))
        post(webhook_bodies.body(messages=[said[1]]))

        with held_by_the_shop(message.contact):
            webhooks.process(now=NOW)

            assert states() == ["waiting", "processed"]

        webhooks.process(now=NOW + timedelta(seconds=5))
        message.refresh_from_db()
        assert message.state == "failed"

    def test_f27_it_is_no_poison_however_long_that_takes(self) -> None:
        buying = factories.contact()
        arrive(buying, "STOP")

        with held_by_the_shop(buying):
            for minutes in range(6):
                webhooks.process(now=NOW + timedelta(minutes=minutes))

        assert states() == ["waiting"]

    def test_a_refusal_about_somebody_who_buys_keeps_no_other_status_waiting(self) -> None:
        first, *others = [accept(message) for message in calling(5)]
        post(webhook_bodies.body(statuses=[stopped(first)]))
        for message in others:
            post(webhook_bodies.body(statuses=[told(message, "delivered")]))

        with held_by_the_shop(first.contact):
            webhooks.process(now=NOW)

            assert states() == ["waiting", *["processed"] * 4]

        webhooks.process(now=NOW + timedelta(seconds=5))
        first.refresh_from_db()
        assert (first.state, states()[0]) == ("failed", "processed")
        assert first.contact.__class__.objects.get(pk=first.contact_id).marketing_stopped_at

    def test_f27_of_one_body_only_what_is_about_who_buys_waits(self) -> None:
        buying, other = factories.contact(), factories.contact()
        first, second = [accept(message) for message in calling(2)]
        stops = [
            webhook_bodies.text(
                "STOP", wamid=f"wamid.S{each.pk}", wa_id=chat.phone_of(each).lstrip("+")
            )
            for each in (buying, other)
        ]
        news = [stopped(first), told(second, "delivered")]
        post(webhook_bodies.body(messages=stops, statuses=news))

        with held_by_the_shop(buying), held_by_the_shop(first.contact):
            webhooks.process(now=NOW)

            second.refresh_from_db()
            assert (states(), second.state) == (["waiting"], "delivered")
            assert not other.consent_states.filter(is_granted=True).exists()

        webhooks.process(now=NOW + timedelta(seconds=5))
        first.refresh_from_db()
        assert (states(), first.state) == (["processed"], "failed")
        assert not buying.consent_states.filter(is_granted=True).exists()

    def test_who_buys_keeps_waiting_nothing_that_a_dead_worker_left(self) -> None:
        buying, other = factories.contact(), factories.contact()
        for _each in range(3):
            arrive(buying, "STOP")
        now = NOW
        with held_by_the_shop(buying):
            webhooks.process(now=now)
            left = arrive(other, "STOP")
            UnreadWebhook.objects.filter(pk=left.pk).update(
                attempts=1, tried_at=NOW - timedelta(minutes=9)
            )

            webhooks.process(now=NOW + timedelta(seconds=6), batch=1)

            assert factories.state_of(left) == "processed"

    def test_what_is_read_again_is_hardly_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        limits: list[float] = []
        real = patience.wait_for_rows

        def wait_for_rows(*, seconds: float) -> None:
            limits.append(seconds)
            real(seconds=seconds)

        buying = factories.contact()
        arrive(buying, "STOP")
        with held_by_the_shop(buying):
            webhooks.process(now=NOW)
            monkeypatch.setattr(patience, "wait_for_rows", wait_for_rows)
            webhooks.process(now=NOW + timedelta(seconds=6))

        assert set(limits) == {patience.NEXT_ROW_SECONDS}

    def test_what_somebody_still_reads_is_not_taken_for_broken_off(self) -> None:
        events = [post(b'{"entry": []}' + b" " * number) for number in range(3)]
        WebhookBatch.objects.create(
            first_id=events[0].pk, last_id=events[2].pk, taken_at=NOW - timedelta(minutes=9)
        )

        with held_by_the_shop(events[1].unread):
            webhooks.process(now=NOW)

            assert states() == ["processed", "waiting", "processed"]
            assert WebhookBatch.objects.count() == 1

        webhooks.process(now=NOW)
        assert set(states()) == {"processed"}
        assert not WebhookBatch.objects.exists()

    def test_a_batch_that_somebody_looks_at_keeps_nobody_waiting(self) -> None:
        event = post(b'{"entry": []}')
        lost = WebhookBatch.objects.create(
            first_id=event.pk, last_id=event.pk, taken_at=NOW - timedelta(minutes=9)
        )
        fresh = post(b'{"entry": [ ]}')

        with held_by_the_shop(lost):
            webhooks.process(now=NOW)

        assert factories.state_of(fresh) == "processed"

    def test_poison_that_somebody_holds_keeps_nobody_waiting(self) -> None:
        poison = post(b'{"entry": []}')
        UnreadWebhook.objects.update(attempts=3, tried_at=NOW - timedelta(minutes=9))
        fresh = post(b'{"entry": [ ]}')

        with held_by_the_shop(poison.unread):
            webhooks.process(now=NOW)

        assert factories.state_of(fresh) == "processed"


def ship(contact: Contact) -> None:
    """An event that writes to the customer's row: it sets a label."""
    Label.objects.get_or_create(name="Shipped", set_by="order.shipped")
    ShopEvent.objects.create(
        name="order.shipped",
        key=f"shipped:{contact.pk}",
        contact=contact,
        occurred_at=NOW,
        recorded_at=NOW,
    )


class TestEvents:
    def test_of_somebody_who_buys_keeps_no_other_waiting_and_is_no_fault(self) -> None:
        buying, *others = [chat_shop.customer() for _number in range(3)]
        for contact in (buying, *others):
            ship(contact)

        with held_by_the_shop(buying):
            for seconds in (0, 5, 10, 15, 20):
                events.process(now=NOW + timedelta(seconds=seconds))

            pending = ShopEvent.objects.filter(is_pending=True)
            assert list(pending.values_list("contact", flat=True)) == [buying.pk]

        events.process(now=NOW + timedelta(seconds=25))
        assert not ShopEvent.objects.filter(is_pending=True).exists()
        assert not ShopEvent.objects.filter(state="failed").exists()

    def test_that_somebody_plans_is_not_taken_up_by_others(self) -> None:
        planned, other = [
            ShopEvent.objects.create(
                name="order.shipped", key=key, occurred_at=NOW, recorded_at=NOW
            )
            for key in ("one", "two")
        ]
        ShopEvent.objects.filter(pk=planned.pk).update(
            attempts=3, processed_at=NOW - timedelta(hours=1)
        )

        with held_by_the_shop(planned):
            events.process(now=NOW)

        planned.refresh_from_db()
        other.refresh_from_db()
        assert (planned.is_pending, other.is_pending) == (True, False)


class TestRounds:
    def test_f27_whom_an_import_holds_for_hours_keeps_nothing_from_leaving(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of very many, the first comes back before the last has been tried."""
        monkeypatch.setattr(patience, "ROW_PAUSE", timedelta())
        monkeypatch.setattr(rounds, "_TURN_SECONDS", 0.3)
        imported = chat_shop.customer()
        ship(imported)
        message = factories.queued()

        with held_by_the_shop(imported):
            done = rounds.Rounds(clock=lambda: NOW, stop=threading.Event()).run()

        message.refresh_from_db()
        assert (message.state, done.has_more) == ("accepted", True)


class TestAnswers:
    def test_of_somebody_who_buys_is_written_without_them(self) -> None:
        first, *others = calling(3)
        answers = [
            (outgoing_of(first), Refused(action=Action.STOP_MARKETING, code=STOPPED)),
            *(
                (outgoing_of(each), Accepted(provider_message_id=f"wamid.{each.pk}"))
                for each in others
            ),
        ]

        with held_by_the_shop(first.contact):
            beside(lambda: delivery._record(answers, NOW))

        words = list(Message.objects.order_by("id").values_list("state", flat=True))
        assert words == ["failed", "accepted", "accepted"]
        # The provider refuses the next one too, and then it is kept.
        assert Contact.objects.get(pk=first.contact_id).marketing_stopped_at is None

    def test_a_limit_of_the_shops_own_does_not_end_the_run(self) -> None:
        [message] = calling()
        accepted = Accepted(provider_message_id="wamid.1")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10ms'")
        released = threading.Timer(1.0, lambda: None)

        def release_after_a_while() -> None:
            with held_by_the_shop(message):
                is_held.set()
                released.start()
                released.join()

        is_held = threading.Event()
        holding = threading.Thread(target=release_after_a_while)
        holding.start()
        try:
            assert is_held.wait(10)
            delivery._record([(outgoing_of(message), accepted)], NOW)
        finally:
            holding.join()
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = 0")

        message.refresh_from_db()
        assert message.state == "accepted"

    def test_of_anybody_else_means_what_it_means(self) -> None:
        [message] = calling()
        refused = Refused(action=Action.STOP_MARKETING, code=STOPPED)

        delivery._record([(outgoing_of(message), refused)], NOW)

        assert Contact.objects.get(pk=message.contact_id).marketing_stopped_at is not None


class TestSweep:
    def test_a_lost_call_that_somebody_writes_keeps_no_other_waiting(self) -> None:
        messages = calling(3)
        Message.objects.update(call_expires_at=NOW - timedelta(seconds=1))

        with held_by_the_shop(messages[1]):
            swept = sweep.sweep(now=NOW)

            assert swept.in_doubt == 2

        assert sweep.sweep(now=NOW).in_doubt == 1

    def test_a_status_about_somebody_who_buys_is_left_to_the_next(self) -> None:
        messages = [accept(message) for message in calling(3)]
        ids = {message.pk: message.provider_message_id for message in messages}
        Message.objects.update(provider_message_id=None)
        news = [
            webhook_bodies.status(None, "failed", seconds=5, code=STOPPED, wamid=wamid)
            for wamid in ids.values()
        ]
        post(webhook_bodies.body(statuses=news))
        webhooks.process(now=NOW)
        for pk, wamid in ids.items():
            Message.objects.filter(pk=pk).update(provider_message_id=wamid)

        with held_by_the_shop(messages[1].contact):
            assert sweep.sweep(now=NOW).matched == 2

        assert sweep.sweep(now=NOW).matched == 1
