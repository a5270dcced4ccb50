"""Whether old webhooks are being read again, and what must not happen meanwhile.

# Note [A replay brings back and begins nothing]
What is read again happened long ago. Its rows are brought back; nothing is begun by them: no
message enters the outbox, no event is recorded, no doorbell is rung but that of the ledger,
and what Meta once refused stops neither a number nor a template of today. The doors
themselves ask here, so that whoever is called on the way need not know, and a handler that is
added later cannot forget. ``now`` is the moment at which the webhook came.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.dispatch import Signal

from whatsapp_notify import signals

#: Somebody who copies the ledger must hear of a withdrawal that was lost.
_AUDIBLE = frozenset({signals.consent_changed})

#: (kind, value) of an id -> when it ended and whose it was, earliest first.
Former = Mapping[tuple[str, str], list[tuple[datetime, int]]]


@dataclass(slots=True, kw_only=True)
class Replay:
    """One replay: what it must know of the time in between, and what it would have rung."""

    former: Former = field(default_factory=dict)
    rung: list[tuple[Signal, Mapping[str, Any]]] = field(default_factory=list)


_current: ContextVar[Replay | None] = ContextVar("whatsapp_notify_replay", default=None)


@contextmanager
def begin(*, former: Former) -> Iterator[Replay]:
    """This will make all that this thread does part of a replay."""
    replay = Replay(former=former)
    token = _current.set(replay)
    try:
        yield replay
    finally:
        _current.reset(token)


def is_on() -> bool:
    """This will tell whether a replay calls."""
    return _current.get() is not None


def silences(signal: Signal, arguments: Mapping[str, Any]) -> bool:
    """This will tell whether a doorbell must not be rung; the replay keeps what it was for."""
    replay = _current.get()
    if replay is None:
        return False
    replay.rung.append((signal, arguments))
    return signal not in _AUDIBLE


def former_owner(*, kind: str, value: str, at: datetime) -> int | None:
    """This will return the id of the contact that had an id then and has lost it since."""
    replay = _current.get()
    ends = replay.former.get((kind, value), ()) if replay else ()
    return next((contact_id for ended_at, contact_id in ends if ended_at > at), None)
