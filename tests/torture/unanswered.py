"""Calls that Graph has accepted and whose answer says nothing, or never comes; nobody dies."""

from __future__ import annotations

from collections.abc import Sequence

from tests.torture import graph, recovery
from tests.torture.audit import audit
from tests.torture.campaign import Counts, Run
from tests.torture.graph import Script
from tests.torture.world import CALL_DEADLINE_SECONDS, World
from whatsapp_notify.services import delivery

#: In all of them the customer has the message.
OUTCOMES = (graph.CUT, graph.HALF, graph.GARBAGE, graph.BROKEN_AFTER, graph.SLOW)


def play(world: World, run: Run, *, outcomes: Sequence[str] = OUTCOMES) -> Counts:
    """This will have ``run.size`` calls of each kind go unanswered."""
    total = Counts()
    for outcome in outcomes:
        world.reset(people=run.size)
        world.graph.follow(
            Script(seed=run.seed, weights={outcome: 1}, seconds=1.5 * CALL_DEADLINE_SECONDS)
        )
        world.queue(run.size)
        delivery.deliver(clock=world.clock, at_most=run.size)
        total += recovery.recover(world, since=0, rng=run.rng(outcome))
        total += audit(calls=world.calls(), where=f"{outcome}, seed {run.seed}")
    return total
