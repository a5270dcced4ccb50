"""What happens after the worst: the tick comes by, Meta repeats its webhooks, workers work."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from django.db import connection

from tests.torture import ledger
from tests.torture.campaign import Counts
from tests.torture.graph import Script
from tests.torture.ledger import Call
from tests.torture.world import World
from whatsapp_notify.models import InboundMessage, Message, ShopEvent, UnreadWebhook
from whatsapp_notify.services import delivery, errands, events, reconcile, sweep, webhooks

#: Longer than any lease and any pause of the product.
PAUSE_MINUTES = 16
#: Longer than a call, its answer and the lease of a webhook; shorter than an event's pause.
SHORT_PAUSE_MINUTES = 2
#: Each round moves the clock by a pause; what still waits then never ends.
_ROUNDS = 12
_FUNERAL_SECONDS = 30.0


def recover(
    world: World,
    *,
    since: int,
    rng: random.Random,
    pause_minutes: float = PAUSE_MINUTES,
    unanswered: Sequence[bytes] = (),
) -> Counts:
    """This will bring the shop to rest: what waits is done, and the webhooks of calls come.

    All processes that were working must be dead. Graph accepts whatever comes now.

    Args:
        since: How many calls were in the ledger when Meta last told of them; the webhooks of
            all later ones come now.
        unanswered: Webhooks that got no 200, which Meta therefore repeats.
    """
    world.graph.follow(Script())
    world.graph.settle()
    _wait_for_the_dead()
    counts = Counts()
    # Meta's news come before the sweep has noticed anything, or after it.
    if rng.random() < 0.5:
        calls = world.calls()
        counts += _tell(world, calls[since:], rng, unanswered)
        since, unanswered = len(calls), ()
    for _round in range(_ROUNDS):
        world.clock.advance(minutes=pause_minutes)
        _work(world)
        if is_at_rest():
            break
    world.graph.settle()
    calls = world.calls()
    counts += _tell(world, calls[since:], rng, unanswered)
    world.clock.advance(minutes=SHORT_PAUSE_MINUTES)
    _work(world)
    # What Meta has repeated may have been answered just now.
    world.graph.settle()
    return counts + _tell(world, world.calls()[len(calls) :], rng, ())


def _wait_for_the_dead() -> None:
    """This will wait until PostgreSQL has noticed that those it served are gone.

    The last statement of a killed process may still be at work there, and may commit.
    """
    if connection.vendor != "postgresql":
        return
    deadline = time.monotonic() + _FUNERAL_SECONDS
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone() == (0,):
                return
            time.sleep(0.005)
    raise AssertionError("A connection of a killed process does not end.")


def is_at_rest() -> bool:
    """This will tell whether nothing waits for a worker."""
    waiting = (
        Message.objects.filter(is_pending=True),
        Message.objects.filter(call_expires_at__isnull=False),
        ShopEvent.objects.filter(is_pending=True),
        UnreadWebhook.objects.all(),
        InboundMessage.objects.filter(errand_due_at__isnull=False),
    )
    return not any(rows.exists() for rows in waiting)


def _work(world: World) -> None:
    clock = world.clock
    webhooks.process(now=clock())
    errands.run(now=clock())
    reconcile.scan(now=clock())
    while events.process(now=clock()):
        pass
    sweep.sweep(now=clock())
    delivery.deliver(clock=clock)


def _tell(
    world: World, calls: Sequence[Call], rng: random.Random, unanswered: Sequence[bytes]
) -> Counts:
    bodies = [*unanswered, *ledger.webhooks(calls, now=world.clock(), rng=rng)]
    answers = [world.post(body) for body in bodies]
    webhooks.process(now=world.clock())
    refused = [status for status in answers if status != 200]
    return Counts(
        answered_5xx=len(refused),
        problems=tuple(f"a signed webhook was answered {status}" for status in refused),
    )
