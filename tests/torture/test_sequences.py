"""Statuses in whatever order, with our own answer anywhere between them."""

from __future__ import annotations

from tests.torture import sequences
from tests.torture.campaign import Run
from tests.torture.world import World


def test_there_are_as_many_sequences_as_promised() -> None:
    assert sequences.COUNT == 1364


def test_f54_every_sequence_ends_as_the_join_of_its_set(world: World) -> None:
    # All up to length four; the long run takes those of five.
    counts = sequences.run(world, Run(seed=54, size=340))

    assert counts.problems == ()
    assert counts.sequences == 340
    # With the answer at each place, and in one, in two or in as many webhooks as statuses.
    assert counts.messages > 8 * counts.sequences
