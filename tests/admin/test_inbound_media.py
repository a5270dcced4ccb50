"""Files of customers: seen by those who may, and never so that anything in them runs."""

import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from tests import files
from tests.admin import factories as make
from whatsapp_notify.admin import media_cell
from whatsapp_notify.models import InboundMedia, InboundMessage
from whatsapp_notify.services import media_download, media_files

Staff = Callable[..., Client]
NAME = "the customer's own name.jpg"
SEES_TEXT = "view_inboundmessage_text"


@pytest.fixture
def place(settings: Any, tmp_path: Path) -> Path:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MEDIA_DIRECTORY": str(tmp_path)}
    return tmp_path


@pytest.fixture
def add(db: None, place: Path, now: datetime) -> Callable[..., InboundMedia]:
    contact = make.make_contact()
    numbers = iter(range(1, 99))

    def make_media(found: str = "image/jpeg", body: bytes = files.JPEG, **fields: Any) -> Any:
        number = next(numbers)
        inbound = make.make_inbound(contact, at=now, number=number, kind="image", text="")
        name = f"ab/{number:032x}"
        if body:
            (place / "ab").mkdir(exist_ok=True)
            (place / name).write_bytes(body)
        values = {
            "kind": "image", "media_id": "77", "state": "kept", "detected_type": found,
            "size": len(body), "file": name, "filename": NAME,
        }  # fmt: skip
        return InboundMedia.objects.create(inbound=inbound, **{**values, **fields})

    return make_media


def url(name: str, media: InboundMedia) -> str:
    return reverse(f"admin:whatsapp_notify_inboundmedia_{name}", args=[media.pk])


class TestFile:
    @pytest.mark.parametrize(
        ("found", "content_type", "disposition"),
        [
            ("image/jpeg", "image/jpeg", "inline"),
            ("image/png", "image/png", "inline"),
            ("image/webp", "image/webp", "inline"),
            ("image/gif", "image/gif", "attachment"),
            ("audio/ogg", "audio/ogg", "attachment"),
            ("video/mp4", "video/mp4", "attachment"),
            ("application/pdf", "application/octet-stream", "attachment"),
            ("text/plain", "application/octet-stream", "attachment"),
            ("text/html", "application/octet-stream", "attachment"),
        ],
    )
    def test_f101_nothing_in_it_can_run(
        self,
        staff: Staff,
        add: Callable[..., InboundMedia],
        found: str,
        content_type: str,
        disposition: str,
    ) -> None:
        media = add(found)

        answer = staff(SEES_TEXT).get(url("file", media))

        assert answer.status_code == 200
        assert b"".join(answer.streaming_content) == files.JPEG
        assert answer["Content-Type"] == content_type
        kind, _semicolon, name = answer["Content-Disposition"].partition(";")
        assert kind == disposition
        assert f'filename="customer-file-{media.pk}.' in name
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", "))
        assert NAME not in str(answer.headers)

    def test_is_for_those_who_may_read_what_customers_write(
        self, staff: Staff, add: Callable[..., InboundMedia]
    ) -> None:
        media = add()
        other = staff("view_inboundmedia", "change_inboundmedia", "view_inboundmessage")

        assert other.get(url("file", media)).status_code == 403
        assert Client().get(url("file", media)).status_code == 302

    def test_each_look_is_a_line_in_the_log_without_a_name(
        self,
        staff: Staff,
        add: Callable[..., InboundMedia],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.INFO, "whatsapp_notify")
        media = add()

        staff(SEES_TEXT).get(url("file", media))

        [line] = [each for each in caplog.records if each.name.endswith("admin.inbound_media")]
        assert line.media_id == media.pk  # type: ignore[attr-defined]
        assert NAME not in str(vars(line))

    @pytest.mark.parametrize("state", ["due", "refused", "failed", "deleted"])
    def test_what_is_not_kept_is_not_found(
        self, owner: Client, add: Callable[..., InboundMedia], state: str
    ) -> None:
        assert owner.get(url("file", add(state=state))).status_code == 404

    def test_a_file_that_is_missing_is_not_found(
        self, owner: Client, add: Callable[..., InboundMedia]
    ) -> None:
        assert owner.get(url("file", add(body=b""))).status_code == 404

    def test_f101_a_path_that_leads_out_is_not_followed(
        self, owner: Client, add: Callable[..., InboundMedia], place: Path
    ) -> None:
        (place.parent / "secret").write_bytes(b"a secret")

        answer = owner.get(url("file", add(file="../secret")))

        assert answer.status_code in {400, 404}

    def test_is_only_read(self, owner: Client, add: Callable[..., InboundMedia]) -> None:
        assert owner.post(url("file", add())).status_code == 405


class TestPartOfFile:
    BODY = bytes(range(256)) * 1000

    def ask(self, client: Client, media: InboundMedia, asked: str, **headers: str) -> Any:
        return client.get(url("file", media), headers={"Range": asked, **headers})

    @pytest.mark.parametrize(
        ("asked", "part"),
        [
            ("bytes=0-", slice(None)),
            ("bytes=0-9", slice(10)),
            ("bytes=70000-200000", slice(70_000, 200_001)),
            ("bytes=255000-", slice(255_000, None)),
            ("bytes=-300", slice(-300, None)),
        ],
    )
    def test_a_player_may_skip_to_it(
        self, staff: Staff, add: Callable[..., InboundMedia], asked: str, part: slice
    ) -> None:
        media = add("audio/ogg", body=self.BODY)

        answer = self.ask(staff(SEES_TEXT), media, asked)

        assert answer.status_code == 206
        assert answer.streaming
        assert b"".join(answer.streaming_content) == self.BODY[part]
        first, end, _step = part.indices(256_000)
        assert answer["Content-Range"] == f"bytes {first}-{end - 1}/256000"
        assert answer["Content-Length"] == str(end - first)
        assert answer["Content-Type"] == "audio/ogg"

    @pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=9-1", "lines=1-2"])
    def test_the_whole_comes_where_no_single_one_is_asked_for(
        self, owner: Client, add: Callable[..., InboundMedia], asked: str
    ) -> None:
        answer = self.ask(owner, add(), asked)

        assert answer.status_code == 200
        assert b"".join(answer.streaming_content) == files.JPEG
        assert answer["Accept-Ranges"] == "bytes"
        assert answer.get("Content-Range") is None

    def test_the_whole_comes_where_it_is_to_follow_another_answer(
        self, owner: Client, add: Callable[..., InboundMedia]
    ) -> None:
        answer = self.ask(owner, add(), "bytes=2-3", **{"If-Range": '"another"'})

        assert answer.status_code == 200
        assert answer["Content-Length"] == str(len(files.JPEG))

    def test_beyond_the_end_there_is_none(
        self, owner: Client, add: Callable[..., InboundMedia]
    ) -> None:
        answer = self.ask(owner, add(), "bytes=999999-")

        assert answer.status_code == 416
        assert answer["Content-Range"] == f"bytes */{len(files.JPEG)}"
        assert b"".join(answer.streaming_content) == b""

    @pytest.mark.parametrize("asked", ["bytes=1-2", "bytes=999999-"])
    def test_f101_is_protected_like_the_whole(
        self, staff: Staff, add: Callable[..., InboundMedia], asked: str
    ) -> None:
        media = add("video/mp4")
        client = staff(SEES_TEXT)
        whole = client.get(url("file", media))
        other = staff("view_inboundmedia", "change_inboundmedia", "view_inboundmessage")

        part = self.ask(client, media, asked)

        same = (
            "Content-Type", "Content-Disposition", "X-Content-Type-Options", "Cache-Control",
            "Content-Security-Policy", "Cross-Origin-Resource-Policy",
        )  # fmt: skip
        assert [part[name] for name in same] == [whole[name] for name in same]
        assert self.ask(other, media, asked).status_code == 403
        assert self.ask(Client(), media, asked).status_code == 302

    @pytest.mark.parametrize("asked", ["bytes=1-2", "bytes=999999-"])
    def test_leaves_no_file_open(
        self, owner: Client, add: Callable[..., InboundMedia], place: Path, asked: str
    ) -> None:
        media = add()

        answer = self.ask(owner, media, asked)
        count_before = self.count_open(place)
        list(answer.streaming_content)

        assert (count_before, self.count_open(place)) == (1, 0)

    def count_open(self, place: Path) -> int:
        """From Linux's own table."""
        links = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
        return sum(link.is_relative_to(place) for link in links)

    def test_is_a_line_in_the_log_too(
        self, owner: Client, add: Callable[..., InboundMedia], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "whatsapp_notify")

        self.ask(owner, add(), "bytes=1-2")

        assert "A file of a customer was opened" in caplog.text


class TestShown:
    def page(self, client: Client, media: InboundMedia) -> str:
        address = reverse("admin:whatsapp_notify_inboundmessage_change", args=[media.inbound_id])
        return str(client.get(address).content.decode())

    def test_a_picture_is_shown_beside_its_message(
        self, staff: Staff, add: Callable[..., InboundMedia]
    ) -> None:
        media = add()

        html = self.page(staff("view_inboundmessage", SEES_TEXT), media)

        assert f'src="{url("file", media)}"' in html
        assert "(JPG, " in html

    def test_but_not_to_those_who_may_not_read_it(
        self, staff: Staff, add: Callable[..., InboundMedia]
    ) -> None:
        media = add()
        client = staff("view_inboundmessage", "view_inboundmedia")

        for html in (self.page(client, media), client.get(url("change", media)).content.decode()):
            assert url("file", media) not in html
            assert NAME not in html
            assert "You may not see what customers send." in html

    def test_its_name_is_shown_to_those_who_may(
        self, staff: Staff, add: Callable[..., InboundMedia]
    ) -> None:
        html = staff("view_inboundmedia", SEES_TEXT).get(url("change", add(filename="<b>.jpg")))

        assert "&lt;b&gt;.jpg" in html.content.decode()

    def test_a_document_is_a_link_and_a_sound_can_be_played(
        self, owner: Client, add: Callable[..., InboundMedia]
    ) -> None:
        document, sound = add("application/pdf"), add("audio/ogg")

        assert "<img" not in self.page(owner, document)
        assert url("file", document) in self.page(owner, document)
        assert "<audio" in self.page(owner, sound)

    @pytest.mark.parametrize("reason", sorted(media_cell.REASONS))
    def test_says_why_there_is_none_and_what_to_do(
        self, owner: Client, add: Callable[..., InboundMedia], reason: str
    ) -> None:
        media = add(state="refused", reason=reason)

        assert str(media_cell.REASONS[reason][0]).split("'")[0] in self.page(owner, media)

    def test_every_reason_has_words(self) -> None:
        sources = [
            Path(module.__file__ or "").read_text(encoding="utf-8")
            for module in (media_download, media_files)
        ]
        given = set(re.findall(r'reason="(\w+)"|_refusal\("(\w+)"\)', "".join(sources)))

        flat = {each for pair in given for each in pair if each}
        assert len(flat) >= 7
        assert flat <= set(media_cell.REASONS)

    def test_a_message_without_a_file_says_so(self, owner: Client, db: None, now: datetime) -> None:
        inbound = make.make_inbound(make.make_contact(), at=now)
        address = reverse("admin:whatsapp_notify_inboundmessage_change", args=[inbound.pk])

        assert owner.get(address).status_code == 200


class TestOrder:
    def join(self, client: Client, media: InboundMedia, ref: str) -> Any:
        return client.post(url("order", media), {"order_ref": ref}, follow=True)

    def test_is_joined_by_hand_and_kept_in_the_history(
        self, staff: Staff, add: Callable[..., InboundMedia]
    ) -> None:
        media = add()

        answer = self.join(staff("view_inboundmedia", "change_inboundmedia"), media, " A1001 ")

        media.refresh_from_db()
        assert media.order_ref == "A1001"
        assert InboundMessage.objects.get().order_ref == "A1001"
        assert "The order was saved." in answer.content.decode()
        assert LogEntry.objects.filter(object_id=str(media.pk)).count() == 1

    def test_is_parted_by_an_empty_number(
        self, owner: Client, add: Callable[..., InboundMedia]
    ) -> None:
        media = add(order_ref="A1001")

        self.join(owner, media, "")

        media.refresh_from_db()
        assert media.order_ref == ""

    @pytest.mark.parametrize("ref", ["A" * 65, "A\x1b1", "A\x851"])
    def test_takes_no_number_that_is_none(
        self, owner: Client, add: Callable[..., InboundMedia], ref: str
    ) -> None:
        media = add(order_ref="A1001")

        self.join(owner, media, ref)

        media.refresh_from_db()
        assert media.order_ref == "A1001"

    @pytest.mark.parametrize("name", ["order", "again"])
    def test_needs_its_permission_and_a_post(
        self, staff: Staff, owner: Client, add: Callable[..., InboundMedia], name: str
    ) -> None:
        media = add(state="failed", reason="host")
        other = staff("view_inboundmedia", SEES_TEXT)

        assert other.post(url(name, media), {"order_ref": "A1"}).status_code == 403
        assert owner.get(url(name, media)).status_code == 405
        media.refresh_from_db()
        assert (media.state, media.order_ref) == ("failed", "")

    def test_the_page_offers_only_what_the_user_may(
        self, staff: Staff, add: Callable[..., InboundMedia]
    ) -> None:
        media = add(state="failed", reason="host")
        reader, editor = (
            client.get(url("change", media)).content.decode()
            for client in (
                staff("view_inboundmedia"),
                staff("view_inboundmedia", "change_inboundmedia"),
            )
        )

        assert "Join to this order" not in reader
        assert "Fetch it again" not in reader
        assert "Join to this order" in editor
        assert "Fetch it again" in editor


class TestAgain:
    def test_has_it_fetched(self, owner: Client, add: Callable[..., InboundMedia]) -> None:
        media = add(state="failed", reason="gone", file="")

        owner.post(url("again", media))

        media.refresh_from_db()
        assert (media.state, media.reason) == ("due", "")

    def test_says_when_it_is_too_late(
        self, owner: Client, add: Callable[..., InboundMedia], now: datetime
    ) -> None:
        media = add(state="failed", reason="gone", file="")
        InboundMessage.objects.update(sent_at=now - timedelta(days=8))

        answer = owner.post(url("again", media), follow=True).content.decode()

        assert "It cannot be fetched any more." in answer
        media.refresh_from_db()
        assert media.state == "failed"


class TestList:
    def test_finds_the_files_of_an_order(
        self, owner: Client, add: Callable[..., InboundMedia]
    ) -> None:
        add(order_ref="A1001")
        add(order_ref="A1002")
        page = reverse("admin:whatsapp_notify_inboundmedia_changelist")

        html = owner.get(page, {"q": "A1001"}).content.decode()

        assert "A1001" in html
        assert "A1002" not in html

    def test_needs_the_same_few_queries_for_many_rows(
        self,
        owner: Client,
        add: Callable[..., InboundMedia],
        django_assert_max_num_queries: Any,
    ) -> None:
        for _each in range(12):
            add()

        with django_assert_max_num_queries(14):
            owner.get(reverse("admin:whatsapp_notify_inboundmedia_changelist"))
