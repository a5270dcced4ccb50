"""Every change of clock of every zone until 2032: what is due then is due at one instant."""

import itertools
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from whatsapp_notify.domain import calendar

ZONES = sorted(zoneinfo.available_timezones())
#: Zones are looked at in so many tests, so that a failure names a part of them.
PARTS = 8
YEARS = range(2024, 2033)
#: No zone changes its clocks twice in less.
STEP = timedelta(days=5)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GREETING, QUIET_FROM, QUIET_UNTIL = time(9), time(21), time(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of clock."""

    zone: str
    at: datetime
    before: timedelta
    after: timedelta

    @property
    def jump(self) -> timedelta:
        """How far the clock goes forward; negative where it goes back."""
        return self.after - self.before

    def wall(self, offset: timedelta) -> datetime:
        return (self.at + offset).replace(tzinfo=None)

    def instant(self, local: datetime, *, last: bool = False) -> datetime:
        """What Note [Every local time is one instant] says, in plain arithmetic."""
        gap_or_overlap = sorted([self.wall(self.before), self.wall(self.after)])
        if local < gap_or_overlap[0]:
            return (local - self.before).replace(tzinfo=UTC)
        if local >= gap_or_overlap[1]:
            return (local - self.after).replace(tzinfo=UTC)
        if self.jump > timedelta(0):
            return self.at
        return (local - (self.after if last else self.before)).replace(tzinfo=UTC)


@cache
def changes(zone: str) -> tuple[Change, ...]:
    return tuple(_changes(zone))


def _changes(zone: str) -> Iterator[Change]:
    info = ZoneInfo(zone)
    at = datetime(YEARS[0], 1, 1, tzinfo=UTC)
    end = datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC)
    before = _offset(at, info)
    while at < end:
        after = _offset(at + STEP, info)
        if before != after:
            yield Change(zone=zone, at=_bisect(at, at + STEP, info), before=before, after=after)
        at, before = at + STEP, after


def _bisect(low: datetime, high: datetime, info: ZoneInfo) -> datetime:
    before = _offset(low, info)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if _offset(middle, info) == before else (low, middle)
    return high


def _offset(at: datetime, info: ZoneInfo) -> timedelta:
    offset = at.astimezone(info).utcoffset()
    assert offset is not None
    return offset


def around(change: Change) -> list[datetime]:
    """Local times before, within and after the change, with both edges to the minute."""
    edges = sorted([change.wall(change.before), change.wall(change.after)])
    times = {edge + minutes * MINUTE for edge in edges for minutes in (-1, 0, 1)}
    steps = int((edges[1] - edges[0]) / (10 * MINUTE)) + 12
    times |= {edges[0] - HOUR + step * 10 * MINUTE for step in range(steps)}
    return sorted(times)


def part(number: int) -> list[Change]:
    return [change for zone in ZONES[number::PARTS] for change in changes(zone)]


def test_the_database_of_zones_is_whole() -> None:
    changing = [zone for zone in ZONES if changes(zone)]

    assert len(ZONES) > 400
    assert len(changing) > 100
    # Both changes of each of nine years.
    assert len(changes("Europe/Helsinki")) == 18


@pytest.mark.parametrize("number", range(PARTS))
class TestEveryChangeOfClock:
    def test_f88_each_local_time_is_one_instant(self, number: int) -> None:
        for change in part(number):
            due = [
                calendar.local_due(day=local.date(), at=local.time(), zone=change.zone)
                for local in around(change)
            ]

            assert due == [change.instant(local) for local in around(change)], change
            assert all(first <= second for first, second in itertools.pairwise(due)), change

    def test_f88_greetings_come_once_a_day_at_their_hour(self, number: int) -> None:
        for change in part(number):
            today = change.wall(change.before).date()
            days = [today + ago * DAY for ago in (-1, 0, 1)]
            due = [calendar.local_due(day=day, at=GREETING, zone=change.zone) for day in days]

            expected = [change.instant(datetime.combine(day, GREETING)) for day in days]
            assert due == expected, change
            assert len(set(due)) == 3, change

    def test_f88_quiet_hours_end_at_one_instant(self, number: int) -> None:
        for change in part(number):
            day = change.wall(change.before).date()
            # In the middle of what is missing, or of what comes twice.
            odd = (change.at + change.before + change.jump / 2).replace(tzinfo=None)
            for end in (datetime.combine(day, QUIET_UNTIL), odd):
                closes = change.instant(end, last=True)
                window = {
                    "zone": change.zone, "quiet_from": QUIET_FROM, "quiet_until": end.time(),
                }  # fmt: skip

                assert calendar.quiet_until(now=closes - MINUTE, **window) == closes, change
                assert not calendar.is_quiet(now=closes, **window), change


@pytest.mark.parametrize("rule", ["feb28", "mar1"])
class TestEveryBirthday:
    def test_f89_is_kept_once_in_each_of_eight_years(self, rule: calendar.LeapDayRule) -> None:
        born = [date(2000, 1, 1) + number * DAY for number in range(1461)]
        greeted: dict[tuple[int, int, int], list[date]] = {}
        noon = datetime(2024, 12, 31, 12, tzinfo=ZoneInfo("Europe/Helsinki"))
        for number in range(8 * 365 + 3):
            for month, day, kept in calendar.birthdays_due(
                now=noon + number * DAY, zone="Europe/Helsinki", at=GREETING, catch_up_days=0,
                leap_day_rule=rule,
            ):  # fmt: skip
                greeted.setdefault((kept.year, month, day), []).append(kept)

        for year in range(2025, 2033):
            for birth_date in born:
                kept_on = calendar.birthday_in(year, birth_date, rule)
                assert greeted[year, birth_date.month, birth_date.day] == [kept_on]

    def test_f89_is_caught_up_with_after_days_of_silence(self, rule: calendar.LeapDayRule) -> None:
        seen = set()
        start = datetime(2024, 12, 31, 12, tzinfo=UTC)
        # A look every third day, each of which also looks two days back.
        for number in range(0, 8 * 365 + 6, 3):
            for month, day, kept in calendar.birthdays_due(
                now=start + number * DAY, zone="UTC", at=GREETING, catch_up_days=2,
                leap_day_rule=rule,
            ):  # fmt: skip
                assert (month, day, kept) not in seen
                seen.add((month, day, kept))

        for year in range(2025, 2033):
            assert len([kept for _month, _day, kept in seen if kept.year == year]) == 366
