"""The bot: what it is told, and what becomes of its answers."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests import chat, chat_shop, factories, shop
from tests.chat_shop import last_step, said, waits, write
from tests.factories import NOW
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.models import ConsentRecord, Contact, InboundMessage, Message
from whatsapp_notify.services import bots, consent, conversations, errands
from whatsapp_notify.services.consent import Proof
from whatsapp_notify.shop import BotLine, BotReply, BotTurn, HandOver, Place

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
QUESTION = "Do you have a blue one?"
HANDED_OVER = chat_shop.WORDS["handed_over"]


@pytest.fixture(autouse=True)
def open_shop(settings: Any) -> None:
    chat_shop.open_shop(settings)
    chat_shop.let("bot", lambda turn: BotReply("Yes, we do."))


@pytest.fixture
def contact() -> Contact:
    return chat_shop.customer()


def ask(contact: Contact, text: str = QUESTION, **fields: Any) -> InboundMessage:
    row = write(contact, text, **fields)
    errands.run(now=row.received_at)
    row.refresh_from_db()
    return row


def turns() -> list[BotTurn]:
    return [value for kind, value in chat_shop.asked if kind == "bot"]


@pytest.fixture
def while_it_thinks(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Lets something happen after the bot's turn was read, and before its answer is used."""
    real = bots.Call.wait

    def happens(do: Callable[[], object]) -> None:
        def wait(call: bots.Call) -> bots.Answer:
            answer = real(call)
            do()
            return answer

        monkeypatch.setattr(bots.Call, "wait", wait)

    return happens


class TestTurn:
    def test_tells_what_the_customer_wrote_and_who_they_are(self) -> None:
        contact = chat_shop.customer(first_name="Customer", language="sv")
        order = shop.order(phone=chat.phone_of(contact), status="paid")
        shop.order()

        ask(contact)

        (turn,) = turns()
        assert (turn.text, turn.language, turn.first_name) == (QUESTION, "sv", "Customer")
        assert [each.ref for each in turn.orders] == [order.number]
        assert turn.deadline == NOW + timedelta(seconds=10)

    def test_names_the_shops_language_for_those_who_have_none(self, contact: Contact) -> None:
        ask(contact)

        assert turns()[0].language == "en"

    def test_holds_what_both_sides_wrote_before(self, contact: Contact) -> None:
        row = factories.text_draft(contact, body="It is on its way.")
        row.preview, row.accepted_at = {"body": "It is on its way."}, NOW - 3 * MINUTE
        row.save()
        factories.text_draft(contact, body="Never left.").save()
        write(contact, "Is it blue?", at=NOW - 4 * MINUTE)
        write(contact, contents.Reaction(provider_message_id="wamid.X", emoji=""), at=NOW - MINUTE)
        write(chat_shop.customer(), "Somebody else's words", at=NOW - 2 * MINUTE)
        errands.run(now=NOW - 4 * MINUTE)
        chat_shop.asked.clear()

        ask(contact)

        assert turns()[-1].history == (
            BotLine(text="Is it blue?", is_by_customer=True),
            BotLine(text="It is on its way.", is_by_customer=False),
        )

    def test_holds_the_last_twenty_lines(self, contact: Contact) -> None:
        for number in range(25):
            write(contact, f"Question {number} of many", at=NOW - MINUTE)

        ask(contact)

        texts = [line.text for line in turns()[-1].history]
        assert (len(texts), texts[0], texts[-1]) == (
            20, "Question 5 of many", "Question 24 of many",
        )  # fmt: skip

    def test_shows_nothing_personal_in_a_traceback(self, contact: Contact) -> None:
        ask(contact)

        said = repr((turns()[0], BotReply("x"), HandOver("x"), BotLine(text="x", is_by_customer=1)))
        assert said == "(<BotTurn>, <BotReply>, <HandOver>, <BotLine>)"


class TestReply:
    def test_is_said(self, contact: Contact) -> None:
        row = ask(contact)

        assert said(contact) == ["Yes, we do."]
        assert waits(contact) == []
        assert (row.errand, row.errand_due_at) == ("", None)
        assert last_step(row) == ["bot", "acted", {"reply": "said"}]

    def test_may_be_as_long_as_a_message(self, contact: Contact) -> None:
        chat_shop.let("bot", lambda turn: BotReply("x" * 4096, buttons=("Yes", "No", "A" * 20)))

        ask(contact)

        assert said(contact) == ["x" * 4096]

    @pytest.mark.parametrize(
        ("reply", "why"),
        [
            (BotReply("x" * 4097), "too_long"),
            (BotReply(" \n"), "empty"),
            (BotReply(None), "empty"),  # type: ignore[arg-type]
            (BotReply("a\x00b"), "unprintable"),
            (BotReply("a\ud800b"), "unprintable"),
            (BotReply("Which?", buttons=("1", "2", "3", "4")), "buttons"),
            (BotReply("Which?", buttons=("A" * 21,)), "buttons"),
            (BotReply("Which?", buttons=("Yes", "Yes")), "buttons"),
            (BotReply("Which?", buttons=("",)), "buttons"),
            (BotReply("Which?", buttons="Yes"), "buttons"),  # type: ignore[arg-type]
            (BotReply("Listen.", audio_url="http://shop.example/a.ogg"), "audio"),
            (BotReply("Listen.", audio_url="https://shop.example/a b.ogg"), "audio"),
            (BotReply("Listen.", audio_url="https://" + "a" * 2000), "audio"),
            (BotReply("Listen.", audio_url=None), "audio"),  # type: ignore[arg-type]
            (BotReply(" ", audio_url="https://shop.example/a.ogg"), "empty"),
            (BotReply("Here.", place=Place(latitude=90.1, longitude=0)), "place"),
            (BotReply("Here.", place=Place(latitude=0, longitude=-180.1)), "place"),
            (BotReply("Here.", place=Place(latitude=float("nan"), longitude=0)), "place"),
            (BotReply("Here.", place=Place(latitude="60", longitude=0)), "place"),  # type: ignore[arg-type]
            (BotReply("Here.", place=Place(latitude=0, longitude=0, name="x" * 301)), "place"),
            (BotReply("Here.", place=(60, 25)), "place"),  # type: ignore[arg-type]
            (BotReply("Here.", place=Place(latitude=0, longitude=0, name="\x00")), "unprintable"),
        ],
    )
    def test_that_cannot_be_sent_is_not_cut_but_a_persons(
        self, contact: Contact, reply: Any, why: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        chat_shop.let("bot", lambda turn: reply)

        row = ask(contact)

        assert said(contact) == [HANDED_OVER]
        assert waits(contact) == ["bot"]
        assert last_step(row)[2]["unusable"] == why
        assert [each.problem for each in caplog.records] == [why]  # type: ignore[attr-defined]

    @pytest.mark.parametrize("answer", [None, "Yes, we do.", 5, HandOver, {"text": "Yes"}])
    def test_of_another_type_is_named_in_the_log_and_a_persons(
        self, contact: Contact, answer: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        chat_shop.let("bot", lambda turn: answer)

        row = ask(contact)

        (record,) = caplog.records
        assert record.message == "The bot returned neither BotReply nor HandOver"
        assert record.type == type(answer).__name__  # type: ignore[attr-defined]
        assert waits(contact) == ["bot"]
        assert last_step(row)[2]["unusable"] == "type"

    def test_that_the_limit_holds_back_is_a_persons(self, contact: Contact, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "AUTOMATIC_REPLIES_PER_HOUR": 0}

        row = ask(contact)

        assert said(contact) == []
        assert waits(contact) == ["bot"]
        assert last_step(row)[2] == {"reply": "limit"}


class TestBesideTheText:
    def test_a_recording_comes_with_its_words_as_text(self, contact: Contact) -> None:
        url = "https://shop.example/yes.ogg"
        chat_shop.let("bot", lambda turn: BotReply("Yes, we do.", audio_url=url))

        ask(contact)

        words, spoken = Message.objects.filter(contact=contact).order_by("id")
        assert words.content["body"] == "Yes, we do."
        assert (spoken.content["media"], spoken.content["link"]) == ("audio", url)
        assert spoken.chat_preview.body == "Yes, we do."
        assert {words.state, spoken.state} == {"queued"}

    def test_a_place_is_a_message_of_its_own(self, contact: Contact) -> None:
        place = Place(latitude=60.17, longitude=24.94, name="The Shop")
        chat_shop.let("bot", lambda turn: BotReply("We are here.", place=place))

        ask(contact)

        _words, shown = Message.objects.filter(contact=contact).order_by("id")
        assert shown.content == {
            "kind": "location",
            "latitude": "60.170000",
            "longitude": "24.940000",
            "name": "The Shop",
            "address": "",
        }
        assert shown.chat_preview.header == "The Shop"

    def test_nothing_is_said_beside_a_text_that_is_held_back(
        self, contact: Contact, settings: Any
    ) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "AUTOMATIC_REPLIES_PER_HOUR": 0}
        place = Place(latitude=60.17, longitude=24.94)
        chat_shop.let("bot", lambda turn: BotReply("We are here.", place=place))

        ask(contact)

        assert not Message.objects.filter(contact=contact).exists()

    def test_shows_nothing_in_a_log(self) -> None:
        assert repr(Place(latitude=60.17, longitude=24.94, name="Home")) == "<Place>"


class TestHandOver:
    def test_calls_a_person_and_keeps_the_reason_for_the_staff(self, contact: Contact) -> None:
        chat_shop.let("bot", lambda turn: HandOver("asks for a\ndiscount" + "x" * 300))

        row = ask(contact)

        assert said(contact) == [HANDED_OVER]
        assert waits(contact) == ["bot"]
        assert last_step(row)[2]["handed_over"].startswith("asks for adiscountxx")
        assert len(last_step(row)[2]["handed_over"]) == 200


class TestBotThatBreaks:
    def test_is_asked_again_and_then_a_person_is_called(
        self, contact: Contact, caplog: pytest.LogCaptureFixture
    ) -> None:
        chat_shop.let("bot", chat_shop.raises)
        row = ask(contact)
        assert (said(contact), waits(contact)) == ([], [])

        first, second = errands.PAUSES.values()
        errands.run(now=NOW + first)
        errands.run(now=NOW + first + second)

        assert len(turns()) == 3
        assert said(contact) == [HANDED_OVER]
        assert waits(contact) == ["bot"]
        assert last_step(row)[1:] == ["failed", {"given_up": "bot", "tries": 3, "reply": "said"}]
        assert "The bot broke" in caplog.text
        assert QUESTION not in caplog.text

    def test_with_its_process_is_taken_for_broken(self, contact: Contact) -> None:
        def leave(turn: BotTurn) -> BotReply:
            raise SystemExit(1)

        chat_shop.let("bot", leave)

        row = ask(contact)

        assert row.errand_due_at == NOW + errands.PAUSES[1]

    def test_where_the_shop_cannot_tell_the_orders(
        self, contact: Contact, caplog: pytest.LogCaptureFixture
    ) -> None:
        chat_shop.let("of", chat_shop.raises)

        row = ask(contact)

        assert turns() == []
        assert row.errand_due_at == NOW + errands.PAUSES[1]
        assert "An errand failed" in caplog.text

    def test_is_missed_where_the_setting_names_none(
        self, contact: Contact, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "BOT": "no.such.bot"}
        other = chat_shop.customer()
        row = write(contact, QUESTION)
        write(other, "order A99999")

        errands.run(now=NOW)

        row.refresh_from_db()
        assert row.errand_due_at == NOW + errands.PAUSES[1]
        assert "ConfigurationError" in caplog.text
        assert said(other) == [chat_shop.WORDS["order_unknown"]]


class TestLateBot:
    @pytest.fixture
    def released(self, settings: Any) -> Any:
        """The bot waits for this; its patience is short."""
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "BOT_DEADLINE_SECONDS": 0.05}
        event, over = threading.Event(), threading.Event()

        def answer(turn: BotTurn) -> BotReply:
            event.wait(timeout=10)
            over.set()
            return BotReply("Too late.")

        chat_shop.let("bot", answer)
        yield event
        event.set()
        assert over.wait(timeout=10)

    def test_is_not_waited_for_and_a_person_is_called(
        self, contact: Contact, released: threading.Event, caplog: pytest.LogCaptureFixture
    ) -> None:
        row = ask(contact)
        released.set()
        errands.run(now=NOW + 10 * MINUTE)

        assert said(contact) == [HANDED_OVER]
        assert waits(contact) == ["bot"]
        assert last_step(row)[2]["unusable"] == "late"
        assert "The bot was late" in caplog.text
        assert len(turns()) == 1

    def test_takes_no_more_threads_than_there_are_places(
        self, contact: Contact, released: threading.Event, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bots, "_places", threading.BoundedSemaphore(1))
        ask(contact)
        other = chat_shop.customer()

        row = ask(other)

        assert len(turns()) == 1
        assert waits(other) == ["bot"]
        assert last_step(row)[2]["unusable"] == "busy"


class TestMeanwhile:
    def test_a_person_who_has_taken_over_goes_first(
        self, contact: Contact, while_it_thinks: Any
    ) -> None:
        staff = shop.user()
        while_it_thinks(
            lambda: conversations.take(
                conversation=chat_shop.conversation(contact), user=staff, now=NOW
            )
        )

        row = ask(contact)

        assert said(contact) == []
        assert last_step(row) == ["bot", "acted", {"dropped": "with_person"}]
        assert waits(contact) == ["with_person"]

    def test_a_newer_question_is_answered_with_the_older_one_in_sight(
        self, contact: Contact, while_it_thinks: Any
    ) -> None:
        newer: list[InboundMessage] = []

        def asks_more() -> None:
            if not newer:
                newer.append(write(contact, "Or a red one?"))

        while_it_thinks(asks_more)
        chat_shop.let("bot", lambda turn: BotReply(f"About: {turn.text}"))

        row = ask(contact)

        assert said(contact) == ["About: Or a red one?"]
        assert last_step(row)[2] == {"dropped": "newer_message"}
        assert turns()[-1].history[-1].text == QUESTION
        assert waits(contact) == []

    def test_a_question_that_a_newer_message_has_overtaken_is_not_even_asked(
        self, contact: Contact
    ) -> None:
        older = write(contact, QUESTION)
        write(contact, "Or a red one?")

        errands.run(now=NOW)

        assert [turn.text for turn in turns()] == ["Or a red one?"]
        assert last_step(older)[2] == {"dropped": "newer_message"}
        assert waits(contact) == []

    def test_a_newer_message_of_another_kind_leaves_the_question_to_a_person(
        self, contact: Contact
    ) -> None:
        older = write(contact, QUESTION)
        write(contact, "order A99999")

        errands.run(now=NOW)

        assert turns() == []
        assert last_step(older)[2] == {"dropped": "newer_message"}
        assert waits(contact) == ["bot"]

    @pytest.mark.parametrize("more", ["Thanks!", "👍"])
    def test_thanks_in_advance_are_no_newer_question(self, contact: Contact, more: str) -> None:
        write(contact, QUESTION)
        write(contact, more)

        errands.run(now=NOW)

        assert said(contact) == ["Yes, we do."]

    def test_a_stop_ends_the_answer_too(self, contact: Contact, while_it_thinks: Any) -> None:
        while_it_thinks(lambda: write(contact, "STOP", at=NOW + MINUTE))

        row = ask(contact)

        assert "Yes, we do." not in said(contact)
        assert last_step(row)[2] == {"dropped": "opted_out"}
        assert waits(contact) == []

    def test_a_stop_by_another_door_ends_it_as_well(
        self, contact: Contact, while_it_thinks: Any
    ) -> None:
        def stop() -> None:
            consent.withdraw(
                contact=contact,
                proof=Proof(source=ConsentRecord.Source.PROVIDER, wording="stop"),
                occurred_at=NOW + MINUTE,
                now=NOW + MINUTE,
            )

        while_it_thinks(stop)

        row = ask(contact)

        assert said(contact) == []
        assert last_step(row)[2] == {"dropped": "opted_out"}

    def test_a_stop_of_before_is_none_of_this_question(self, contact: Contact) -> None:
        write(contact, "STOP", at=NOW - MINUTE)

        ask(contact)

        assert said(contact)[-1] == "Yes, we do."

    def test_an_erased_customer_is_told_nothing(
        self, contact: Contact, while_it_thinks: Any
    ) -> None:
        while_it_thinks(lambda: Contact.objects.filter(pk=contact.pk).update(erased_at=NOW))

        row = ask(contact)

        assert Message.objects.filter(contact=contact).count() == 0
        assert last_step(row)[2] == {"dropped": "erased"}


def test_a_tap_on_a_button_of_the_bot_goes_to_the_bot(contact: Contact) -> None:
    row = write(contact, contents.ButtonReply(reply_id="wn:say:Blue", title="Blue"))
    errands.run(now=NOW)

    row.refresh_from_db()
    assert row.handled_as == InboundMessage.HandledAs.BOT
    assert [turn.text for turn in turns()] == ["Blue"]
