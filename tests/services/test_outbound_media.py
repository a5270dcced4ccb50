"""Files of the staff: looked at, kept for an hour or for their retention, uploaded once."""

import logging
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from tests import factories as make
from tests import files
from tests.factories import NOW
from whatsapp_notify.backends import locmem
from whatsapp_notify.domain import file_types
from whatsapp_notify.domain.receipts import NotUploaded
from whatsapp_notify.models import Conversation, Message, OutboundMedia
from whatsapp_notify.services import media_files, outbound_media, sweep
from whatsapp_notify.services.outbound_media import Fault

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CANARY = "name-of-the-staffs-file"


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Path:
    directory = tmp_path / "files"
    directory.mkdir(mode=0o700)
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MEDIA_DIRECTORY": str(directory)}
    return directory


@pytest.fixture
def conversation() -> Conversation:
    make.topic("service")
    return make.open_window(make.contact(), until=NOW + DAY)


@pytest.fixture
def one() -> User:
    return User.objects.create_user("one")


def keep(
    at: Conversation, user: User, *chunks: bytes, told: str = "", name: str = "invoice.pdf",
    now: datetime = NOW,
) -> OutboundMedia | Fault:  # fmt: skip
    return outbound_media.keep(
        conversation=at, user=user, chunks=chunks, told=told, name=name, now=now
    )


def kept(at: Conversation, user: User, **fields: Any) -> OutboundMedia:
    row = keep(at, user, files.PDF, **fields)
    assert isinstance(row, OutboundMedia)
    return row


def message(at: Conversation) -> Message:
    return make.queued(at.contact)


def on_disk(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file())


class TestKeep:
    def test_keeps_it_where_nobody_else_reads(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        row = keep(
            conversation, one, files.PDF[:4], files.PDF[4:], name=f"C:\\x\\{CANARY}\u202e.PDF"
        )

        assert isinstance(row, OutboundMedia)
        (path,) = on_disk(place)
        assert path.read_bytes() == files.PDF
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert CANARY not in str(path)
        row.refresh_from_db()
        assert (row.kind, row.detected_type, row.filename) == (
            "document", "application/pdf", f"{CANARY}.PDF",
        )  # fmt: skip
        assert (row.size, row.author, row.message) == (len(files.PDF), one, None)
        assert row.delete_at == NOW + HOUR

    @pytest.mark.parametrize(
        ("data", "told", "fault"),
        [
            (b"", "application/pdf", Fault.EMPTY),
            (files.HTML, "text/html", Fault.TYPE),
            (files.DOCM, file_types.DOCX, Fault.TYPE),
            (files.JPEG, "application/pdf", Fault.LIE),
            (files.JPEG + b"0" * (5 * 1024 * 1024), "image/jpeg", Fault.TOO_LARGE),
        ],
        ids=["empty", "page", "macros", "lie", "large picture"],
    )
    def test_keeps_nothing_of_what_is_not_sent(
        self, data: bytes, told: str, fault: Fault, place: Path, conversation: Conversation,
        one: User,
    ) -> None:  # fmt: skip
        assert keep(conversation, one, data, told=told) is fault
        assert on_disk(place) == []
        assert not OutboundMedia.objects.exists()

    def test_reads_no_more_than_may_be_sent(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        read = []

        def chunks() -> Any:
            for number in range(100):
                read.append(number)
                yield files.PDF + b"0" * 1024 * 1024

        found = outbound_media.keep(
            conversation=conversation, user=one, chunks=chunks(), told="", name="", now=NOW
        )

        assert found is Fault.TOO_LARGE
        assert len(read) == 16
        assert on_disk(place) == []

    def test_knows_what_is_in_a_document_of_office(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        row = keep(conversation, one, files.DOCX, told=file_types.DOCX, name="terms")

        assert isinstance(row, OutboundMedia)
        assert row.filename == "terms.docx"

    def test_needs_a_place(self, conversation: Conversation, one: User) -> None:
        assert not outbound_media.are_sent()
        assert keep(conversation, one, files.PDF) is Fault.NO_PLACE

    def test_tells_of_a_disk_that_is_away(
        self, place: Path, conversation: Conversation, one: User, caplog: Any
    ) -> None:
        place.rmdir()

        assert keep(conversation, one, files.PDF, name=CANARY) is Fault.DISK
        assert "A file of the staff could not be written" in caplog.text
        assert CANARY not in caplog.text

    def test_leaves_a_row_behind_that_the_tick_removes(
        self, place: Path, conversation: Conversation, one: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who dies, or fails, between row and file leaves nothing that nobody knows."""

        def fail(*args: Any, **kwargs: Any) -> None:
            raise OSError

        monkeypatch.setattr(media_files.Incoming, "keep", fail)

        assert keep(conversation, one, files.PDF) is Fault.DISK
        assert OutboundMedia.objects.count() == 1
        outbound_media.delete_old(now=NOW + HOUR)
        assert not OutboundMedia.objects.exists()


class TestChosen:
    def find(self, row: OutboundMedia, **changes: Any) -> OutboundMedia | None:
        wanted = {"conversation": row.conversation, "user": row.author, "now": NOW, **changes}
        return outbound_media.chosen(pk=row.pk, **wanted)

    def test_finds_ones_own_at_the_same_conversation(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        row = kept(conversation, one)
        other = make.open_window(make.contact(), until=NOW + DAY)
        two = User.objects.create_user("two")

        assert self.find(row) == row
        assert self.find(row, user=two) is None
        assert self.find(row, conversation=other) is None

    def test_finds_none_that_is_deleted_in_a_moment(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        row = kept(conversation, one)

        assert self.find(row, now=NOW + 57 * MINUTE) == row
        assert self.find(row, now=NOW + 58 * MINUTE) is None

    def test_finds_what_was_sent_until_it_is_deleted(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        row = kept(conversation, one)
        outbound_media.join(row=row, message=message(conversation), now=NOW)

        assert self.find(row, now=NOW + DAY) == row
        outbound_media.delete_old(now=NOW + 180 * DAY)
        assert self.find(row, now=NOW + DAY) is None


class TestUpload:
    def test_hands_it_over_once_and_without_its_name(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        row = kept(conversation, one, name=f"{CANARY}.pdf")

        assert outbound_media.upload(row=row) is None
        assert outbound_media.upload(row=row) is None

        assert locmem.uploads == [(files.PDF, "application/pdf", "file.pdf")]
        assert OutboundMedia.objects.get().media_id == row.media_id != ""

    def test_says_what_hindered_it_and_tries_anew(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        row = kept(conversation, one)
        answers = [NotUploaded(code=131053), NotUploaded(), None]
        locmem.answer_upload_with(lambda content: answers.pop(0))

        found = [outbound_media.upload(row=row) for _try in range(3)]

        assert found == [NotUploaded(code=131053), NotUploaded(), None]
        assert len(locmem.uploads) == 3

    def test_says_that_the_file_is_gone(
        self, place: Path, conversation: Conversation, one: User, caplog: Any
    ) -> None:
        row = kept(conversation, one)
        on_disk(place)[0].unlink()

        assert isinstance(outbound_media.upload(row=row), OSError)
        assert locmem.uploads == []
        assert "A file of the staff could not be read" in caplog.text

    def test_holds_no_transaction(self, place: Path, conversation: Conversation, one: User) -> None:
        row = kept(conversation, one)

        with transaction.atomic(), pytest.raises(RuntimeError):
            outbound_media.upload(row=row)
        assert locmem.uploads == []


class TestJoin:
    def test_keeps_it_for_the_retention(
        self, place: Path, conversation: Conversation, one: User, settings: Any
    ) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MEDIA_RETENTION_DAYS": 3}
        row, sent = kept(conversation, one), message(conversation)

        assert outbound_media.join(row=row, message=sent, now=NOW)

        row.refresh_from_db()
        assert (row.message, row.delete_at) == (sent, NOW + 3 * DAY)

    def test_takes_none_twice_and_none_that_goes(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        taken, late = kept(conversation, one), kept(conversation, one)
        outbound_media.join(row=taken, message=message(conversation), now=NOW)

        assert not outbound_media.join(row=taken, message=message(conversation), now=NOW)
        assert not outbound_media.join(row=late, message=message(conversation), now=NOW + HOUR)


class TestForget:
    def test_deletes_what_was_not_sent_alone(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        unsent, sent = kept(conversation, one), kept(conversation, one)
        outbound_media.join(row=sent, message=message(conversation), now=NOW)

        for row in (unsent, sent):
            outbound_media.forget(row=row)

        assert list(OutboundMedia.objects.all()) == [sent]
        assert len(on_disk(place)) == 1


class TestDeleteOld:
    def test_deletes_what_was_not_sent_within_an_hour(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        kept(conversation, one)

        assert outbound_media.delete_old(now=NOW + 59 * MINUTE) == 0
        sweep.sweep(now=NOW + HOUR)

        assert on_disk(place) == []
        assert not OutboundMedia.objects.exists()

    def test_leaves_the_row_of_what_was_sent(
        self, place: Path, conversation: Conversation, one: User
    ) -> None:
        row = kept(conversation, one)
        outbound_media.join(row=row, message=message(conversation), now=NOW)

        assert outbound_media.delete_old(now=NOW + 180 * DAY - MINUTE) == 0
        assert outbound_media.delete_old(now=NOW + 180 * DAY) == 1

        row.refresh_from_db()
        assert on_disk(place) == []
        assert (str(row.file), row.filename, row.delete_at) == ("", "", None)
        assert row.message is not None
        assert outbound_media.delete_old(now=NOW + 400 * DAY) == 0

    def test_goes_on_past_a_file_that_cannot_be_deleted(
        self, place: Path, conversation: Conversation, one: User,
        monkeypatch: pytest.MonkeyPatch, caplog: Any,
    ) -> None:  # fmt: skip
        caplog.set_level(logging.WARNING)
        stuck, other = kept(conversation, one), kept(conversation, one)
        real = media_files.delete

        def delete(*, name: str) -> None:
            if name == str(stuck.file):
                raise PermissionError
            real(name=name)

        monkeypatch.setattr(media_files, "delete", delete)

        assert outbound_media.delete_old(now=NOW + HOUR) == 1

        assert list(OutboundMedia.objects.all()) == [stuck]
        assert not OutboundMedia.objects.filter(pk=other.pk).exists()
        assert "A file of the staff could not be deleted" in caplog.text
        stuck.refresh_from_db()
        assert stuck.delete_at == NOW + 2 * HOUR
