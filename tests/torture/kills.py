"""Processes that work side by side and are killed at random moments; then all is brought to rest.

The senders, the reader of webhooks and events, the shop that saves orders and the web process
that takes Meta's webhooks: one of them is killed, and started anew, again and again.
"""

from __future__ import annotations

import itertools
import mmap
import os
import random
import time
from collections.abc import Callable
from contextlib import ExitStack

from tests.torture import forks, graph, ledger, recovery
from tests.torture.audit import audit
from tests.torture.campaign import Counts, Run
from tests.torture.graph import Script
from tests.torture.world import CALL_DEADLINE_SECONDS, World
from whatsapp_notify.services import delivery, events, reconcile, sweep, webhooks

#: Kills until the shop is brought to rest and held against the ledger.
_ROUND = 40
_MESSAGES_PER_KILL = 2
_ORDERS_PER_LIFE = 4
#: After it has begun its work, a process lives at most so long.
_LIFE_SECONDS = 0.03
#: With each kill the clock moves ahead, so that leases end while others still work.
_SECONDS_PER_KILL = 1.0
_BEGIN_SECONDS = 20.0
_SLOW_MESSAGES = 10
_PAUSE_SECONDS = 0.002

_WEIGHTS = {
    "accepted": 70, "cut": 4, "half": 2, "garbage": 2, "broken_after": 4, "broken": 4,
    "throttled": 1, "refused": 3, "slow": 6, "late": 4,
}  # fmt: skip
#: Of slow and late answers, round after round; the first round's is longer than a call may take.
_SLOWNESS = (0.02, 0.8, 0.1)


def run(world: World, run: Run) -> Counts:
    """This will kill ``run.size`` times. Counts kills of processes that lived until then."""
    total, rows = Counts(), Counts()
    world.reset()
    told = 0
    for number in itertools.count(1):
        where = f"kills, seed {run.seed}, round {number}"
        rng = run.rng("kills", number)
        seconds = _SLOWNESS[number % len(_SLOWNESS)]
        world.graph.follow(Script(seed=run.seed, weights=_WEIGHTS, seconds=seconds))
        kills = _round(world, rng, min(_ROUND, run.size - total.kills), seconds)
        total += Counts(kills=kills)
        total += recovery.recover(world, since=told, rng=rng)
        told = len(world.calls())
        rows = audit(calls=world.calls(), where=where)
        run.say(f"{where}: {total.kills} of {run.size}, {rows.in_doubt} in doubt until now")
        if rows.problems:
            # What is broken would be found again with each round to come.
            total, rows, told = total + rows, Counts(), 0
            world.reset()
        if total.kills >= run.size:
            break
    return total + rows


def _round(world: World, rng: random.Random, kills: int, slowness: float) -> int:
    """This will keep all processes at work while it kills, and at last let them be for a while.

    Returns:
        How many it has killed at work.
    """
    world.queue(kills * _MESSAGES_PER_KILL, due_in=_dues(rng, kills))
    with ExitStack() as stack:
        crew = [_Worker(world, role, rng.random()) for role in _ROLES]
        for worker in crew:
            stack.callback(worker.kill)
            worker.start()
        count = 0
        while count < kills:
            victim = rng.choice(crew)
            victim.wait_until_begun()
            time.sleep(rng.uniform(0, _LIFE_SECONDS))
            count += victim.kill()
            world.clock.advance(seconds=_SECONDS_PER_KILL)
            victim.start()
        if slowness > CALL_DEADLINE_SECONDS:
            _let_time_out(world, slowness)
    return count


def _let_time_out(world: World, slowness: float) -> None:
    """This will let calls be too slow for processes that live to see it."""
    world.graph.follow(Script(weights={graph.SLOW: 1, graph.ACCEPTED: 1}, seconds=slowness))
    world.queue(_SLOW_MESSAGES)
    time.sleep(slowness + CALL_DEADLINE_SECONDS)


def _dues(rng: random.Random, kills: int) -> list[float]:
    """This will spread messages over the round, in seconds from now."""
    span = kills * _SECONDS_PER_KILL
    return [rng.uniform(0, span) for _each in range(kills * _MESSAGES_PER_KILL)]


class _Worker:
    """One process of a role, over all its lives."""

    def __init__(self, world: World, role: Callable[[World, random.Random], None], seed: float):
        self._world, self._role = world, role
        self._rng = random.Random(seed)
        self._has_begun = mmap.mmap(-1, 1)
        self._pid: int | None = None

    def start(self) -> None:
        self._has_begun[0] = 0
        lots = random.Random(self._rng.random())
        parent = os.getpid()

        def live() -> None:
            # Whoever is killed from outside shall leave nobody behind.
            while os.getppid() == parent:
                self._has_begun[0] = 1
                self._role(self._world, lots)
                time.sleep(_PAUSE_SECONDS)

        self._pid = forks.fork(live)

    def wait_until_begun(self) -> None:
        """This will wait until it works, however busy the machine is."""
        deadline = time.monotonic() + _BEGIN_SECONDS
        while not self._has_begun[0] and time.monotonic() < deadline:
            time.sleep(0.001)

    def kill(self) -> bool:
        if self._pid is None:
            return False
        pid, self._pid = self._pid, None
        return forks.kill(pid)


def _send(world: World, rng: random.Random) -> None:
    delivery.deliver(clock=world.clock)


def _read(world: World, rng: random.Random) -> None:
    now = world.clock()
    events.process(now=now)
    webhooks.process(now=now)
    sweep.sweep(now=now)
    reconcile.scan(now=now)


def _sell(world: World, rng: random.Random) -> None:
    for _each in range(_ORDERS_PER_LIFE):
        order = world.new_order(status=rng.choice(["placed", "shipped"]))
        order.save()
        if order.status != "shipped":
            order.status = "shipped"
            order.save()
    # The next orders are of the next life.
    time.sleep(forks.LONG_SECONDS)


def _bring_webhooks(world: World, rng: random.Random) -> None:
    latest = [call for call in world.calls()[-20:] if call.accepted]
    some = rng.sample(latest, min(3, len(latest)))
    for body in ledger.webhooks(some, now=world.clock(), rng=rng):
        world.post(body)
    time.sleep(0.02)


#: Two senders, so that they meet.
_ROLES = (_send, _send, _read, _sell, _bring_webhooks)
