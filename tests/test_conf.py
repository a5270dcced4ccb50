"""The one settings dict."""

from datetime import time
from typing import Any

import pytest

from tests import shop
from whatsapp_notify import conf


def load(**changes: Any) -> conf.Settings:
    return conf.Settings(**changes)


class TestLoad:
    def test_is_read_once(self) -> None:
        assert conf.load() is conf.load()

    def test_follows_changes(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(BUSINESS_NAME="One")
        first = conf.load().BUSINESS_NAME

        settings.WHATSAPP_NOTIFY = shop.configured(BUSINESS_NAME="Two")

        assert (first, conf.load().BUSINESS_NAME) == ("One", "Two")

    def test_unknown_keys_are_left_to_the_checks(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(NO_SUCH_KEY=1)

        assert not hasattr(conf.load(), "NO_SUCH_KEY")

    def test_empty_dict_means_defaults(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = {}

        assert conf.load() == conf.Settings()

    def test_shows_no_secret(self) -> None:
        shown = repr(load(ACCESS_TOKEN="very-secret", APP_SECRET="very-secret"))

        assert shown == "<WHATSAPP_NOTIFY>"

    def test_each_required_key_exists(self) -> None:
        assert set(conf.REQUIRED) <= conf.KEYS


class TestAppSecrets:
    @pytest.mark.parametrize(
        ("given", "secrets"),
        [
            ("one", ("one",)),
            (["one", "two"], ("one", "two")),
            (("one", ""), ("one",)),
            ("", ()),
            ("   ", ()),
            ([], ()),
            (["", " "], ()),
            (None, ()),
            ([None, "one"], ("one",)),
        ],
        ids=str,
    )
    def test_f61_f63_blank_ones_sign_nothing(self, given: Any, secrets: tuple[str, ...]) -> None:
        assert load(APP_SECRET=given).app_secrets == secrets


class TestTimes:
    def test_quiet_hours_are_read(self) -> None:
        assert load(QUIET_HOURS=("21:00", "08:30")).quiet_hours == (time(21), time(8, 30))

    @pytest.mark.parametrize("none", [(), [], None], ids=str)
    def test_there_may_be_no_quiet_hours(self, none: Any) -> None:
        assert load(QUIET_HOURS=none).quiet_hours is None

    def test_birthday_time_is_read(self) -> None:
        assert load(BIRTHDAY_TIME="07:45").birthday_time == time(7, 45)

    def test_time_zone_is_that_of_django_unless_given(self, settings: Any) -> None:
        settings.TIME_ZONE = "Europe/Stockholm"

        assert load().time_zone == "Europe/Stockholm"
        assert load(TIME_ZONE="Europe/Helsinki").time_zone == "Europe/Helsinki"
