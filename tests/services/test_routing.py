"""What is done about a message, in which order, and with what reason kept."""

import itertools
from datetime import time, timedelta
from typing import Any

import pytest

from tests import chat, factories, shop
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.models import (
    AutomaticReply,
    Contact,
    Conversation,
    Enquiry,
    InboundMessage,
    KeywordReply,
    Message,
    OpeningHours,
    Survey,
)
from whatsapp_notify.services import conversations, replaying, routing

pytestmark = pytest.mark.django_db

HandledAs = InboundMessage.HandledAs
Errand = InboundMessage.Errand
Reason = Enquiry.Reason
MINUTE = timedelta(minutes=1)

WORDS = {
    "greeting": "Welcome to {business_name}!",
    "handed_over": "A person will answer soon.",
    "away": "We are closed until {next_opening}.",
    "flood": "Please write less.",
}


@pytest.fixture(autouse=True)
def words_of_the_shop(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(BUSINESS_NAME="The Shop", DEFAULT_LANGUAGE="en")
    for key in ("service", "orders", "feedback", "offers"):
        factories.topic(key)
    for kind, body in WORDS.items():
        AutomaticReply.objects.create(kind=kind, language="en", body=body)
    KeywordReply.objects.create(phrases="returns\nsend back", language="en", body="Within 30 days.")


@pytest.fixture
def contact() -> Contact:
    return factories.contact()


def write(contact: Contact, content: Any, **fields: Any) -> InboundMessage:
    return chat.write(content, by=chat.person(contact), **fields)


def said(contact: Contact) -> list[str]:
    rows = Message.objects.filter(contact=contact, key__startswith="answer:").order_by("id")
    return [row.content["body"] for row in rows]


def known(contact: Contact) -> Conversation:
    """Somebody who has been greeted before."""
    conversation = factories.open_window(contact, until=NOW + timedelta(hours=1))
    conversation.greeted_at = NOW - timedelta(days=30)
    conversation.save()
    return conversation


def waits(contact: Contact) -> list[str]:
    rows = Enquiry.objects.filter(conversation__contact=contact, ended_at=None)
    return list(rows.values_list("reason", flat=True))


def acted(row: InboundMessage) -> str:
    row.refresh_from_db()
    name, outcome, _evidence = row.route[-1]
    assert outcome == "acted"
    assert all(step[1] == "passed" for step in row.route[:-1])
    return str(name)


class TestTable:
    @pytest.mark.parametrize(
        ("content", "handler", "handled_as"),
        [
            ("STOP", "consent_word", HandledAs.OPT_OUT),
            ("START", "consent_word", HandledAs.OPT_IN),
            ("Returns, please", "keyword", HandledAs.KEYWORD),
            ("where is my order 10023", "order_number", HandledAs.ORDER_STATUS),
            ("Hello", "greeting", HandledAs.KEPT),
            ("Can you deliver to the moon?", "person", HandledAs.PERSON),
            ("Thanks!", "courtesy", HandledAs.KEPT),
            ("👍", "courtesy", HandledAs.KEPT),
            ("", "courtesy", HandledAs.KEPT),
            (contents.Order(catalog_id="1"), "cart", HandledAs.CART),
            (contents.Reaction(provider_message_id="x", emoji="❤️"), "courtesy", HandledAs.KEPT),
            (contents.Media(kind="sticker", media_id="1"), "courtesy", HandledAs.KEPT),
            (contents.Media(kind="image", media_id="1"), "person", HandledAs.PERSON),
            (contents.ButtonReply(reply_id="1", title="Returns"), "keyword", HandledAs.KEYWORD),
            (contents.ListReply(reply_id="1", title="returns"), "keyword", HandledAs.KEYWORD),
        ],
        ids=lambda value: type(value).__name__ if not isinstance(value, str) else None,
    )
    def test_lets_the_first_that_understands_act(
        self, contact: Contact, content: Any, handler: str, handled_as: str
    ) -> None:
        row = write(contact, content)

        assert acted(row) == handler
        assert row.handled_as == handled_as

    def test_keeps_what_every_handler_before_has_seen(self, contact: Contact) -> None:
        row = write(contact, "Can you deliver to the moon?")

        names = [step[0] for step in row.route]
        assert names == [handle.__name__.removeprefix("_") for handle in routing.HANDLERS]

    def test_a_survey_answer_goes_before_a_keyword(self, contact: Contact) -> None:
        Survey.objects.create(name="Shop", keyword="RETURNS")

        row = write(contact, "returns 9")

        assert acted(row) == "survey_answer"

    def test_what_is_said_among_several_is_no_order(self, contact: Contact) -> None:
        row = write(contact, "Returns", group_id="group-1")

        assert acted(row) == "group"
        assert said(contact) == []


class TestOnePaidReply:
    def test_greeting_and_answer_are_one_message(self, contact: Contact) -> None:
        write(contact, "returns")

        assert said(contact) == ["Welcome to The Shop!\n\nWithin 30 days."]

    def test_who_was_greeted_is_not_greeted_again(self, contact: Contact) -> None:
        write(contact, "returns")
        write(contact, "send back", at=NOW + MINUTE)

        assert said(contact)[1:] == ["Within 30 days."]

    def test_who_wrote_before_there_were_greetings_is_no_stranger(self, contact: Contact) -> None:
        write(contact, "👍")

        write(contact, "returns", at=NOW + MINUTE)

        assert said(contact) == ["Within 30 days."]

    def test_greeting_and_the_promise_of_a_person_are_one(self, contact: Contact) -> None:
        write(contact, "Can you deliver to the moon?")

        assert said(contact) == ["Welcome to The Shop!\n\nA person will answer soon."]

    def test_who_waits_is_not_told_so_again(self, contact: Contact) -> None:
        known(contact)
        for minute, text in enumerate(["To the moon?", "And to Mars?"]):
            write(contact, text, at=NOW + minute * MINUTE)

        assert said(contact) == ["A person will answer soon."]

    def test_a_hello_of_a_known_customer_is_for_a_person(self, contact: Contact) -> None:
        known(contact)

        assert acted(write(contact, "Hello")) == "person"

    def test_what_came_late_is_not_answered(self, contact: Contact) -> None:
        row = write(contact, "returns", now=NOW + timedelta(hours=2))

        assert said(contact) == []
        assert row.route[-1][2]["reply"] == "too_late"
        assert waits(contact) == [Reason.NOT_UNDERSTOOD]

    def test_in_a_talk_with_the_staff_nothing_is_said(self, contact: Contact) -> None:
        conversation = known(contact)
        Conversation.objects.filter(pk=conversation.pk).update(mode="person")

        row = write(contact, "returns")

        assert acted(row) == "with_person"
        assert said(contact) == []
        assert waits(contact) == [Reason.WITH_PERSON]

    def test_a_stop_is_confirmed_in_a_talk_with_the_staff_too(self, contact: Contact) -> None:
        conversation = known(contact)
        Conversation.objects.filter(pk=conversation.pk).update(mode="person")

        write(contact, "STOP")

        assert len(said(contact)) == 1

    def test_thanks_end_no_talk_and_begin_no_wait(self, contact: Contact) -> None:
        conversation = known(contact)
        Conversation.objects.filter(pk=conversation.pk).update(mode="person")

        write(contact, "Thank you")

        assert waits(contact) == []


class TestAway:
    @pytest.fixture(autouse=True)
    def hours(self) -> None:
        """Mondays from two: at NOW, noon, the shop is closed."""
        OpeningHours.objects.create(weekday=0, opens=time(14), closes=time(17))

    def test_says_when_somebody_will_be_there(self, contact: Contact) -> None:
        known(contact)

        write(contact, "Can you deliver to the moon?")

        assert said(contact) == ["We are closed until Mon 14:00."]
        assert waits(contact) == [Reason.NOT_UNDERSTOOD]

    def test_says_it_once_for_each_time_that_it_is_closed(self, contact: Contact) -> None:
        known(contact)
        for text in ("To the moon?", "And to Mars?"):
            write(contact, text)
        evening = NOW + timedelta(hours=8)
        write(contact, "And to Venus?", at=evening, now=evening)

        assert said(contact) == [
            "We are closed until Mon 14:00.",
            "We are closed until 30 November 2026 14:00.",
        ]

    def test_says_nothing_to_what_was_answered(self, contact: Contact) -> None:
        known(contact)

        write(contact, "returns")

        assert said(contact) == ["Within 30 days."]


class TestFlood:
    def test_is_told_once_and_then_left_to_a_person(self, contact: Contact, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY |= {"AUTOMATIC_REPLIES_PER_HOUR": 2}
        known(contact)

        rows = [write(contact, "returns", at=NOW + n * MINUTE) for n in range(5)]

        assert said(contact) == ["Within 30 days.", "Within 30 days.", "Please write less."]
        assert [row.handled_as for row in rows] == ["keyword", "keyword"] + ["flood"] * 3
        assert waits(contact) == [Reason.FLOOD]

    def test_is_over_after_an_hour(self, contact: Contact, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY |= {"AUTOMATIC_REPLIES_PER_HOUR": 1}
        known(contact)
        write(contact, "returns")

        row = write(contact, "returns", at=NOW + 61 * MINUTE)

        assert row.handled_as == HandledAs.KEYWORD

    def test_zero_means_that_nothing_is_ever_said(self, contact: Contact, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY |= {"AUTOMATIC_REPLIES_PER_HOUR": 0}
        AutomaticReply.objects.filter(kind="flood").delete()

        write(contact, "returns")

        assert said(contact) == []
        assert waits(contact) == [Reason.NOT_UNDERSTOOD]


class TestUnclear:
    def test_lets_promotions_rest_and_calls_a_person(self, contact: Contact) -> None:
        row = write(contact, "Why am I getting these messages?")

        contact.refresh_from_db()
        assert contact.promotions_paused_at == NOW
        assert contact.promotions_paused_reason == Contact.PauseReason.OPT_OUT_UNCLEAR
        assert waits(contact) == [Reason.OPT_OUT_UNCLEAR]
        assert row.handled_as == HandledAs.PERSON

    def test_is_never_left_to_the_bot(self, contact: Contact, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY |= {"BOT": "shop.bot"}

        row = write(contact, "Why am I getting these messages?")

        assert row.errand == ""

    def test_calls_a_person_even_if_it_was_an_answer(self, contact: Contact) -> None:
        KeywordReply.objects.create(phrases="liikaa viestejä", body="Sorry!")

        row = write(contact, "liikaa viestejä")

        assert acted(row) == "keyword"
        assert waits(contact) == [Reason.OPT_OUT_UNCLEAR]

    def test_start_lets_promotions_go_on(self, contact: Contact) -> None:
        write(contact, "Why am I getting these messages?")

        write(contact, "START", at=NOW + MINUTE)

        contact.refresh_from_db()
        assert contact.promotions_paused_at is None


class TestErrands:
    @pytest.mark.parametrize(
        ("content", "errand"),
        [
            ("where is my order 10023", Errand.ORDER_STATUS),
            (contents.Order(catalog_id="1"), Errand.CART),
            ("Can you deliver to the moon?", Errand.BOT),
        ],
    )
    def test_are_left_to_a_worker(
        self, contact: Contact, settings: Any, content: Any, errand: str
    ) -> None:
        settings.WHATSAPP_NOTIFY |= {"BOT": "shop.bot"}

        row = write(contact, content)

        row.refresh_from_db()
        assert (row.errand, row.errand_due_at) == (errand, NOW)
        assert said(contact) == []

    def test_are_not_begun_by_a_replay(self, contact: Contact) -> None:
        with replaying.begin(former={}):
            row = write(contact, "where is my order 10023")

        assert (row.errand, row.errand_due_at) == ("", None)


class TestCallPerson:
    @pytest.fixture
    def heard(self) -> Any:
        told: list[str] = []
        signals.person_wanted.connect(
            lambda reason, **_rest: told.append(reason), weak=False, dispatch_uid="heard"
        )
        yield told
        signals.person_wanted.disconnect(dispatch_uid="heard")

    def test_rings_once_for_each_wait(
        self, contact: Contact, heard: list[str], django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            for minute in range(3):
                write(contact, "To the moon?", at=NOW + minute * MINUTE)

        assert heard == [Reason.NOT_UNDERSTOOD]

    def test_waits_from_the_first_message(self, contact: Contact) -> None:
        for minute in range(3):
            write(contact, "To the moon?", at=NOW + minute * MINUTE)

        conversation = Conversation.objects.get(contact=contact)
        assert conversation.waiting_since == NOW
        assert Enquiry.objects.get().began_at == NOW

    def test_opens_a_closed_talk_again(self, contact: Contact, django_user_model: Any) -> None:
        staff = django_user_model.objects.create(username="staff")
        conversation = known(contact)
        conversations.close(conversation=conversation, user=staff, now=NOW - MINUTE)

        write(contact, "To the moon?")

        conversation.refresh_from_db()
        assert conversation.closed_at is None


class TestStaff:
    @pytest.fixture
    def staff(self, django_user_model: Any) -> Any:
        return django_user_model.objects.create(username="staff")

    def test_an_answer_ends_the_wait_and_takes_the_talk(self, contact: Contact, staff: Any) -> None:
        write(contact, "To the moon?")
        conversation = Conversation.objects.get(contact=contact)

        conversations.note_answer(conversation=conversation, user=staff, now=NOW + MINUTE)

        enquiry = Enquiry.objects.get()
        assert (enquiry.ended_at, enquiry.ended_by, enquiry.outcome) == (
            NOW + MINUTE, staff, "answered",
        )  # fmt: skip
        conversation.refresh_from_db()
        assert (conversation.mode, conversation.assigned_to) == ("person", staff)
        assert conversation.waiting_since is None

    def test_who_closes_without_an_answer_is_kept(self, contact: Contact, staff: Any) -> None:
        write(contact, "To the moon?")
        conversation = Conversation.objects.get(contact=contact)

        conversations.close(conversation=conversation, user=staff, now=NOW + MINUTE)

        assert Enquiry.objects.get().outcome == "closed"
        conversation.refresh_from_db()
        assert (conversation.mode, conversation.closed_at) == ("automatic", NOW + MINUTE)

    def test_given_back_it_is_answered_automatically(self, contact: Contact, staff: Any) -> None:
        conversation = known(contact)
        conversations.take(conversation=conversation, user=staff, now=NOW)

        conversations.give_back(conversation=conversation)
        write(contact, "returns")

        assert said(contact) == ["Within 30 days."]


class TestLanguage:
    @pytest.mark.parametrize(
        ("language", "body"),
        [
            ("fi", "Tervetuloa!"),
            ("fi_FI", "Tervetuloa!"),
            ("sv", "Welcome to The Shop!"),
            ("", "Welcome to The Shop!"),
        ],
    )
    def test_is_the_customer_s_or_the_shop_s(self, language: str, body: str) -> None:
        AutomaticReply.objects.create(kind="greeting", language="fi", body="Tervetuloa!")
        contact = factories.contact(language=language)

        write(contact, "Hello")

        assert said(contact) == [body]

    def test_of_a_keyword_is_that_of_the_word(self, contact: Contact) -> None:
        known(contact)
        KeywordReply.objects.create(phrases="palautus", language="fi", body="30 päivää.")

        write(contact, "palautus")

        assert said(contact) == ["30 päivää."]

    def test_of_one_word_in_two_languages_is_the_customer_s(self) -> None:
        for language, body in (("sv", "Butik"), ("fi", "Kauppa")):
            KeywordReply.objects.create(phrases="info", language=language, body=body)
        contact = factories.contact(language="fi")
        known(contact)

        write(contact, "info")

        assert said(contact) == ["Kauppa"]


class TestKeyword:
    def test_counts_its_use(self, contact: Contact) -> None:
        for minute in range(3):
            write(contact, "returns", at=NOW + minute * MINUTE)

        reply = KeywordReply.objects.get()
        assert (reply.used_count, reply.last_used_at) == (3, NOW + 2 * MINUTE)

    def test_that_is_off_says_nothing(self, contact: Contact) -> None:
        KeywordReply.objects.update(is_active=False)

        assert acted(write(contact, "returns")) == "person"

    def test_may_call_a_person(self, contact: Contact) -> None:
        known(contact)
        KeywordReply.objects.create(phrases="a person", body="Of course.", calls_person=True)

        write(contact, "a person please")

        assert said(contact) == ["Of course.\n\nA person will answer soon."]
        assert waits(contact) == [Reason.ASKED_FOR]

    def test_with_a_name_that_is_not_known_is_left_to_a_person(self, contact: Contact) -> None:
        known(contact)
        KeywordReply.objects.create(phrases="vip", body="Dear {password}")

        row = write(contact, "vip")

        assert acted(row) == "person"
        assert said(contact) == ["A person will answer soon."]

    def test_with_buttons_is_a_menu(self, contact: Contact) -> None:
        known(contact)
        KeywordReply.objects.create(phrases="menu", body="What?", buttons="Returns | Person")

        write(contact, "menu")

        content = Message.objects.get(contact=contact).content
        assert content["kind"] == "buttons"
        assert [each["title"] for each in content["buttons"]] == ["Returns", "Person"]

    def test_with_words_too_long_for_buttons_goes_without(self, contact: Contact) -> None:
        known(contact)
        KeywordReply.objects.create(phrases="menu", body="x" * 1025, buttons="Returns")

        write(contact, "menu")

        assert Message.objects.get(contact=contact).content["kind"] == "text"

    def test_fifty_are_told_apart(self, contact: Contact) -> None:
        known(contact)
        for number, word in enumerate(itertools.islice(map("word{}".format, range(100, 160)), 60)):
            KeywordReply.objects.create(phrases=word, body=f"Answer {number}")

        write(contact, "Word142!")

        assert said(contact) == ["Answer 42"]
