"""Commits that something rests on which no rollback takes back."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def transaction_of_its_own() -> Iterator[None]:
    """This will do what is in the block in a transaction that is committed at its end.

    Raises:
        RuntimeError: A transaction is open, or autocommit is off: there ``atomic`` neither begins
            nor commits one, ``durable`` or not.
    """
    # Within ``atomic`` it is off too; ``durable`` refuses that, and knows the tests of Django.
    if not connection.in_atomic_block and not connection.get_autocommit():
        raise RuntimeError("Nothing is committed while autocommit is off.")
    with transaction.atomic(durable=True):
        yield
