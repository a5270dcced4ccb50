"""Sending by tasks: a few at once, each for a while."""

import threading
from collections.abc import Callable
from datetime import datetime

from whatsapp_notify import conf
from whatsapp_notify.services import delivery, leases

#: What is due, and yet not sent so often, waits for a brake, or for whoever holds its rows.
_PATIENCE = 2


def drain(*, clock: Callable[[], datetime], stop: threading.Event, for_seconds: float) -> bool:
    """This will send what is due, unless enough others do so already.

    Sends what the set rate allows in ``for_seconds``. Needs that no transaction is open.

    Returns:
        Whether it ended with more to be sent, so that somebody should go on.

    Raises:
        RuntimeError: A transaction is open.
        django.db.OperationalError: The database stayed busy.
    """
    at_most = max(1, int(conf.load().MESSAGES_PER_SECOND * for_seconds))
    names = [f"deliver:{number}" for number in range(conf.load().SENDING_TASKS)]
    calls = fruitless = 0
    while calls < at_most and fruitless < _PATIENCE:
        lease = leases.take(names=names, now=clock())
        if lease is None:
            return False
        try:
            done = delivery.deliver(
                clock=clock,
                stop=stop,
                at_most=at_most - calls,
                on_round=lambda now, lease=lease: lease.prolong(now=now),  # type: ignore[misc]
            )
        finally:
            lease.give_back(now=clock())
        calls += done.calls
        fruitless = 0 if done.looked_at else fruitless + 1
        # Whoever rang while the place was taken has gone away: what they rang for is ours.
        if stop.is_set() or not delivery.is_due(now=clock()):
            return False
    return calls >= at_most
