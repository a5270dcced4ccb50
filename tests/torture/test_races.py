"""STOP against send, place by place."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.torture import races
from tests.torture.campaign import Run
from tests.torture.races import STOPS, Stop
from tests.torture.world import World


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.name.replace(" ", "-"))
def test_f75_no_call_starts_after_a_stop_was_committed(stop: Stop, world: World) -> None:
    counts, tally = races.play(world, Run(seed=75, size=80), stops=[stop])

    assert counts.problems == ()
    assert counts.is_kept
    assert counts.interleavings == 80
    # Not one place of the race has been left out.
    assert tally["taken back by the last look"] > 0
    if stop is not races.RED_BUTTON:
        assert min(tally.values()) > 0


@pytest.mark.skipif(
    connection.vendor == "postgresql",
    reason="PostgreSQL says which of two waiters gets a row first",
)
def test_a_seed_is_one_way(world: World) -> None:
    first = races.play(world, Run(seed=7, size=15))

    assert races.play(world, Run(seed=7, size=15)) == first
