"""How long a consent waits, and yes and no in four languages."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatsapp_notify.domain import confirmation, replies
from whatsapp_notify.domain.confirmation import Act

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
BY = NOW + timedelta(days=14)
LATER = BY + timedelta(days=14)


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def tick(minutes: int, by: datetime | None = BY) -> Act:
    return Act(occurred_at=at(minutes), is_grant=True, confirm_by=by)


def word(minutes: int) -> Act:
    return Act(occurred_at=at(minutes), is_grant=True, is_in_chat=True)


def number(minutes: int, by: datetime = LATER) -> Act:
    return Act(occurred_at=at(minutes), is_grant=True, confirm_by=by, is_new_number=True)


def stop(minutes: int) -> Act:
    return Act(occurred_at=at(minutes), is_grant=False)


def waits_until(acts: list[Act]) -> datetime | None:
    wait = confirmation.find_wait(acts)
    return wait.until if wait is not None else None


ACT = st.one_of(
    st.builds(tick, st.integers(0, 4), st.sampled_from([BY, LATER, None])),
    st.builds(word, st.integers(0, 4)),
    st.builds(stop, st.integers(0, 4)),
)
ACTS = st.lists(ACT, max_size=7)


class TestWaitsUntil:
    @pytest.mark.parametrize(
        ("acts", "until"),
        [
            ([], None),
            ([tick(0)], BY),
            ([tick(0, None)], None),
            ([word(0)], None),
            ([tick(0), word(1)], None),
            ([tick(0), tick(1)], BY),
            ([tick(0), tick(1, LATER)], LATER),
            ([tick(0), word(1), tick(2, LATER)], None),
            ([tick(0), stop(1)], None),
            ([tick(0), word(1), stop(2), tick(3, LATER)], LATER),
            ([word(0), tick(1), stop(1), tick(2)], BY),
            ([word(1), tick(1)], None),
            ([tick(0, None), tick(1)], None),
            ([tick(0), tick(1, None)], None),
            ([tick(0), word(1), number(2)], LATER),
            ([tick(0, None), number(1)], LATER),
            ([tick(0, LATER), number(1, BY)], BY),
            ([tick(0), word(1), number(2), tick(3)], LATER),
            ([tick(0), word(1), number(2), word(3)], None),
            ([word(1), number(1)], LATER),
            ([number(1)], None),
            ([word(0), stop(1), number(2)], None),
        ],
        ids=[
            "nothing", "ticked", "no-need", "word", "confirmed", "ticked-twice", "waits-anew",
            "confirmed-and-ticked-again", "stopped", "back-after-a-stop", "a-tie-is-a-stop",
            "word-of-the-same-moment", "stood-before", "not-needed-any-more",
            "number-after-the-yes", "number-of-what-stood-before", "number-while-it-waits",
            "ticked-after-the-number", "yes-from-the-number", "number-of-the-same-moment",
            "number-without-consent", "number-after-a-stop",
        ],
    )  # fmt: skip
    def test_the_table(self, acts: list[Act], until: datetime | None) -> None:
        assert waits_until(acts) == until

    @pytest.mark.parametrize(
        ("acts", "minute"),
        [
            ([tick(0), tick(1)], 0),
            ([tick(0), stop(1), tick(2)], 2),
            ([tick(0), word(1), number(2), tick(3)], 2),
            ([tick(0, at(2)), tick(1, at(2))], 0),
            ([tick(0, at(2)), tick(2)], 2),
        ],
        ids=["ticked-twice", "back-after-a-stop", "new-number", "before-its-end", "after-its-end"],
    )
    def test_says_since_when(self, acts: list[Act], minute: int) -> None:
        wait = confirmation.find_wait(acts)

        assert wait is not None
        assert wait.begun_at == at(minute)

    @given(
        acts=st.lists(st.one_of(ACT, st.builds(number, st.integers(0, 4))), max_size=7),
        data=st.data(),
    )
    def test_does_not_go_by_the_order_in_which_acts_are_told(
        self, acts: list[Act], data: st.DataObject
    ) -> None:
        told = data.draw(st.permutations(acts))

        assert waits_until(told) == waits_until(acts)

    @given(acts=ACTS)
    def test_never_waits_behind_a_word_unless_a_stop_came_between(self, acts: list[Act]) -> None:
        spoken = [act.occurred_at for act in acts if act.is_in_chat]
        stops = [act.occurred_at for act in acts if not act.is_grant]
        is_stopped_since = bool(spoken and stops and max(stops) >= max(spoken))

        until = waits_until(acts)

        if spoken and not is_stopped_since:
            assert until is None

    @given(acts=ACTS)
    def test_waits_only_for_what_was_given_since_the_last_stop(self, acts: list[Act]) -> None:
        last_stop = max((act.occurred_at for act in acts if not act.is_grant), default=None)
        since = [
            act for act in acts
            if act.is_grant and (last_stop is None or act.occurred_at > last_stop)
        ]  # fmt: skip

        until = waits_until(acts)

        if until is not None:
            assert until in {act.confirm_by for act in since}
        else:
            assert not since or any(act.is_in_chat or act.confirm_by is None for act in since)


class TestReadAnswer:
    @pytest.mark.parametrize(
        "text",
        [
            "Yes", "yes please!", "YES", "Kyllä", "kyllä kiitos", "Joo", "Ja", "ja tack!", "Да",
            "да, спасибо", "Yes, I want messages", "Kyllä, haluan viestejä",
            "Ja, skicka meddelanden", "Да, хочу сообщения", "yes yes",
        ],
    )  # fmt: skip
    def test_yes(self, text: str) -> None:
        assert confirmation.read_answer(text) is True

    @pytest.mark.parametrize(
        "text",
        ["No", "no thanks", "No, thank you", "Ei", "Ei kiitos", "En", "Nej tack", "Нет, спасибо"],
    )
    def test_no(self, text: str) -> None:
        assert confirmation.read_answer(text) is False

    @pytest.mark.parametrize(
        "text",
        [
            "", "ok", "yes but not every day", "no idea", "maybe", "yesterday", "jaa", "ei vielä",
            "en tiedä", "nej inte nu alltid", "да нет", "hello", "👍", "yes" * 100,
        ],
    )  # fmt: skip
    def test_near_misses_are_neither(self, text: str) -> None:
        assert confirmation.read_answer(text) is None

    def test_no_answer_is_a_keyword_of_its_own(self) -> None:
        phrases = [*confirmation._YES, *confirmation._NO]

        assert [each for each in phrases if replies.read_keyword(each)] == []
