"""Commits: those that something rests on, and those that the shop makes by hand."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections, transaction


def are_by_hand(*, using: str = DEFAULT_DB_ALIAS) -> bool:
    """This will tell whether autocommit is off, and the shop commits by itself, or nobody does.

    Outside of ``atomic``, within which it is off as well. Django takes nothing there that is to
    be done after the commit, and has no transaction to begin or to commit.
    """
    connection = connections[using]
    return not connection.in_atomic_block and not connection.get_autocommit()


@contextmanager
def transaction_of_its_own() -> Iterator[None]:
    """This will do what is in the block in a transaction that is committed at its end.

    Raises:
        RuntimeError: A transaction is open, or autocommit is off: there ``atomic`` neither begins
            nor commits one, ``durable`` or not.
    """
    if are_by_hand():
        raise RuntimeError("Nothing is committed while autocommit is off.")
    with transaction.atomic(durable=True):
        yield
