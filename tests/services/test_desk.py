"""What a member of the staff writes: once, not beside a colleague, and never silently lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests import chat
from tests import factories as make
from tests.concurrency import together
from tests.factories import NOW
from whatsapp_notify.models import Conversation, Enquiry, InboundMessage, Message, Topic
from whatsapp_notify.services import consent, conversations, desk, desk_replies, senders
from whatsapp_notify.services.consent import Proof
from whatsapp_notify.services.desk_replies import Outcome, Reply, Result

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def one() -> User:
    return User.objects.create_user("one", first_name="One")


@pytest.fixture
def two() -> User:
    return User.objects.create_user("two", first_name="Two")


@pytest.fixture
def inbound() -> InboundMessage:
    make.topic("service")
    row = chat.write("A question", by=chat.person(make.contact()))
    conversations.call_person(inbound=row, reason=Enquiry.Reason.NOT_UNDERSTOOD, now=NOW)
    return row


@pytest.fixture
def conversation(inbound: InboundMessage) -> Conversation:
    return Conversation.objects.get(contact=inbound.contact)


def reply(at: Conversation, user: User, *, token: str = "t1", seen_id: int = 0) -> Reply:
    return Reply(conversation=at, user=user, token=token, seen_id=seen_id)


def send(at: Conversation, user: User, text: str = "Hello", **fields: Any) -> Outcome:
    now = fields.pop("now", LATER)
    titles = fields.pop("titles", ())
    return desk.send_text(reply(at, user, **fields), text=text, titles=titles, now=now)


def by_staff() -> list[Message]:
    return list(Message.objects.filter(author__isnull=False).order_by("id"))


class TestSendText:
    def test_puts_the_answer_into_the_outbox(
        self, conversation: Conversation, inbound: InboundMessage, one: User
    ) -> None:
        outcome = send(conversation, one, "  Line one\r\nLine two ")

        message = by_staff()[0]
        assert outcome == Outcome(result=Result.SENT, message=message)
        assert message.chat_preview.body == "Line one\nLine two"
        assert message.state == "queued"
        assert message.is_pending
        assert message.author == one
        assert message.in_reply_to == inbound
        assert message.topic.purpose == "service"
        assert message.key == "desk:t1"
        assert message.expires_at == conversation.window_expires_at

    def test_ends_the_wait_and_leads_the_talk(self, conversation: Conversation, one: User) -> None:
        send(conversation, one)

        conversation.refresh_from_db()
        assert conversation.waiting_since is None
        assert conversation.assigned_to == one
        assert conversation.mode == Conversation.Mode.PERSON
        assert conversation.last_message_at == LATER
        assert Enquiry.objects.get().outcome == Enquiry.Outcome.ANSWERED

    def test_sends_once_however_often_it_is_pressed(
        self, conversation: Conversation, one: User
    ) -> None:
        results = [send(conversation, one).result for _press in range(3)]

        assert results == [Result.SENT] * 3
        assert len(by_staff()) == 1

    def test_does_not_take_another_text_for_the_same(
        self, conversation: Conversation, one: User
    ) -> None:
        send(conversation, one, "First")

        assert send(conversation, one, "Second").result is Result.STALE
        assert [message.chat_preview.body for message in by_staff()] == ["First"]

    def test_does_not_take_a_form_of_another_chat_for_the_same(
        self, conversation: Conversation, one: User
    ) -> None:
        send(conversation, one)
        other = make.open_window(make.contact(), until=LATER + timedelta(hours=1))

        assert send(other, one).result is Result.STALE

    def test_asks_once_more_where_a_colleague_has_answered(
        self, conversation: Conversation, one: User, two: User
    ) -> None:
        seen_id = desk_replies.newest_by_staff(contact_id=conversation.contact_id)
        theirs = send(conversation, two, "From two").message
        assert theirs is not None

        asked = send(conversation, one, token="t2", seen_id=seen_id)
        again = send(conversation, one, token="t3", seen_id=theirs.pk)

        assert asked == Outcome(result=Result.MEANWHILE, message=theirs)
        assert again.result is Result.SENT
        assert len(by_staff()) == 2

    def test_does_not_ask_because_of_ones_own_answer(
        self, conversation: Conversation, one: User
    ) -> None:
        send(conversation, one, "First")

        assert send(conversation, one, "Second", token="t2").result is Result.SENT

    def test_does_not_ask_because_of_what_never_left(
        self, conversation: Conversation, one: User, two: User
    ) -> None:
        send(conversation, two)
        Message.objects.filter(author=two).update(state="cancelled")

        assert send(conversation, one, token="t2").result is Result.SENT

    def test_is_refused_once_the_window_has_closed(
        self, conversation: Conversation, one: User
    ) -> None:
        outcome = send(conversation, one, now=NOW + timedelta(hours=25))

        assert outcome.result is Result.REFUSED
        assert outcome.message is not None
        assert outcome.message.reason == "service_window"
        conversation.refresh_from_db()
        assert conversation.waiting_since is not None
        assert conversation.assigned_to is None

    def test_stays_refused_when_it_is_pressed_again(
        self, conversation: Conversation, one: User
    ) -> None:
        late = NOW + timedelta(hours=25)
        send(conversation, one, now=late)

        assert send(conversation, one, now=late).result is Result.REFUSED

    def test_waits_behind_the_red_button(self, conversation: Conversation, one: User) -> None:
        senders.stop(sender=senders.current(), actor="one", now=NOW)

        outcome = send(conversation, one)

        assert outcome.result is Result.WAITS
        assert outcome.message is not None
        assert outcome.message.reason == "red_button"

    @pytest.mark.parametrize(
        ("text", "result"),
        [
            ("", Result.EMPTY),
            (" \r\n ", Result.EMPTY),
            ("x" * 4096, Result.SENT),
            ("x" * 4097, Result.TOO_LONG),
            ("ä" * 4096, Result.SENT),
            ("Your order {order_ref}", Result.UNFILLED),
            ("A {smile} of the customer's own", Result.SENT),
            ("No end\x00 of it", Result.SENT),
        ],
        ids=[
            "empty", "blank", "longest", "too long", "umlauts", "name left", "other braces", "NUL",
        ],
    )  # fmt: skip
    def test_looks_at_the_text_first(
        self, text: str, result: Result, conversation: Conversation, one: User
    ) -> None:
        assert send(conversation, one, text).result is result
        assert len(by_staff()) == (1 if result is Result.SENT else 0)

    def test_says_which_names_are_left(self, conversation: Conversation, one: User) -> None:
        outcome = send(conversation, one, "{order_ref} {agent_name}")

        assert outcome.names == ("agent_name", "order_ref")

    def test_keeps_nothing_of_who_was_erased(self, conversation: Conversation, one: User) -> None:
        conversation.contact.erased_at = NOW

        assert send(conversation, one).result is Result.ERASED
        assert by_staff() == []

    def test_needs_a_topic(self, conversation: Conversation, one: User) -> None:
        Message.objects.all().delete()
        Topic.objects.filter(purpose="service").delete()

        assert send(conversation, one).result is Result.NO_TOPIC


class TestSendWithButtons:
    def test_puts_them_below_the_text(self, conversation: Conversation, one: User) -> None:
        outcome = send(conversation, one, "Which size?", titles=(" M ", "", "L \r\n XL"))

        message = by_staff()[0]
        assert outcome.result is Result.SENT
        assert message.content["kind"] == "buttons"
        assert message.content["buttons"] == [
            {"reply_id": "wn:say:M", "title": "M"},
            {"reply_id": "wn:say:L XL", "title": "L XL"},
        ]
        assert [button.label for button in message.chat_preview.buttons] == ["M", "L XL"]

    def test_leaves_out_empty_ones(self, conversation: Conversation, one: User) -> None:
        send(conversation, one, "Hello", titles=("", "  "))

        assert by_staff()[0].content["kind"] == "text"

    @pytest.mark.parametrize(
        ("text", "titles", "result"),
        [
            ("Hello", ("x" * 21,), Result.BUTTONS),
            ("Hello", ("Yes", " yes "), Result.BUTTONS),
            ("Hello", ("1", "2", "3", "4"), Result.BUTTONS),
            ("x" * 1025, ("Yes",), Result.BUTTONS),
            ("", ("Yes",), Result.EMPTY),
            ("Hello", ("{order_ref}",), Result.UNFILLED),
        ],
        ids=["long", "twins", "four", "long text", "no text", "name left"],
    )
    def test_sends_nothing_that_does_not_fit(
        self, text: str, titles: tuple[str, ...], result: Result, conversation: Conversation,
        one: User,
    ) -> None:  # fmt: skip
        assert send(conversation, one, text, titles=titles).result is result
        assert by_staff() == []

    def test_takes_other_buttons_for_another_answer(
        self, conversation: Conversation, one: User
    ) -> None:
        send(conversation, one, "Hello", titles=("Yes",))

        assert send(conversation, one, "Hello", titles=("Yes",)).result is Result.SENT
        assert send(conversation, one, "Hello", titles=("No",)).result is Result.STALE


class TestSendTemplate:
    def send(self, at: Conversation, user: User, key: str, **fields: Any) -> Outcome:
        template = make.template()
        return desk.send_template(
            reply(at, user),
            template=template,
            topic=make.topic(key),
            values={"body.1": "Customer"},
            now=fields.pop("now", NOW + timedelta(hours=30)),
        )

    def test_leaves_after_the_window_where_there_is_consent(
        self, conversation: Conversation, one: User
    ) -> None:
        outcome = self.send(conversation, one, "orders")

        assert outcome.result is Result.SENT
        message = by_staff()[0]
        assert message.template_name == "order_shipped"
        assert message.chat_preview.body == "Hello Customer, your order is on its way."
        conversation.refresh_from_db()
        assert conversation.waiting_since is None

    def test_is_refused_without_consent(self, conversation: Conversation, one: User) -> None:
        consent.withdraw(
            contact=conversation.contact,
            topics=[make.topic("orders")],
            proof=Proof(source="staff"),
            occurred_at=LATER,
            now=LATER,
        )

        outcome = self.send(conversation, one, "orders")

        assert outcome.result is Result.REFUSED
        assert outcome.message is not None
        assert outcome.message.reason == "consent"


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def test_one_is_sent_and_the_other_is_asked(
        self, conversation: Conversation, one: User, two: User
    ) -> None:
        outcomes = together(
            lambda: send(conversation, one, "From one", token="t1"),
            lambda: send(conversation, two, "From two", token="t2"),
        )

        assert {outcome.result for outcome in outcomes} == {Result.SENT, Result.MEANWHILE}
        assert len(by_staff()) == 1

    def test_a_double_click_is_one_message(self, conversation: Conversation, one: User) -> None:
        outcomes = together(*[lambda: send(conversation, one)] * 4)

        assert [outcome.result for outcome in outcomes] == [Result.SENT] * 4
        assert len(by_staff()) == 1
