"""A file that the staff send: uploaded outside of any transaction, sent once, never lost."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from tests import chat, files
from tests import factories as make
from tests.concurrency import together
from tests.factories import NOW
from whatsapp_notify.backends import locmem
from whatsapp_notify.cloud_api import payloads
from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain.receipts import NotUploaded
from whatsapp_notify.models import Conversation, Enquiry, Message, OutboundMedia, Topic
from whatsapp_notify.services import (
    conversations,
    delivery,
    desk,
    desk_files,
    installation,
    outbound_media,
    senders,
)
from whatsapp_notify.services.desk_replies import Outcome, Reply, Result
from whatsapp_notify.simulator import control
from whatsapp_notify.simulator.models import ChatMessage, StoredMedia

pytestmark = pytest.mark.django_db(transaction=True)

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Path:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MEDIA_DIRECTORY": str(tmp_path)}
    return tmp_path


@pytest.fixture
def one() -> User:
    return User.objects.create_user("one", first_name="One")


@pytest.fixture
def conversation(place: Path) -> Conversation:
    make.topic("service")
    row = chat.write("The invoice, please", by=chat.person(make.contact()))
    conversations.call_person(inbound=row, reason=Enquiry.Reason.NOT_UNDERSTOOD, now=NOW)
    return Conversation.objects.get(contact=row.contact)


def choose(at: Conversation, user: User, data: bytes = files.PDF) -> OutboundMedia:
    row = outbound_media.keep(
        conversation=at, user=user, chunks=[data], told="", name="invoice.pdf", now=NOW
    )
    assert isinstance(row, OutboundMedia)
    return row


def send(file: OutboundMedia, text: str = "Here it is", **fields: Any) -> Outcome:
    assert file.author is not None
    reply = Reply(
        conversation=file.conversation,
        user=fields.pop("user", file.author),
        token=fields.pop("token", "t1"),
        seen_id=fields.pop("seen_id", 0),
    )
    return desk_files.send(reply, file=file, text=text, now=fields.pop("now", LATER), **fields)


def by_staff() -> list[Message]:
    return list(Message.objects.filter(author__isnull=False).order_by("id"))


class TestSend:
    def test_uploads_then_sends_with_words_below(
        self, conversation: Conversation, one: User
    ) -> None:
        file = choose(conversation, one)

        outcome = send(file, " Here\r\nit is ")

        (message,) = by_staff()
        file.refresh_from_db()
        assert outcome == Outcome(result=Result.SENT, message=message)
        assert message.content == {
            "kind": "media", "media": "document", "media_id": file.media_id, "link": "",
            "caption": "Here\nit is", "filename": "invoice.pdf", "transcript": "",
        }  # fmt: skip
        assert (file.message, file.delete_at) == (message, LATER + timedelta(days=180))
        assert message.chat_preview.header_media == "document"
        conversation.refresh_from_db()
        assert conversation.waiting_since is None
        assert conversation.assigned_to == one

    @pytest.mark.parametrize(
        ("data", "wanted"), [(files.PDF, "document"), (files.PNG, "image")], ids=["pdf", "picture"]
    )
    def test_leaves_as_whatsapp_takes_it(
        self, data: bytes, wanted: str, conversation: Conversation, one: User
    ) -> None:
        send(choose(conversation, one, data), "")

        delivery.deliver(clock=lambda: LATER)

        (outgoing,) = locmem.outbox
        assert by_staff()[0].state == "accepted"
        assert f'"type":"{wanted}"'.encode() in payloads.message(outgoing=outgoing)
        assert b'"caption"' not in payloads.message(outgoing=outgoing)

    def test_holds_no_transaction_while_it_uploads(
        self, conversation: Conversation, one: User
    ) -> None:
        seen = []
        locmem.answer_upload_with(lambda content: seen.append(connection.in_atomic_block))

        send(choose(conversation, one))

        assert seen == [False]

    @pytest.mark.parametrize("code", [131053, None], ids=["refused", "no answer"])
    def test_sends_nothing_that_was_not_uploaded_and_keeps_the_file(
        self, code: int | None, conversation: Conversation, one: User
    ) -> None:
        answers = [NotUploaded(code=code), None]
        locmem.answer_upload_with(lambda content: answers.pop(0))
        file = choose(conversation, one)

        first = send(file)

        assert first == Outcome(result=Result.NOT_UPLOADED, code=code)
        assert by_staff() == []
        conversation.refresh_from_db()
        assert conversation.waiting_since is not None
        assert send(file).result is Result.SENT
        assert len(by_staff()) == 1

    def test_is_one_message_however_often_it_is_pressed(
        self, conversation: Conversation, one: User
    ) -> None:
        file = choose(conversation, one)
        results = [send(file).result for _press in range(3)]
        anew = choose(conversation, one)

        assert [*results, send(anew).result] == [Result.SENT] * 4
        assert len(by_staff()) == 1
        assert len(locmem.uploads) == 1
        assert list(OutboundMedia.objects.all()) == [file]

    def test_does_not_take_another_file_or_other_words_for_the_same(
        self, conversation: Conversation, one: User
    ) -> None:
        send(choose(conversation, one))

        other = choose(conversation, one, files.PDF + b"other")
        assert send(other).result is Result.STALE
        assert send(choose(conversation, one), "Other words").result is Result.STALE
        assert len(by_staff()) == 1

    def test_does_not_send_a_file_twice_with_two_forms(
        self, conversation: Conversation, one: User
    ) -> None:
        file = choose(conversation, one)
        send(file)

        assert send(file, token="t2").result is Result.FILE_GONE
        assert len(by_staff()) == 1

    def test_asks_before_it_uploads_where_a_colleague_has_answered(
        self, conversation: Conversation, one: User
    ) -> None:
        two = User.objects.create_user("two")
        reply = Reply(conversation=conversation, user=two, token="t0", seen_id=0)
        theirs = desk.send_text(reply, text="From two", now=LATER).message
        file = choose(conversation, one)

        assert send(file) == Outcome(result=Result.MEANWHILE, message=theirs)
        assert locmem.uploads == []
        assert theirs is not None
        assert send(file, token="t2", seen_id=theirs.pk).result is Result.SENT

    def test_asks_after_it_has_uploaded_where_a_colleague_was_faster(
        self, conversation: Conversation, one: User
    ) -> None:
        two = User.objects.create_user("two")
        reply = Reply(conversation=conversation, user=two, token="t0", seen_id=0)

        def answer(content: bytes) -> None:
            desk.send_text(reply, text="From two", now=LATER)

        locmem.answer_upload_with(answer)
        file = choose(conversation, one)

        found = send(file)

        assert found.result is Result.MEANWHILE
        assert found.message is not None
        assert send(file, token="t2", seen_id=found.message.pk).result is Result.SENT
        assert len(locmem.uploads) == 1

    def test_uploads_nothing_that_would_not_leave(
        self, conversation: Conversation, one: User
    ) -> None:
        outcome = send(choose(conversation, one), now=NOW + timedelta(hours=25))

        assert outcome.result is Result.REFUSED
        assert outcome.message is not None
        assert outcome.message.reason == "service_window"
        assert outcome.message.checks
        assert locmem.uploads == []
        assert by_staff() == []

    def test_uploads_nothing_from_a_copy_of_the_shop(
        self, conversation: Conversation, one: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = installation.current(now=NOW)
        real.deployment = "somewhere-else"
        monkeypatch.setattr(installation, "current", lambda now: real)

        outcome = send(choose(conversation, one))

        assert outcome.result is Result.REFUSED
        assert outcome.message is not None
        assert outcome.message.reason == "staging_lock"
        assert locmem.uploads == []

    def test_waits_behind_the_red_button(self, conversation: Conversation, one: User) -> None:
        senders.stop(sender=senders.current(), actor="one", now=NOW)

        assert send(choose(conversation, one)).result is Result.WAITS

    def test_is_told_that_the_file_has_gone(
        self, conversation: Conversation, one: User, place: Path
    ) -> None:
        file = choose(conversation, one)

        def go(content: bytes) -> None:
            OutboundMedia.objects.all().delete()

        locmem.answer_upload_with(go)

        assert send(file).result is Result.FILE_GONE
        assert by_staff() == []
        conversation.refresh_from_db()
        assert conversation.waiting_since is not None

    def test_is_told_that_the_file_cannot_be_read(
        self, conversation: Conversation, one: User, place: Path
    ) -> None:
        file = choose(conversation, one)
        (place / str(file.file)).unlink()

        assert send(file).result is Result.FILE_GONE

    @pytest.mark.parametrize(
        ("text", "titles", "result"),
        [
            ("x" * 1024, (), Result.SENT),
            ("x" * 1025, (), Result.LONG_CAPTION),
            ("", ("Yes",), Result.FILE_BUTTONS),
            ("", (" ",), Result.SENT),
            ("Order {order_ref}", (), Result.UNFILLED),
        ],
        ids=["longest", "too long", "buttons", "empty button", "name left"],
    )
    def test_looks_at_the_words_first(
        self, text: str, titles: tuple[str, ...], result: Result, conversation: Conversation,
        one: User,
    ) -> None:  # fmt: skip
        assert send(choose(conversation, one), text, titles=titles).result is result
        assert len(locmem.uploads) == len(by_staff()) == (1 if result is Result.SENT else 0)

    def test_keeps_nothing_of_who_was_erased(self, conversation: Conversation, one: User) -> None:
        conversation.contact.erased_at = NOW

        assert send(choose(conversation, one)).result is Result.ERASED

    def test_needs_a_topic(self, conversation: Conversation, one: User) -> None:
        Message.objects.all().delete()
        Topic.objects.filter(purpose="service").delete()

        assert send(choose(conversation, one)).result is Result.NO_TOPIC

    def test_goes_through_graph_to_the_phone(
        self, conversation: Conversation, one: User, live_server: Any, settings: Any
    ) -> None:
        settings.WHATSAPP_NOTIFY = {
            **settings.WHATSAPP_NOTIFY,
            "BACKEND": "whatsapp_notify.backends.cloud_api.CloudApiBackend",
            "GRAPH_URL": f"{live_server.url}/simulator/graph",
        }
        file = choose(conversation, one)
        control.fail_next_calls(131053)

        assert send(file) == Outcome(result=Result.NOT_UPLOADED, code=131053)
        assert send(file).result is Result.SENT
        delivery.deliver(clock=lambda: LATER)

        shown = ChatMessage.objects.get(pieces__media__kind="document")
        stored = StoredMedia.objects.get(graph_id=shown.pieces["media"]["media_id"])
        assert by_staff()[0].state == "accepted"
        assert bytes(stored.data) == files.PDF
        assert stored.mime_type == "application/pdf"
        assert shown.pieces["media"]["filename"] == "invoice.pdf"
        assert shown.pieces["body"] == "Here it is"

    def test_of_two_at_once_is_one_message(self, conversation: Conversation, one: User) -> None:
        both = [choose(conversation, one), choose(conversation, one)]

        outcomes = together(*[lambda row=row: send(row) for row in both])

        assert [outcome.result for outcome in outcomes] == [Result.SENT] * 2
        assert len(by_staff()) == 1
        content = contents.from_json(by_staff()[0].content)
        joined = OutboundMedia.objects.get(message=by_staff()[0])
        assert getattr(content, "media_id", "") == joined.media_id
