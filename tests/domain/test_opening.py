"""Opening hours: over midnight, on holidays, and when clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from whatsapp_notify.domain import opening
from whatsapp_notify.domain.opening import Hours

HELSINKI = ZoneInfo("Europe/Helsinki")
NINE, FIVE = time(9), time(17)
MIDNIGHT = time(0)

#: Monday to Friday nine to five, Saturday evening until two; closed on Independence Day.
WEEK = Hours(
    zone="Europe/Helsinki",
    weekly={**dict.fromkeys(range(5), ((NINE, FIVE),)), 5: ((time(20), time(2)),)},
    holidays={date(2026, 12, 7): (), date(2026, 12, 24): ((NINE, time(12)),)},
)


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=HELSINKI).astimezone(UTC)  # type: ignore[misc,arg-type]


class TestIsOpen:
    @pytest.mark.parametrize(
        ("moment", "is_open"),
        [
            pytest.param((2026, 11, 23, 8, 59, 59), False, id="a second before nine"),
            pytest.param((2026, 11, 23, 9, 0), True, id="at nine"),
            pytest.param((2026, 11, 23, 16, 59, 59), True, id="a second before five"),
            pytest.param((2026, 11, 23, 17, 0), False, id="at five"),
            pytest.param((2026, 11, 28, 12, 0), False, id="Saturday noon"),
            pytest.param((2026, 11, 28, 23, 0), True, id="Saturday night"),
            pytest.param((2026, 11, 29, 1, 59), True, id="the same night, on Sunday"),
            pytest.param((2026, 11, 29, 2, 0), False, id="when that night is over"),
            pytest.param((2026, 12, 7, 10, 0), False, id="on a holiday"),
            pytest.param((2026, 12, 24, 11, 0), True, id="on a short day"),
            pytest.param((2026, 12, 24, 12, 0), False, id="after a short day"),
        ],
    )
    def test_goes_by_the_clock_of_the_shop(self, moment: Any, is_open: bool) -> None:
        assert opening.is_open(WEEK, now=at(*moment)) is is_open

    def test_without_hours_is_always_true(self) -> None:
        assert opening.is_open(Hours(zone="Europe/Helsinki"), now=at(2026, 11, 29, 3, 0))

    def test_holidays_count_without_weekly_hours(self) -> None:
        hours = Hours(zone="Europe/Helsinki", holidays=WEEK.holidays)

        # The night before, the holiday from midnight to midnight, and the day after.
        moments = [(2026, 12, 6, 23, 59), (2026, 12, 7, 0, 0), (2026, 12, 7, 23, 59), (2026, 12, 8)]
        found = [opening.is_open(hours, now=at(*moment)) for moment in moments]
        assert found == [True, False, False, True]
        noon = at(2026, 12, 7, 12, 0)
        assert opening.next_opening(hours, now=noon) == at(2026, 12, 8)
        assert opening.closed_since(hours, now=noon) == at(2026, 12, 7)
        assert opening.open_time_between(
            hours, start=at(2026, 12, 6), end=at(2026, 12, 9)
        ) == timedelta(days=2)

    def test_ends_at_midnight_where_the_end_is_midnight(self) -> None:
        late = Hours(zone="Europe/Helsinki", weekly={0: ((time(12), MIDNIGHT),)})

        assert opening.is_open(late, now=at(2026, 11, 23, 23, 59))
        assert not opening.is_open(late, now=at(2026, 11, 24, 0, 0))

    def test_survives_the_hour_that_does_not_exist(self) -> None:
        """On 28 March 2027 the clocks of Helsinki go from three to four."""
        night = Hours(zone="Europe/Helsinki", weekly={6: ((time(3, 30), time(5)),)})

        assert not opening.is_open(night, now=datetime(2027, 3, 28, 0, 59, tzinfo=UTC))
        assert opening.is_open(night, now=datetime(2027, 3, 28, 1, 45, tzinfo=UTC))
        assert not opening.is_open(night, now=datetime(2027, 3, 28, 2, 0, tzinfo=UTC))


class TestNextOpening:
    @pytest.mark.parametrize(
        ("moment", "opens"),
        [
            pytest.param((2026, 11, 23, 8, 0), (2026, 11, 23, 9, 0), id="the same morning"),
            pytest.param((2026, 11, 23, 12, 0), (2026, 11, 24, 9, 0), id="open now: the next"),
            pytest.param((2026, 11, 27, 18, 0), (2026, 11, 28, 20, 0), id="Saturday evening"),
            pytest.param((2026, 11, 29, 12, 0), (2026, 11, 30, 9, 0), id="Sunday: Monday"),
            pytest.param((2026, 12, 6, 12, 0), (2026, 12, 8, 9, 0), id="over a holiday"),
        ],
    )
    def test_is_the_next_beginning(self, moment: Any, opens: Any) -> None:
        assert opening.next_opening(WEEK, now=at(*moment)) == at(*opens)

    def test_is_unknown_without_hours(self) -> None:
        assert opening.next_opening(Hours(zone="Europe/Helsinki"), now=at(2026, 11, 23)) is None


class TestClosedSince:
    @pytest.mark.parametrize(
        ("moment", "since"),
        [
            pytest.param((2026, 11, 23, 17, 0), (2026, 11, 23, 17, 0), id="this moment"),
            pytest.param((2026, 11, 24, 7, 0), (2026, 11, 23, 17, 0), id="last evening"),
            pytest.param((2026, 11, 29, 12, 0), (2026, 11, 29, 2, 0), id="last night"),
            pytest.param((2026, 12, 7, 12, 0), (2026, 12, 6, 2, 0), id="before a holiday"),
        ],
    )
    def test_is_the_last_end(self, moment: Any, since: Any) -> None:
        assert opening.closed_since(WEEK, now=at(*moment)) == at(*since)

    def test_is_none_while_the_shop_is_open(self) -> None:
        assert opening.closed_since(WEEK, now=at(2026, 11, 23, 12, 0)) is None


class TestOverlap:
    @pytest.mark.parametrize(
        ("other", "is_shared"),
        [
            pytest.param((0, (time(16, 59), time(18))), True, id="into the end"),
            pytest.param((0, (FIVE, time(18))), False, id="right after"),
            pytest.param((0, (time(10), time(11))), True, id="within"),
            pytest.param((0, (MIDNIGHT, MIDNIGHT)), True, id="around"),
            pytest.param((6, (time(20), time(9, 1))), True, id="from Sunday night"),
            pytest.param((6, (time(20), NINE)), False, id="until it opens"),
            pytest.param((1, (NINE, FIVE)), False, id="another day"),
        ],
    )
    def test_is_a_moment_of_the_week_that_both_have(self, other: Any, is_shared: bool) -> None:
        monday = (0, (NINE, FIVE))

        assert opening.overlap(monday, other) is is_shared
        assert opening.overlap(other, monday) is is_shared


def open_hours(hours: Hours, start: Any, end: Any) -> float:
    return opening.open_time_between(hours, start=at(*start), end=at(*end)) / timedelta(hours=1)


class TestOpenTimeBetween:
    @pytest.mark.parametrize(
        ("start", "end", "total"),
        [
            pytest.param((2026, 11, 23, 10), (2026, 11, 23, 12), 2, id="within a day"),
            pytest.param((2026, 11, 23, 7), (2026, 11, 23, 20), 8, id="a whole day"),
            pytest.param((2026, 11, 23, 16), (2026, 11, 24, 10), 1 + 1, id="over a night"),
            pytest.param((2026, 11, 23, 18), (2026, 11, 24, 8), 0, id="a night alone"),
            pytest.param((2026, 11, 27, 16), (2026, 11, 30, 9, 30), 1 + 6 + 0.5, id="a weekend"),
            pytest.param((2026, 11, 29, 1), (2026, 11, 29, 12), 1, id="from within a late evening"),
            pytest.param((2026, 12, 4, 17), (2026, 12, 8, 9), 6, id="over a holiday"),
            pytest.param((2026, 12, 24, 8), (2026, 12, 24, 20), 3, id="a short day"),
            pytest.param((2026, 11, 23, 12), (2026, 11, 23, 12), 0, id="no time at all"),
            pytest.param((2026, 11, 23, 12), (2026, 11, 23, 10), 0, id="backwards"),
        ],
    )
    def test_counts_what_lies_in_the_hours(self, start: Any, end: Any, total: float) -> None:
        assert open_hours(WEEK, start, end) == total

    def test_without_hours_is_all_the_time(self) -> None:
        never_told = Hours(zone="Europe/Helsinki")

        assert open_hours(never_told, (2026, 11, 23, 18), (2026, 11, 24, 6)) == 12
        assert open_hours(never_told, (2026, 11, 23, 18), (2026, 11, 23, 6)) == 0

    @pytest.mark.parametrize(
        ("day", "total"),
        [
            pytest.param((2026, 10, 25), 7, id="the hour from three to four comes twice"),
            pytest.param((2027, 3, 28), 5, id="the hour from three to four is left out"),
            pytest.param((2026, 10, 24), 6, id="an ordinary night"),
        ],
    )
    def test_counts_true_hours_when_clocks_change(self, day: Any, total: float) -> None:
        early = Hours(zone="Europe/Helsinki", weekly=dict.fromkeys(range(7), ((time(1), time(7)),)))

        assert open_hours(early, (*day, 0), (*day, 12)) == total

    def test_counts_hours_that_overlap_once(self) -> None:
        """Saturday evening until four, and Sunday from two on."""
        hours = Hours(
            zone="Europe/Helsinki",
            weekly={5: ((time(20), time(4)),), 6: ((time(2), time(6)),)},
        )

        assert open_hours(hours, (2026, 11, 28, 12), (2026, 11, 29, 12)) == 10

    def test_parts_make_up_the_whole(self) -> None:
        counter, begin = opening.OpenTime(WEEK), at(2026, 11, 20, 3)
        cuts = [begin + timedelta(hours=7 * number) for number in range(80)]

        parts = [counter.between(*cut) for cut in pairwise(cuts)]

        assert sum(parts, timedelta(0)) == counter.between(cuts[0], cuts[-1])
