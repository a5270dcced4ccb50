"""Files of customers are shown to those who may see what customers write, and cannot run."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from tests import chat, factories, shop
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.models import InboundMedia

pytestmark = pytest.mark.django_db

MAY = ("view_inboundmedia", "view_inboundmessage", "view_inboundmessage_text")


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(MEDIA_DIRECTORY=str(tmp_path))
    factories.topic("service")


@pytest.fixture
def media(now: datetime) -> InboundMedia:
    content = contents.Media(kind="image", media_id="1", filename="secret name.jpg")
    row = chat.write(content, by=chat.person(factories.contact()), at=now)
    media = InboundMedia.objects.get(inbound=row)
    media.file.save("x", ContentFile(b"\xff\xd8\xff picture"), save=False)
    media.state, media.detected_type, media.size = InboundMedia.State.KEPT, "image/jpeg", 11
    media.save()
    return media


def get(client: Client, media: InboundMedia) -> Any:
    return client.get(reverse("admin:whatsapp_notify_inboundmedia_file", args=[media.pk]))


class TestFile:
    def test_a_picture_is_shown_and_can_run_nothing(
        self, staff: Callable[..., Client], media: InboundMedia
    ) -> None:
        response = get(staff(*MAY), media)

        assert b"".join(response.streaming_content) == b"\xff\xd8\xff picture"
        assert response["Content-Type"] == "image/jpeg"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert "private, no-store" in response["Cache-Control"]
        assert "secret" not in response["Content-Disposition"]

    def test_f101_all_else_is_a_download(
        self, staff: Callable[..., Client], media: InboundMedia
    ) -> None:
        InboundMedia.objects.update(detected_type="text/plain")

        response = get(staff(*MAY), media)

        assert response["Content-Type"] == "application/octet-stream"
        assert response["Content-Disposition"] == f'attachment; filename="file-{media.pk}.txt"'

    @pytest.mark.parametrize("codenames", [MAY[:1], MAY[1:], ()])
    def test_needs_both_permissions(
        self, staff: Callable[..., Client], media: InboundMedia, codenames: tuple[str, ...]
    ) -> None:
        assert get(staff(*codenames), media).status_code == 403

    @pytest.mark.parametrize("state", ["due", "refused", "failed", "deleted"])
    def test_what_is_not_kept_is_not_there(
        self, owner: Client, media: InboundMedia, state: str
    ) -> None:
        InboundMedia.objects.update(state=state)

        assert get(owner, media).status_code == 404

    def test_what_has_vanished_from_the_disk_is_not_there(
        self, owner: Client, media: InboundMedia
    ) -> None:
        Path(media.file.path).unlink()

        assert get(owner, media).status_code == 404


class TestPages:
    def test_list_tells_what_is_kept(self, owner: Client, media: InboundMedia) -> None:
        page = owner.get(reverse("admin:whatsapp_notify_inboundmedia_changelist"))

        assert "kept" in page.content.decode()

    def test_page_says_why_a_file_is_not_there(self, owner: Client, media: InboundMedia) -> None:
        InboundMedia.objects.update(state="refused", reason="type_lies")

        url = reverse("admin:whatsapp_notify_inboundmedia_change", args=[media.pk])

        assert "It is not what it says it is." in owner.get(url).content.decode()

    def test_inbox_shows_the_picture(
        self, staff: Callable[..., Client], media: InboundMedia
    ) -> None:
        url = reverse("admin:whatsapp_notify_inboundmessage_change", args=[media.inbound_id])
        source = reverse("admin:whatsapp_notify_inboundmedia_file", args=[media.pk])

        assert f'src="{source}"' in staff(*MAY).get(url).content.decode()
        assert source not in staff("view_inboundmessage").get(url).content.decode()
