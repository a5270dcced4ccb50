"""Local times, birthdays and quiet hours, in any time zone and across its changes of clock.

Note [Every local time is one instant]
    Where clocks go forward, local times are missing: a missing time means the first instant
    after the gap. Where clocks go back, local times occur twice: what is due then is due at
    the first of both. Quiet hours end at the last of both, for nobody complains of a message
    that comes an hour later.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers import NumberParseException, timezone

LeapDayRule = Literal["feb28", "mar1"]

# Same clocks since before there were mobile phones. Source: file "backward" of the time zone
# database, 2026.
_ALIASES = {
    "Europe/Guernsey": "Europe/London",
    "Europe/Isle_of_Man": "Europe/London",
    "Europe/Jersey": "Europe/London",
    "Europe/Mariehamn": "Europe/Helsinki",
}


class UnknownZone(ValueError):
    """This is not the name of a time zone. Use a name such as "Europe/Helsinki"."""


def is_known_zone(name: str) -> bool:
    """This will tell whether a name is one of the IANA time zones that this machine has."""
    return name in _known_zones()


def zone_for_phone(e164: str) -> str | None:
    """This will name the time zone of a number, or None where its country has several."""
    try:
        number = phonenumbers.parse(e164, None)
    except NumberParseException:
        return None
    zones = {_ALIASES.get(name, name) for name in timezone.time_zones_for_number(number)}
    name = zones.pop() if len(zones) == 1 else ""
    return name if is_known_zone(name) else None


def local_due(*, day: date, at: time, zone: str) -> datetime:
    """This will turn a local date and time into the one instant that it means, in UTC.

    See Note [Every local time is one instant].

    Raises:
        UnknownZone: ``zone`` is no IANA name.
        OverflowError: The instant lies before year 1 or after year 9999.
    """
    return _instant(datetime.combine(day, at.replace(tzinfo=None)), zone=_zone(zone), fold=0)


def birthday_in(year: int, birth_date: date, leap_day_rule: LeapDayRule = "feb28") -> date:
    """This will tell on which day of a year a birthday is kept.

    Who was born on 29 February has one every year: in other years on 28 February or on
    1 March, by ``leap_day_rule``.

    Raises:
        ValueError: The year is outside 1-9999.
    """
    if (birth_date.month, birth_date.day) == (2, 29) and not _is_leap(year):
        return date(year, 2, 28) if leap_day_rule == "feb28" else date(year, 3, 1)
    return date(year, birth_date.month, birth_date.day)


def birthdays_due(
    *,
    now: datetime,
    zone: str,
    at: time,
    catch_up_days: int,
    leap_day_rule: LeapDayRule = "feb28",
) -> tuple[tuple[int, int, date], ...]:
    """This will list whose birthdays are to be greeted now: (month, day, local date).

    Those are the local dates from ``catch_up_days`` ago until today whose greeting time has
    come, the oldest first. In a year without 29 February, (2, 29) comes with the day that
    ``leap_day_rule`` names.

    Raises:
        UnknownZone: ``zone`` is no IANA name.
    """
    today = now.astimezone(_zone(zone)).date()
    days = (today - timedelta(days=ago) for ago in range(catch_up_days, -1, -1))
    return tuple(
        (month, day_of_month, day)
        for day in days
        if local_due(day=day, at=at, zone=zone) <= now
        for month, day_of_month in _birthdays_kept_on(day, leap_day_rule)
    )


def is_quiet(*, now: datetime, zone: str, quiet_from: time, quiet_until: time) -> bool:
    """This will tell whether it is within the quiet hours of a time zone.

    The window may cross midnight; it holds its start and not its end. Equal times mean that
    there are no quiet hours.

    Raises:
        UnknownZone: ``zone`` is no IANA name.
    """
    return _quiet_end(now=now, zone=zone, start=quiet_from, end=quiet_until) is not None


def quiet_until(
    *, now: datetime, zone: str, quiet_from: time, quiet_until: time
) -> datetime | None:
    """This will tell when the quiet hours around ``now`` end, in UTC; None outside of them.

    Raises:
        UnknownZone: ``zone`` is no IANA name.
    """
    return _quiet_end(now=now, zone=zone, start=quiet_from, end=quiet_until)


def _quiet_end(*, now: datetime, zone: str, start: time, end: time) -> datetime | None:
    if start == end:
        return None
    info = _zone(zone)
    today = now.astimezone(info).date()
    nights = timedelta(days=1 if end < start else 0)
    # A window that began yesterday may still be open.
    for day in (today - timedelta(days=1), today):
        opens = _instant(datetime.combine(day, start), zone=info, fold=0)
        closes = _instant(datetime.combine(day + nights, end), zone=info, fold=1)
        if opens <= now < closes:
            return closes
    return None


def _instant(local: datetime, *, zone: ZoneInfo, fold: int) -> datetime:
    """This will turn a local time into UTC by Note [Every local time is one instant]."""
    instant = _to_utc(local, zone=zone, fold=fold)
    if instant.astimezone(zone).replace(tzinfo=None, fold=0) == local.replace(fold=0):
        return instant
    # In a gap the two readings lie on either side of the change of clock (PEP 495).
    return _change_between(
        _to_utc(local, zone=zone, fold=1), _to_utc(local, zone=zone, fold=0), zone=zone
    )


def _to_utc(local: datetime, *, zone: ZoneInfo, fold: int) -> datetime:
    return local.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _change_between(before: datetime, after: datetime, *, zone: ZoneInfo) -> datetime:
    """This will find, to the second, the change of clock in (before, after]."""
    low, high = before.replace(microsecond=0), after.replace(microsecond=0)
    offset = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _birthdays_kept_on(day: date, leap_day_rule: LeapDayRule) -> tuple[tuple[int, int], ...]:
    own = (day.month, day.day)
    leap_day_kept = (2, 28) if leap_day_rule == "feb28" else (3, 1)
    if own == leap_day_kept and not _is_leap(day.year):
        return own, (2, 29)
    return (own,)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _zone(name: str) -> ZoneInfo:
    if not is_known_zone(name):
        raise UnknownZone(f"There is no time zone {name!r}.")
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())
