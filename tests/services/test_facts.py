"""What the decision looks at."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import chat, factories
from tests.factories import NOW
from whatsapp_notify.models import (
    Contact,
    Conversation,
    Identity,
    Message,
    Sender,
    ShopEvent,
    Topic,
)
from whatsapp_notify.services import facts, installation, senders

pytestmark = pytest.mark.django_db


def batch(*messages: Message) -> facts.Batch:
    return facts.Batch(
        messages=messages,
        sender=senders.current(),
        installation=installation.current(now=NOW),
        now=NOW,
    )


def happened(name: str, order_ref: str = "A1") -> ShopEvent:
    return ShopEvent.objects.create(
        name=name, key=f"{name}:{order_ref}:{ShopEvent.objects.count()}", order_ref=order_ref,
        occurred_at=NOW,
    )  # fmt: skip


class TestService:
    def test_automation_sends_nothing_of_it_even_while_the_customer_writes(self) -> None:
        person = factories.contact(consents=("orders",))
        factories.topic("service")
        chat.write("STOP", by=chat.person(person), at=NOW)

        message = factories.queued(person, key="service", event_name="order.shipped")

        assert (message.state, message.reason) == ("blocked", "consent")

    def test_answer_to_what_the_customer_wrote_leaves(self) -> None:
        person = factories.contact(consents=("orders",))
        factories.topic("service")
        row = chat.write("STOP", by=chat.person(person), at=NOW)

        answer = Message.objects.get(in_reply_to=row)

        assert (answer.state, answer.topic.key) == ("queued", "service")


class TestBatch:
    def test_reads_in_a_constant_number_of_queries(self) -> None:
        def queries(count: int) -> int:
            drafts = [
                factories.draft(
                    factories.contact(consents=("orders", "offers")),
                    key=key,
                    event_name="order.shipped",
                    order_ref=f"A{number}",
                )
                for number in range(count)
                for key in ("orders", "offers")
            ]
            with CaptureQueriesContext(connection) as seen:
                about = batch(*drafts)
                for each in drafts:
                    about.decide(each)
            return len(seen)

        queries(1)

        assert queries(40) == queries(2)

    def test_takes_only_current_identities(self) -> None:
        person = factories.contact(phone="+358457311111")
        person.identities.update(ended_at=NOW)
        message = factories.draft(person)

        seen = batch(message)

        assert not seen.facts(message).has_address
        assert seen.address(message) == facts.Address()

    def test_knows_people_without_a_phone_by_their_user_id(self) -> None:
        person = factories.contact(phone="+358457311112")
        person.identities.update(kind=Identity.Kind.USER_ID, value="US.13491208655302741918")
        message = factories.draft(person, key="offers")

        seen = batch(message).facts(message)

        assert (seen.has_address, seen.country) == (True, "US")

    def test_an_address_shows_nothing_of_itself(self) -> None:
        assert "358" not in repr(facts.Address(phone="+358457311111"))

    @pytest.mark.parametrize(
        ("before", "after", "superseded_by"),
        [
            ((), ("order.delivered",), "order.delivered"),
            ((), ("order.cancelled",), "order.cancelled"),
            (("order.delivered",), (), ""),
            ((), ("order.confirmed",), ""),
            ((), (), ""),
        ],
    )
    def test_f09_only_a_later_event_of_the_same_order_ends_one(
        self, before: Any, after: Any, superseded_by: str
    ) -> None:
        for name in before:
            happened(name)
        event = happened("order.shipped")
        for name in after:
            happened(name)
        happened("order.cancelled", order_ref="B2")
        message = factories.draft(
            factories.contact(), event=event, event_name="order.shipped", order_ref="A1"
        )

        assert batch(message).facts(message).superseded_by == superseded_by

    def test_takes_the_service_window_of_this_number_only(self) -> None:
        person = factories.contact()
        other = Sender.objects.create(phone_number_id="4711")
        Conversation.objects.create(
            contact=person, sender=other, window_expires_at=NOW + timedelta(hours=3)
        )
        message = factories.text_draft(person)

        assert batch(message).facts(message).window_expires_at is None

    def test_counts_promotions_that_may_have_arrived_within_the_days(self) -> None:
        person = factories.contact(consents=("offers",))
        for state, days in (
            ("delivered", 1), ("in_doubt", 2), ("read", 6.9), ("failed", 1), ("blocked", 1),
            ("delivered", 7.1),
        ):  # fmt: skip
            row = factories.draft(person, key="offers", state=state, is_pending=False)
            row.called_at = NOW - timedelta(days=days)
            row.save()
        other = factories.draft(person, key="orders", state="read", is_pending=False)
        other.called_at = NOW
        other.save()
        message = factories.draft(person, key="offers")

        assert batch(message).facts(message).promotions_lately == 3

    def test_a_call_of_the_batch_counts_for_the_next(self) -> None:
        person = factories.contact(consents=("offers",))
        first, second = (factories.draft(person, key="offers") for _each in range(2))
        about = batch(first, second)

        about.count_call(first)

        seen = about.facts(second)
        assert seen.promotions_lately == 1
        assert seen.pair_paced_until == NOW + timedelta(seconds=6)

    def test_tells_since_when_and_why_promotions_are_paused(self) -> None:
        person = factories.contact(consents=("offers",))
        since = NOW - timedelta(hours=3)
        Contact.objects.update(promotions_paused_at=since, promotions_paused_reason="low_score")
        message = factories.draft(person, key="offers")

        seen = batch(message).facts(message)

        assert (seen.promotions_paused_at, seen.promotions_paused_reason) == (since, "low_score")

    def test_no_query_where_no_template_and_no_promotion_is_concerned(self) -> None:
        person = factories.contact()
        message = factories.text_draft(person)
        senders.current(), installation.current(now=NOW)

        with CaptureQueriesContext(connection) as seen:
            batch(message)

        tables = " ".join(each["sql"] for each in seen)
        assert "whatsapp_notify_template" not in tables
        assert "whatsapp_notify_shopevent" not in tables
        assert Topic.objects.count() == 2
