"""Raw webhooks into their table, those that come together in one INSERT.

# Note [Those that wait go together]
An INSERT of one row costs the database more for itself than for the row: the statement is
parsed and its commit reaches the disk. So while one thread of a web server inserts, those that
come meanwhile wait; the next of them inserts for all, and rings for all. Nobody is answered before
the commit of their bytes. Where one webhook alone is under way it waits for nothing.
"""

import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db import Error, connection

from whatsapp_notify import signals
from whatsapp_notify.models import WebhookEvent
from whatsapp_notify.services import doorbells

#: One INSERT takes bodies together up to so many, and so many bytes; one alone may be larger.
_TOGETHER = 64
_TOGETHER_BYTES = 8 * 1024 * 1024
#: How long somebody else's INSERT is waited for.
_PATIENCE_SECONDS = 2.0


@dataclass(slots=True, eq=False)
class _Arrival:
    digest: bytes
    body: bytes
    received_at: datetime
    #: None until its INSERT has been committed.
    is_new: bool | None = None
    #: The INSERT for several has failed.
    is_alone: bool = False


_waiting: list[_Arrival] = []
_list_lock = threading.Lock()
#: Held by the thread that inserts for all.
_turn = threading.Lock()


def record(*, body: bytes, now: datetime) -> bool:
    """This will keep the raw bytes of a signed POST, and ring the doorbell.

    The same bytes once more are the same webhook. Committed on return, unless the caller has
    a transaction open.

    Returns:
        Whether they are new.

    Raises:
        django.db.Error: The database has not taken them.
    """
    arrival = _Arrival(digest=hashlib.sha256(body).digest(), body=body, received_at=now)
    # Within a transaction of ours the others' rows would depend on our commit.
    if not connection.in_atomic_block and connection.get_autocommit():
        _go_together(arrival)
    if arrival.is_new is None and _insert([arrival]):
        _ring()
    return bool(arrival.is_new)


def _go_together(arrival: _Arrival) -> None:
    """This will insert all that wait, unless somebody has meanwhile done so for us.

    See Note [Those that wait go together]. Where the others keep us waiting for long, we are
    left to go alone: our own connection may be in order.
    """
    with _list_lock:
        _waiting.append(arrival)
    turn, has_new = _turn, False
    try:
        if not turn.acquire(timeout=_PATIENCE_SECONDS):
            _withdraw(arrival)
            return
        try:
            while arrival.is_new is None and not arrival.is_alone:
                has_new |= _insert_next(arrival)
        finally:
            turn.release()
    finally:
        # Not with the turn: whoever listens may take a while, or record a webhook.
        if has_new:
            _ring()


def _insert_next(arrival: _Arrival) -> bool:
    """This will insert the next of those that wait, and tell whether any was new."""
    arrivals = _next_to_go()
    try:
        return bool(arrivals) and _insert(arrivals)
    except Error:
        return False  # each finds out for itself what is wrong
    finally:
        # Also where this very thread is ended: the others must not wait for it.
        for each in arrivals or [arrival]:
            each.is_alone = each.is_new is None


def _withdraw(arrival: _Arrival) -> None:
    with _list_lock:
        if arrival in _waiting:
            _waiting.remove(arrival)


def _ring() -> None:
    doorbells.ring(signals.webhooks_recorded, sender=WebhookEvent)


def _next_to_go() -> list[_Arrival]:
    with _list_lock:
        count = total = 0
        for each in _waiting[:_TOGETHER]:
            total += len(each.body)
            if count and total > _TOGETHER_BYTES:
                break
            count += 1
        going, _waiting[:count] = _waiting[:count], []
    return going


def _insert(arrivals: Sequence[_Arrival]) -> bool:
    """This will insert them in one statement, and tell whether any is new."""
    # By digest: two processes that keep the same bodies must not wait for each other.
    ordered = sorted(arrivals, key=lambda each: each.digest)
    adapt = connection.ops.adapt_datetimefield_value
    values = [
        value for each in ordered for value in (each.digest, each.body, adapt(each.received_at))
    ]
    with connection.cursor() as cursor:
        cursor.execute(_insert_sql(len(ordered)), values)
        new = {bytes(row[0]) for row in cursor.fetchall()}
    has_new = bool(new)
    for each in ordered:
        each.is_new = each.digest in new
        new.discard(each.digest)
    return has_new


@lru_cache(maxsize=_TOGETHER)
def _insert_sql(count: int) -> str:
    """This will write the INSERT: raw, for ``create`` takes twice as long as all else."""
    quote = connection.ops.quote_name
    columns = ("digest", "body", "received_at", "state", "is_pending", "attempts", "problem")
    row = f"(%s, %s, %s, '{WebhookEvent.State.PENDING.value}', true, 0, '')"
    return (
        f"INSERT INTO {quote(WebhookEvent._meta.db_table)} "  # noqa: S608  # names are ours
        f"({', '.join(map(quote, columns))}) VALUES {', '.join([row] * count)} "
        f"ON CONFLICT DO NOTHING RETURNING {quote('digest')}"
    )


def _begin_anew() -> None:
    """This will forget what threads of the parent process were doing."""
    global _list_lock, _turn
    _list_lock, _turn = threading.Lock(), threading.Lock()
    _waiting.clear()


os.register_at_fork(after_in_child=_begin_anew)
