"""Sending by tasks: a few at once, each for a while.

# Note [How long a turn is]
Between two turns nothing is sent for as long as the last call takes, so that turns are long.
But a worker may have one process for everything, and so a turn ends early once a webhook, an
event or a customer's question has waited for a while.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from whatsapp_notify import conf
from whatsapp_notify.services import delivery, errands, events, leases, patience, webhooks

#: See Note [How long a turn is].
LONGEST_TURN = timedelta(seconds=30)
_SHORTEST_TURN = timedelta(seconds=5)
#: Where there is a free process, nothing of ours waits for so long.
_WAITS_TOO_LONG = timedelta(seconds=2)
_LOOK_EVERY = timedelta(seconds=1)
#: What is due, and yet not sent so often, waits for a brake, or for whoever holds its rows.
_PATIENCE = 2


@dataclass(slots=True)
class Drained:
    """What one turn did."""

    calls: int = 0
    #: It ended with more to be sent, so that somebody should go on.
    has_more: bool = False
    #: Enough others sent already, or were killed a moment ago; see ``leases.LASTS``.
    is_left_to_others: bool = False


def drain(*, clock: Callable[[], datetime], stop: threading.Event) -> Drained:
    """This will send what is due, unless enough others do so already.

    Ends with its turn, see Note [How long a turn is]. Needs that no transaction is open.

    Raises:
        RuntimeError: A transaction is open, or autocommit is off.
        django.db.OperationalError: The database stayed busy.
    """
    names = [f"deliver:{number}" for number in range(conf.load().SENDING_TASKS)]
    turn = _Turn(began_at=clock(), stop=stop)
    drained, fruitless = Drained(), 0
    while fruitless < _PATIENCE:
        lease = leases.take(names=names, now=clock())
        if lease is None:
            drained.is_left_to_others = True
            break

        def live(now: datetime, lease: leases.Held = lease) -> None:
            lease.prolong(now=now)
            turn.look(now=now)

        try:
            done = delivery.deliver(clock=clock, stop=turn.end, on_round=live)
        finally:
            lease.give_back(now=clock())
        drained.calls += done.calls
        fruitless = 0 if done.looked_at else fruitless + 1
        # Whoever rang while the place was taken has gone away: what they rang for is ours.
        if stop.is_set() or not delivery.is_due(now=clock()):
            break
        if turn.end.is_set():
            drained.has_more = True
            break
    return drained


class _Turn:
    """How long this task sends; ``end`` is set when it is over, or the worker stops."""

    def __init__(self, *, began_at: datetime, stop: threading.Event) -> None:
        self.end = threading.Event()
        self._stop = stop
        self._began_at = self._looked_at = began_at

    def look(self, *, now: datetime) -> None:
        """This will end the turn where it is time; call it often, it seldom asks the database."""
        if self._stop.is_set() or self._is_over(now):
            self.end.set()

    def _is_over(self, now: datetime) -> bool:
        # Before its begin somebody has put the clock back.
        if not timedelta() <= now - self._began_at < LONGEST_TURN:
            return True
        is_worth_a_look = now - self._looked_at >= _LOOK_EVERY
        if not is_worth_a_look or now - self._began_at < _SHORTEST_TURN:
            return False
        self._looked_at = now
        return patience.with_database(lambda: _is_kept_waiting(now=now))


def _is_kept_waiting(*, now: datetime) -> bool:
    """This will tell whether other work of ours has waited for long: nobody else does it."""
    since = now - _WAITS_TOO_LONG
    return (
        webhooks.is_waiting(since=since)
        or events.is_waiting(since=since)
        or errands.is_due(now=since)
    )
