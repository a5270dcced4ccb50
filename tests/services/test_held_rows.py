"""Rows that the shop holds for as long as its payment provider takes, or for ever.

See Note [Rows that the shop holds] of ``patience``. Each work ends while the row is still held.
"""

from datetime import timedelta
from typing import Any

import pytest

from tests import chat, chat_shop, factories, webhook_bodies
from tests.concurrency import beside, held_by_the_shop, on_postgresql
from tests.factories import NOW
from tests.services.test_statuses import accept, calling, outgoing_of, told
from whatsapp_notify.domain.receipts import Accepted, Action, Refused
from whatsapp_notify.models import Contact, Message, WebhookBatch, WebhookEvent
from whatsapp_notify.services import arrivals, delivery, receipts, sweep, unmatched, webhooks

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]

STOPPED = 131050


@pytest.fixture(autouse=True)
def open_shop(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chat_shop.open_shop(settings)
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 10_000}
    monkeypatch.setattr(webhooks, "_ROW_SECONDS", 0.1)
    monkeypatch.setattr(receipts, "_ROW_SECONDS", 0.1)
    monkeypatch.setattr(unmatched, "_ROW_SECONDS", 0.1)


def arrive(contact: Contact, words: str) -> WebhookEvent:
    digits = chat.phone_of(contact).lstrip("+")
    element = webhook_bodies.text(words, wamid=f"wamid.{contact.pk}", wa_id=digits)
    return post(webhook_bodies.body(messages=[element]))


def post(body: bytes) -> WebhookEvent:
    arrivals.record(body=body, now=NOW)
    return WebhookEvent.objects.latest("id")


def states() -> list[str]:
    return list(WebhookEvent.objects.order_by("id").values_list("state", flat=True))


def stopped(message: Message) -> dict[str, Any]:
    """The customer has stopped marketing at WhatsApp."""
    return webhook_bodies.status(
        message, "failed", seconds=5, code=STOPPED, wamid=message.provider_message_id
    )


class TestWebhooks:
    def test_f27_a_stop_of_somebody_who_buys_keeps_no_other_stop_waiting(self) -> None:
        buying, *others = [factories.contact() for _number in range(4)]
        for contact in (buying, *others):
            arrive(contact, "STOP")

        with held_by_the_shop(buying):
            webhooks.process(now=NOW)

            assert states() == ["pending", "processed", "processed", "processed"]
            assert not WebhookBatch.objects.exists()

        webhooks.process(now=NOW + timedelta(seconds=5))
        assert set(states()) == {"processed"}
        for contact in (buying, *others):
            assert not contact.consent_states.filter(is_granted=True).exists()

    def test_f27_it_is_no_poison_however_long_that_takes(self) -> None:
        buying = factories.contact()
        arrive(buying, "STOP")

        with held_by_the_shop(buying):
            for minutes in range(6):
                webhooks.process(now=NOW + timedelta(minutes=minutes))

        assert states() == ["pending"]

    def test_a_refusal_about_somebody_who_buys_keeps_no_other_status_waiting(self) -> None:
        first, *others = [accept(message) for message in calling(5)]
        post(webhook_bodies.body(statuses=[stopped(first)]))
        for message in others:
            post(webhook_bodies.body(statuses=[told(message, "delivered")]))

        with held_by_the_shop(first.contact):
            webhooks.process(now=NOW)

            assert states() == ["pending", *["processed"] * 4]

        webhooks.process(now=NOW + timedelta(seconds=5))
        first.refresh_from_db()
        assert (first.state, states()[0]) == ("failed", "processed")
        assert first.contact.__class__.objects.get(pk=first.contact_id).marketing_stopped_at

    def test_what_somebody_still_reads_is_not_taken_for_broken_off(self) -> None:
        events = [post(b'{"entry": []}' + b" " * number) for number in range(3)]
        WebhookBatch.objects.create(
            first_id=events[0].pk, last_id=events[2].pk, taken_at=NOW - timedelta(minutes=9)
        )

        with held_by_the_shop(events[1]):
            webhooks.process(now=NOW)

            assert states() == ["processed", "pending", "processed"]
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

        fresh.refresh_from_db()
        assert fresh.state == "processed"

    def test_poison_that_somebody_holds_keeps_nobody_waiting(self) -> None:
        poison = post(b'{"entry": []}')
        WebhookEvent.objects.update(attempts=3, processed_at=NOW - timedelta(minutes=9))
        fresh = post(b'{"entry": [ ]}')

        with held_by_the_shop(poison):
            webhooks.process(now=NOW)

        fresh.refresh_from_db()
        assert fresh.state == "processed"


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
        message = accept(calling()[0], wamid="wamid.early")
        Message.objects.update(provider_message_id="")
        element = webhook_bodies.status(
            None, "failed", seconds=5, code=STOPPED, wamid="wamid.early"
        )
        post(webhook_bodies.body(statuses=[element]))
        webhooks.process(now=NOW)
        Message.objects.update(provider_message_id="wamid.early")

        with held_by_the_shop(message.contact):
            assert sweep.sweep(now=NOW).matched == 0

        assert sweep.sweep(now=NOW).matched == 1
