"""Files at the desk: chosen, sent, shown, and never lost with a problem."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import resolve, reverse

from tests import files
from tests.admin import factories as make
from whatsapp_notify.backends import locmem
from whatsapp_notify.domain.receipts import NotUploaded
from whatsapp_notify.models import CannedReply, Contact, Conversation, Message, OutboundMedia
from whatsapp_notify.services import outbound_media

pytestmark = pytest.mark.django_db(transaction=True)

Staff = Callable[..., Client]

ACT = (
    "view_conversation", "view_inboundmessage_text", "view_message_text", "reply_conversation",
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Path:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MEDIA_DIRECTORY": str(tmp_path)}
    return tmp_path


@pytest.fixture
def conversation(now: datetime) -> Conversation:
    make.make_topic("service", purpose="service", lawful_basis="contract")
    contact, sender = make.make_contact("+358401234567", language="en"), make.make_sender()
    at = now - timedelta(minutes=30)
    make.make_inbound(contact, at=at, text="The invoice, please", sender=sender)
    return make.make_conversation(contact, at=at, sender=sender, waiting_since=at)


def pdf(data: bytes = files.PDF, *, name: str = "invoice.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="application/pdf")


def press(client: Client, row: Conversation, do: str = "send", **fields: Any) -> str:
    url = reverse("admin:whatsapp_notify_conversation_act", args=[row.pk])
    data = {"do": do, "token": "t1", "seen_id": "0", "text": "", **fields}
    return str(client.post(url, data, follow=True).content.decode())


def page(client: Client, row: Conversation) -> str:
    url = reverse("admin:whatsapp_notify_conversation_change", args=[row.pk])
    return str(client.get(url).content.decode())


def file_url(row: OutboundMedia) -> str:
    return reverse("admin:whatsapp_notify_conversation_file", args=[row.conversation_id, row.pk])


def box(html: str) -> dict[str, str]:
    """What a browser would send again of the hidden fields and the file that waits."""
    pattern = r'name="(token|seen_id|file_id)" value="([^"]+)"'
    return dict(re.findall(pattern, html))


class TestSend:
    def test_sends_it_and_shows_it_in_the_chat(
        self, staff: Staff, conversation: Conversation, place: Path
    ) -> None:
        html = press(staff(*ACT), conversation, text="Here it is", file=pdf())

        row = OutboundMedia.objects.get()
        assert "Sent." in html
        assert f'<a href="{file_url(row)}">Open the file (PDF, ' in html
        assert '<div class="wn-bubble-header">invoice.pdf</div>' in html
        assert "Here it is" in html
        assert row.message == Message.objects.get()
        assert 'name="file_id"' not in html

    def test_needs_no_words(self, owner: Client, conversation: Conversation, place: Path) -> None:
        html = press(owner, conversation, file=pdf())

        assert "Sent." in html
        assert "We: invoice.pdf" in html

    def test_is_for_who_may_answer(
        self, staff: Staff, conversation: Conversation, place: Path
    ) -> None:
        client = staff(*ACT[:-1])

        assert 'id="wn-file"' not in page(client, conversation)
        press(client, conversation, file=pdf())
        assert not OutboundMedia.objects.exists()

    def test_shows_price_limits_and_help_first(
        self, owner: Client, conversation: Conversation, place: Path
    ) -> None:
        html = page(owner, conversation)

        assert 'enctype="multipart/form-data"' in html
        assert "Pictures (JPEG, PNG) may have 5.0\xa0MB, documents 16.0\xa0MB." in html
        assert "with at most 1024 characters; it may be empty." in html
        assert "The price is not known" in html

    def test_keeps_nothing_for_who_was_erased(
        self, owner: Client, conversation: Conversation, place: Path, now: datetime
    ) -> None:
        Contact.objects.update(erased_at=now)

        html = press(owner, conversation, file=pdf())

        assert "This customer was erased." in html
        assert not OutboundMedia.objects.exists()

    def test_says_that_there_is_no_place_for_files(
        self, owner: Client, conversation: Conversation
    ) -> None:
        html = page(owner, conversation)

        assert "Files cannot be sent yet: MEDIA_DIRECTORY" in html
        assert 'id="wn-file"' not in html
        told = press(owner, conversation, text="Here it is", file=pdf())
        assert "the settings name no place for them." in told
        assert ">Here it is</textarea>" in told
        assert not Message.objects.exists()

    @pytest.mark.parametrize(
        ("file", "words"),
        [
            (pdf(b""), "The file is empty."),
            (pdf(files.HTML, name="x.html"), "This kind of file cannot be sent."),
            (pdf(files.JPEG), "The file is something else than its name says."),
            (pdf(files.PDF + b"0" * (17 * 1024 * 1024)), "The file is too large. Pictures"),
        ],
        ids=["empty", "page", "lie", "large"],
    )
    def test_says_what_is_wrong_with_it_and_keeps_the_words(
        self, file: SimpleUploadedFile, words: str, owner: Client, conversation: Conversation,
        place: Path,
    ) -> None:  # fmt: skip
        html = press(owner, conversation, text="Here it is", file=file, button="Yes")

        assert words in html
        assert ">Here it is</textarea>" in html
        assert 'name="button" value="Yes"' in html
        assert not Message.objects.exists()
        assert [path for path in place.rglob("*") if path.is_file()] == []

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (NotUploaded(), "WhatsApp gave no answer, so nothing was sent."),
            (NotUploaded(code=131053), "WhatsApp has refused the file (131053), so nothing"),
        ],
        ids=["away", "refused"],
    )
    def test_keeps_words_and_file_where_whatsapp_does_not_take_it(
        self, answer: NotUploaded, words: str, owner: Client, conversation: Conversation,
        place: Path,
    ) -> None:  # fmt: skip
        answers = [answer, None]
        locmem.answer_upload_with(lambda content: answers.pop(0))

        html = press(owner, conversation, text="Here it is", file=pdf())

        assert words in html
        assert ">Here it is</textarea>" in html
        assert "Send invoice.pdf (PDF, " in html
        assert '<details id="wn-attach" class="wn-desk-more" open>' in html
        assert not Message.objects.exists()
        assert "Sent." in press(owner, conversation, text="Here it is", **box(html))
        assert Message.objects.count() == 1
        assert OutboundMedia.objects.count() == 1

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"button": "Yes"}, "A file cannot have reply buttons"),
            ({"text": "x" * 1025}, "With a file the answer may have 1024 characters."),
            ({"text": "{order_ref}"}, "Put words in the place of {order_ref} first."),
        ],
        ids=["buttons", "long", "name left"],
    )
    def test_keeps_the_file_where_the_words_do_not_fit(
        self, fields: dict[str, str], words: str, owner: Client, conversation: Conversation,
        place: Path,
    ) -> None:  # fmt: skip
        html = press(owner, conversation, file=pdf(), **fields)

        assert words in html
        assert "Sent." in press(owner, conversation, **box(html))
        assert OutboundMedia.objects.get().message is not None

    def test_leaves_out_a_file_that_is_not_ticked_any_more(
        self, owner: Client, conversation: Conversation, place: Path
    ) -> None:
        fields = box(press(owner, conversation, file=pdf(), button="Yes"))
        del fields["file_id"]

        press(owner, conversation, text="Without it", **fields)

        assert Message.objects.get().content["kind"] == "text"

    def test_puts_another_file_in_the_place_of_the_first(
        self, owner: Client, conversation: Conversation, place: Path
    ) -> None:
        fields = box(press(owner, conversation, file=pdf(), button="Yes"))

        press(owner, conversation, file=pdf(name="right.pdf"), **fields)

        assert OutboundMedia.objects.get().filename == "right.pdf"
        assert len([path for path in place.rglob("*") if path.is_file()]) == 1

    def test_tells_of_a_file_that_has_waited_for_too_long(
        self, owner: Client, conversation: Conversation, place: Path, now: datetime
    ) -> None:
        fields = box(press(owner, conversation, file=pdf(), button="Yes"))
        outbound_media.delete_old(now=now + timedelta(hours=2))

        html = press(owner, conversation, text="Here it is", **fields)

        assert "The file has waited for too long and was deleted." in html
        assert ">Here it is</textarea>" in html
        assert 'name="file_id"' not in html
        assert not Message.objects.exists()

    def test_sends_no_file_of_a_colleague(
        self, owner: Client, staff: Staff, conversation: Conversation, place: Path
    ) -> None:
        fields = box(press(owner, conversation, file=pdf(), button="Yes"))

        html = press(staff(*ACT), conversation, text="Mine", **fields)

        assert "Choose it again." in html
        assert not Message.objects.exists()

    def test_sends_once_however_often_it_is_pressed(
        self, owner: Client, conversation: Conversation, place: Path
    ) -> None:
        fields = box(press(owner, conversation, file=pdf(), button="Yes"))

        told = [press(owner, conversation, **fields) for _press in range(3)]

        assert all("Sent." in html for html in told)
        assert Message.objects.count() == 1

    def test_keeps_the_file_when_a_canned_reply_comes_in(
        self, owner: Client, conversation: Conversation, place: Path
    ) -> None:
        canned = CannedReply.objects.create(title="Thanks", body="Thank you!")

        html = press(owner, conversation, f"canned-{canned.pk}", file=pdf())

        assert "Send invoice.pdf (PDF, " in html
        assert ">Thank you!</textarea>" in html

    def test_says_why_it_would_not_leave_and_uploads_nothing(
        self, owner: Client, conversation: Conversation, place: Path, now: datetime
    ) -> None:
        Conversation.objects.update(window_expires_at=now - timedelta(minutes=1))

        html = press(owner, conversation, text="Here it is", file=pdf())

        assert "Not sent: service window is closed." in html
        assert "Here it is</textarea>" in html
        assert locmem.uploads == []

    def test_runs_outside_of_the_shops_own_transaction(self, conversation: Conversation) -> None:
        url = reverse("admin:whatsapp_notify_conversation_act", args=[conversation.pk])

        assert "default" in resolve(url).func._non_atomic_requests  # type: ignore[attr-defined]


class TestFile:
    @pytest.fixture
    def sent(self, owner: Client, conversation: Conversation, place: Path) -> OutboundMedia:
        press(owner, conversation, file=pdf())
        return OutboundMedia.objects.get()

    def test_is_handed_out_so_that_nothing_in_it_runs(
        self, owner: Client, sent: OutboundMedia, caplog: Any
    ) -> None:
        caplog.set_level("INFO")

        answer = owner.get(file_url(sent))

        assert b"".join(answer.streaming_content) == files.PDF  # type: ignore[attr-defined]
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"] == f'attachment; filename="staff-file-{sent.pk}.pdf"'
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert "no-store" in answer["Cache-Control"]
        (record,) = [each for each in caplog.records if "was opened" in each.message]
        assert record.media_id == sent.pk

    def test_shows_a_picture(self, owner: Client, conversation: Conversation, place: Path) -> None:
        picture = SimpleUploadedFile("shoe.png", files.PNG, content_type="image/png")
        press(owner, conversation, file=picture)

        answer = owner.get(file_url(OutboundMedia.objects.get()))

        assert "shoe.png (PNG, " in page(owner, conversation)
        assert answer["Content-Type"] == "image/png"
        assert answer["Content-Disposition"].startswith("inline")

    def test_is_closed_to_who_may_not_read_what_we_write(
        self, staff: Staff, sent: OutboundMedia
    ) -> None:
        client = staff("view_conversation", "reply_conversation")

        assert client.get(file_url(sent)).status_code == 403
        assert staff("view_message_text").get(file_url(sent)).status_code == 403
        html = page(client, sent.conversation)
        assert file_url(sent) not in html
        assert "invoice.pdf" not in html

    def test_is_not_of_another_conversation_and_not_unsent(
        self, owner: Client, sent: OutboundMedia, now: datetime
    ) -> None:
        other = make.make_conversation(
            make.make_contact("+358401234568"), at=now, sender=sent.conversation.sender
        )
        name = "admin:whatsapp_notify_conversation_file"

        assert owner.get(reverse(name, args=[other.pk, sent.pk])).status_code == 404
        OutboundMedia.objects.update(message=None)
        assert owner.get(file_url(sent)).status_code == 404

    def test_is_gone_after_its_retention_and_the_chat_says_so(
        self, owner: Client, sent: OutboundMedia, now: datetime
    ) -> None:
        outbound_media.delete_old(now=now + timedelta(days=181))

        assert owner.get(file_url(sent)).status_code == 404
        html = page(owner, sent.conversation)
        assert "The file was deleted when its time was over." in html
        assert file_url(sent) not in html

    def test_is_not_there_where_the_disk_has_lost_it(
        self, owner: Client, sent: OutboundMedia, place: Path, settings: Any
    ) -> None:
        (place / str(sent.file)).unlink()
        assert owner.get(file_url(sent)).status_code == 404

        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MEDIA_DIRECTORY": ""}
        assert owner.get(file_url(sent)).status_code == 404

    def test_is_news_when_it_is_deleted(
        self, owner: Client, sent: OutboundMedia, now: datetime
    ) -> None:
        url = reverse("admin:whatsapp_notify_conversation_news", args=[sent.conversation_id])
        first = owner.post(url).json()
        tags = {"list_tag": first["list_tag"], "chat_tag": first["chat_tag"]}
        assert owner.post(url, tags).status_code == 204
        outbound_media.delete_old(now=now + timedelta(days=181))

        assert "was deleted" in owner.post(url, tags).json()["items"][-1]["html"]

    def test_survives_who_sent_it(self, owner: Client, sent: OutboundMedia) -> None:
        User.objects.create_superuser("other")
        assert sent.author is not None
        other = Client()
        other.force_login(User.objects.get(username="other"))
        sent.author.delete()

        assert other.get(file_url(sent)).status_code == 200
