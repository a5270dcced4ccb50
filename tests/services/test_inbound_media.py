"""Files of customers: fetched once, looked at, kept for a time, and never left behind."""

import base64
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests import chat, factories, shop
from tests.factories import NOW
from whatsapp_notify.cloud_api.exceptions import GraphError, GraphUnavailable
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.models import InboundMedia, InboundMessage
from whatsapp_notify.services import inbound_media, replaying

pytestmark = pytest.mark.django_db

State = InboundMedia.State
JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 100


class Graph:
    """Gives one file, or raises."""

    def __init__(self, answer: bytes | BaseException = JPEG) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def download_media(self, *, media_id: str, max_bytes: int, to: BinaryIO) -> int:
        self.asked.append(media_id)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return to.write(self.answer)


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> Path:
    settings.WHATSAPP_NOTIFY = shop.configured(MEDIA_DIRECTORY=str(tmp_path))
    factories.topic("service")
    return tmp_path


def photo(**fields: Any) -> contents.Media:
    return contents.Media(
        **{"kind": "image", "media_id": "4711", "mime_type": "image/jpeg", **fields}
    )


def send(content: contents.Media | None = None, **fields: Any) -> InboundMedia:
    contact = fields.pop("by", None) or factories.contact()
    row = chat.write(content or photo(), by=chat.person(contact), **fields)
    return InboundMedia.objects.get(inbound=row)


def fetch(graph: Graph, now: Any = NOW) -> int:
    return inbound_media.fetch_due(now=now, client=graph)  # type: ignore[arg-type]  # a stand-in


def files(place: Path) -> list[Path]:
    return [each for each in place.rglob("*") if each.is_file()]


class TestNote:
    def test_a_file_waits_to_be_fetched(self) -> None:
        media = send(photo(filename="../../etc/receipt.jpg", sha256="ab"))

        assert (media.state, media.due_at) == (State.DUE, NOW)
        assert (media.media_id, media.filename, media.sha256) == ("4711", "receipt.jpg", "ab")

    def test_without_a_place_nothing_is_kept_and_it_says_so(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(MEDIA_DIRECTORY="")

        media = send()

        assert (media.state, media.reason, media.due_at) == (State.REFUSED, "not_kept", None)

    def test_a_replay_fetches_nothing(self) -> None:
        with replaying.begin(former={}):
            media = send()

        assert (media.state, media.reason, media.due_at) == (State.FAILED, "expired", None)

    def test_text_has_no_file(self) -> None:
        chat.write("Hello", by=chat.person(factories.contact()))

        assert not InboundMedia.objects.exists()

    def test_a_receipt_is_about_the_order_that_it_answers(self) -> None:
        contact = factories.contact()
        for ref in ("A1", "A2"):
            row = factories.queued(contact, order_ref=ref)
            row.provider_message_id, row.called_at = f"wamid.{ref}", NOW - timedelta(hours=1)
            row.is_pending = False
            row.save()

        first = send(by=contact, answers="wamid.A1")
        latest = send(by=contact)

        assert (first.order_ref, latest.order_ref) == ("A1", "A2")
        assert InboundMessage.objects.get(pk=first.inbound_id).order_ref == "A1"

    def test_a_voice_message_is_about_no_order(self) -> None:
        contact = factories.contact()
        factories.queued(contact, order_ref="A1", called_at=NOW)

        assert send(photo(kind="audio"), by=contact).order_ref == ""


class TestFetch:
    def test_keeps_the_bytes_under_a_random_name_for_its_owner_alone(self, place: Path) -> None:
        media = send(photo(sha256=hashlib.sha256(JPEG).hexdigest(), filename="me.jpg"))

        assert fetch(Graph()) == 1

        media.refresh_from_db()
        assert (media.state, media.detected_type, media.size) == (
            State.KEPT, "image/jpeg", len(JPEG),
        )  # fmt: skip
        assert media.delete_at == NOW + timedelta(days=180)
        (file,) = files(place)
        assert file.read_bytes() == JPEG
        assert "me" not in file.name
        assert file.stat().st_mode & 0o777 == 0o600

    def test_asks_once_for_each_file(self) -> None:
        send()
        graph = Graph()

        fetch(graph)
        fetch(graph)

        assert graph.asked == ["4711"]

    @pytest.mark.parametrize(
        ("content", "data", "reason"),
        [
            (photo(), b"<svg onload=alert(1)>", "type"),
            (photo(), b"%PDF-1.7", "type"),
            (photo(mime_type="image/png"), JPEG, "type_lies"),
            (photo(sha256="0" * 64), JPEG, "hash"),
            (photo(), ValueError("too large"), "too_large"),
        ],
    )
    def test_f101_what_is_not_what_it_says_is_not_kept(
        self, place: Path, content: contents.Media, data: Any, reason: str
    ) -> None:
        media = send(content)

        fetch(Graph(data))

        media.refresh_from_db()
        assert (media.state, media.reason, media.due_at) == (State.REFUSED, reason, None)
        assert not media.file
        assert files(place) == []

    def test_meta_s_hash_may_come_in_base64(self) -> None:
        told = base64.b64encode(hashlib.sha256(JPEG).digest()).decode()
        media = send(photo(sha256=told))

        fetch(Graph())

        media.refresh_from_db()
        assert media.state == State.KEPT

    def test_an_id_that_graph_does_not_know_has_expired(self, place: Path) -> None:
        media = send()

        fetch(Graph(GraphError(code=100, http_status=400)))

        media.refresh_from_db()
        assert (media.state, media.reason) == (State.FAILED, "expired")
        assert files(place) == []

    @pytest.mark.parametrize(
        "fault", [GraphUnavailable("away"), GraphError(code=190, http_status=401)]
    )
    def test_whatever_may_pass_is_tried_again_with_growing_pauses(
        self, place: Path, fault: Exception
    ) -> None:
        media, graph, now = send(), Graph(fault), NOW
        pauses = []
        while media.state == State.DUE:
            assert media.due_at is not None
            pauses.append(media.due_at - now)
            now = media.due_at
            assert fetch(graph, now) == 1
            media.refresh_from_db()

        assert pauses == [timedelta(0), *inbound_media.PAUSES]
        assert (media.state, media.reason) == (State.FAILED, "unavailable")
        assert files(place) == []

    def test_what_died_over_it_is_made_up_for_and_leaves_nothing(self, place: Path) -> None:
        media = send()

        with pytest.raises(KeyboardInterrupt):
            fetch(Graph(KeyboardInterrupt()))  # a process that is killed
        assert fetch(Graph()) == 0
        assert fetch(Graph(), NOW + inbound_media.LEASE) == 1

        media.refresh_from_db()
        assert media.state == State.KEPT
        assert len(files(place)) == 1

    def test_whoever_comes_back_too_late_changes_nothing(self, place: Path) -> None:
        media = send()

        class Slow(Graph):
            def download_media(self, **asked: Any) -> int:
                fetch(Graph(), NOW + inbound_media.LEASE)
                raise GraphUnavailable("at last")

        fetch(Slow())

        media.refresh_from_db()
        assert media.state == State.KEPT
        assert len(files(place)) == 1


class TestDeleteOld:
    def test_removes_the_file_when_its_time_is_over(self, place: Path) -> None:
        media = send(photo(filename="me.jpg"))
        fetch(Graph())
        media.refresh_from_db()
        assert media.delete_at is not None

        assert inbound_media.delete_old(now=media.delete_at - timedelta(seconds=1)) == 0
        assert inbound_media.delete_old(now=media.delete_at) == 1

        media.refresh_from_db()
        assert (media.state, media.file.name, media.filename) == (State.DELETED, "", "")
        assert files(place) == []
        assert inbound_media.delete_old(now=NOW + timedelta(days=1000)) == 0

    def test_leaves_all_alone_where_the_place_is_gone(self, settings: Any) -> None:
        send()
        fetch(Graph())
        settings.WHATSAPP_NOTIFY = shop.configured(MEDIA_DIRECTORY="")

        assert inbound_media.delete_old(now=NOW + timedelta(days=1000)) == 0
