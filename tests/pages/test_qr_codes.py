"""The address that Meta fetches a QR code from."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests import shop
from tests.services.test_qr_codes import issued
from whatsapp_notify.services import qr_codes

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(settings: Any) -> str:
    settings.WHATSAPP_NOTIFY = shop.configured(PUBLIC_URL="https://shop.example")
    address = qr_codes.address(event=issued(), until=timezone.now() + timedelta(hours=1))
    return address.removeprefix("https://shop.example")


class TestQrCodeView:
    def test_answers_with_a_picture_that_nobody_keeps(self, client: Client, path: str) -> None:
        response = client.get(path)

        assert response.status_code == 200
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["Cache-Control"] == "private, no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.content.startswith(b"\x89PNG")

    def test_answers_a_look_at_the_head(self, client: Client, path: str) -> None:
        assert client.head(path).status_code == 200

    def test_knows_no_other_address(self, client: Client, path: str) -> None:
        assert client.get(path.replace(".png", "x.png")).status_code == 404
        assert client.get("/whatsapp/qr/1.png").status_code == 404

    def test_takes_nothing(self, client: Client, path: str) -> None:
        assert client.post(path).status_code == 405
