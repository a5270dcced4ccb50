"""Each campaign sees the bug that it is there for."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from tests.torture import mutants, races
from tests.torture.campaign import Run
from tests.torture.mutants import Mutant
from tests.torture.world import World

ALL = mutants.all_of()


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_is_caught_and_nothing_is_found_without_it(mutant: Mutant, world: World) -> None:
    verdict = mutants.hunt(mutant, world, seed=7)

    assert verdict.unmutated == ""
    assert verdict.steps is not None
    assert verdict.words


def test_all_that_are_promised_are_there() -> None:
    assert [mutant.name for mutant in ALL] == [
        "write after send",
        "calling committed after the call",
        "retry on time-out",
        "blind retry of 5xx",
        "no unique key",
        "GET, then SET, instead of the key",
        "skip_locked without compare-and-swap",
        "only statuses[0] is read",
        "the latest status wins",
        "consent read outside the transaction",
        "no last look",
    ]


def test_a_bug_ends_with_its_block(world: World) -> None:
    for mutant in ALL:
        with mutant.planted():
            pass

    assert races.run(world, Run(seed=1, size=5)).is_kept


def test_what_is_not_caught_is_said_to_have_survived(world: World) -> None:
    look = next(mutant for mutant in ALL if mutant.name == "no last look")
    harmless = Mutant(
        name="none",
        planted=nullcontext,
        caught_by=look.caught_by,
        campaign=look.campaign,
        portion=2,
        most=2,
    )

    verdict = mutants.hunt(harmless, world, seed=7)

    assert verdict.steps is None
    assert not verdict.is_caught
