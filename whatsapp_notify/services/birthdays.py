"""Birthdays: at nine in the morning where the customer lives, once a year."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta

from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from whatsapp_notify import conf
from whatsapp_notify.domain import calendar
from whatsapp_notify.models import Contact, ShopEvent
from whatsapp_notify.models.automation import Event
from whatsapp_notify.services import discounts, events
from whatsapp_notify.services.events import Happening

#: Rows of one INSERT.
_CHUNK_SIZE = 500


def greet(*, now: datetime) -> int:
    """This will record the birthdays whose local greeting time has come.

    To be called every quarter of an hour or so; a call that was missed is made up for within
    ``BIRTHDAY_CATCH_UP_DAYS``. The event's key holds the person and the year, so that two
    calls at once, or a new time zone, greet nobody twice. Nobody is greeted for a birthday
    that was over when the shop got to know them.

    Returns:
        How many birthdays were recorded.
    """
    return sum(_greet_zone(zone, spellings, now=now) for zone, spellings in _zones(now).items())


def _zones(now: datetime) -> Mapping[str, list[str]]:
    """This will group the contacts' time zones, as written, by the zone that is meant.

    Only zones of people whose birthday it is now somewhere on Earth.
    """
    default = conf.load().time_zone
    written = (
        _with_birthday(frozenset(_month_days_around(now)))
        .order_by()
        .values_list("time_zone", flat=True)
        .distinct()
    )
    zones: dict[str, list[str]] = {}
    for name in written:
        zones.setdefault(name if calendar.is_known_zone(name) else default, []).append(name)
    return zones


def _month_days_around(now: datetime) -> Iterator[int]:
    days = conf.load().BIRTHDAY_CATCH_UP_DAYS
    for offset in range(-days - 1, 2):
        day = now.date() + timedelta(days=offset)
        yield day.month * 100 + day.day
        if (day.month, day.day) in {(2, 28), (3, 1)}:
            yield 229


def _greet_zone(zone: str, spellings: list[str], *, now: datetime) -> int:
    settings = conf.load()
    due = calendar.birthdays_due(
        now=now,
        zone=zone,
        at=settings.birthday_time,
        catch_up_days=settings.BIRTHDAY_CATCH_UP_DAYS,
        leap_day_rule="mar1" if settings.LEAP_DAY_RULE == "mar1" else "feb28",
    )
    return sum(
        _greet_born_on(month * 100 + day_of_month, day=day, zone=zone, spellings=spellings, now=now)
        for month, day_of_month, day in due
    )


def _greet_born_on(
    month_day: int, *, day: date, zone: str, spellings: list[str], now: datetime
) -> int:
    at = conf.load().birthday_time
    due_at = calendar.local_due(day=day, at=at, zone=zone)
    over_at = calendar.local_due(day=day + timedelta(days=1), at=time.min, zone=zone)
    people = list(
        _with_birthday({month_day})
        .filter(time_zone__in=spellings, created_at__lt=over_at)
        .filter(~Exists(_greeted(day.year)))
        .order_by("pk")
        .values_list("pk", "user_id")
    )
    count = 0
    for start in range(0, len(people), _CHUNK_SIZE):
        count += events.record(
            *(
                Happening(
                    name=Event.CUSTOMER_BIRTHDAY,
                    key=f"birthday:{pk}:{day.year}",
                    occurred_at=due_at,
                    contact_id=pk,
                    user_id=user_id,
                    data={"discount_code": discounts.birthday_code(contact_id=pk, year=day.year)},
                )
                for pk, user_id in people[start : start + _CHUNK_SIZE]
            ),
            now=now,
        )
    return count


def _with_birthday(month_days: set[int] | frozenset[int]) -> QuerySet[Contact]:
    return Contact.objects.filter(birth_month_day__in=month_days, erased_at__isnull=True)


def _greeted(year: int) -> QuerySet[ShopEvent]:
    key = Concat(Value("birthday:"), Cast(OuterRef("pk"), CharField()), Value(f":{year}"))
    return ShopEvent.objects.filter(key=key)
