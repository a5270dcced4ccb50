"""Medians, means and shares of waits."""

from datetime import UTC, datetime, timedelta

import pytest

from whatsapp_notify.domain.answer_times import Figures, Times, Wait, figures

BEGAN = datetime(2026, 11, 23, 10, tzinfo=UTC)


def wait(minutes: float, *, of_them_open: float | None = None, ended: str = "answered") -> Wait:
    return Wait(
        began_at=BEGAN,
        lasted=timedelta(minutes=minutes),
        lasted_open=timedelta(minutes=minutes if of_them_open is None else of_them_open),
        is_answered=ended == "answered",
        is_closed=ended == "closed",
    )


def minutes(length: timedelta | None) -> float | None:
    return None if length is None else length / timedelta(minutes=1)


class TestFigures:
    def test_of_nothing_are_empty(self) -> None:
        assert figures([]) == Figures()
        assert Figures().by_clock == Times(median=None, mean=None, quick=None)

    def test_median_and_mean_are_of_answers_only(self) -> None:
        found = figures([wait(1), wait(3), wait(20), wait(9000, ended="closed"), wait(5, ended="")])

        assert minutes(found.by_clock.median) == 3
        assert minutes(found.by_clock.mean) == 8
        assert (found.count, found.answered, found.waiting) == (5, 3, 1)

    def test_tell_opening_hours_apart_from_the_clock(self) -> None:
        found = figures([wait(600, of_them_open=10), wait(30)])

        assert minutes(found.by_clock.mean) == 315
        assert minutes(found.in_hours.mean) == 20
        assert (found.by_clock.quick, found.in_hours.quick) == (0.5, 1)

    @pytest.mark.parametrize(
        ("waits", "quick"),
        [
            pytest.param([wait(60)], 1, id="an hour is quick"),
            pytest.param([wait(61)], 0, id="more is not"),
            pytest.param([wait(5, ended="closed")], 0, id="closed without an answer is not"),
            pytest.param([wait(5, ended="")], None, id="of who has just begun nothing is known"),
            pytest.param([wait(61, ended="")], 0, id="who waits longer was not answered quickly"),
            pytest.param([wait(9), wait(99), wait(9, ended="")], 0.5, id="1 of 2"),
        ],
    )
    def test_share_of_quick_answers(self, waits: list[Wait], quick: float | None) -> None:
        assert figures(waits).by_clock.quick == quick

    @pytest.mark.parametrize(
        ("of", "missed"),
        [
            pytest.param(wait(1, ended="closed"), 1, id="closed"),
            pytest.param(wait(24 * 60 + 1, ended=""), 1, id="waits for more than a day"),
            pytest.param(wait(24 * 60, ended=""), 0, id="waits for a day"),
            pytest.param(wait(30 * 60), 0, id="answered late"),
        ],
    )
    def test_missed(self, of: Wait, missed: int) -> None:
        assert figures([of]).missed == missed
