"""A shop that is closed for a scene of the story."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demo_shop.demo.closing import closed_shop
from tests import chat, chat_shop
from tests.factories import NOW
from whatsapp_notify import conf
from whatsapp_notify.domain import opening
from whatsapp_notify.models import Holiday, OpeningHours
from whatsapp_notify.services import opening_hours

pytestmark = pytest.mark.django_db

_HOURS = [timedelta(hours=hour, minutes=59) for hour in range(0, 48, 3)]


def midnight() -> datetime:
    local = NOW.astimezone(ZoneInfo(conf.load().time_zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


class TestClosedShop:
    @pytest.mark.parametrize("later", _HOURS, ids=str)
    def test_is_closed_at_any_hour_and_past_midnight(self, later: timedelta) -> None:
        begun = midnight()
        now = begun + later

        with closed_shop(today=begun.date()) as next_opening:
            hours = opening_hours.current()

        assert opening.closed_since(hours, now=now) == begun.replace(
            hour=16, minute=30
        ) - timedelta(days=2)
        words = opening_hours.next_opening_in_words(hours, now=now, language="en")
        assert words == next_opening

    def test_is_as_before_afterwards(self) -> None:
        kept = OpeningHours.objects.create(weekday=0, opens="08:00", closes="12:00")
        day = Holiday.objects.create(date="2027-12-06", name="Independence Day")

        with suppress(RuntimeError), closed_shop(today=midnight().date()):
            assert OpeningHours.objects.count() == 8
            raise RuntimeError

        assert list(OpeningHours.objects.all()) == [kept]
        assert list(Holiday.objects.all()) == [day]


class TestWhoWrites:
    def test_is_told_when_the_shop_opens(self, settings: Any) -> None:
        chat_shop.open_shop(settings, BOT="")
        chat_shop.AutomaticReply.objects.create(
            kind="away", language="en", body="We are back {next_opening}."
        )
        contact = chat_shop.customer()

        with closed_shop(today=midnight().date()) as next_opening:
            chat_shop.write(contact, "Is anybody there?")
            chat.write("Hello?", by=chat.person(contact))

        assert chat_shop.said(contact) == [f"We are back {next_opening}."]
