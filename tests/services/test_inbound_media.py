"""Files of customers over real sockets: fetched, looked at, kept or refused, and deleted."""

import base64
import hashlib
import logging
import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from tests import chat, factories, files
from tests.cloud_api.scripted_server import Exchange, http
from tests.concurrency import together
from tests.factories import NOW
from tests.media_graph import MediaGraph
from whatsapp_notify import signals
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.models import Contact, InboundMedia, InboundMessage, Message
from whatsapp_notify.services import inbound_media, media_files, sweep
from whatsapp_notify.simulator import attachments

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CANARY = "name-of-the-customers-file"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    directory = tmp_path / "customer-files"
    directory.mkdir(mode=0o700)
    return directory


@pytest.fixture
def graph(settings: Any, place: Path) -> Iterator[MediaGraph]:
    factories.topic("service")
    graph = MediaGraph()
    with graph.server as server:
        settings.WHATSAPP_NOTIFY = {
            **settings.WHATSAPP_NOTIFY,
            "GRAPH_URL": server.url,
            "MEDIA_DIRECTORY": str(place),
        }
        yield graph


@pytest.fixture
def rung() -> Iterator[list[str]]:
    heard: list[str] = []

    def hear(**told: Any) -> None:
        heard.append("media")

    signals.media_due.connect(hear)
    yield heard
    signals.media_due.disconnect(hear)


def sent(kind: str = "image", by: Contact | None = None, **fields: Any) -> InboundMedia:
    answers = fields.pop("answers", "")
    content = contents.Media(kind=kind, **{"media_id": "77", "mime_type": "image/jpeg", **fields})
    row = chat.write(content, by=chat.person(by or factories.contact()), answers=answers, kind=kind)
    return row.media  # type: ignore[no-any-return]


def fetch(row: InboundMedia, *, at: datetime = NOW) -> InboundMedia:
    inbound_media.fetch_due(now=at)
    row.refresh_from_db()
    return row


def on_disk(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file())


class TestNote:
    def test_has_a_file_fetched(self, graph: MediaGraph, rung: list[str]) -> None:
        row = sent(filename="invoice.pdf", kind="document", mime_type="application/pdf; a=b")

        assert (row.state, row.due_at, row.media_id) == ("due", NOW, "77")
        assert (row.kind, row.declared_type) == ("document", "application/pdf")
        assert row.filename == "invoice.pdf"
        assert rung == ["media"]

    def test_without_a_place_it_says_that_it_is_not_kept(
        self, graph: MediaGraph, settings: Any, rung: list[str]
    ) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MEDIA_DIRECTORY": ""}

        row = sent()

        assert (row.state, row.reason, row.due_at) == ("refused", "not_kept", None)
        assert rung == []

    def test_the_same_message_twice_is_one_file(self, graph: MediaGraph) -> None:
        message = chat.message(
            contents.Media(kind="image", media_id="77"), by=chat.person(factories.contact())
        )

        chat.receive(message)
        chat.receive(message)

        assert InboundMedia.objects.count() == 1

    @pytest.mark.parametrize(
        ("name", "kept"),
        [
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\system32\\x.exe", "x.exe"),
            ("receipt\r\n\x07.pdf", "receipt.pdf"),
            ("receipt\u202efdp.exe", "receiptfdp.exe"),
            ("x" * 400 + ".pdf", "x" * 255),
            ("/", ""),
        ],
    )
    def test_f101_the_name_is_only_words(self, graph: MediaGraph, name: str, kept: str) -> None:
        assert sent(filename=name).filename == kept

    @pytest.mark.parametrize(
        ("told", "kept"),
        [
            ("A" * 64, "a" * 64),
            (base64.b64encode(b"\x01" * 32).decode(), "01" * 32),
            ("AAA=", ""),
            ("no hash", ""),
            ("", ""),
        ],
    )
    def test_reads_the_hash_as_webhooks_and_graph_write_it(
        self, graph: MediaGraph, told: str, kept: str
    ) -> None:
        assert sent(sha256=told).sha256 == kept


class TestFetch:
    def test_keeps_a_file_under_a_name_of_chance(
        self, graph: MediaGraph, place: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "whatsapp_notify")
        row = sent(filename=f"{CANARY}.jpg", sha256=hashlib.sha256(files.JPEG).hexdigest())

        fetch(row)

        assert (row.state, row.reason, row.due_at) == ("kept", "", None)
        assert (row.detected_type, row.size) == ("image/jpeg", len(files.JPEG))
        assert row.sha256 == hashlib.sha256(files.JPEG).hexdigest()
        assert (row.fetched_at, row.delete_at) == (NOW, NOW + 180 * DAY)
        [path] = on_disk(place)
        assert path == place / row.file.name
        assert path.read_bytes() == files.JPEG
        assert len(path.name) == 32
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert CANARY not in str(path)
        assert CANARY not in caplog.text

    def test_holds_no_large_file_in_memory(
        self, graph: MediaGraph, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written: list[int] = []
        write = media_files.Incoming.write

        def spy(self: media_files.Incoming, chunk: bytes) -> None:
            written.append(len(chunk))
            write(self, chunk)

        monkeypatch.setattr(media_files.Incoming, "write", spy)
        graph.body = files.PDF + os.urandom(3_000_000)
        row = fetch(sent(kind="document", mime_type="application/pdf"))

        assert row.state == "kept"
        assert max(written) <= 64 * 1024
        assert sum(written) == len(graph.body)

    @pytest.mark.parametrize(
        ("kind", "told", "body"),
        [
            ("sticker", "image/webp", files.WEBP),
            ("audio", "audio/ogg; codecs=opus", files.OPUS),
            ("video", "video/mp4", files.iso(b"isom")),
            ("document", "application/pdf", files.PDF),
            (
                "document",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                files.XLSX,
            ),
        ],
    )
    def test_keeps_other_kinds(
        self, graph: MediaGraph, place: Path, kind: str, told: str, body: bytes
    ) -> None:
        graph.body = body

        row = fetch(sent(kind=kind, mime_type=told))

        assert (row.state, row.reason) == ("kept", "")
        assert len(on_disk(place)) == 1

    @pytest.mark.parametrize(
        ("kind", "told", "body", "reason"),
        [
            ("image", "image/jpeg", files.HTML, "type"),
            ("image", "image/svg+xml", files.SVG, "type"),
            ("document", "text/html", files.HTML, "type"),
            ("document", "application/pdf", files.PROGRAM, "type"),
            ("document", "application/zip", files.archive("a.exe"), "type"),
            ("document", "application/msword", files.DOCM, "type"),
            ("document", "application/pdf", b"PK\x03\x04 no archive at all", "type"),
            ("image", "image/jpeg", files.PDF, "lie"),
            ("image", "image/jpeg", b"", "empty"),
        ],
    )
    def test_f101_what_lies_or_could_run_is_refused_and_nothing_of_it_stays(
        self, graph: MediaGraph, place: Path, kind: str, told: str, body: bytes, reason: str
    ) -> None:
        graph.body = body

        row = fetch(sent(kind=kind, mime_type=told))

        assert (row.state, row.reason, row.file.name) == ("refused", reason, "")
        assert on_disk(place) == []

    def test_f101_an_archive_with_an_endless_list_is_not_read(
        self, graph: MediaGraph, place: Path
    ) -> None:
        end = files.DOCX.rindex(b"PK\x05\x06") + 12
        graph.body = files.DOCX[:end] + b"\xff\xff\xff\x7f" + files.DOCX[end + 4 :]

        row = fetch(sent(kind="document", mime_type=""))

        assert (row.state, row.reason) == ("refused", "type")

    def test_f101_too_large_a_file_is_not_even_asked_for(self, graph: MediaGraph) -> None:
        graph.told = {"file_size": str(500 * 1024 + 1)}

        row = fetch(sent(kind="sticker", mime_type="image/webp"))

        assert (row.state, row.reason) == ("refused", "too_large")
        assert b"/the-file" not in graph.requests

    def test_f101_a_body_larger_than_told_ends_at_the_limit(
        self, graph: MediaGraph, place: Path
    ) -> None:
        graph.body = files.WEBP + b"\x00" * 600_000
        graph.told = {"file_size": 100}

        row = fetch(sent(kind="sticker", mime_type="image/webp"))

        assert (row.state, row.reason) == ("refused", "too_large")
        assert on_disk(place) == []

    @pytest.mark.parametrize("told", [{"sha256": "0" * 64}, {"file_size": 5}], ids=["hash", "size"])
    def test_f101_what_differs_from_what_was_told_is_fetched_again_and_then_refused(
        self, graph: MediaGraph, place: Path, told: dict[str, Any]
    ) -> None:
        graph.told = told
        row = sent()

        fetch(row)
        assert (row.state, row.reason) == ("due", "damaged")
        fetch(row, at=NOW + MINUTE)
        fetch(row, at=NOW + 10 * MINUTE)

        assert (row.state, row.reason, row.tries) == ("refused", "damaged", 3)
        assert on_disk(place) == []

    def test_the_signed_hash_of_the_webhook_counts_more(self, graph: MediaGraph) -> None:
        row = fetch(sent(sha256="0" * 64))

        assert (row.state, row.reason) == ("due", "damaged")

    def test_f101_half_a_file_is_fetched_again(self, graph: MediaGraph, place: Path) -> None:
        def half(exchange: Exchange) -> None:
            exchange.send(http(200, files.JPEG).replace(b"Length: ", b"Length: 9"))
            exchange.close()

        graph.on_file = half
        row = fetch(sent())
        assert (row.state, row.reason) == ("due", "no_answer")
        assert on_disk(place) == []
        graph.on_file = None

        fetch(row, at=NOW + MINUTE)

        assert row.state == "kept"
        assert len(on_disk(place)) == 1

    @pytest.mark.parametrize(
        "url",
        ["https://evil.invalid/x", "http://169.254.169.254/", "http://lookaside.fbsbx.com/x", 7],
    )
    def test_f101_nothing_is_asked_of_another_host(self, graph: MediaGraph, url: object) -> None:
        graph.told = {"url": url}

        row = fetch(sent())

        assert (row.state, row.reason) == ("failed", "host")
        assert len(graph.requests) == 1

    def test_f101_no_redirect_is_followed(self, graph: MediaGraph) -> None:
        def elsewhere(exchange: Exchange) -> None:
            exchange.send(http(302, b"", headers=f"Location: {graph.server.url}/another\r\n"))

        graph.on_file = elsewhere

        row = fetch(sent())

        assert (row.state, row.reason) == ("due", "no_answer")
        assert b"/another" not in graph.requests

    def test_an_address_that_has_expired_is_asked_for_anew(self, graph: MediaGraph) -> None:
        graph.file_status = 404
        row = fetch(sent())
        assert (row.state, row.reason) == ("due", "no_answer")
        graph.file_status = 200

        fetch(row, at=NOW + MINUTE)

        assert row.state == "kept"
        assert len(graph.requests) == 4

    @pytest.mark.parametrize(
        ("code", "status", "state", "reason"),
        [
            (100, 400, "failed", "gone"),
            (131052, 400, "failed", "gone"),
            (987654, 400, "failed", "gone"),
            (190, 401, "due", "meta"),
            (4, 400, "due", "meta"),
            (131042, 400, "due", "meta"),
            (131000, 500, "due", "meta"),
            (2, 503, "due", "meta"),
        ],
    )
    def test_an_error_of_graphs_ends_it_or_not(
        self, graph: MediaGraph, code: int, status: int, state: str, reason: str
    ) -> None:
        graph.error = code, status

        row = fetch(sent())

        assert (row.state, row.reason) == (state, reason)

    def test_what_is_no_id_is_never_put_into_an_address(self, graph: MediaGraph) -> None:
        row = fetch(sent(media_id="77/../../1000/messages"))

        assert (row.state, row.reason) == ("failed", "gone")
        assert graph.requests == []

    @pytest.mark.parametrize("error", [(100, 400), (131000, 500)])
    def test_after_a_week_it_has_expired(self, graph: MediaGraph, error: tuple[int, int]) -> None:
        graph.error = error
        row = sent()

        fetch(row, at=NOW + 7 * DAY)

        assert (row.state, row.reason, row.due_at) == ("failed", "expired", None)

    def test_pauses_grow_while_graph_is_away(self, graph: MediaGraph) -> None:
        graph.error = 131000, 500
        row, at, pauses = sent(), NOW, []

        for _try in range(4):
            fetch(row, at=at)
            assert row.due_at is not None
            pauses.append((row.due_at - at).total_seconds())
            at = row.due_at

        limits = [(15, 30), (30, 60), (60, 120), (120, 240)]
        assert all(low <= p <= high for p, (low, high) in zip(pauses, limits, strict=True))

    def test_asks_for_no_other_file_while_graph_is_away(self, graph: MediaGraph) -> None:
        graph.error = 131000, 500
        sent()
        sent()

        assert inbound_media.fetch_due(now=NOW) == 1

    def test_goes_on_past_a_file_that_cannot_be_had(self, graph: MediaGraph) -> None:
        graph.file_status = 404
        sent()
        sent()

        assert inbound_media.fetch_due(now=NOW) == 2

    def test_a_full_disk_puts_it_off(
        self,
        graph: MediaGraph,
        place: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def full(self: media_files.Incoming, chunk: bytes) -> None:
            raise OSError(28, f"No space left for {CANARY}")

        monkeypatch.setattr(media_files.Incoming, "write", full)

        row = fetch(sent())

        assert (row.state, row.reason) == ("due", "disk")
        assert on_disk(place) == []
        assert "A file of a customer could not be written" in caplog.text
        assert CANARY not in caplog.text

    def test_a_disk_that_is_not_mounted_is_not_written_beside(
        self, graph: MediaGraph, place: Path
    ) -> None:
        place.rmdir()

        row = fetch(sent())

        assert (row.state, row.reason) == ("due", "disk")
        assert not place.exists()

    def test_a_disk_that_keeps_what_it_has_stops_nothing_else(
        self, graph: MediaGraph, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*, name: str) -> None:
            raise PermissionError(13, name)

        monkeypatch.setattr(media_files, "delete", refuse)
        graph.error = 100, 400
        sent()
        sent()

        assert inbound_media.fetch_due(now=NOW) == 2
        assert set(InboundMedia.objects.values_list("state", flat=True)) == {"failed"}

    def test_is_not_kept_once_the_place_is_taken_away(
        self, graph: MediaGraph, settings: Any
    ) -> None:
        row = sent()
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MEDIA_DIRECTORY": ""}

        fetch(row)

        assert (row.state, row.reason, row.due_at) == ("refused", "not_kept", None)

    def test_refuses_to_call_inside_a_transaction(self, graph: MediaGraph) -> None:
        with pytest.raises(RuntimeError, match="outside of any transaction"), transaction.atomic():
            inbound_media.fetch_due(now=NOW)

    def test_several_workers_fetch_each_file_once(self, graph: MediaGraph, place: Path) -> None:
        rows = [sent() for _each in range(6)]

        together(*[lambda: inbound_media.fetch_due(now=NOW)] * 3)

        assert {InboundMedia.objects.get(pk=row.pk).state for row in rows} == {"kept"}
        assert graph.requests.count(b"/the-file") == 6
        assert len(on_disk(place)) == 6

    def test_a_claim_of_a_dead_worker_is_taken_over_later(
        self, graph: MediaGraph, place: Path
    ) -> None:
        row = sent()
        inbound_media._claim(NOW)

        assert inbound_media.fetch_due(now=NOW + 4 * MINUTE) == 0
        fetch(row, at=NOW + 5 * MINUTE)

        assert (row.state, row.tries) == ("kept", 2)

    def test_who_comes_back_too_late_changes_nothing(self, graph: MediaGraph, place: Path) -> None:
        row = sent()

        def overtaken(exchange: Exchange) -> None:
            InboundMedia.objects.filter(pk=row.pk).update(
                state="deleted", tries=9, due_at=None, file=""
            )
            exchange.send(http(200, files.JPEG))

        graph.on_file = overtaken
        fetch(row)

        assert (row.state, row.tries) == ("deleted", 9)
        assert on_disk(place) == []

    def test_f101_a_crash_before_the_row_knows_leaves_nothing_for_ever(
        self, graph: MediaGraph, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = sent()

        def dies(*arguments: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(inbound_media, "_record", dies)
            with pytest.raises(KeyboardInterrupt):
                inbound_media.fetch_due(now=NOW)
        [orphan] = on_disk(place)

        fetch(row, at=NOW + 6 * MINUTE)

        assert row.state == "kept"
        assert on_disk(place) == [orphan]


class TestFetchAgain:
    @pytest.mark.parametrize(("state", "reason"), [("failed", "host"), ("refused", "not_kept")])
    def test_has_it_fetched_after_all(
        self, graph: MediaGraph, rung: list[str], state: str, reason: str
    ) -> None:
        row = sent()
        InboundMedia.objects.filter(pk=row.pk).update(state=state, reason=reason, due_at=None)
        row.refresh_from_db()
        rung.clear()

        assert inbound_media.fetch_again(media=row, now=NOW + DAY)

        assert rung == ["media"]
        assert fetch(row, at=NOW + DAY).state == "kept"

    @pytest.mark.parametrize(
        ("state", "reason", "days"),
        [
            ("refused", "lie", 1),
            ("kept", "", 1),
            ("deleted", "", 1),
            ("failed", "gone", 7),
        ],
    )
    def test_not_what_was_refused_or_is_too_old(
        self, graph: MediaGraph, state: str, reason: str, days: int
    ) -> None:
        row = sent()
        InboundMedia.objects.filter(pk=row.pk).update(state=state, reason=reason, due_at=None)
        row.refresh_from_db()

        assert not inbound_media.fetch_again(media=row, now=NOW + days * DAY)

        row.refresh_from_db()
        assert (row.state, row.due_at) == (state, None)


class TestRetention:
    def test_deletes_the_file_and_keeps_the_row(self, graph: MediaGraph, place: Path) -> None:
        row = fetch(sent(filename="receipt.jpg"))

        before = sweep.sweep(now=NOW + 180 * DAY - MINUTE)
        assert len(on_disk(place)) == 1
        after = sweep.sweep(now=NOW + 180 * DAY)

        row.refresh_from_db()
        assert (before.deleted_files, after.deleted_files) == (0, 1)
        assert (row.state, row.file.name, row.delete_at) == ("deleted", "", None)
        assert row.filename == ""
        assert on_disk(place) == []
        assert sweep.sweep(now=NOW + 181 * DAY).deleted_files == 0

    def test_f97_a_file_that_is_gone_already_disturbs_nothing(
        self, graph: MediaGraph, place: Path
    ) -> None:
        row = fetch(sent())
        on_disk(place)[0].unlink()

        sweep.sweep(now=NOW + 180 * DAY)

        row.refresh_from_db()
        assert row.state == "deleted"

    def test_a_file_that_cannot_be_deleted_is_tried_again(
        self, graph: MediaGraph, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = fetch(sent())

        def refuse(*, name: str) -> None:
            raise PermissionError(13, name)

        monkeypatch.setattr(media_files, "delete", refuse)
        at = NOW + 180 * DAY
        assert inbound_media.delete_old(now=at) == 0

        row.refresh_from_db()
        assert (row.state, row.delete_at) == ("kept", at + timedelta(hours=1))

    def test_f101_what_dead_workers_left_half_written_goes_after_an_hour(
        self, graph: MediaGraph, place: Path
    ) -> None:
        fetch(sent())
        left, fresh = place / "incoming" / "left", place / "incoming" / "fresh"
        for path, age in ((left, timedelta(minutes=61)), (fresh, timedelta(minutes=59))):
            path.write_bytes(b"half")
            at = (NOW - age).timestamp()
            os.utime(path, (at, at))

        swept = sweep.sweep(now=NOW)

        assert swept.deleted_files == 1
        assert not left.exists()
        assert fresh.exists()
        assert len(on_disk(place)) == 2

    def test_rings_again_for_what_waits(self, graph: MediaGraph, rung: list[str]) -> None:
        sent()
        rung.clear()

        sweep.sweep(now=NOW - MINUTE)
        assert rung == []
        sweep.sweep(now=NOW)

        assert rung == ["media"]


def ordered(contact: Contact, ref: str) -> Message:
    row = factories.queued(contact, order_ref=ref)
    row.provider_message_id, row.called_at = f"wamid.OUT{row.pk}", NOW
    row.state, row.is_pending = "delivered", False
    row.save()
    return row


class TestOrder:
    def test_is_that_of_the_message_which_the_picture_answers(self, graph: MediaGraph) -> None:
        contact = factories.contact()
        message = ordered(contact, "A1001")
        ordered(contact, "A1002")

        row = sent(by=contact, answers=message)

        assert (row.order_ref, row.inbound.order_ref) == ("A1001", "A1001")
        assert InboundMessage.objects.get().order_ref == "A1001"

    def test_is_the_one_that_the_caption_names(self, graph: MediaGraph) -> None:
        contact = factories.contact()
        ordered(contact, "A1001")
        ordered(contact, "A1002")

        assert sent(by=contact, caption="Kuitti tilauksesta a1001!").order_ref == "A1001"

    @pytest.mark.parametrize(
        ("kind", "days_ago", "order_ref"),
        [
            ("image", 13, "A1001"),
            ("document", 0, "A1001"),
            ("image", 14, ""),
            ("audio", 0, ""),
            ("sticker", 0, ""),
            ("image", -1, ""),
        ],
    )
    def test_may_be_the_one_that_we_told_of_at_last(
        self, graph: MediaGraph, kind: str, days_ago: int, order_ref: str
    ) -> None:
        contact = factories.contact()
        message = ordered(contact, "A1001")
        Message.objects.filter(pk=message.pk).update(called_at=NOW - days_ago * DAY)

        assert sent(by=contact, kind=kind).order_ref == order_ref

    def test_is_not_the_one_of_a_message_that_has_not_left(self, graph: MediaGraph) -> None:
        contact = factories.contact()
        ordered(contact, "A1001")
        waiting = ordered(contact, "A1002")
        Message.objects.filter(pk=waiting.pk).update(state="queued", is_pending=True)

        assert sent(by=contact).order_ref == "A1001"

    def test_is_never_somebody_elses(self, graph: MediaGraph) -> None:
        message = ordered(factories.contact(), "A1001")

        row = sent(by=factories.contact(), answers=message, caption="A1001")

        assert row.order_ref == ""

    def test_is_set_by_hand_on_both(self, graph: MediaGraph) -> None:
        row = sent()

        inbound_media.set_order(media=row, order_ref="A1003")

        assert InboundMedia.objects.get().order_ref == "A1003"
        assert InboundMessage.objects.get().order_ref == "A1003"


class TestSimulator:
    def test_gives_the_photo_that_a_phone_has_sent(
        self, live_server: Any, settings: Any, place: Path
    ) -> None:
        factories.topic("service")
        settings.WHATSAPP_NOTIFY = {
            **settings.WHATSAPP_NOTIFY,
            "GRAPH_URL": f"{live_server.url}/simulator/graph",
            "MEDIA_DIRECTORY": str(place),
        }
        photo = attachments.sample_photo()
        stored = attachments.store(
            data=photo.data,
            mime_type=photo.mime_type,
            filename="",
            # The simulator goes by the clock on the wall.
            expires_at=timezone.now() + timedelta(days=7),
            now=NOW,
        )

        row = fetch(sent(media_id=stored.graph_id, sha256=stored.sha256))

        assert (row.state, row.detected_type) == ("kept", "image/jpeg")
        assert (place / row.file.name).read_bytes() == photo.data
