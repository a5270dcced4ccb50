"""One person who is two contacts: what ends counts for both, what begins for nobody else."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import chat, factories, shop, webhook_bodies
from tests.factories import NOW
from whatsapp_notify.cloud_api.webhooks import Person, contents
from whatsapp_notify.cloud_api.webhooks.preferences import PreferenceChange
from whatsapp_notify.domain import confirmation
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import (
    ConsentRecord,
    Contact,
    Enquiry,
    Identity,
    InboundMessage,
    Message,
    Template,
    Topic,
)
from whatsapp_notify.services import (
    arrivals,
    consent,
    consent_words,
    contacts,
    conversations,
    events,
    inbound,
    replaying,
    starter,
    webhooks,
)
from whatsapp_notify.services.consent import Proof

pytestmark = pytest.mark.django_db

HandledAs = InboundMessage.HandledAs
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
STOP = contents.ButtonTap(payload="wn:opt-out", label="Stop")
STOP_OFFERS = contents.ButtonTap(payload="wn:opt-out-promotions", label="No offers")
YES = contents.ButtonTap(payload="wn:confirm", label="Yes, I want messages")
NO = contents.ButtonTap(payload="wn:decline", label="No, thank you")
UNCLEAR = "Stop?"


@pytest.fixture(autouse=True)
def topics() -> None:
    for key in ("service", "orders", "offers"):
        factories.topic(key)


class Pair:
    """Who wrote with a hidden phone, and is known in the shop by that phone as well."""

    def __init__(self, *consents: str, **fields: Any) -> None:
        self.user_id = chat.user_id()
        first = chat.write("Hello", by=Person(user_id=self.user_id), at=NOW - 10 * DAY)
        self.in_chat = first.contact
        self.in_shop = factories.contact(consents=consents or ("orders", "offers"), **fields)
        self.digits = chat.phone_of(self.in_shop).removeprefix("+")

    @property
    def hidden(self) -> Person:
        return Person(user_id=self.user_id)

    @property
    def whole(self) -> Person:
        return Person(user_id=self.user_id, wa_id=self.digits)

    def sent(self, *, key: str = "offers", at: datetime = NOW - HOUR, **fields: Any) -> Message:
        """What has reached the phone of the contact in the shop."""
        row = factories.queued(self.in_shop, key=key, now=at, **fields)
        row.provider_message_id, row.called_at = f"wamid.OUT{row.pk}", at
        row.state, row.is_pending = State.DELIVERED, False
        row.save()
        return row


def granted(contact: Contact) -> set[str]:
    states = contact.consent_states.filter(is_granted=True, confirm_by=None)
    return set(states.values_list("topic__key", flat=True))


def is_paused(contact: Contact) -> bool:
    return Contact.objects.filter(pk=contact.pk, promotions_paused_at__isnull=False).exists()


def next_promotion(contact: Contact) -> str:
    return factories.queued(contact, key="offers", now=NOW + HOUR).state


def said(contact: Contact) -> list[str]:
    rows = Message.objects.filter(contact=contact, key__startswith="answer:").order_by("id")
    return [row.key.split(":")[1] for row in rows]


class TestStop:
    @pytest.mark.parametrize(("tap", "left"), [(STOP, set()), (STOP_OFFERS, {"orders"})])
    def test_below_a_message_reaches_whom_it_was_sent_to(self, tap: Any, left: set[str]) -> None:
        pair = Pair()

        row = chat.write(tap, by=pair.hidden, answers=pair.sent())

        assert row.contact == pair.in_chat
        assert granted(pair.in_shop) == left
        assert next_promotion(pair.in_shop) == State.BLOCKED
        assert said(pair.in_chat) == ["opt_out"]
        assert said(pair.in_shop) == []

    @pytest.mark.parametrize("words", ["STOP", "please take me off your list", STOP_OFFERS])
    def test_reaches_who_shares_a_number_that_was_told_before(self, words: Any) -> None:
        pair = Pair()
        chat.write("Hello", by=pair.whole, at=NOW - DAY)

        chat.write(words, by=pair.hidden)

        assert "offers" not in granted(pair.in_shop)

    @pytest.mark.parametrize("words", ["no more offers", STOP_OFFERS])
    def test_of_promotions_reaches_both_where_both_ids_are_told(self, words: Any) -> None:
        pair = Pair()

        chat.write(words, by=pair.whole)

        assert granted(pair.in_shop) == {"orders"}
        assert said(pair.in_chat) == ["opt_out"]

    def test_goes_on_from_one_number_to_the_next(self) -> None:
        pair = Pair()
        chat.write("Hello", by=pair.whole, at=NOW - DAY)
        other = factories.contact(consents=("offers",))
        digits = chat.phone_of(other).removeprefix("+")
        Identity.objects.create(contact=pair.in_shop, kind="wa_id", value=digits)

        chat.write("STOP", by=pair.hidden)

        assert granted(other) == set()

    def test_reaches_a_number_in_another_spelling(self) -> None:
        in_shop = factories.contact(phone="+5491123456789", consents=("offers",))
        in_chat = factories.contact(phone="", consents=())
        Identity.objects.create(contact=in_chat, kind="wa_id", value="541123456789")
        Identity.objects.create(contact=in_chat, kind="user_id", value="AR.1")

        chat.write("STOP", by=Person(user_id="AR.1"))

        assert granted(in_shop) == set()

    def test_does_not_reach_who_has_an_old_number_now(self) -> None:
        pair = Pair()
        chat.write("Hello", by=pair.whole, at=NOW - 2 * DAY)
        Identity.objects.filter(contact=pair.in_chat, kind="wa_id").update(ended_at=NOW - DAY)

        chat.write("STOP", by=pair.hidden)

        assert granted(pair.in_shop) == {"orders", "offers"}

    def test_in_a_group_reaches_nobody(self) -> None:
        pair = Pair()

        chat.write(STOP, by=pair.hidden, answers=pair.sent(), group_id="group-1")

        assert granted(pair.in_shop) == {"orders", "offers"}

    def test_is_confirmed_where_one_of_both_had_stopped_before(self) -> None:
        pair = Pair()
        chat.write("STOP", by=pair.hidden, at=NOW - DAY)

        for minutes in (0, 1):
            at = NOW + minutes * MINUTE
            chat.write(STOP, by=pair.hidden, answers=pair.sent(key="orders"), at=at)

        assert said(pair.in_chat) == ["opt_out", "opt_out"]

    def test_that_a_newer_start_has_overtaken_for_one_is_not_confirmed(self) -> None:
        pair = Pair()
        chat.write("START", by=chat.person(pair.in_shop), at=NOW)

        chat.write("STOP", by=pair.whole, at=NOW - HOUR, now=NOW + MINUTE)

        assert granted(pair.in_shop) == {"orders", "offers"}
        assert said(pair.in_chat) == []

    def test_at_whatsapp_reaches_who_shares_a_number(self) -> None:
        pair = Pair()
        chat.write("Hello", by=pair.whole, at=NOW - DAY)
        change = PreferenceChange(
            business_account_id="1",
            phone_number_id="1",
            display_phone_number="",
            person=pair.hidden,
            category="marketing_messages",
            value="stop",
            changed_at=NOW,
            detail="",
        )

        inbound.change_preference(change, now=NOW)

        assert granted(pair.in_shop) == {"orders"}

    def test_takes_the_contacts_in_the_order_of_their_ids(self) -> None:
        pair = Pair()
        held: list[int] = []
        real = consent._lock

        def lock(contact: Contact) -> Contact:
            held.append(contact.pk)
            return real(contact)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(consent, "_lock", lock)
            chat.write(STOP_OFFERS, by=pair.whole)

        assert held == sorted(held)
        assert set(held) == {pair.in_chat.pk, pair.in_shop.pk}

    def test_of_somebody_who_was_not_reachable_takes_them_so_too(self) -> None:
        in_shop = factories.contact(consents=("offers",))
        in_chat = factories.contact(phone="", consents=(), unreachable_since=NOW - DAY)
        Identity.objects.create(contact=in_chat, kind="user_id", value="FI.1")
        digits = chat.phone_of(in_shop).removeprefix("+")

        with CaptureQueriesContext(connection) as seen:
            chat.write("STOP", by=Person(user_id="FI.1", wa_id=digits))

        statements = [each["sql"] for each in seen]
        [cleared] = [n for n, sql in enumerate(statements) if '"unreachable_since" = NULL' in sql]
        held = f'"whatsapp_notify_contact"."id" = {in_shop.pk} LIMIT 21'
        assert any(held in sql for sql in statements[:cleared])


class TestUnclear:
    @pytest.mark.parametrize("way", ["both ids", "quoted", "number told before"])
    def test_lets_promotions_of_both_rest(self, way: str) -> None:
        pair = Pair()
        if way == "number told before":
            chat.write("Hello", by=pair.whole, at=NOW - DAY)
        who = pair.whole if way == "both ids" else pair.hidden

        chat.write(UNCLEAR, by=who, answers=pair.sent() if way == "quoted" else "")

        assert is_paused(pair.in_chat)
        assert is_paused(pair.in_shop)

    def test_start_lets_promotions_of_the_writer_alone_go_on(self) -> None:
        pair = Pair()
        chat.write(UNCLEAR, by=pair.whole)

        chat.write("START", by=pair.whole, at=NOW + MINUTE)

        assert not is_paused(pair.in_chat)
        assert is_paused(pair.in_shop)


class TestTogether:
    """Several people who write at once."""

    def statements(self, count: int, text: str) -> int:
        for number in range(count):
            wamid = f"wamid.{text}{count}.{number}"
            pair = Pair()
            element = webhook_bodies.text(text, wamid=wamid) | {
                "from": "",
                "from_user_id": pair.user_id,
                "context": {"id": pair.sent().provider_message_id},
            }
            arrivals.record(body=webhook_bodies.body(messages=[element]), now=NOW)
        with CaptureQueriesContext(connection) as seen:
            webhooks.process(now=NOW + timedelta(seconds=1))
        return len(seen)

    def test_ordinary_words_below_a_message_cost_no_statements_more(self) -> None:
        assert self.statements(20, "Thanks!") - self.statements(10, "Thanks!") < 5

    def test_who_each_of_them_is_as_well_is_looked_up_once(self) -> None:
        looks = 0
        real = contacts.all_of_people

        def count(**asked: Any) -> Any:
            nonlocal looks
            looks += 1
            return real(**asked)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(contacts, "all_of_people", count)
            self.statements(10, "STOP")

        assert InboundMessage.objects.filter(handled_as=HandledAs.OPT_OUT).count() == 10
        assert looks == 1
        assert not [each for each in Contact.objects.all() if granted(each)]


class TestReplay:
    def test_brings_back_what_was_withdrawn_from_the_other_contact(self) -> None:
        pair = Pair()
        message = chat.message(STOP, by=pair.hidden, answers=pair.sent())
        with pytest.MonkeyPatch.context() as patch:
            # As an older version, whose stop reached the writer alone.
            patch.setattr(consent_words, "whole_person", lambda row, at: [row.contact])
            chat.receive(message)
        kept = ConsentRecord.objects.filter(contact=pair.in_chat).count()
        assert granted(pair.in_shop) == {"orders", "offers"}

        for _time in range(2):
            with replaying.begin(former={}):
                inbound.withdraw_again(message, now=NOW)

        assert granted(pair.in_shop) == set()
        assert ConsentRecord.objects.filter(contact=pair.in_chat).count() == kept
        assert ConsentRecord.objects.filter(contact=pair.in_shop, action="withdraw").count() == 2


class TestAnswer:
    """Yes and no to the question whether consent is confirmed, which went to the phone."""

    @pytest.fixture(autouse=True)
    def shop_that_asks(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(BUSINESS_NAME="The Shop", DEFAULT_LANGUAGE="en")
        Topic.objects.all().delete()
        starter.install(now=NOW, base_url="https://shop.example")
        Template.objects.update(status="APPROVED")
        Topic.objects.filter(key__in=["feedback", "offers"]).update(confirmation_days=14)

    @pytest.fixture
    def pair(self) -> Pair:
        found = Pair(language="en")
        found.in_shop.consent_states.all().delete()
        return found

    def asked(self, contact: Contact, *keys: str, at: datetime = NOW) -> Message:
        consent.grant(
            contact=contact,
            topics=list(Topic.objects.filter(key__in=keys or ["feedback"])),
            proof=Proof(source="checkout", wording="Yes, write to me."),
            occurred_at=at,
            now=at,
        )
        events.process(now=at)
        question = Message.objects.filter(contact=contact, event_name=confirmation.EVENT).latest(
            "id"
        )
        question.called_at, question.state, question.is_pending = at, State.DELIVERED, False
        question.provider_message_id = f"wamid.Q{question.pk}"
        question.save()
        return question

    @pytest.mark.parametrize("answer", [YES, "Yes"], ids=["tap", "word"])
    @pytest.mark.parametrize("ids", ["hidden", "whole"])
    def test_yes_counts_for_whom_was_asked_and_for_nobody_else(
        self, pair: Pair, answer: Any, ids: str
    ) -> None:
        question = self.asked(pair.in_shop)

        row = chat.write(answer, by=getattr(pair, ids), answers=question, at=NOW + MINUTE)

        assert (row.contact, row.handled_as) == (pair.in_chat, HandledAs.OPT_IN)
        assert granted(pair.in_shop) == {"feedback"}
        assert granted(pair.in_chat) == set()
        assert not pair.in_chat.consent_records.exists()
        record = pair.in_shop.consent_records.latest("id")
        assert record.evidence == {"inbound_id": row.pk, "question_id": question.pk}
        assert said(pair.in_chat)[-1:] == ["opt_in"]

    def test_yes_in_the_next_words_alone_proves_nothing(self, pair: Pair) -> None:
        self.asked(pair.in_shop)

        chat.write("Yes", by=pair.whole, at=NOW + MINUTE)

        assert granted(pair.in_shop) == granted(pair.in_chat) == set()

    @pytest.mark.parametrize("quotes", [True, False])
    def test_yes_to_a_question_that_is_lost_gives_nothing_and_calls_a_person(
        self, pair: Pair, quotes: bool
    ) -> None:
        row = chat.write(
            YES, by=pair.whole, answers="wamid.LOST" if quotes else "", at=NOW + MINUTE
        )

        assert row.handled_as == HandledAs.PERSON
        assert granted(pair.in_shop) == granted(pair.in_chat) == set()
        enquiry = Enquiry.objects.get(inbound=row)
        assert enquiry.reason == Enquiry.Reason.NOT_UNDERSTOOD
        assert not is_paused(pair.in_chat)

    def test_yes_to_a_question_that_is_lost_goes_to_who_leads_the_talk(self, pair: Pair) -> None:
        talk = pair.in_chat.conversations.get()
        conversations.take(conversation=talk, user=shop.user(), now=NOW)

        row = chat.write(YES, by=pair.hidden, at=NOW + MINUTE)

        assert Enquiry.objects.get(inbound=row).reason == Enquiry.Reason.WITH_PERSON

    def test_yes_is_no_proof_where_the_number_has_ended_since(self, pair: Pair) -> None:
        question = self.asked(pair.in_shop)
        pair.in_shop.identities.update(ended_at=NOW + MINUTE)

        row = chat.write(YES, by=pair.hidden, answers=question, at=NOW + HOUR)

        assert row.handled_as == HandledAs.PERSON
        assert granted(pair.in_shop) == granted(pair.in_chat) == set()

    def test_yes_is_no_proof_where_another_is_known_to_have_been_asked(self, pair: Pair) -> None:
        question = self.asked(pair.in_shop)
        Identity.objects.create(contact=pair.in_shop, kind="user_id", value=chat.user_id())

        row = chat.write(YES, by=pair.hidden, answers=question, at=NOW + HOUR)

        assert row.handled_as == HandledAs.PERSON
        assert granted(pair.in_shop) == set()

    @pytest.mark.parametrize("answer", [NO, "No"], ids=["tap", "word"])
    @pytest.mark.parametrize("ids", ["hidden", "whole"])
    def test_no_counts_for_both(self, pair: Pair, answer: Any, ids: str) -> None:
        question = self.asked(pair.in_shop, "offers")
        chat.write("START", by=pair.hidden, at=NOW)
        assert "offers" in granted(pair.in_chat)

        chat.write(answer, by=getattr(pair, ids), answers=question, at=NOW + MINUTE)

        for contact in (pair.in_shop, pair.in_chat):
            assert not contact.consent_states.get(topic__key="offers").is_granted
        assert "feedback" in granted(pair.in_chat)

    def test_stop_by_one_does_not_keep_the_other_from_agreeing_later(self, pair: Pair) -> None:
        chat.write("STOP", by=pair.whole, at=NOW - HOUR)
        question = self.asked(pair.in_shop)

        chat.write(YES, by=pair.whole, answers=question, at=NOW + MINUTE)

        assert granted(pair.in_shop) == {"feedback"}


class TestQuoted:
    """What else an answer to a message is used for: it stays with the contact that writes."""

    def test_order_and_reply_do_not_pass_to_another_contact(self) -> None:
        pair = Pair()
        message = pair.sent(key="orders", order_ref="A-100")
        photo = contents.Media(kind="image", media_id="1", caption="")

        row = chat.write(photo, by=pair.hidden, answers=message)

        row.refresh_from_db()
        message.refresh_from_db()
        assert (row.contact, row.answers, row.order_ref) == (pair.in_chat, None, "")
        assert message.replied_at is None
