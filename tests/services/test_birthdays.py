"""Birthdays: once a year, at the right local time, whatever the clock did."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from tests import factories, shop
from whatsapp_notify.models import Contact, Message, ShopEvent
from whatsapp_notify.services import birthdays, events

BORN = date(1990, 6, 15)
#: Nine in the morning in Helsinki, in summer.
NINE = datetime(2026, 6, 15, 6, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(WATCH=[])


def person(birth_date: date = BORN, **fields: Any) -> Contact:
    row = factories.contact(consents=(), birth_date=birth_date, **fields)
    Contact.objects.filter(pk=row.pk).update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    return row


@pytest.mark.django_db
class TestGreet:
    @pytest.mark.parametrize(
        ("minutes", "count"), [(-1, 0), (0, 1), (60, 1), (24 * 60, 1)], ids=str
    )
    def test_begins_at_nine_where_the_shop_is(self, minutes: int, count: int) -> None:
        person()

        assert birthdays.greet(now=NINE + timedelta(minutes=minutes)) == count

    @pytest.mark.parametrize(
        ("zone", "hours"),
        [("Pacific/Auckland", -9), ("Europe/Helsinki", 0), ("America/New_York", 7)],
    )
    def test_begins_at_nine_where_the_customer_is(self, zone: str, hours: int) -> None:
        person(time_zone=zone)
        due_at = NINE + timedelta(hours=hours)

        assert birthdays.greet(now=due_at - timedelta(minutes=1)) == 0
        assert birthdays.greet(now=due_at) == 1
        assert ShopEvent.objects.get().occurred_at == due_at

    def test_uses_the_shops_zone_for_an_unknown_one(self) -> None:
        person(time_zone="Mars/Olympus")

        assert birthdays.greet(now=NINE) == 1

    def test_records_who_and_which_year(self) -> None:
        user = shop.user()
        row = person(user=user)

        birthdays.greet(now=NINE)

        event = ShopEvent.objects.get()
        assert event.name == "customer.birthday"
        assert event.key == f"birthday:{row.pk}:2026"
        assert event.contact == row
        assert event.user == user

    def test_f86_greets_once_however_often_it_is_called(self) -> None:
        person()

        counts = [birthdays.greet(now=NINE + timedelta(minutes=15 * n)) for n in range(200)]

        assert sum(counts) == 1

    def test_f86_greets_once_when_the_customer_moves(self) -> None:
        row = person(time_zone="Europe/Helsinki")
        birthdays.greet(now=NINE)
        Contact.objects.filter(pk=row.pk).update(time_zone="America/New_York")

        assert birthdays.greet(now=NINE + timedelta(hours=8)) == 0

    def test_greets_again_next_year(self) -> None:
        person()
        birthdays.greet(now=NINE)

        assert birthdays.greet(now=NINE.replace(year=2027)) == 1

    @pytest.mark.parametrize(("days", "count"), [(1, 1), (2, 1), (3, 0)])
    def test_f87_catches_up_for_two_days(self, days: int, count: int) -> None:
        person()

        assert birthdays.greet(now=NINE + timedelta(days=days)) == count

    def test_f87_late_greeting_has_the_time_it_was_due(self) -> None:
        shop.automation("customer.birthday", expires_after_minutes=60)
        person()

        birthdays.greet(now=NINE + timedelta(hours=30))
        events.process(now=NINE + timedelta(hours=30))

        message = Message.objects.get()
        assert ShopEvent.objects.get().occurred_at == message.due_at == NINE
        assert message.expires_at == NINE + timedelta(hours=1)

    def test_f87_catches_up_over_new_year(self) -> None:
        row = person(date(1990, 12, 31))

        assert birthdays.greet(now=datetime(2027, 1, 1, 12, tzinfo=UTC)) == 1
        assert ShopEvent.objects.get().key == f"birthday:{row.pk}:2026"

    def test_does_not_greet_for_a_birthday_before_they_met(self) -> None:
        row = person()
        met_at = datetime(2026, 6, 15, 21, 0, tzinfo=UTC)
        Contact.objects.filter(pk=row.pk).update(created_at=met_at)

        assert birthdays.greet(now=met_at + timedelta(hours=1)) == 0

    def test_greets_who_came_on_the_day_itself(self) -> None:
        row = person()
        met_at = NINE + timedelta(hours=5)
        Contact.objects.filter(pk=row.pk).update(created_at=met_at)

        assert birthdays.greet(now=met_at) == 1

    def test_leaves_erased_contacts_alone(self) -> None:
        person(erased_at=NINE)

        assert birthdays.greet(now=NINE) == 0

    @pytest.mark.parametrize(
        ("rule", "year", "day"),
        [
            ("feb28", 2027, (2, 28)),
            ("mar1", 2027, (3, 1)),
            ("feb28", 2028, (2, 29)),
            ("mar1", 2028, (2, 29)),
        ],
    )
    def test_f89_greets_leap_day_children_once_a_year(
        self, settings: Any, rule: str, year: int, day: tuple[int, int]
    ) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(WATCH=[], LEAP_DAY_RULE=rule)
        person(date(2000, 2, 29))
        first = datetime(year, 2, 25, 12, tzinfo=UTC)

        counts = {
            (first + timedelta(days=n)).date(): birthdays.greet(now=first + timedelta(days=n))
            for n in range(10)
        }

        assert [when for when, count in counts.items() if count] == [date(year, *day)]

    def test_takes_few_queries_whatever_the_zones(self, django_assert_max_num_queries: Any) -> None:
        for zone in ("Europe/Helsinki", "Europe/Stockholm", "Asia/Tokyo"):
            for _ in range(5):
                person(time_zone=zone)

        with django_assert_max_num_queries(1 + 3 * 4):
            assert birthdays.greet(now=NINE + timedelta(hours=12)) == 15


@pytest.mark.django_db(transaction=True)
def test_f86_greets_once_in_ten_threads() -> None:
    for _ in range(3):
        person()
    barrier, counts = threading.Barrier(10), []

    def greet() -> None:
        barrier.wait()
        counts.append(birthdays.greet(now=NINE))
        connections.close_all()

    threads = [threading.Thread(target=greet) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(counts) == 3
    assert ShopEvent.objects.count() == 3
