"""Two or more at the same thing."""

from __future__ import annotations

import pytest

from tests.torture import meetings
from tests.torture.campaign import Run
from tests.torture.meetings import Meeting
from tests.torture.world import World

NUMBERED: dict[str, type[Meeting]] = {
    "f13_claimers": meetings.Claimers,
    "f99_resenders": meetings.Resenders,
    "f17_late_answer": meetings.LateAnswer,
    "f55_early_news": meetings.EarlyNews,
    "f04_tellers": meetings.Tellers,
}


@pytest.mark.parametrize("kind", NUMBERED.values(), ids=NUMBERED.keys())
def test_ends_well_whoever_comes_first(kind: type[Meeting], world: World) -> None:
    counts = meetings.play(world, Run(seed=13, size=24), kinds=[kind])

    assert counts.problems == ()
    assert counts.other_interleavings == 24
    assert counts.messages >= 24


def test_f85_the_cap_holds_among_eight_senders(world: World) -> None:
    counts = meetings.play(world, Run(seed=85, size=12), kinds=[meetings.Caps])

    assert counts.problems == ()
    assert counts.other_interleavings == 12


def test_each_kind_is_tested() -> None:
    assert {*NUMBERED.values(), meetings.Caps} == set(meetings.MEETINGS)
