"""Local times across changes of clock, birthdays on leap days, quiet hours over midnight."""

import itertools
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatsapp_notify.domain import calendar
from whatsapp_notify.domain.calendar import UnknownZone

#: Zones with unlike rules: half hours, half-hour summer time, none, two changes a year and
#: more, changes at midnight, ends of the world; then every fifteenth of all.
ODD_ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/Los_Angeles",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/Helsinki",
    "Europe/London",
    "Europe/Moscow",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "UTC",
]
ALL_ZONES = sorted(zoneinfo.available_timezones())
ZONES = sorted({*ODD_ZONES, *ALL_ZONES[::35]})
EIGHT_YEARS = range(2024, 2033)
LEAP_CYCLE = [date(2000, 1, 1) + timedelta(days=day) for day in range(1461)]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def changes_of_clock(zone: ZoneInfo) -> Iterator[tuple[datetime, timedelta, timedelta]]:
    """Instant of each change from 2024 to 2032, with the offsets before and after it."""
    step = timedelta(days=5)
    at = datetime(2024, 1, 1, tzinfo=UTC)
    while at.year <= 2032:
        low, high = at, at + step
        before, after = offset(low, zone), offset(high, zone)
        if before != after:
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
                low, high = (middle, high) if offset(middle, zone) == before else (low, middle)
            yield high, before, after
        at += step


def offset(at: datetime, zone: ZoneInfo) -> timedelta:
    value = at.astimezone(zone).utcoffset()
    assert value is not None
    return value


class TestLocalDue:
    @pytest.mark.parametrize(
        ("zone", "day", "at", "due"),
        [
            pytest.param("UTC", "2026-11-02", "09:00", "2026-11-02T09:00", id="utc"),
            pytest.param("Europe/Helsinki", "2026-01-02", "09:00", "2026-01-02T07:00", id="09-2"),
            pytest.param("Europe/Helsinki", "2026-07-02", "09:00", "2026-07-02T06:00", id="09-3"),
            pytest.param("Asia/Kathmandu", "2026-07-02", "09:00", "2026-07-02T03:15", id="09-5:45"),
            # 2026-03-29 03:00 EET becomes 04:00 EEST, at 01:00 UTC.
            pytest.param("Europe/Helsinki", "2026-03-29", "02:59", "2026-03-29T00:59", id="gap-1m"),
            pytest.param("Europe/Helsinki", "2026-03-29", "03:00", "2026-03-29T01:00", id="gap"),
            pytest.param("Europe/Helsinki", "2026-03-29", "03:30", "2026-03-29T01:00", id="in-gap"),
            pytest.param(
                "Europe/Helsinki", "2026-03-29", "04:00", "2026-03-29T01:00", id="gap-end"
            ),
            pytest.param("Europe/Helsinki", "2026-03-29", "04:01", "2026-03-29T01:01", id="gap+1m"),
            # 2026-10-25 04:00 EEST becomes 03:00 EET, at 01:00 UTC.
            pytest.param("Europe/Helsinki", "2026-10-25", "03:00", "2026-10-25T00:00", id="first"),
            pytest.param("Europe/Helsinki", "2026-10-25", "03:30", "2026-10-25T00:30", id="twice"),
            pytest.param("Europe/Helsinki", "2026-10-25", "04:00", "2026-10-25T02:00", id="once"),
            # Half an hour only: 2026-10-04 02:00 becomes 02:30, at 15:30 UTC the day before.
            pytest.param(
                "Australia/Lord_Howe", "2026-10-04", "02:10", "2026-10-03T15:30", id="half-hour"
            ),
            # A gap at midnight: 2026-04-24 00:00 becomes 01:00 in Cairo.
            pytest.param("Africa/Cairo", "2026-04-24", "00:00", "2026-04-23T22:00", id="midnight"),
            pytest.param("Africa/Cairo", "2026-04-24", "00:59", "2026-04-23T22:00", id="after"),
            # Samoa had no 30 December 2011: it went from the 29th to the 31st at 10:00 UTC.
            pytest.param("Pacific/Apia", "2011-12-30", "09:00", "2011-12-30T10:00", id="no-day"),
        ],
    )
    def test_means_one_instant(self, zone: str, day: str, at: str, due: str) -> None:
        found = calendar.local_due(
            day=date.fromisoformat(day), at=time.fromisoformat(at), zone=zone
        )

        assert found == utc(due)
        assert found.tzinfo is UTC

    @pytest.mark.parametrize("zone", ZONES)
    def test_meets_every_change_of_clock(self, zone: str) -> None:
        info = ZoneInfo(zone)
        for change, before, after in changes_of_clock(info):
            jump = after - before
            earlier, later = sorted([change + before, change + after])
            for minutes in range(-30, int(abs(jump) / timedelta(minutes=1)) + 30, 10):
                local = (earlier + timedelta(minutes=minutes)).replace(tzinfo=None)

                due = calendar.local_due(day=local.date(), at=local.time(), zone=zone)

                if jump > timedelta(0) and timedelta(0) <= timedelta(minutes=minutes) < jump:
                    assert due == change
                else:
                    shown = due.astimezone(info)
                    assert shown.replace(tzinfo=None, fold=0) == local
                    assert shown.fold == 0
            assert later > earlier

    def test_knows_zones_that_change_their_clocks(self) -> None:
        changing = [zone for zone in ZONES if any(changes_of_clock(ZoneInfo(zone)))]

        assert len(ZONES) >= 38
        assert len(changing) >= 15

    @pytest.mark.parametrize("zone", ["Europe/Helsinki", "America/New_York", "Africa/Cairo"])
    def test_never_goes_back_as_local_time_goes_on(self, zone: str) -> None:
        start = datetime(2026, 1, 1)
        locals_ = [start + timedelta(minutes=30 * step) for step in range(365 * 48)]

        dues = [calendar.local_due(day=at.date(), at=at.time(), zone=zone) for at in locals_]

        assert all(first <= second for first, second in itertools.pairwise(dues))

    @pytest.mark.parametrize(
        "zone", ["", "Helsinki", "Europe/helsinki", "../etc/passwd", "/etc/localtime", "a\x00b"]
    )
    def test_refuses_unknown_zones(self, zone: str) -> None:
        with pytest.raises(UnknownZone):
            calendar.local_due(day=date(2026, 1, 1), at=time(9), zone=zone)

    def test_takes_a_time_with_seconds_in_a_gap(self) -> None:
        due = calendar.local_due(day=date(2026, 3, 29), at=time(3, 0, 0, 1), zone="Europe/Helsinki")

        assert due == utc("2026-03-29T01:00")


class TestBirthdayIn:
    @pytest.mark.parametrize(
        ("year", "rule", "day"),
        [
            (2024, "feb28", date(2024, 2, 29)),
            (2024, "mar1", date(2024, 2, 29)),
            (2025, "feb28", date(2025, 2, 28)),
            (2025, "mar1", date(2025, 3, 1)),
            (2100, "feb28", date(2100, 2, 28)),
            (2100, "mar1", date(2100, 3, 1)),
            (2400, "mar1", date(2400, 2, 29)),
        ],
    )
    def test_moves_a_leap_day(self, year: int, rule: calendar.LeapDayRule, day: date) -> None:
        assert calendar.birthday_in(year, date(2000, 2, 29), rule) == day

    @pytest.mark.parametrize("rule", ["feb28", "mar1"])
    def test_gives_each_birthday_one_day_a_year(self, rule: calendar.LeapDayRule) -> None:
        moved = 0
        for birth_date in LEAP_CYCLE:
            for year in range(2025, 2033):
                kept = calendar.birthday_in(year, birth_date, rule)
                assert kept.year == year
                if (kept.month, kept.day) != (birth_date.month, birth_date.day):
                    assert (birth_date.month, birth_date.day) == (2, 29)
                    moved += 1

        # One person of the cycle was born on a leap day; six of the eight years have none.
        assert len(LEAP_CYCLE) == 1461
        assert moved == 6


class TestBirthdaysDue:
    @pytest.mark.parametrize(
        ("now", "catch_up_days", "due"),
        [
            ("2026-11-02T06:59", 0, []),
            ("2026-11-02T07:00", 0, [(11, 2, date(2026, 11, 2))]),
            ("2026-11-02T21:59", 0, [(11, 2, date(2026, 11, 2))]),
            ("2026-11-02T22:00", 0, []),
            ("2026-11-02T06:59", 1, [(11, 1, date(2026, 11, 1))]),
            (
                "2026-11-02T07:00",
                2,
                [
                    (10, 31, date(2026, 10, 31)),
                    (11, 1, date(2026, 11, 1)),
                    (11, 2, date(2026, 11, 2)),
                ],
            ),
            ("2027-01-01T07:00", 1, [(12, 31, date(2026, 12, 31)), (1, 1, date(2027, 1, 1))]),
        ],
    )
    def test_lists_days_whose_time_has_come(
        self, now: str, catch_up_days: int, due: list[tuple[int, int, date]]
    ) -> None:
        found = calendar.birthdays_due(
            now=utc(now), zone="Europe/Helsinki", at=time(9), catch_up_days=catch_up_days
        )

        assert found == tuple(due)

    @pytest.mark.parametrize(
        ("day", "rule", "birthdays"),
        [
            ("2027-02-28", "feb28", [(2, 28), (2, 29)]),
            ("2027-02-28", "mar1", [(2, 28)]),
            ("2027-03-01", "feb28", [(3, 1)]),
            ("2027-03-01", "mar1", [(3, 1), (2, 29)]),
            ("2028-02-28", "feb28", [(2, 28)]),
            ("2028-02-29", "feb28", [(2, 29)]),
            ("2028-02-29", "mar1", [(2, 29)]),
            ("2028-03-01", "mar1", [(3, 1)]),
        ],
    )
    def test_adds_the_leap_day_to_the_day_it_is_kept(
        self, day: str, rule: calendar.LeapDayRule, birthdays: list[tuple[int, int]]
    ) -> None:
        found = calendar.birthdays_due(
            now=utc(f"{day}T12:00"), zone="UTC", at=time(9), catch_up_days=0, leap_day_rule=rule
        )

        assert [(month, day_of_month) for month, day_of_month, _ in found] == birthdays

    @pytest.mark.parametrize("rule", ["feb28", "mar1"])
    @pytest.mark.parametrize("zone", ["Europe/Helsinki", "Pacific/Kiritimati", "Africa/Cairo"])
    def test_greets_everyone_once_a_year_when_asked_once_a_day(
        self, zone: str, rule: calendar.LeapDayRule
    ) -> None:
        greeted: dict[tuple[int, int, int], int] = {}
        for day in range(366 + 3 * 365 + 2):
            now = datetime(2024, 1, 1, 23, 30, tzinfo=ZoneInfo(zone)) + timedelta(days=day)
            for month, day_of_month, on in calendar.birthdays_due(
                now=now, zone=zone, at=time(0), catch_up_days=0, leap_day_rule=rule
            ):
                key = (on.year, month, day_of_month)
                greeted[key] = greeted.get(key, 0) + 1
                assert calendar.birthday_in(on.year, date(2000, month, day_of_month), rule) == on

        assert set(greeted.values()) == {1}
        assert len([key for key in greeted if key[0] == 2025]) == 366


class TestQuietHours:
    @pytest.mark.parametrize(
        ("now", "start", "end", "until"),
        [
            # Helsinki in November is UTC+2.
            ("2026-11-02T18:59", "21:00", "08:00", None),
            ("2026-11-02T19:00", "21:00", "08:00", "2026-11-03T06:00"),
            ("2026-11-02T22:00", "21:00", "08:00", "2026-11-03T06:00"),
            ("2026-11-03T05:59", "21:00", "08:00", "2026-11-03T06:00"),
            ("2026-11-03T06:00", "21:00", "08:00", None),
            ("2026-11-03T10:00", "12:00", "14:00", "2026-11-03T12:00"),
            ("2026-11-03T12:00", "12:00", "14:00", None),
            ("2026-11-03T09:59", "12:00", "14:00", None),
            ("2026-11-03T10:00", "12:00", "12:00", None),
            ("2026-11-02T22:00", "00:00", "08:00", "2026-11-03T06:00"),
            ("2026-11-02T21:59", "00:00", "08:00", None),
            ("2026-11-02T21:59", "21:00", "00:00", "2026-11-02T22:00"),
            ("2026-11-02T22:00", "21:00", "00:00", None),
            # The night in which clocks go forward has one hour less, ...
            ("2026-03-28T20:00", "21:00", "08:00", "2026-03-29T05:00"),
            # ... and a window that ends within the gap ends with it.
            ("2026-03-29T00:30", "21:00", "03:30", "2026-03-29T01:00"),
            ("2026-03-29T01:00", "21:00", "03:30", None),
            # A window that begins within the gap begins after it.
            ("2026-03-29T00:59", "03:30", "05:00", None),
            ("2026-03-29T01:00", "03:30", "05:00", "2026-03-29T02:00"),
            # The night in which clocks go back has one hour more; 03:30 ends it at its second.
            ("2026-10-24T20:00", "21:00", "08:00", "2026-10-25T06:00"),
            ("2026-10-25T00:45", "21:00", "03:30", "2026-10-25T01:30"),
            ("2026-10-25T01:29", "21:00", "03:30", "2026-10-25T01:30"),
            ("2026-10-25T01:30", "21:00", "03:30", None),
        ],
    )
    def test_end_when_the_window_closes(
        self, now: str, start: str, end: str, until: str | None
    ) -> None:
        window = {
            "now": utc(now),
            "zone": "Europe/Helsinki",
            "quiet_from": time.fromisoformat(start),
            "quiet_until": time.fromisoformat(end),
        }

        assert calendar.quiet_until(**window) == (utc(until) if until else None)
        assert calendar.is_quiet(**window) is (until is not None)

    @given(
        now=st.datetimes(datetime(2024, 1, 1), datetime(2032, 12, 31)),
        zone=st.sampled_from(ZONES),
        start=st.times(),
        end=st.times(),
    )
    def test_end_in_a_moment_that_is_not_quiet(
        self, now: datetime, zone: str, start: time, end: time
    ) -> None:
        window = {"zone": zone, "quiet_from": start, "quiet_until": end}
        until = calendar.quiet_until(now=now.replace(tzinfo=UTC), **window)
        if until is None:
            return

        assert now.replace(tzinfo=UTC) < until < now.replace(tzinfo=UTC) + timedelta(hours=27)
        assert not calendar.is_quiet(now=until, **window)

    def test_refuse_unknown_zones(self) -> None:
        with pytest.raises(UnknownZone):
            calendar.is_quiet(
                now=utc("2026-11-02T12:00"), zone="X", quiet_from=time(21), quiet_until=time(8)
            )


class TestZones:
    @pytest.mark.parametrize(
        ("name", "is_known"),
        [
            ("Europe/Helsinki", True),
            ("UTC", True),
            ("Europe/helsinki", False),
            ("EET ", False),
            ("", False),
            ("posix/Europe/Helsinki", False),
            ("../UTC", False),
        ],
    )
    def test_are_known_by_their_exact_name(self, name: str, is_known: bool) -> None:
        assert calendar.is_known_zone(name) is is_known

    @pytest.mark.parametrize(
        ("e164", "zone"),
        [
            ("+358401234567", "Europe/Helsinki"),
            ("+46701234567", "Europe/Stockholm"),
            ("+4917612345678", "Europe/Berlin"),
            ("+74951234567", "Europe/Moscow"),
            ("+12125550123", "America/New_York"),
            ("+447911123456", "Europe/London"),
            # A mobile number of these says nothing of the zone.
            ("+79161234567", None),
            ("+61412345678", None),
            ("+34612345678", None),
            # No country at all, or no number.
            ("+80012345678", None),
            ("+999123", None),
            ("0401234567", None),
            ("", None),
        ],
    )
    def test_are_told_by_a_number_only_where_it_has_one(self, e164: str, zone: str | None) -> None:
        assert calendar.zone_for_phone(e164) == zone
