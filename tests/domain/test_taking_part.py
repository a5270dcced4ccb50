"""When somebody takes part, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest

from whatsapp_notify.domain import taking_part

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


class TestTimeSpent:
    @pytest.mark.parametrize(
        ("moments", "minutes"),
        [
            pytest.param([], 0, id="nothing"),
            pytest.param([0], 0, id="one message"),
            pytest.param([0, 2], 2, id="2"),
            pytest.param([0, 2, 5], 5, id="2 + 3"),
            pytest.param([0, 10], 10, id="a pause of exactly 10 counts"),
            pytest.param([0, 10.5], 0, id="a longer one does not"),
            pytest.param([0, 3, 60, 64], 7, id="3, a pause, 4"),
            pytest.param([64, 0, 60, 3], 7, id="in any order"),
            pytest.param([0, 0, 4, 4], 4, id="two at once"),
            pytest.param([0, 9, 18, 27], 27, id="a long sitting without a long pause"),
        ],
    )
    def test_is_that_of_all_sittings(self, moments: list[float], minutes: int) -> None:
        assert taking_part.time_spent([at(each) for each in moments]) == minutes * MINUTE

    def test_grows_by_each_pause_alone(self) -> None:
        """So that what is kept can be added to, and nothing need be read again."""
        moments = [at(each) for each in (0, 3, 12, 40, 41)]

        apart = sum(
            (taking_part.time_spent(moments[i : i + 2]) for i in range(len(moments) - 1)),
            timedelta(),
        )

        assert apart == taking_part.time_spent(moments) == 13 * MINUTE


class TestBeginsSitting:
    @pytest.mark.parametrize(
        ("last", "now", "begins"),
        [(None, 0, True), (0, 10, False), (0, 10.1, True), (20, 0, False)],
    )
    def test_is_so_after_a_long_pause(self, last: float | None, now: float, begins: bool) -> None:
        found = taking_part.begins_sitting(last=None if last is None else at(last), at=at(now))

        assert found is begins


class TestMayFollow:
    @pytest.mark.parametrize(
        ("keyword_at", "now", "may"),
        [
            (None, NOON, False),
            (NOON, NOON, True),
            (NOON, NOON + taking_part.FOLLOWS, True),
            (NOON, NOON + taking_part.FOLLOWS + SECOND, False),
            (NOON, NOON - SECOND, False),
        ],
    )
    def test_is_so_for_some_hours(
        self, keyword_at: datetime | None, now: datetime, may: bool
    ) -> None:
        assert taking_part.may_follow(keyword_at=keyword_at, at=now) is may


class TestKeyword:
    KEYS = frozenset({"kesa", "my summer"})

    @pytest.mark.parametrize(
        ("text", "is_alone", "is_first"),
        [
            ("KESÄ", True, False),
            ("Kesä, kiitos!", True, False),
            ("my  Summer", True, False),
            ("Kesä on täällä", False, True),
            ("my summer at the lake", False, True),
            ("kesä: " + "sana " * 200, False, True),
            ("kesällä", False, False),
            ("kesämökki on kaunis", False, False),
            ("hyvää kesää", False, False),
            ("my", False, False),
            ("", False, False),
            ("☀️", False, False),
        ],
    )
    def test_is_the_whole_message_or_its_beginning(
        self, text: str, is_alone: bool, is_first: bool
    ) -> None:
        assert taking_part.is_keyword(text, keys=self.KEYS) is is_alone
        assert taking_part.begins_with_keyword(text, keys=self.KEYS) is is_first
