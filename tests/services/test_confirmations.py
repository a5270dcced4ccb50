"""Consent that the customer has to confirm in the chat, from the box to the yes."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import chat, factories, shop
from tests.factories import NOW
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.domain import confirmation
from whatsapp_notify.domain.occasions import Customer
from whatsapp_notify.domain.receipts import Action, Refused
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import (
    Automation,
    ConsentRecord,
    ConsentState,
    Contact,
    InboundMessage,
    Message,
    ShopEvent,
    Template,
    Topic,
)
from whatsapp_notify.services import (
    claims,
    confirmations,
    consent,
    contacts,
    events,
    facts,
    installation,
    outbox,
    receipts,
    senders,
    starter,
)
from whatsapp_notify.services.consent import Proof

pytestmark = pytest.mark.django_db

Source = ConsentRecord.Source
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
YES = contents.ButtonTap(payload="wn:confirm", label="Yes, I want messages")
NO = contents.ButtonTap(payload="wn:decline", label="No, thank you")


@pytest.fixture(autouse=True)
def shop_that_asks(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(BUSINESS_NAME="The Shop", DEFAULT_LANGUAGE="en")
    starter.install(now=NOW, base_url="https://shop.example")
    Template.objects.update(status="APPROVED")
    Topic.objects.filter(key="offers").update(confirmation_days=14)


@pytest.fixture
def contact() -> Contact:
    return factories.contact(consents=(), language="en")


def topics(*keys: str) -> list[Topic]:
    return [Topic.objects.get(key=key) for key in keys or ("offers",)]


def tick(contact: Contact, *keys: str, at: datetime = NOW, source: str = Source.CHECKOUT) -> None:
    consent.grant(
        contact=contact,
        topics=topics(*keys),
        proof=Proof(source=source, wording="Yes, write to me."),
        occurred_at=at,
        now=at,
    )
    events.process(now=at)


def questions(contact: Contact) -> list[Message]:
    found = Message.objects.filter(contact=contact, event_name=confirmation.EVENT)
    return list(found.order_by("id"))


def asked(contact: Contact, *keys: str, at: datetime = NOW) -> Message:
    """Tick, and let the question reach the phone."""
    tick(contact, *keys, at=at)
    question = questions(contact)[-1]
    question.called_at, question.state = at, State.DELIVERED
    question.provider_message_id = f"wamid.Q{question.pk}"
    question.is_pending = False
    question.save()
    return question


def answer(contact: Contact, content: Any, *, at: datetime = NOW + MINUTE, **fields: Any) -> str:
    row = chat.write(content, by=chat.person(contact), at=at, **fields)
    events.process(now=at)
    return row.handled_as


def state_of(contact: Contact, key: str = "offers") -> ConsentState:
    return ConsentState.objects.get(contact=contact, topic__key=key)


def verdict(contact: Contact, *, key: str = "offers", at: datetime = NOW + HOUR) -> str:
    """Why a message on the topic may not leave; empty where it may."""
    message = factories.queued(contact, key=key, now=at)
    return message.reason if message.state == State.BLOCKED else ""


def said(contact: Contact) -> list[str]:
    rows = Message.objects.filter(contact=contact, key__startswith="answer:").order_by("id")
    return [row.content["body"] for row in rows]


class TestTick:
    def test_has_no_effect_yet_and_is_kept_with_the_end_of_its_wait(self, contact: Contact) -> None:
        tick(contact)

        record = ConsentRecord.objects.get(contact=contact)
        assert record.evidence == {"confirm_by": (NOW + 14 * DAY).isoformat()}
        assert state_of(contact).is_granted
        assert state_of(contact).confirm_by == NOW + 14 * DAY
        assert verdict(contact) == "consent_unconfirmed"

    def test_is_asked_about_once_however_often_it_is_repeated(self, contact: Contact) -> None:
        for hours in (0, 24, 47):
            tick(contact, at=NOW + hours * HOUR)

        (question,) = questions(contact)
        assert question.state == State.QUEUED
        assert question.topic.key == "offers"
        assert question.template_name == "confirm_consent"
        assert "The Shop" in question.preview["body"]
        assert "Offers and birthday greetings" in question.preview["body"]
        assert state_of(contact).confirm_by == NOW + 14 * DAY

    def test_joins_nobody_before_the_yes(self, contact: Contact) -> None:
        asked(contact)
        assert not ShopEvent.objects.filter(name="customer.joined").exists()

        answer(contact, YES)

        assert ShopEvent.objects.filter(name="customer.joined").count() == 1
        assert Message.objects.get(contact=contact, template_name="welcome").state == State.QUEUED

    def test_of_several_boxes_is_asked_about_with_one_question(self, contact: Contact) -> None:
        Topic.objects.filter(key="feedback").update(confirmation_days=3)

        tick(contact, "orders", "feedback", "offers")

        (question,) = questions(contact)
        assert question.topic.key == "feedback"
        assert "Feedback surveys, Offers and birthday greetings" in question.preview["body"]
        assert verdict(contact, key="orders") == ""
        assert verdict(contact, key="feedback") == "consent_unconfirmed"

    def test_names_the_topics_in_the_customers_language(self) -> None:
        contact = factories.contact(consents=(), language="fi")

        tick(contact)

        (question,) = questions(contact)
        assert "Tarjoukset ja syntymäpäiväonnittelut" in question.preview["body"]

    @pytest.mark.parametrize("source", [Source.KEYWORD, Source.BUTTON])
    def test_in_the_chat_is_a_confirmation_already(self, contact: Contact, source: str) -> None:
        tick(contact, source=source)

        assert questions(contact) == []
        assert verdict(contact) == ""

    @pytest.mark.parametrize("source", [Source.REGISTRATION, Source.API, Source.STAFF])
    def test_elsewhere_has_to_be_confirmed_too(self, contact: Contact, source: str) -> None:
        tick(contact, source=source)

        assert len(questions(contact)) == 1
        assert verdict(contact) == "consent_unconfirmed"

    def test_counts_at_once_where_the_topic_asks_for_nothing(self, contact: Contact) -> None:
        Topic.objects.update(confirmation_days=0)

        tick(contact)

        assert ConsentRecord.objects.get(contact=contact).evidence == {}
        assert questions(contact) == []
        assert verdict(contact) == ""

    def test_does_not_take_back_what_stood_before(self, contact: Contact) -> None:
        Topic.objects.update(confirmation_days=0)
        tick(contact)
        Topic.objects.update(confirmation_days=14)

        tick(contact, at=NOW + DAY)

        assert questions(contact) == []
        assert verdict(contact, at=NOW + DAY) == ""

    def test_that_waits_counts_when_repeated_after_the_switch_is_off(
        self, contact: Contact
    ) -> None:
        tick(contact)
        Topic.objects.update(confirmation_days=0)
        assert verdict(contact) == "consent_unconfirmed"

        tick(contact, at=NOW + DAY)

        assert verdict(contact, at=NOW + DAY) == ""

    def test_on_other_grounds_needs_no_confirmation(self, contact: Contact) -> None:
        Topic.objects.filter(key="offers").update(lawful_basis="legitimate_interest")

        tick(contact)

        assert questions(contact) == []
        assert verdict(contact) == ""


class TestAnswer:
    def test_a_tap_on_yes_is_the_confirmation_and_its_proof(self, contact: Contact) -> None:
        question = asked(contact)

        handled_as = answer(contact, YES, answers=question)

        record = ConsentRecord.objects.filter(contact=contact).latest("id")
        inbound = InboundMessage.objects.get(contact=contact)
        assert handled_as == InboundMessage.HandledAs.OPT_IN
        assert (record.action, record.source) == ("grant", Source.BUTTON)
        assert record.wording == "Yes, I want messages"
        assert record.evidence == {"inbound_id": inbound.pk, "question_id": question.pk}
        assert state_of(contact).record == record
        assert verdict(contact) == ""
        assert len(said(contact)) == 1

    @pytest.mark.parametrize("words", ["Yes", "kyllä", "Ja tack", "да"])
    @pytest.mark.parametrize("quotes", [True, False], ids=["bubble", "next-words"])
    def test_yes_in_words_counts_as_well(self, contact: Contact, words: str, quotes: bool) -> None:
        question = asked(contact)

        answer(contact, words, answers=question if quotes else "")

        record = ConsentRecord.objects.filter(contact=contact).latest("id")
        assert (record.action, record.source, record.wording) == ("grant", Source.KEYWORD, words)
        assert verdict(contact) == ""

    def test_no_withdraws_what_was_asked_about_and_no_more(self, contact: Contact) -> None:
        question = asked(contact, "offers", "orders")

        handled_as = answer(contact, NO, answers=question)

        assert handled_as == InboundMessage.HandledAs.OPT_OUT
        assert not state_of(contact).is_granted
        assert state_of(contact).confirm_by is None
        assert verdict(contact) == "consent"
        assert verdict(contact, key="orders") == ""
        assert said(contact)[0].startswith("All right: The Shop will not write")

    @pytest.mark.parametrize("words", ["No, thanks", "Ei kiitos", "nej", "Нет"])
    def test_no_in_words_counts_as_well(self, contact: Contact, words: str) -> None:
        asked(contact)

        answer(contact, words)

        assert verdict(contact) == "consent"

    def test_a_tap_counts_without_the_bubble_that_it_belongs_to(self, contact: Contact) -> None:
        asked(contact, "offers")

        answer(contact, YES)

        assert verdict(contact) == ""

    def test_yes_confirms_only_what_was_asked_about(self, contact: Contact) -> None:
        question = asked(contact)
        Topic.objects.filter(key="feedback").update(confirmation_days=14)
        asked(contact, "feedback", at=NOW + MINUTE)

        answer(contact, YES, answers=question, at=NOW + 2 * MINUTE)

        assert verdict(contact) == ""
        assert verdict(contact, key="feedback") == "consent_unconfirmed"

    def test_yes_to_something_else_is_no_consent(self, contact: Contact) -> None:
        asked(contact)
        other = factories.queued(
            contact, key="orders", called_at=NOW + MINUTE, provider_message_id="wamid.OTHER"
        )
        Message.objects.filter(pk=other.pk).update(state=State.DELIVERED)

        for answers in ("wamid.OTHER", ""):
            answer(contact, "Yes", at=NOW + 2 * MINUTE, answers=answers)

        assert verdict(contact) == "consent_unconfirmed"

    def test_yes_without_a_question_is_no_consent(self, contact: Contact) -> None:
        tick(contact)  # the question has not left yet

        answer(contact, "Yes")

        assert verdict(contact) == "consent_unconfirmed"

    @pytest.mark.parametrize("action", [Action.RETRY, Action.SLOW_DOWN, Action.RECONSIDER])
    @pytest.mark.parametrize("state", [State.QUEUED, State.BLOCKED, State.EXPIRED])
    def test_yes_to_a_question_that_was_refused_is_no_consent(
        self, contact: Contact, action: Action, state: State
    ) -> None:
        tick(contact)
        (planned,) = claims.claim(limit=1, now=NOW).calls
        receipts.record(answers=[(planned.outgoing, Refused(action=action))], now=NOW)
        Message.objects.filter(event_name=confirmation.EVENT).update(state=state)

        answer(contact, "Yes")

        assert verdict(contact) == "consent_unconfirmed"

    def test_yes_before_the_answer_to_our_own_call_counts(self, contact: Contact) -> None:
        tick(contact)
        claims.claim(limit=1, now=NOW)

        answer(contact, "Yes")

        assert verdict(contact) == ""

    def test_yes_behind_the_end_of_the_wait_counts_as_a_tap_and_not_as_a_word(
        self, contact: Contact
    ) -> None:
        late = NOW + 15 * DAY
        question = asked(contact)

        answer(contact, "Yes", at=late)
        assert verdict(contact, at=late) == "consent_unconfirmed"

        answer(contact, YES, answers=question, at=late + MINUTE)
        assert verdict(contact, at=late + HOUR) == ""

    def test_stop_ends_the_wait_and_a_later_tap_begins_anew(self, contact: Contact) -> None:
        question = asked(contact)

        answer(contact, "STOP")
        assert verdict(contact) == "consent"

        answer(contact, YES, answers=question, at=NOW + 2 * MINUTE)
        assert verdict(contact) == ""

    def test_start_confirms_too(self, contact: Contact) -> None:
        asked(contact)

        answer(contact, "START")

        assert verdict(contact) == ""

    def test_an_answer_of_the_same_second_counts_after_its_question(self, contact: Contact) -> None:
        moment = NOW + timedelta(milliseconds=800)
        question = asked(contact, at=moment)

        answer(contact, NO, answers=question, at=moment, now=moment + MINUTE)

        assert not state_of(contact).is_granted

    def test_yes_told_late_counts_though_the_box_was_ticked_again(self, contact: Contact) -> None:
        question = asked(contact)
        tick(contact, at=NOW + HOUR)

        answer(contact, YES, answers=question, at=NOW + MINUTE, now=NOW + 2 * HOUR)

        assert state_of(contact).confirm_by is None
        assert verdict(contact, at=NOW + 2 * HOUR) == ""
        assert ShopEvent.objects.filter(name="customer.joined").exists()

    def test_the_same_webhook_twice_is_one_confirmation(self, contact: Contact) -> None:
        asked(contact)
        message = chat.message(YES, by=chat.person(contact), at=NOW + MINUTE)

        for _time in range(2):
            chat.receive(message)

        assert ConsentRecord.objects.filter(contact=contact, source=Source.BUTTON).count() == 1


class TestEnd:
    def test_comes_by_itself_and_says_nothing(self, contact: Contact) -> None:
        asked(contact)
        before = Message.objects.count()
        after = NOW + 14 * DAY

        events.process(now=after)

        assert Message.objects.count() == before
        message = factories.queued(contact, key="offers", now=after)
        seen = {name: evidence for name, _outcome, evidence in message.checks_made}
        assert message.reason == "consent_unconfirmed"
        assert seen["consent_unconfirmed"]["has_ended"] is True

    def test_lets_a_new_tick_be_asked_about_once_more(self, contact: Contact) -> None:
        asked(contact)
        again = NOW + 15 * DAY

        tick(contact, at=again)

        assert len(questions(contact)) == 2
        assert state_of(contact).confirm_by == again + 14 * DAY


class TestQuestion:
    def test_is_no_promotion_for_the_cap(self, contact: Contact, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(CAP_PROMOTIONS=1, BUSINESS_NAME="The Shop")
        asked(contact)
        answer(contact, YES)
        Message.objects.filter(template_name="welcome").delete()

        assert verdict(contact) == ""

    def test_does_not_wait_for_the_morning(self, contact: Contact) -> None:
        tick(contact, at=NOW + 12 * HOUR)

        (question,) = questions(contact)
        assert (question.state, question.reason) == (State.QUEUED, "")
        assert question.due_at == NOW + 12 * HOUR

    def test_is_pointless_once_it_is_answered(self, contact: Contact) -> None:
        tick(contact)
        (question,) = questions(contact)
        answer(contact, "START")

        late = Message.objects.get(pk=question.pk)
        late.key, late.pk = "late", None
        outbox.enqueue(messages=[late], now=NOW + HOUR)

        assert Message.objects.get(key="late").reason == "superseded"


class TestSeveralTopics:
    """One question asks about all that waits, and is judged by all of it."""

    @pytest.fixture(autouse=True)
    def two_that_are_asked_about(self) -> None:
        Topic.objects.filter(key__in=["feedback", "offers"]).update(confirmation_days=14)

    def withdraw(self, contact: Contact, *keys: str) -> None:
        consent.withdraw(
            contact=contact,
            topics=topics(*keys),
            proof=Proof(source=Source.STAFF),
            occurred_at=NOW + MINUTE,
            now=NOW + MINUTE,
        )

    @pytest.mark.parametrize("key", ["feedback", "offers"])
    def test_question_leaves_while_one_of_them_waits(self, contact: Contact, key: str) -> None:
        tick(contact, "feedback", "offers")
        self.withdraw(contact, key)

        (call,) = claims.claim(limit=5, now=NOW + HOUR).calls

        assert call.outgoing.message_id == questions(contact)[0].pk

    def test_question_is_refused_where_none_waits(self, contact: Contact) -> None:
        tick(contact, "feedback", "offers")
        self.withdraw(contact, "feedback", "offers")

        assert claims.claim(limit=5, now=NOW + HOUR).calls == []
        assert questions(contact)[0].reason == "consent"

    def test_question_is_refused_where_the_rest_is_confirmed(self, contact: Contact) -> None:
        tick(contact, "feedback", "offers")
        self.withdraw(contact, "feedback")
        tick(contact, "offers", at=NOW + 2 * MINUTE, source=Source.KEYWORD)

        claims.claim(limit=5, now=NOW + HOUR)

        assert questions(contact)[0].state == State.BLOCKED

    def test_batch_of_questions_costs_no_query_each(self) -> None:
        people = [factories.contact(consents=(), language="en") for _each in range(6)]
        for person in people:
            tick(person, "feedback", "offers")

        def queries(count: int) -> int:
            found = list(Message.objects.filter(event_name=confirmation.EVENT)[:count])
            sender, this = senders.current(), installation.current(now=NOW)
            with CaptureQueriesContext(connection) as seen:
                batch = facts.Batch(messages=found, sender=sender, installation=this, now=NOW)
                for each in found:
                    batch.decide(each)
            return len(seen)

        assert queries(6) == queries(1)


class TestTickedAgain:
    @pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.BLOCKED, State.CANCELLED])
    def test_asks_where_the_question_did_not_arrive(self, contact: Contact, state: State) -> None:
        tick(contact)
        Message.objects.update(state=state, is_pending=False)

        tick(contact, at=NOW + DAY)

        assert [each.state for each in questions(contact)] == [state, State.QUEUED]
        assert state_of(contact).confirm_by == NOW + 14 * DAY

    @pytest.mark.parametrize(
        "state", [State.CALLING, State.IN_DOUBT, State.SENT, State.DELIVERED, State.UNKNOWN]
    )
    def test_does_not_ask_where_it_may_have(self, contact: Contact, state: State) -> None:
        tick(contact)
        Message.objects.update(state=state, is_pending=False)

        tick(contact, at=NOW + DAY)

        assert len(questions(contact)) == 1

    def test_asks_where_the_question_has_waited_for_too_long(self, contact: Contact) -> None:
        tick(contact)

        tick(contact, at=NOW + 2 * DAY)

        assert len(questions(contact)) == 2

    def test_does_not_ask_where_it_has_arrived_however_often(self, contact: Contact) -> None:
        asked(contact)

        for days in (3, 13):
            tick(contact, at=NOW + days * DAY)

        assert len(questions(contact)) == 1

    def test_does_not_ask_while_a_question_waits_to_leave(self, contact: Contact) -> None:
        tick(contact)
        answer(contact, "STOP")
        tick(contact, at=NOW + HOUR)

        assert [each.state for each in questions(contact)] == [State.QUEUED]

    def test_does_not_ask_while_a_question_waits_to_be_planned(self, contact: Contact) -> None:
        for _time in range(2):
            consent.grant(
                contact=contact,
                topics=topics(),
                proof=Proof(source=Source.CHECKOUT),
                occurred_at=NOW,
                now=NOW,
            )
        events.process(now=NOW)

        assert len(questions(contact)) == 1

    def test_asks_where_only_a_former_wait_was_asked_about(self, contact: Contact) -> None:
        asked(contact)
        answer(contact, "STOP")
        tick(contact, at=NOW + HOUR)
        Message.objects.filter(is_pending=True).update(state=State.FAILED, is_pending=False)

        tick(contact, at=NOW + DAY)

        assert len(questions(contact)) == 3

    def test_asks_where_no_automation_asked_before(self, contact: Contact) -> None:
        Automation.objects.filter(event=confirmation.EVENT).update(is_active=False)
        tick(contact)
        Automation.objects.update(is_active=True)

        tick(contact, at=NOW + DAY)

        assert len(questions(contact)) == 1

    def test_asks_about_the_topic_that_nobody_was_asked_about(self, contact: Contact) -> None:
        Topic.objects.filter(key="feedback").update(confirmation_days=14)
        asked(contact, "offers")

        tick(contact, "offers", "feedback", at=NOW + HOUR)

        assert "Feedback surveys" in questions(contact)[-1].preview["body"]
        assert "Offers" not in questions(contact)[-1].preview["body"]


class TestNewNumber:
    """What was confirmed from one number is no word of whoever has another."""

    OLD, NEW = "+358457399901", "+358457399902"

    @pytest.fixture
    def user(self) -> Any:
        return get_user_model().objects.create(username="customer")

    def told(self, user: Any, phone: str, *, at: datetime = NOW) -> Contact:
        """The shop names its user's number."""
        customer = Customer(user_id=user.pk, phone=phone, language="en")
        return contacts.resolve(customer=customer, now=at)

    def confirmed(self, user: Any) -> Contact:
        contact = self.told(user, self.OLD)
        answer(contact, YES, answers=asked(contact))
        assert verdict(contact) == ""
        return contact

    def test_typed_in_the_shop_is_asked_before_anything_else_is_sent(self, user: Any) -> None:
        contact = self.confirmed(user)
        message = factories.queued(contact, key="offers", now=NOW + HOUR)

        assert self.told(user, self.NEW, at=NOW + DAY) == contact
        events.process(now=NOW + DAY)
        Message.objects.exclude(topic__key="offers").update(is_pending=False)
        calls = claims.claim(limit=5, now=NOW + DAY).calls

        message.refresh_from_db()
        question = questions(contact)[-1]
        assert message.reason == "consent_unconfirmed"
        assert [call.outgoing.message_id for call in calls] == [question.pk]
        assert calls[0].outgoing.phone == self.NEW
        assert state_of(contact).confirm_by == NOW + 15 * DAY
        assert verdict(contact, at=NOW + DAY) == "consent_unconfirmed"

    def test_is_kept_in_the_ledger_as_what_it_is(self, user: Any) -> None:
        contact = self.confirmed(user)
        stood = state_of(contact).record

        self.told(user, self.NEW, at=NOW + DAY)

        record = ConsentRecord.objects.filter(contact=contact).latest("id")
        assert (record.action, record.source) == ("grant", Source.NEW_NUMBER)
        assert record.evidence == {"confirm_by": (NOW + 15 * DAY).isoformat()}
        assert state_of(contact).record == stood

    def test_counts_again_with_a_yes_from_there(self, user: Any) -> None:
        contact = self.confirmed(user)
        self.told(user, self.NEW, at=NOW + DAY)
        events.process(now=NOW + DAY)
        question = questions(contact)[-1]
        Message.objects.filter(pk=question.pk).update(
            called_at=NOW + DAY, state=State.DELIVERED, provider_message_id="wamid.NEW"
        )

        answer(contact, "Yes", at=NOW + DAY + MINUTE, answers="wamid.NEW")

        assert verdict(contact, at=NOW + DAY + HOUR) == ""

    def test_is_asked_about_what_still_waits_for_the_old_one(self, user: Any) -> None:
        contact = self.told(user, self.OLD)
        asked(contact)

        self.told(user, self.NEW, at=NOW + DAY)
        events.process(now=NOW + DAY)

        assert len(questions(contact)) == 2
        assert state_of(contact).confirm_by == NOW + 15 * DAY

    def test_begins_no_wait_that_has_ended(self, user: Any) -> None:
        contact = self.told(user, self.OLD)
        asked(contact)

        self.told(user, self.NEW, at=NOW + 15 * DAY)
        events.process(now=NOW + 15 * DAY)

        assert len(questions(contact)) == 1
        assert state_of(contact).confirm_by == NOW + 14 * DAY

    def test_begins_no_wait_of_what_was_withdrawn(self, user: Any) -> None:
        contact = self.confirmed(user)
        answer(contact, "STOP", at=NOW + HOUR)

        self.told(user, self.NEW, at=NOW + DAY)

        assert verdict(contact, at=NOW + DAY) == "consent"
        assert not ConsentRecord.objects.filter(source=Source.NEW_NUMBER).exists()

    def test_hides_no_stop_that_is_told_late(self, user: Any) -> None:
        contact = self.confirmed(user)
        self.told(user, self.NEW, at=NOW + DAY)

        consent.withdraw(
            contact=contact, proof=Proof(source=Source.API), occurred_at=NOW + HOUR, now=NOW + DAY
        )

        assert verdict(contact, at=NOW + DAY) == "consent"

    def test_of_topics_that_need_no_confirmation_takes_the_consent_along(self, user: Any) -> None:
        contact = self.told(user, self.OLD)
        tick(contact, "orders")

        self.told(user, self.NEW, at=NOW + DAY)

        assert verdict(contact, key="orders", at=NOW + DAY) == ""
        assert ConsentRecord.objects.filter(contact=contact).count() == 1

    def test_told_by_whatsapp_keeps_the_consent(self, user: Any) -> None:
        contact = self.confirmed(user)
        person, new = (chat.person(wa_id=each[1:]) for each in (self.OLD, self.NEW))

        contacts.change_number(person=person, new=new, now=NOW + DAY)
        self.told(user, self.NEW, at=NOW + DAY)

        assert verdict(contact, at=NOW + DAY) == ""

    def test_typed_where_only_the_chat_was_known_is_asked(self, user: Any) -> None:
        who = chat.person(user_id=chat.user_id())
        contact = chat.write("START", by=who).contact
        Contact.objects.filter(pk=contact.pk).update(user=user)
        assert verdict(contact) == ""

        assert self.told(user, self.NEW, at=NOW + DAY) == contact

        assert verdict(contact, at=NOW + DAY) == "consent_unconfirmed"


class TestLedger:
    @settings(
        max_examples=60,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        acts=st.lists(
            st.tuples(
                st.sampled_from(["tick", "word", "stop"]), st.integers(0, 4), st.integers(0, 40)
            ),
            min_size=1,
            max_size=7,
        )
    )
    def test_alone_tells_what_stands(self, acts: list[tuple[str, int, int]]) -> None:
        contact = factories.contact(consents=())
        told = NOW

        for number, (kind, minutes, days) in enumerate(acts):
            told = max(told, NOW + days * DAY)
            do = consent.withdraw if kind == "stop" else consent.grant
            do(
                contact=contact,
                topics=topics(),
                proof=Proof(source=Source.KEYWORD if kind == "word" else Source.CHECKOUT),
                occurred_at=NOW + minutes * MINUTE,
                now=told,
            )
            state = state_of(contact)
            record = ConsentRecord.objects.filter(contact=contact).latest("id")
            assert ConsentRecord.objects.filter(contact=contact).count() == number + 1
            wait = confirmations.wait_of(record=record)
            assert state.confirm_by == (wait.until if wait is not None else None)
            assert state.is_granted or state.confirm_by is None

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
    def test_lets_time_decide_whatever_the_order(
        self, contact: Contact, order: tuple[int, ...]
    ) -> None:
        acts = [("tick", 0), ("word", 1), ("tick", 2)]

        for place in order:
            kind, minutes = acts[place]
            consent.grant(
                contact=contact,
                topics=topics(),
                proof=Proof(source=Source.KEYWORD if kind == "word" else Source.CHECKOUT),
                occurred_at=NOW + minutes * MINUTE,
                now=NOW + HOUR,
            )

        assert state_of(contact).confirm_by is None
        assert ShopEvent.objects.filter(name="customer.joined").count() == 1
