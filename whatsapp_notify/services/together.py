"""What several messages of customers cause, written at once at the end of their transaction.

# Note [Several messages in one transaction]
A message of a customer is some ten statements, and what is said to it ten more, most of them the
same for thirty answers as for one. So messages of different people are processed in one
transaction, and what each causes is kept back until its end. Whatever goes wrong with one of
them undoes them all, and then each is done for itself, as it would have been alone: see
``webhooks``. Nothing that is kept back may be looked at before.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Flush = Callable[[list[Any]], object]

_current: ContextVar[dict[str, list[Any]] | None] = ContextVar(
    "whatsapp_notify_together", default=None
)


@contextmanager
def block(flushes: Mapping[str, Flush]) -> Iterator[None]:
    """This will keep back what is deferred under each name, and flush it at the end, in order.

    Needs the transaction of it all. What was kept back is dropped if the block raises.
    """
    kept: dict[str, list[Any]] = {name: [] for name in flushes}
    token = _current.set(kept)
    try:
        yield
    finally:
        _current.reset(token)
    for name, flush in flushes.items():
        if kept[name]:
            flush(kept[name])


def is_open() -> bool:
    """This will tell whether several messages are being processed in one transaction."""
    return _current.get() is not None


def defer(name: str, item: Any) -> bool:
    """This will keep something back; False where there is no block, and it is to be done now."""
    kept = _current.get()
    if kept is None:
        return False
    kept[name].append(item)
    return True
