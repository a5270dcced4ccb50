"""What several messages of customers cause, written at once at the end of their transaction.

# Note [Several messages in one transaction]
A message of a customer is some ten statements, and what is said to it ten more, most of them the
same for a hundred messages as for one. So messages of different people are processed in one
transaction: what is asked for each is read for all at the first question, and what each causes
is kept back until the end. Nothing that is kept back may be looked at before, and nothing read
that another of the messages may change: they are of different people. Whatever goes wrong with
one of them undoes them all, and then they are done in halves, to the bad one: see ``webhooks``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from whatsapp_notify.models import InboundMessage

Flush = Callable[[list[Any]], object]
_Value = TypeVar("_Value")


@dataclass(slots=True)
class _Block:
    kept: dict[str, list[Any]]
    rows: Mapping[int, InboundMessage] = field(default_factory=dict)
    read: dict[str, Mapping[int, Any]] = field(default_factory=dict)


_current: ContextVar[_Block | None] = ContextVar("whatsapp_notify_together", default=None)


@contextmanager
def block(flushes: Mapping[str, Flush]) -> Iterator[None]:
    """This will keep back what is deferred under each name, and flush it at the end, in order.

    Needs the transaction of it all. What was kept back is dropped if the block raises.
    """
    current = _Block(kept={name: [] for name in flushes})
    token = _current.set(current)
    try:
        yield
    finally:
        _current.reset(token)
    for name, flush in flushes.items():
        if current.kept[name]:
            flush(current.kept[name])


def is_open() -> bool:
    """This will tell whether several messages are being processed in one transaction."""
    return _current.get() is not None


def defer(name: str, item: Any) -> bool:
    """This will keep something back; False where there is no block, and it is to be done now."""
    current = _current.get()
    if current is None:
        return False
    current.kept[name].append(item)
    return True


def about(rows: Sequence[InboundMessage]) -> None:
    """This will say which messages the block is about, so that ``each`` reads for all of them."""
    current = _current.get()
    if current is not None:
        current.rows, current.read = {row.pk: row for row in rows}, {}


def each(
    name: str,
    inbound: InboundMessage,
    read: Callable[[Sequence[InboundMessage]], Mapping[int, _Value]],
) -> _Value | None:
    """This will return what ``read`` finds for a message, by its id; for all of a block at once."""
    current = _current.get()
    if current is None or inbound.pk not in current.rows:
        return read([inbound]).get(inbound.pk)
    if name not in current.read:
        current.read[name] = read(list(current.rows.values()))
    found: _Value | None = current.read[name].get(inbound.pk)
    return found
