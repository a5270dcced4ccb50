"""States against news, in every order and on the full grid."""

import itertools

import pytest

from whatsapp_notify.domain import statuses
from whatsapp_notify.domain.statuses import State

OURS = {State.QUEUED, State.CALLING, State.IN_DOUBT, State.UNKNOWN}
STOPPED = {State.BLOCKED, State.EXPIRED, State.CANCELLED}
NEWS = [State.ACCEPTED, State.HELD, State.SENT, State.FAILED, State.DELIVERED, State.READ]
RANK = {state: rank for rank, state in enumerate(NEWS)}

# State before: states after news of (accepted, held, sent, failed, delivered, read).
A, H, S, F, D, R = NEWS
GRID: dict[State, tuple[State, ...]] = {
    State.QUEUED: (A, H, S, F, D, R),
    State.CALLING: (A, H, S, F, D, R),
    State.IN_DOUBT: (A, H, S, F, D, R),
    State.UNKNOWN: (A, H, S, F, D, R),
    State.ACCEPTED: (A, H, S, F, D, R),
    State.HELD: (H, H, S, F, D, R),
    State.SENT: (S, S, S, F, D, R),
    State.FAILED: (F, F, F, F, D, R),
    State.DELIVERED: (D, D, D, D, D, R),
    State.READ: (R, R, R, R, R, R),
    State.BLOCKED: (State.BLOCKED,) * 6,
    State.EXPIRED: (State.EXPIRED,) * 6,
    State.CANCELLED: (State.CANCELLED,) * 6,
}
# The states that we may move a message to ourselves.
MOVES: dict[State, set[State]] = {
    State.QUEUED: {
        State.CALLING, State.BLOCKED, State.EXPIRED, State.CANCELLED, State.FAILED, State.UNKNOWN,
    },
    State.CALLING: {
        State.ACCEPTED, State.HELD, State.QUEUED, State.FAILED, State.IN_DOUBT, State.UNKNOWN,
    },
    State.IN_DOUBT: {State.ACCEPTED, State.FAILED, State.UNKNOWN, State.QUEUED},
    State.UNKNOWN: {State.ACCEPTED, State.FAILED, State.QUEUED},
    State.FAILED: {State.QUEUED},
}  # fmt: skip


def after(start: State, news: tuple[State, ...]) -> State:
    state = start
    for reported in news:
        state = statuses.join(state, reported)
    return state


class TestJoin:
    @pytest.mark.parametrize(
        ("current", "reported", "result"),
        [
            (current, reported, result)
            for current, results in GRID.items()
            for reported, result in zip(NEWS, results, strict=True)
        ],
    )
    def test_follows_the_grid(self, current: State, reported: State, result: State) -> None:
        assert statuses.join(current, reported) is result

    def test_has_a_row_for_every_state(self) -> None:
        assert set(GRID) == set(State)

    @pytest.mark.parametrize(
        ("current", "reported"),
        [(current, reported) for current in State for reported in OURS | STOPPED],
    )
    def test_refuses_what_no_provider_reports(self, current: State, reported: State) -> None:
        with pytest.raises(ValueError, match="does not report"):
            statuses.join(current, reported)

    def test_ends_alike_for_the_same_news_in_any_order(self) -> None:
        four = (State.SENT, State.DELIVERED, State.READ, State.FAILED)
        sequences = [
            sequence
            for length in range(1, 6)
            for sequence in itertools.product(four, repeat=length)
        ]
        ends: dict[tuple[State, frozenset[State]], set[State]] = {}
        for start in (State.CALLING, State.ACCEPTED, State.HELD):
            for sequence in sequences:
                ends.setdefault((start, frozenset(sequence)), set()).add(after(start, sequence))

        assert len(sequences) == 4 + 16 + 64 + 256 + 1024
        assert len(ends) == 3 * 15
        for (_, news), states in ends.items():
            assert states == {max(news, key=RANK.__getitem__)}

    def test_never_goes_down(self) -> None:
        for sequence in itertools.product(NEWS, repeat=4):
            state = State.ACCEPTED
            for reported in sequence:
                following = statuses.join(state, reported)
                assert RANK[following] >= max(RANK[state], RANK[reported])
                state = following

    def test_is_associative_commutative_and_idempotent(self) -> None:
        join = statuses.join
        for first, second, third in itertools.product(NEWS, repeat=3):
            assert join(join(first, second), third) is join(first, join(second, third))
            assert join(first, second) is join(second, first)
            assert join(first, first) is first


class TestFromProvider:
    @pytest.mark.parametrize(
        ("text", "state"),
        [
            ("accepted", State.ACCEPTED),
            ("held_for_quality_assessment", State.HELD),
            ("paused", State.HELD),
            ("sent", State.SENT),
            ("delivered", State.DELIVERED),
            ("read", State.READ),
            ("played", State.READ),
            ("failed", State.FAILED),
            ("deleted", None),
            ("warning", None),
            ("SENT", None),
            ("sent ", None),
            ("queued", None),
            ("calling", None),
            ("", None),
        ],
    )
    def test_translates_what_it_knows(self, text: str, state: State | None) -> None:
        assert statuses.from_provider(text) is state

    def test_gives_only_what_can_be_joined(self) -> None:
        texts = ["accepted", "held_for_quality_assessment", "sent", "failed", "delivered", "read"]

        assert [statuses.from_provider(text) for text in texts] == NEWS


class TestCanMove:
    @pytest.mark.parametrize(
        ("current", "new"), [(current, new) for current in State for new in State]
    )
    def test_follows_the_table(self, current: State, new: State) -> None:
        assert statuses.can_move(current, new) is (new in MOVES.get(current, set()))


class TestSets:
    def test_every_state_waits_flies_or_is_final(self) -> None:
        groups = [{State.QUEUED}, statuses.IN_FLIGHT, statuses.FINAL]

        assert set().union(*groups) == set(State)
        assert sum(map(len, groups)) == len(State)

    def test_news_settle_what_we_do_not_know(self) -> None:
        assert statuses.SETTLED_BY_STATUS == OURS

    def test_attention_is_for_what_may_have_gone_wrong(self) -> None:
        assert set(statuses.NEEDS_ATTENTION) == {State.IN_DOUBT, State.UNKNOWN, State.FAILED}
