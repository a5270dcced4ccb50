"""What is the same for many messages of one batch, read once for all of them.

# Note [Read once for a batch]
Keywords, surveys, opening hours and the like change when a member of the staff saves them, and
are asked for with every message of a customer: half of its queries. While a batch is processed
each is read once. Only for what decides nothing about consent, and for no longer than a batch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

_Value = TypeVar("_Value")

_current: ContextVar[dict[str, Any] | None] = ContextVar("whatsapp_notify_reads", default=None)


@contextmanager
def shared() -> Iterator[None]:
    """This will let ``once`` remember until the end of the block."""
    token = _current.set({})
    try:
        yield
    finally:
        _current.reset(token)


def forget() -> None:
    """This will read all anew: a transaction was taken back, and rows that it made with it."""
    memory = _current.get()
    if memory is not None:
        memory.clear()


def once(name: str, read: Callable[[], _Value]) -> _Value:
    """This will return what ``read`` returns, from memory where that is shared."""
    memory = _current.get()
    if memory is None:
        return read()
    if name not in memory:
        memory[name] = read()
    value: _Value = memory[name]
    return value
