"""Files of customers: what is told of them, how the shop fetches them, when Graph forgets them."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from tests.simulator.conftest import ORDINARY, TOKEN, Caller, Shop
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.simulator import attachments, control
from whatsapp_notify.simulator.attachments import Attachment
from whatsapp_notify.simulator.models import OutboxWebhook, SimulatedCustomer, StoredMedia


@pytest.fixture
def customer(graph: Caller) -> SimulatedCustomer:
    return control.customer(ORDINARY, name="Customer One")


def download(graph: Caller, url: str) -> HttpResponse:
    return graph.client.get(url, headers={"authorization": f"Bearer {TOKEN}"})


class TestKindOf:
    @pytest.mark.parametrize(
        ("mime_type", "kind"),
        [
            ("image/jpeg", "image"),
            ("IMAGE/PNG", "image"),
            ("image/webp", "sticker"),
            ("video/mp4", "video"),
            ("audio/ogg; codecs=opus", "audio"),
            ("application/pdf", "document"),
            ("text/html", "document"),
            ("nonsense", "document"),
        ],
    )
    def test_follows_the_type(self, mime_type: str, kind: str) -> None:
        assert attachments.kind_of(mime_type) == kind


class TestCheck:
    @pytest.mark.parametrize(
        ("mime_type", "limit"),
        [
            ("image/png", 5 * 1024**2),
            ("image/webp", 500 * 1024),
            ("video/mp4", 16 * 1024**2),
            ("audio/ogg; codecs=opus", 16 * 1024**2),
            ("application/pdf", 100 * 1024**2),
        ],
    )
    def test_knows_the_limit_of_a_type(self, mime_type: str, limit: int) -> None:
        attachments.check(mime_type=mime_type, size=limit)

        with pytest.raises(attachments.BadFile, match="too large"):
            attachments.check(mime_type=mime_type, size=limit + 1)

    @pytest.mark.parametrize(
        ("mime_type", "size", "words"),
        [
            ("text/html", 1, "no files of the type text/html"),
            ("", 1, r"no files of the type \?"),
            ("image/png", 0, "empty"),
        ],
    )
    def test_says_what_is_wrong(self, mime_type: str, size: int, words: str) -> None:
        with pytest.raises(attachments.BadFile, match=words):
            attachments.check(mime_type=mime_type, size=size)


class TestSend:
    @pytest.mark.parametrize(
        ("attachment", "keys"),
        [
            (Attachment(data=b"x", mime_type="image/png", caption="Look"), {"caption"}),
            (Attachment(data=b"x", mime_type="image/png", filename="a.png"), set()),
            (Attachment(data=b"x", mime_type="video/mp4"), set()),
            (Attachment(data=b"x", mime_type="image/webp"), set()),
            (attachments.sample_voice(), {"voice"}),
            (attachments.sample_document(caption="Mine"), {"caption", "filename"}),
        ],
        ids=["captioned", "image", "video", "sticker", "voice", "document"],
    )
    def test_has_the_documented_shape(
        self, customer: SimulatedCustomer, shop: Shop, attachment: Attachment, keys: set[str]
    ) -> None:
        control.send_media(customer, attachment)
        shop.receive()

        [element] = shop.messages
        assert set(element[element["type"]]) == {"id", "mime_type", "sha256"} | keys

    def test_is_read_by_the_shop(self, customer: SimulatedCustomer, shop: Shop) -> None:
        control.send_voice(customer)
        control.send_document(customer, "Mine")
        shop.receive()

        voice, document = (message.content for message in shop.read)
        assert isinstance(voice, contents.Media)
        assert isinstance(document, contents.Media)
        assert (voice.kind, voice.is_voice, voice.mime_type) == (
            "audio",
            True,
            "audio/ogg; codecs=opus",
        )
        assert (document.kind, document.filename, document.caption) == (
            "document",
            "receipt.pdf",
            "Mine",
        )

    def test_quotes_a_message(self, graph: Caller, customer: SimulatedCustomer, shop: Shop) -> None:
        quoted = graph.send_template().json()["messages"][0]["id"]
        control.send_media(customer, attachments.sample_photo(), context_wamid=quoted)
        shop.receive()

        assert shop.messages[0]["context"]["id"] == quoted


class TestSamples:
    @pytest.mark.parametrize(
        ("sample", "beginning"),
        [
            (attachments.sample_photo(), b"\xff\xd8\xff"),
            (attachments.sample_voice(), b"OggS"),
            (attachments.sample_document(), b"%PDF-1"),
        ],
    )
    def test_are_what_they_say(self, sample: Attachment, beginning: bytes) -> None:
        attachments.check(mime_type=sample.mime_type, size=len(sample.data))

        assert sample.data.startswith(beginning)


class TestGraph:
    def test_gives_the_file(self, graph: Caller, customer: SimulatedCustomer) -> None:
        control.send_document(customer)
        data, media_id = attachments.sample_document().data, StoredMedia.objects.get().graph_id

        node = graph.get("node", node_id=media_id).json()
        response = download(graph, node["url"])

        assert node["mime_type"] == "application/pdf"
        assert node["file_size"] == len(data)
        assert node["sha256"] == hashlib.sha256(data).hexdigest()
        assert (response.content, response["Content-Type"]) == (data, "application/pdf")

    @pytest.mark.parametrize(("number", "status"), [("106540352242922", 200), ("1", 400)])
    def test_looks_among_the_files_of_the_number_named(
        self, graph: Caller, customer: SimulatedCustomer, number: str, status: int
    ) -> None:
        control.send_voice(customer)
        media_id = StoredMedia.objects.get().graph_id

        response = graph.get("node", node_id=media_id, phone_number_id=number)

        assert response.status_code == status

    @pytest.mark.parametrize(("days", "status"), [(6.9, 200), (7.1, 400)])
    def test_forgets_what_customers_sent_after_a_week(
        self,
        graph: Caller,
        customer: SimulatedCustomer,
        monkeypatch: pytest.MonkeyPatch,
        days: float,
        status: int,
    ) -> None:
        control.send_voice(customer)
        later = timezone.now() + timedelta(days=days)
        monkeypatch.setattr("whatsapp_notify.simulator.graph.nodes.timezone.now", lambda: later)

        response = graph.get("node", node_id=StoredMedia.objects.get().graph_id)

        assert response.status_code == status

    def test_forgets_at_once_when_told(self, graph: Caller, customer: SimulatedCustomer) -> None:
        control.send_photo(customer)
        media_id = StoredMedia.objects.get().graph_id
        url = graph.get("node", node_id=media_id).json()["url"]

        forgot, again = control.expire_media(media_id), control.expire_media(media_id)

        assert (forgot, again) == (True, False)
        assert graph.get("node", node_id=media_id).json()["error"]["error_subcode"] == 33
        assert download(graph, url).status_code == 400
        shown = graph.client.get(reverse("whatsapp_simulator:picture", args=[media_id]))
        assert shown.status_code == 200

    def test_lets_downloads_fail_when_told(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        control.send_photo(customer)
        media_id = StoredMedia.objects.get().graph_id
        url = graph.get("node", node_id=media_id).json()["url"]

        control.fail_downloads(media_id, 2)

        assert [download(graph, url).status_code for _time in range(3)] == [404, 404, 200]


class TestCommands:
    def test_let_the_type_lie(self, graph: Caller, shop: Shop) -> None:
        content = base64.b64encode(b"<script>").decode()
        values = {"mime_type": "image/jpeg", "filename": "../a.exe", "kind": "document"}

        answer = graph.control("media", phone=ORDINARY, content=content, **values)
        shop.receive()

        document = shop.messages[0]["document"]
        assert document["id"] == answer["media_id"]
        assert (document["mime_type"], document["filename"]) == ("image/jpeg", "../a.exe")
        assert bytes(StoredMedia.objects.get().data) == b"<script>"

    @pytest.mark.parametrize("action", ["send_voice", "send_document"])
    def test_send_samples(self, graph: Caller, shop: Shop, action: str) -> None:
        assert graph.control(action, phone=ORDINARY)["ok"] is True

        assert shop.receive() == 1

    def test_let_files_expire_and_downloads_fail(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        control.send_photo(customer)
        media_id = StoredMedia.objects.get().graph_id

        assert graph.control("fail_downloads", media_id=media_id)["ok"] is True
        assert graph.control("expire_media", media_id=media_id)["ok"] is True
        assert graph.control("expire_media", media_id=media_id)["error"] == "no_such_media"
        assert graph.control("fail_downloads", media_id="1")["error"] == "no_such_media"

    @pytest.mark.parametrize(
        ("values", "error"),
        [
            ({"mime_type": "image/png", "content": "%"}, "bad_content"),
            ({"mime_type": "image/png"}, "missing_content"),
            ({"content": "eA=="}, "missing_mime_type"),
            ({"mime_type": "image/png", "content": "eA==", "kind": "text"}, "unknown_kind"),
        ],
    )
    def test_name_what_is_wrong(self, graph: Caller, values: dict[str, Any], error: str) -> None:
        assert graph.control("media", phone=ORDINARY, **values)["error"] == error


class TestPhonePage:
    def act(self, graph: Caller, customer: SimulatedCustomer, **data: Any) -> HttpResponse:
        return graph.client.post(reverse("whatsapp_simulator:act", args=[customer.pk]), data)

    @pytest.mark.parametrize(
        ("name", "mime_type", "kind"),
        [
            ("a.png", "image/png", "image"),
            ("a.mp4", "video/mp4", "video"),
            ("a.mp3", "audio/mpeg", "audio"),
            ("a.pdf", "application/pdf", "document"),
        ],
    )
    def test_sends_a_file_of_ones_own(
        self,
        graph: Caller,
        customer: SimulatedCustomer,
        shop: Shop,
        name: str,
        mime_type: str,
        kind: str,
    ) -> None:
        chosen = SimpleUploadedFile(name, b"x", content_type=mime_type)

        response = self.act(graph, customer, do="file", file=chosen, caption=" Look ")
        shop.receive()

        assert response.status_code == 302
        assert shop.messages[0][kind]["caption"] == "Look"
        assert shop.messages[0][kind].get("filename", "") == (name if kind == "document" else "")

    @pytest.mark.parametrize("do", ["voice", "document"])
    def test_sends_samples(self, graph: Caller, customer: SimulatedCustomer, do: str) -> None:
        assert self.act(graph, customer, do=do).status_code == 302
        assert OutboxWebhook.objects.count() == 1

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ({}, "Choose a file first."),
            (
                {"file": SimpleUploadedFile("a.html", b"x", content_type="text/html")},
                "WhatsApp takes no files of the type text/html.",
            ),
            (
                {"file": SimpleUploadedFile("a.webp", b"x" * 512_001, content_type="image/webp")},
                "The file is too large: 500.0\xa0KB",
            ),
        ],
    )
    def test_says_why_a_file_is_refused(
        self, graph: Caller, customer: SimulatedCustomer, data: dict[str, Any], words: str
    ) -> None:
        response = self.act(graph, customer, do="file", **data)

        assert response.status_code == 400
        assert words in response.content.decode()
        assert not OutboxWebhook.objects.exists()
