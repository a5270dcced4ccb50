"""Processes that are killed at random moments."""

from __future__ import annotations

from tests.torture import kills
from tests.torture.campaign import Run
from tests.torture.world import World


def test_f16_f20_nothing_is_sent_twice_or_lost_however_often_all_are_killed(world: World) -> None:
    counts = kills.run(world, Run(seed=16, size=45))

    assert counts.problems == ()
    assert counts.kills == 45
    assert counts.messages >= 90
    assert counts.accepted_calls > 0
