"""Tickets as QR codes: who may fetch which picture, and until when."""

import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
import segno

from tests import factories, shop
from tests.domain.test_png import squares_of
from tests.factories import NOW
from whatsapp_notify.models import Message, ShopEvent
from whatsapp_notify.services import events, qr_codes
from whatsapp_notify.services.events import Happening

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
HEADER = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::x"]}}
BODY = {"type": "BODY", "text": "Hello {{1}}, here is your ticket.", "example": {
    "body_text": [["Customer"]]}}  # fmt: skip


@pytest.fixture(autouse=True)
def public_shop(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(PUBLIC_URL="https://shop.example/")


def issued(text: str = "TICKET-1") -> ShopEvent:
    contact = factories.contact()
    data = {"qr": text} if text else {}
    happening = Happening(
        name="ticket.issued", key=f"ticket:{contact.pk}", occurred_at=NOW, contact_id=contact.pk,
        data=data,
    )  # fmt: skip
    events.record(happening, now=NOW)
    return ShopEvent.objects.get(contact=contact)


def token_of(event: ShopEvent, *, until: datetime = NOW) -> str:
    address = qr_codes.address(event=event, until=until)
    return address.removeprefix("https://shop.example/whatsapp/qr/").removesuffix(".png")


class TestAddress:
    def test_is_the_shops_and_names_no_text(self) -> None:
        address = qr_codes.address(event=issued("SECRET"), until=NOW)

        assert address.startswith("https://shop.example/whatsapp/qr/")
        assert address.endswith(".png")
        assert "SECRET" not in address

    @pytest.mark.parametrize("text", ["", "x" * 301])
    def test_is_none_for_what_cannot_be_read(self, text: str) -> None:
        with pytest.raises(qr_codes.NoQrCode, match="1 to 300 characters"):
            qr_codes.address(event=issued(text), until=NOW)

    def test_is_none_while_the_shop_has_none(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(PUBLIC_URL="")

        with pytest.raises(qr_codes.NoQrCode, match="PUBLIC_URL"):
            qr_codes.address(event=issued(), until=NOW)

    def test_is_none_without_the_package_that_makes_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "segno", None)

        with pytest.raises(qr_codes.NoQrCode, match=r"whatsapp-notify\[qr\]"):
            qr_codes.address(event=issued(), until=NOW)


class TestPicture:
    @pytest.mark.parametrize("text", ["T", "TICKET-1", "Lippu ä/ö – Ж", "x" * 300])
    def test_shows_the_text(self, text: str) -> None:
        picture = qr_codes.picture(token=token_of(issued(text)), now=NOW)

        code = segno.make(text, error="m", micro=False)
        assert squares_of(picture, scale=12) == [
            [bool(each) for each in row] for row in code.matrix_iter(border=4)
        ]

    def test_ends_an_hour_after_the_message_is_of_no_use(self) -> None:
        token = token_of(issued(), until=NOW)

        assert qr_codes.picture(token=token, now=NOW + HOUR - timedelta(seconds=1))
        with pytest.raises(qr_codes.NoQrCode, match="ended"):
            qr_codes.picture(token=token, now=NOW + HOUR)

    def test_is_signed(self) -> None:
        own, other = token_of(issued()), token_of(issued())
        forged = other.split(":")[0] + ":" + own.split(":")[1]

        for token in (forged, own[:-1], own.upper(), "", ":", "x" * 5000):
            with pytest.raises(qr_codes.NoQrCode, match="signature"):
                qr_codes.picture(token=token, now=NOW)

    def test_is_gone_with_the_customer(self) -> None:
        event = issued()
        token = token_of(event)
        assert event.contact is not None
        event.contact.erased_at = NOW
        event.contact.save()

        with pytest.raises(qr_codes.NoQrCode, match="gone"):
            qr_codes.picture(token=token, now=NOW)

    def test_is_gone_with_the_event(self) -> None:
        event = issued()
        token = token_of(event)
        event.delete()

        with pytest.raises(qr_codes.NoQrCode, match="gone"):
            qr_codes.picture(token=token, now=NOW)


class TestAutomation:
    @pytest.fixture(autouse=True)
    def automation(self) -> Any:
        return shop.automation(
            "ticket.issued",
            template=factories.template("ticket", components=[HEADER, BODY]),
            parameters={"header.media": "{qr_url}", "body.1": "{first_name}"},
        )

    def test_puts_the_picture_above_the_words(self) -> None:
        event = issued()

        events.process(now=NOW)

        message = Message.objects.get(event=event)
        link = message.content["header"]["link"]
        token = link.removeprefix("https://shop.example/whatsapp/qr/").removesuffix(".png")
        assert (message.state, message.chat_preview.header_media) == ("queued", "image")
        assert qr_codes.picture(token=token, now=message.expires_at)

    def test_without_a_text_fails_in_the_open(self) -> None:
        event = issued("")

        events.process(now=NOW)

        event.refresh_from_db()
        assert event.state == ShopEvent.State.FAILED
        assert "There is no QR code" in event.note

    def test_that_shows_none_needs_none(self, settings: Any, automation: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(PUBLIC_URL="")
        automation.parameters = {"body.1": "{first_name}"}
        automation.template_name = factories.template().name
        automation.save()
        event = issued()

        events.process(now=NOW)

        assert Message.objects.get(event=event).state == "queued"
