"""What customers write: kept once, understood by rule, and safe whatever it holds."""

import dataclasses
import itertools
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from tests import chat, factories
from tests.factories import NOW
from whatsapp_notify import conf, signals
from whatsapp_notify.backends import locmem
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import Person, contents
from whatsapp_notify.cloud_api.webhooks.inbound import Referral
from whatsapp_notify.cloud_api.webhooks.preferences import PreferenceChange
from whatsapp_notify.models import (
    ConsentRecord,
    ConsentState,
    Contact,
    Conversation,
    Identity,
    InboundMessage,
    Message,
    Sender,
    Topic,
    WebhookEvent,
)
from whatsapp_notify.services import arrivals, delivery, inbound, senders, webhooks

pytestmark = pytest.mark.django_db

HandledAs = InboundMessage.HandledAs
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def topics() -> None:
    for key in ("service", "orders", "feedback", "offers"):
        factories.topic(key)


def granted(contact: Contact) -> set[str]:
    states = ConsentState.objects.filter(contact=contact, is_granted=True)
    return set(states.values_list("topic__key", flat=True))


def confirmations(contact: Contact) -> list[str]:
    rows = Message.objects.filter(contact=contact, key__startswith="answer:").order_by("id")
    return [row.key.split(":")[1] for row in rows]


def called(to: Contact, *, at: Any = NOW, **fields: Any) -> Message:
    """A message that has reached the customer."""
    row = factories.queued(to, **fields)
    row.provider_message_id = f"wamid.OUT{row.pk}"
    row.called_at, row.state, row.is_pending = at, "delivered", False
    row.save()
    return row


@pytest.fixture
def heard() -> Any:
    """What rang for a person."""
    told_of: list[str] = []

    def listen(**told: Any) -> None:
        told_of.append(f"{told['reason']}: {told['detail']}")

    signals.attention_needed.connect(listen)
    yield told_of
    signals.attention_needed.disconnect(listen)


class TestReceive:
    def test_keeps_what_was_written_and_when(self) -> None:
        contact = factories.contact()
        later = NOW + timedelta(seconds=5)

        row = chat.write("Good morning", by=chat.person(contact), now=later)

        row.refresh_from_db()
        assert (row.contact, row.text, row.kind) == (contact, "Good morning", "text")
        assert (row.sent_at, row.received_at) == (NOW, later)
        assert row.handled_as == HandledAs.PERSON
        assert row.sender == senders.current()

    def test_f53_same_message_twice_is_one_message(self) -> None:
        contact = factories.contact()
        message = chat.message("STOP", by=chat.person(contact))

        rows = [chat.receive(message) for _repeat in range(3)]

        assert rows[1:] == [None, None]
        assert InboundMessage.objects.count() == 1
        assert confirmations(contact) == ["opt_out"]
        assert contact.consent_records.filter(action="withdraw").count() == 3

    def test_f53_id_that_is_longer_than_its_column_is_known_again(self) -> None:
        by = chat.person(factories.contact())
        message = chat.message(by=by, provider_message_id="wamid." + "x" * 300)

        chat.receive(message)

        assert chat.receive(message) is None

    def test_f70_needs_no_phone(self) -> None:
        known = chat.user_id()

        row = chat.write("STOP", by=Person(user_id=known))

        assert row.handled_as == HandledAs.OPT_OUT
        assert chat.phone_of(row.contact) == ""
        assert confirmations(row.contact) == ["opt_out"]

    def test_f70_answer_without_a_known_id_is_matched_by_what_it_answers(self) -> None:
        contact = factories.contact()
        message = called(contact)

        row = chat.write("STOP", by=Person(user_id=chat.user_id()), answers=message)

        assert row.contact == contact
        assert row.answers == message
        assert granted(contact) == set()

    def test_answer_of_somebody_else_is_no_answer_of_this_contact(self) -> None:
        message = called(factories.contact())
        stranger = factories.contact()

        row = chat.write("Hello", by=chat.person(stranger), answers=message)

        assert row.contact == stranger
        assert row.answers is None

    @pytest.mark.parametrize(
        "content",
        [
            contents.Unknown(raw={"type": "type_of_tomorrow", "deep": [{"a": 1}]}),
            contents.Media(kind="image", media_id="1", caption="The receipt"),
            contents.ListReply(reply_id="1", title="Tuesday"),
            contents.Location(latitude=60.2, longitude=24.9),
            contents.FlowReply(name="flow", body="Sent", response_json="{}", data={}),
        ],
        ids=lambda content: type(content).__name__,
    )
    def test_whatever_is_no_word_is_for_a_person(self, content: contents.Content) -> None:
        contact = factories.contact()

        row = chat.write(content, by=chat.person(contact))

        row.refresh_from_db()
        assert row.handled_as == HandledAs.PERSON
        assert row.content["content"] == json.loads(json.dumps(dataclasses.asdict(content)))
        assert Conversation.objects.filter(contact=contact).exists()

    def test_very_long_text_is_kept_whole(self) -> None:
        text = "ä" * 65_536

        row = chat.write(text, by=chat.person(factories.contact()))

        row.refresh_from_db()
        assert row.text == text

    def test_long_words_of_tomorrow_are_cut(self) -> None:
        row = chat.write("Hello", by=chat.person(factories.contact()), kind="k" * 200)

        assert len(row.kind) == 30

    def test_unreachable_person_who_writes_is_reachable(self) -> None:
        contact = factories.contact(unreachable_since=NOW)

        chat.write("Hello", by=chat.person(contact))

        contact.refresh_from_db()
        assert contact.unreachable_since is None

    def test_group_message_is_kept_and_never_a_word(self) -> None:
        contact = factories.contact()

        row = chat.write("STOP", by=chat.person(contact), group_id="group-1")

        assert row.handled_as == HandledAs.KEPT
        assert row.content["group_id"] == "group-1"
        assert granted(contact) == {"orders"}
        assert not Conversation.objects.exists()

    def test_group_member_is_not_whom_the_quoted_message_went_to(self) -> None:
        contact = factories.contact()
        message = called(contact)

        row = chat.write(
            "Hi", by=Person(user_id=chat.user_id()), answers=message, group_id="group-1"
        )

        assert row.contact != contact


class TestRawBody:
    """The same through the webhook, where texts are as wild as the wire lets them be."""

    def post(self, *messages: dict[str, Any]) -> WebhookEvent:
        settings = conf.load()
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"phone_number_id": settings.PHONE_NUMBER_ID},
            "messages": list(messages),
        }
        entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]})
        arrivals.record(body=body.encode(), now=NOW)
        webhooks.process(now=NOW + timedelta(minutes=1))
        return WebhookEvent.objects.latest("id")

    def text(self, body: str, *, number: int = 1, second: int = 0) -> dict[str, Any]:
        return {
            "from": "358457390100",
            "id": f"wamid.RAW{number}",
            "timestamp": str(int(NOW.timestamp()) + second),
            "type": "text",
            "text": {"body": body},
        }

    @pytest.mark.parametrize("poison", ["a\x00b", "a\ud83db", "\udc00"], ids=ascii)
    def test_f59_nul_and_half_characters_are_stored(self, poison: str) -> None:
        event = self.post(self.text(poison))

        assert factories.state_of(event) == "processed"
        assert InboundMessage.objects.get().text == poison.encode("utf-16", "surrogatepass").decode(
            "utf-16", "replace"
        ).replace("\x00", "\ufffd")

    def test_f59_nul_in_a_name_is_stored(self) -> None:
        message = self.text("Hello") | {"type": "unsupported", "unsupported": {"type": "a\x00"}}

        assert factories.state_of(self.post(message)) == "processed"

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in-order", "reversed"])
    @pytest.mark.parametrize(
        ("seconds", "stands"),
        [((0, 1), set()), ((1, 0), {"orders", "feedback", "offers"}), ((0, 0), set())],
        ids=["stop-later", "start-later", "tie"],
    )
    def test_f77_start_and_stop_in_one_body_count_by_their_time(
        self, seconds: tuple[int, int], stands: set[str], order: tuple[int, int]
    ) -> None:
        start = self.text("START", number=1, second=seconds[0])
        stop = self.text("STOP", number=2, second=seconds[1])

        both = [start, stop]
        self.post(*[both[place] for place in order])

        contact = Contact.objects.get()
        assert granted(contact) == stands

    def test_f53_body_told_again_in_other_words_changes_nothing(self) -> None:
        self.post(self.text("START", number=1), self.text("STOP", number=2, second=5))

        event = self.post(self.text("START", number=1))

        assert factories.state_of(event) == "processed"
        assert granted(Contact.objects.get()) == set()
        assert InboundMessage.objects.count() == 2


class TestOptOut:
    @pytest.mark.parametrize(
        "text",
        [
            "STOP", "stop", " Stop! ", "stop please", "S.T.O.P.", "Unsubscribe", "opt out",
            "revoke", "quit", "end", "cancel", "🛑 STOP 🛑",
            "LOPETA", "Lopeta, kiitos", "peruuta", "Sluta", "avregistrera mig",
            "СТОП", "отписаться", "СТОР",
        ],
    )  # fmt: skip
    def test_f76_words_in_four_languages(self, text: str) -> None:
        contact = factories.contact(consents=("orders", "offers"))

        row = chat.write(text, by=chat.person(contact))

        assert row.handled_as == HandledAs.OPT_OUT
        assert granted(contact) == set()

    @pytest.mark.parametrize(
        "text",
        ["We have to STOP this bill", "Where does bus 5 stop?", "Please cancel my order"],
    )
    def test_f76_sentence_is_for_a_person(self, text: str) -> None:
        contact = factories.contact()

        row = chat.write(text, by=chat.person(contact))

        assert row.handled_as == HandledAs.PERSON
        assert granted(contact) == {"orders"}

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("Please take me off your list", "remove me"),
            ("en halua enää viestejä tänne", "do not want messages"),
            ("sluta skicka sms", "stop sending"),
            ("отпишите меня от рассылки", "unsubscribe"),
            ("lpoeta", "misspelt keyword"),
        ],
    )
    def test_f76_sentences_in_four_languages(self, text: str, rule: str) -> None:
        contact = factories.contact(consents=("orders", "offers"))

        row = chat.write(text, by=chat.person(contact))

        row.refresh_from_db()
        assert row.handled_as == HandledAs.OPT_OUT
        assert granted(contact) == set()
        assert confirmations(contact) == ["opt_out"]
        assert row.content["understood"]["rule"] == rule
        record = contact.consent_records.filter(action="withdraw").first()
        assert record is not None
        assert record.evidence == {"inbound_id": row.pk, "rule": rule, "everything": True}

    def test_f76_sentence_about_offers_leaves_order_news(self) -> None:
        contact = factories.contact(consents=("orders", "offers"))

        chat.write("Please stop sending me these offers", by=chat.person(contact))

        assert granted(contact) == {"orders"}

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("Stop?", "keyword as a question"),
            ("Why am I getting these messages?", "asks where it comes from"),
            ("liikaa viestejä", "too many messages"),
        ],
    )
    def test_f76_unclear_words_are_kept_and_a_person_is_asked(
        self,
        text: str,
        rule: str,
        heard: list[str],
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        contact = factories.contact(consents=("orders", "offers"))

        with django_capture_on_commit_callbacks(execute=True):
            row = chat.write(text, by=chat.person(contact))

        row.refresh_from_db()
        assert row.handled_as == HandledAs.PERSON
        assert granted(contact) == {"orders", "offers"}
        assert confirmations(contact) == []
        assert (row.content["understood"]["as"], row.content["understood"]["rule"]) == (
            "unclear",
            rule,
        )
        assert heard == [f"opt_out_unclear: inbound message #{row.pk}: {rule}"]

    def test_a_person_is_asked_once_a_day_about_one_customer(
        self, heard: list[str], django_capture_on_commit_callbacks: Any
    ) -> None:
        contact = factories.contact()

        with django_capture_on_commit_callbacks(execute=True):
            for hours in (0, 1, 23, 48):
                at = NOW + timedelta(hours=hours)
                chat.write("Stop?", by=chat.person(contact), at=at)

        assert len(heard) == 2

    def test_ordinary_words_keep_no_reason(
        self, heard: list[str], django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            row = chat.write("Is my order on its way?", by=chat.person(factories.contact()))

        row.refresh_from_db()
        assert "understood" not in row.content
        assert heard == []

    @pytest.mark.parametrize(
        "content",
        [
            contents.ButtonTap(payload="x", label="Please take me off your list"),
            contents.ListReply(reply_id="1", title="Please take me off your list"),
        ],
        ids=["button", "list"],
    )
    def test_sentences_of_our_own_are_not_read(self, content: contents.Content) -> None:
        contact = factories.contact()

        row = chat.write(content, by=chat.person(contact))

        assert row.handled_as == HandledAs.PERSON
        assert granted(contact) == {"orders"}

    @pytest.mark.parametrize(
        "content",
        [
            contents.ButtonTap(payload="wn:opt-out", label="No more of this"),
            contents.ButtonTap(payload="Unsubscribe", label="Unsubscribe"),
            contents.ButtonReply(reply_id="wn:opt-out", title="No, thanks"),
        ],
        ids=["payload", "label", "reply"],
    )
    def test_f76_button(self, content: contents.Content) -> None:
        contact = factories.contact(consents=("orders", "offers"))

        row = chat.write(content, by=chat.person(contact))

        assert row.handled_as == HandledAs.OPT_OUT
        assert granted(contact) == set()
        record = contact.consent_records.filter(action="withdraw").first()
        assert record is not None
        assert record.source == ConsentRecord.Source.BUTTON

    @pytest.mark.parametrize(
        "content",
        [
            contents.ButtonTap(payload="wn:opt-out-promotions", label="Stop promotions"),
            contents.ButtonTap(payload="Ei enää tarjouksia", label="Ei enää tarjouksia"),
            contents.Text(body="Inga fler erbjudanden, tack"),
        ],
        ids=["payload", "label", "word"],
    )
    def test_f76_end_of_promotions_leaves_order_news(self, content: contents.Content) -> None:
        contact = factories.contact(consents=("orders", "offers"))

        row = chat.write(content, by=chat.person(contact))

        assert row.handled_as == HandledAs.OPT_OUT
        assert granted(contact) == {"orders"}
        answer = Message.objects.get(in_reply_to=row)
        assert "no more offers" in answer.preview["body"]

    def test_f76_word_beside_a_picture(self) -> None:
        contact = factories.contact()

        chat.write(
            contents.Media(kind="image", media_id="1", caption="stop"), by=chat.person(contact)
        )

        assert granted(contact) == set()

    def test_other_button_is_no_word(self) -> None:
        contact = factories.contact()

        row = chat.write(
            contents.ButtonTap(payload="change:1042", label="Change the day"),
            by=chat.person(contact),
        )

        assert row.handled_as == HandledAs.PERSON

    def test_f78_keeps_the_words_and_the_message(self) -> None:
        contact = factories.contact(language="fi")

        row = chat.write("Lopeta, kiitos", by=chat.person(contact))

        record = contact.consent_records.filter(action="withdraw").first()
        assert record is not None
        assert (record.wording, record.language) == ("Lopeta, kiitos", "fi")
        assert (record.source, record.evidence) == (
            "keyword",
            {"inbound_id": row.pk, "everything": True},
        )
        assert record.occurred_at == NOW

    def test_is_confirmed_once_however_often_it_is_said(self) -> None:
        contact = factories.contact()

        for minute in range(3):
            at = NOW + timedelta(minutes=minute)
            chat.write("STOP", by=chat.person(contact), at=at)

        assert confirmations(contact) == ["opt_out"]

    def test_is_confirmed_again_after_a_start(self) -> None:
        contact = factories.contact()

        for minute, word in enumerate(["STOP", "START", "STOP"]):
            at = NOW + timedelta(minutes=minute)
            chat.write(word, by=chat.person(contact), at=at)

        assert confirmations(contact) == ["opt_out", "opt_in", "opt_out"]

    def test_is_confirmed_to_somebody_whom_staff_had_taken_out(self) -> None:
        contact = factories.contact(consents=())

        chat.write("STOP", by=chat.person(contact))

        assert confirmations(contact) == ["opt_out"]

    def test_f65_old_stop_behind_a_start_is_kept_and_not_confirmed(self) -> None:
        contact = factories.contact(consents=())
        chat.write("START", by=chat.person(contact))

        row = chat.write("STOP", by=chat.person(contact), at=NOW - timedelta(hours=1), now=NOW)

        assert row.handled_as == HandledAs.OPT_OUT
        assert granted(contact)
        assert confirmations(contact) == ["opt_in"]

    def test_counts_for_both_contacts_that_one_person_has_become(self) -> None:
        in_shop = factories.contact(consents=("orders", "offers"))
        known = chat.user_id()
        in_chat = chat.write("Hello", by=Person(user_id=known)).contact

        digits = chat.phone_of(in_shop).removeprefix("+")
        chat.write("STOP", by=Person(user_id=known, wa_id=digits))

        assert granted(in_shop) == set()
        assert confirmations(in_chat) == ["opt_out"]
        assert confirmations(in_shop) == []

    def test_does_not_reach_who_had_the_number_before(self) -> None:
        former = factories.contact(consents=("orders",))
        digits = chat.phone_of(former).removeprefix("+")
        chat.write("Hello", by=Person(wa_id=digits, user_id=chat.user_id()))

        chat.write("STOP", by=Person(wa_id=digits, user_id=chat.user_id()))

        assert granted(former) == {"orders"}
        assert chat.phone_of(former) == ""


class TestOptIn:
    @pytest.mark.parametrize(
        "text", ["START", "join", "LIITY", "aloita", "gå med", "подписаться", "старт"]
    )
    def test_words_in_four_languages(self, text: str) -> None:
        row = chat.write(text, by=Person(wa_id="358457390100"))

        assert row.handled_as == HandledAs.OPT_IN
        assert granted(row.contact) == {"orders", "feedback", "offers"}
        assert confirmations(row.contact) == ["opt_in"]

    def test_button(self) -> None:
        contact = factories.contact(consents=())

        chat.write(
            contents.ButtonTap(payload="wn:opt-in", label="Yes, please"), by=chat.person(contact)
        )

        assert granted(contact) == {"orders", "feedback", "offers"}

    def test_gives_nothing_that_the_shop_does_not_offer(self) -> None:
        Topic.objects.filter(key="offers").update(is_offered=False)

        row = chat.write("START", by=Person(wa_id="358457390100"))

        assert granted(row.contact) == {"orders", "feedback"}

    def test_f65_old_start_behind_a_stop_is_neither_valid_nor_confirmed(self) -> None:
        contact = factories.contact()
        chat.write("STOP", by=chat.person(contact))

        row = chat.write("START", by=chat.person(contact), at=NOW - timedelta(hours=1), now=NOW)

        assert row.handled_as == HandledAs.OPT_IN
        assert granted(contact) == set()
        assert confirmations(contact) == ["opt_out"]

    def test_f65_start_with_a_time_to_come_does_not_outlast_a_stop(self) -> None:
        contact = factories.contact(consents=())
        chat.write("START", by=chat.person(contact), at=NOW + 365 * DAY, now=NOW)

        chat.write("STOP", by=chat.person(contact), at=NOW + timedelta(minutes=1))

        assert granted(contact) == set()

    @pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
    def test_f65_last_word_by_its_time_stands(self, order: tuple[int, ...]) -> None:
        contact = factories.contact(consents=())
        words = [("START", 0), ("STOP", 1), ("START", 2), ("STOP", 3)]
        messages = [
            chat.message(word, by=chat.person(contact), at=NOW + timedelta(minutes=minute))
            for word, minute in words
        ]

        for place in (*order, *order):
            chat.receive(messages[place], now=NOW + timedelta(hours=1))

        assert granted(contact) == set()
        assert InboundMessage.objects.count() == 4


class TestWindow:
    def window(self, contact: Contact) -> Conversation:
        return Conversation.objects.get(contact=contact)

    def test_opens_for_a_day(self) -> None:
        contact = factories.contact()

        chat.write("Hello", by=chat.person(contact))

        assert self.window(contact).window_expires_at == NOW + DAY
        assert self.window(contact).last_inbound_at == NOW

    def test_first_message_of_all_opens_it_in_an_empty_installation(self) -> None:
        Sender.objects.all().delete()

        row = chat.write("START", by=Person(wa_id="358457390100"))

        assert self.window(row.contact).sender == senders.current()
        answer = Message.objects.get(contact=row.contact)
        assert (answer.state, answer.reason) == ("queued", "")

    def test_every_message_prolongs_it(self) -> None:
        contact = factories.contact()

        for hours in (0, 5):
            at = NOW + timedelta(hours=hours)
            chat.write("Hello", by=chat.person(contact), at=at)

        assert self.window(contact).window_expires_at == NOW + DAY + timedelta(hours=5)

    def test_older_and_repeated_messages_never_shorten_it(self) -> None:
        contact = factories.contact()
        newest = chat.message("Hello", by=chat.person(contact), at=NOW + timedelta(hours=5))
        chat.receive(newest)

        for seconds in (0, 1, 17_999):
            at = NOW + timedelta(seconds=seconds)
            chat.write("Hello", by=chat.person(contact), at=at, now=NOW + timedelta(hours=6))
        chat.receive(newest, now=NOW + timedelta(hours=7))

        assert self.window(contact).window_expires_at == NOW + DAY + timedelta(hours=5)
        assert self.window(contact).last_inbound_at == NOW + timedelta(hours=5)

    def test_times_that_are_missing_are_filled(self) -> None:
        contact = factories.contact()
        Conversation.objects.create(contact=contact, sender=senders.current())

        chat.write("Hello", by=chat.person(contact))

        assert self.window(contact).window_expires_at == NOW + DAY

    def test_advertisement_opens_three_days_that_older_news_do_not_shorten(self) -> None:
        contact = factories.contact()
        ad = Referral(source_type="ad", source_id="1")

        for hours in (5, 0):
            at = NOW + timedelta(hours=hours)
            chat.write("Hello", by=chat.person(contact), at=at, referral=ad)

        expires_at = self.window(contact).entry_point_expires_at
        assert expires_at == NOW + timedelta(hours=72 + 5)

    @pytest.mark.parametrize(
        "content",
        [
            contents.System(kind="customer_identity_changed"),
            contents.Unsupported(kind="poll"),
            contents.Revoke(original_provider_message_id="wamid.1"),
            contents.Edit(original_provider_message_id="wamid.1"),
        ],
        ids=lambda content: type(content).__name__,
    )
    def test_what_whatsapp_sends_by_itself_opens_nothing(self, content: contents.Content) -> None:
        contact = factories.contact()
        message = called(contact)

        row = chat.write(content, by=chat.person(contact))

        message.refresh_from_db()
        assert row.handled_as == HandledAs.NOTICE
        assert message.replied_at is None
        assert not Conversation.objects.exists()

    def test_a_message_that_is_edited_to_a_stop_is_one(self) -> None:
        contact = factories.contact()
        stop = contents.Edit(
            original_provider_message_id="wamid.1", content=contents.Text(body="STOP")
        )

        row = chat.write(stop, by=chat.person(contact))

        assert (row.handled_as, row.text) == (HandledAs.OPT_OUT, "STOP")
        assert not contact.consent_states.filter(is_granted=True).exists()
        # It is no message of its own, to which a shop may answer for free.
        assert not Conversation.objects.filter(window_expires_at__isnull=False).exists()

    @pytest.mark.parametrize("words", ["START", "Hello", "please do not send me more"])
    def test_a_message_that_is_edited_to_anything_else_is_a_notice(self, words: str) -> None:
        contact = factories.contact(consents=())
        edit = contents.Edit(
            original_provider_message_id="wamid.1", content=contents.Text(body=words)
        )

        row = chat.write(edit, by=chat.person(contact))

        assert (row.handled_as, row.text) == (HandledAs.NOTICE, words)
        assert not contact.consent_states.filter(is_granted=True).exists()

    def test_message_to_another_number_is_kept_without_a_window(self) -> None:
        contact = factories.contact()

        row = chat.write("Hello", by=chat.person(contact), phone_number_id="999")

        assert row.sender is None
        assert not Conversation.objects.exists()


class TestReplied:
    def test_message_that_is_answered_is_marked_once(self) -> None:
        contact = factories.contact()
        first, last = called(contact), called(contact)

        chat.write("Thanks", by=chat.person(contact), answers=first, at=NOW + timedelta(minutes=1))
        chat.write("Really", by=chat.person(contact), answers=first, at=NOW + timedelta(minutes=2))

        first.refresh_from_db()
        last.refresh_from_db()
        assert first.replied_at == NOW + timedelta(minutes=1)
        assert last.replied_at is None
        assert first.timeline.filter(kind="replied").count() == 1

    def test_without_a_quote_it_is_the_last_message(self) -> None:
        contact = factories.contact()
        newest = called(contact, at=NOW - timedelta(minutes=1))
        older = called(contact, at=NOW - timedelta(hours=1))

        chat.write("Thanks", by=chat.person(contact))

        newest.refresh_from_db()
        older.refresh_from_db()
        assert newest.replied_at == NOW
        assert older.replied_at is None

    def test_answer_in_the_same_second_is_an_answer(self) -> None:
        contact = factories.contact()
        message = called(contact, at=NOW + timedelta(milliseconds=700))

        chat.write("Thanks", by=chat.person(contact))

        message.refresh_from_db()
        assert message.replied_at == NOW

    def test_what_was_sent_afterwards_is_not_answered(self) -> None:
        contact = factories.contact()
        message = called(contact, at=NOW + timedelta(seconds=1))

        chat.write("Hello", by=chat.person(contact))

        message.refresh_from_db()
        assert message.replied_at is None

    def test_what_has_not_left_is_not_answered(self) -> None:
        contact = factories.contact()
        seen = called(contact, at=NOW - timedelta(minutes=2))
        waiting = called(contact, at=NOW - timedelta(minutes=1))
        Message.objects.filter(pk=waiting.pk).update(state="queued", is_pending=True)

        chat.write("Hello", by=chat.person(contact))

        seen.refresh_from_db()
        waiting.refresh_from_db()
        assert (seen.replied_at, waiting.replied_at) == (NOW, None)

    def test_reaction_answers_what_it_is_stuck_to(self) -> None:
        contact = factories.contact()
        first, last = called(contact), called(contact)

        row = chat.write(
            contents.Reaction(provider_message_id=first.provider_message_id or "", emoji="👍"),
            by=chat.person(contact),
        )

        first.refresh_from_db()
        last.refresh_from_db()
        assert (row.answers, row.text) == (first, "👍")
        assert first.replied_at == NOW
        assert last.replied_at is None

    def test_reaction_that_is_taken_back_is_no_answer(self) -> None:
        contact = factories.contact()
        message = called(contact)

        chat.write(
            contents.Reaction(provider_message_id=message.provider_message_id or ""),
            by=chat.person(contact),
        )

        message.refresh_from_db()
        assert message.replied_at is None


class TestChangeOfNumber:
    def changed(self, by: Person, **ids: str) -> InboundMessage:
        return chat.write(contents.System(**{"kind": "user_changed_number", **ids}), by=by)

    def test_f71_old_number_is_left_without_consent(self) -> None:
        contact = factories.contact()
        old = chat.phone_of(contact)

        row = self.changed(
            chat.person(contact), wa_id="358457390199", previous_wa_id=old.removeprefix("+")
        )

        next_owner = chat.write("Hello", by=Person(wa_id=old.removeprefix("+"))).contact
        assert (row.contact, row.handled_as) == (contact, HandledAs.NOTICE)
        assert chat.phone_of(contact) == "+358457390199"
        assert granted(contact) == {"orders"}
        assert next_owner != contact
        assert granted(next_owner) == set()

    def test_f71_works_with_user_ids_alone(self) -> None:
        old, new = chat.user_id(), chat.user_id()
        contact = chat.write("START", by=Person(user_id=old)).contact

        self.changed(Person(), kind="user_changed_user_id", user_id=new, previous_user_id=old)

        assert chat.write("Hello", by=Person(user_id=new)).contact == contact
        assert granted(contact)

    def test_f71_notice_behind_the_first_message_of_the_new_number(self) -> None:
        contact = factories.contact()
        old = chat.phone_of(contact).removeprefix("+")
        new = chat.user_id()
        ahead = chat.write("Hello", by=Person(wa_id="358457390199", user_id=new)).contact

        self.changed(
            Person(wa_id=old, user_id=new),
            wa_id="358457390199",
            user_id=new,
            previous_wa_id=old,
        )

        assert ahead != contact
        assert chat.phone_of(contact) == ""
        assert chat.phone_of(ahead) == "+358457390199"

    def test_f71_named_by_the_new_number_takes_it_from_nobody(self) -> None:
        bystander = factories.contact()
        digits = chat.phone_of(bystander).removeprefix("+")

        self.changed(Person(wa_id=digits), wa_id=digits)

        assert chat.phone_of(bystander) == f"+{digits}"
        assert granted(bystander) == {"orders"}

    def test_changed_security_code_changes_no_number(self) -> None:
        contact = factories.contact(phone="+5511987654321")

        row = chat.write(
            contents.System(kind="customer_identity_changed", wa_id="551187654321"),
            by=Person(wa_id="551187654321"),
        )

        assert row.contact == contact
        assert chat.phone_of(contact) == "+5511987654321"
        assert not contact.identities.filter(ended_at__isnull=False).exists()

    def test_change_told_twice_changes_once(self) -> None:
        contact = factories.contact()
        old = chat.phone_of(contact).removeprefix("+")
        message = chat.message(
            contents.System(kind="user_changed_number", wa_id="358457390199", previous_wa_id=old),
            by=Person(wa_id=old),
        )

        chat.receive(message)
        chat.receive(message)

        assert contact.identities.filter(kind=Identity.Kind.PHONE).count() == 2


class TestChangePreference:
    def change(self, person: Person, value: str, *, minutes: int = 0, **fields: Any) -> None:
        change = PreferenceChange(
            **{
                "business_account_id": "1",
                "phone_number_id": "1",
                "display_phone_number": "",
                "person": person,
                "category": "marketing_messages",
                "value": value,
                "changed_at": NOW + timedelta(minutes=minutes),
                "detail": "User requested to stop marketing messages",
                **fields,
            }
        )
        inbound.change_preference(change, now=NOW + timedelta(hours=1))

    def test_f72_stop_ends_promotions_and_nothing_else(self) -> None:
        contact = factories.contact(consents=("orders", "offers"))

        self.change(chat.person(contact), "stop")

        contact.refresh_from_db()
        record = contact.consent_records.get(action="withdraw")
        assert contact.marketing_stopped_at == NOW
        assert granted(contact) == {"orders"}
        assert (record.source, record.wording) == (
            "provider",
            "User requested to stop marketing messages",
        )

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
    def test_f72_any_order_and_repetition_ends_the_same(self, order: tuple[int, ...]) -> None:
        contact = factories.contact(consents=("orders", "offers"))
        news = [("stop", 0), ("resume", 1), ("stop", 2)]

        for place in (*order, *order):
            value, minutes = news[place]
            self.change(chat.person(contact), value, minutes=minutes)

        contact.refresh_from_db()
        assert contact.marketing_stopped_at == NOW + timedelta(minutes=2)
        assert granted(contact) == {"orders"}
        assert contact.consent_records.filter(action="withdraw").count() == 2

    def test_f72_resume_does_not_undo_a_stop_in_the_shop(self) -> None:
        contact = factories.contact(consents=("offers",))
        chat.write("STOP", by=chat.person(contact))

        self.change(chat.person(contact), "resume", minutes=5)

        contact.refresh_from_db()
        assert contact.marketing_stopped_at is None
        assert granted(contact) == set()

    def test_f72_stop_counts_for_both_contacts_of_one_person(self) -> None:
        in_shop = factories.contact(consents=("offers",))
        known = chat.user_id()
        chat.write("Hello", by=Person(user_id=known))
        digits = chat.phone_of(in_shop).removeprefix("+")

        self.change(Person(user_id=known, wa_id=digits), "stop")

        assert granted(in_shop) == set()

    @pytest.mark.parametrize(
        ("value", "category"),
        [("signup", "marketing_messages"), ("pause", "marketing_messages"), ("stop", "calls")],
    )
    def test_other_news_change_nothing(self, value: str, category: str) -> None:
        contact = factories.contact(consents=("offers",))

        self.change(chat.person(contact), value, category=category)

        contact.refresh_from_db()
        assert contact.marketing_stopped_at is None
        assert granted(contact) == {"offers"}


@pytest.mark.django_db(transaction=True)
class TestAfterStop:
    def test_f74_only_the_confirmation_leaves(self) -> None:
        contact = factories.contact(consents=("orders", "offers"))
        waiting = [factories.queued(contact), factories.queued(contact, key="offers")]

        chat.write("STOP", by=chat.person(contact))
        ticks = itertools.count()
        delivery.deliver(clock=lambda: NOW + timedelta(milliseconds=100) * next(ticks))

        for message in waiting:
            message.refresh_from_db()
            assert (message.state, message.reason) == ("blocked", "consent")
        (outgoing,) = locmem.outbox
        assert Message.objects.get(pk=outgoing.message_id).key.startswith("answer:opt_out:")

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
    def test_f53_message_that_two_workers_read_is_one_message(self) -> None:
        from tests.services.test_contacts import at_once

        by = wire.Person(wa_id="358457390100", user_id=chat.user_id())
        message = chat.message("STOP", by=by)

        rows = at_once(lambda: chat.receive(message))  # type: ignore[arg-type,return-value]

        assert rows[1] is None
        assert InboundMessage.objects.count() == 1
        assert Contact.objects.count() == 1
