"""Waiting for a busy database, only where nothing has left us yet.

# Note [Rows that the shop holds]
The shop may hold a customer's row for as long as its payment provider takes, or for ever where it
forgets a transaction. Whoever waits for that row keeps what it holds itself from all others. So
where other people's rows are held, or other people's work waits, a row is waited for only so long,
and what is about that customer is done later, or without them. The next row of the same run is
hardly waited for: many may buy at the same time.

A row is waited for at the commit too, where a new row refers to it; what has to know which work it
was has references looked at before.
"""

import logging
import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.db import OperationalError, connection
from django.db.models import Model, QuerySet

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Row = TypeVar("Row", bound=Model)

#: A row is waited for so long, the first one and those that follow.
ROW_SECONDS, NEXT_ROW_SECONDS = 2.0, 0.05
#: After so long what was put off is looked at again.
ROW_PAUSE = timedelta(seconds=5)

#: PostgreSQL: lock_not_available.
_LOCK_TIMEOUT = "55P03"


def wait_for_rows(*, seconds: float) -> None:
    """This will have each row waited for no longer, until the transaction ends; 0 for no limit.

    See Note [Rows that the shop holds]. SQLite has no rows to be held; there it changes nothing.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            milliseconds = f"{round(seconds * 1000)}ms"
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [milliseconds])


class RowLimit:
    """How long rows are waited for in one run; see Note [Rows that the shop holds]."""

    def __init__(self, *, is_next: bool = False) -> None:
        self._is_next = is_next

    def begin(self) -> None:
        """This will have rows waited for only so long, until the transaction ends."""
        wait_for_rows(seconds=NEXT_ROW_SECONDS if self._is_next else ROW_SECONDS)

    def is_met(self, err: OperationalError) -> bool:
        """This will tell whether a row was held for longer; the next is waited for less."""
        if not is_row_held(err):
            return False
        self._is_next = True
        return True


def free(rows: QuerySet[Row]) -> QuerySet[Row]:
    """This will hold those of the rows that nobody else does. Needs a transaction.

    SQLite has no row locks: its transaction holds the whole database anyway.
    """
    return rows.select_for_update(
        skip_locked=connection.features.has_select_for_update_skip_locked, no_key=True
    )


def look_at_references() -> None:
    """This will have what new rows refer to looked at now, and not at the commit."""
    if connection.vendor == "postgresql":
        connection.check_constraints()


def is_row_held(err: OperationalError) -> bool:
    """This will tell whether it was a row that somebody held for longer than we wait."""
    cause = err.__cause__
    # The one name is psycopg's, the other that of its predecessor.
    return _LOCK_TIMEOUT in {getattr(cause, "sqlstate", None), getattr(cause, "pgcode", None)}


def with_database(work: Callable[[], Result], *, tries: int = 6, gives_way: bool = False) -> Result:
    """This will do the work, again after a pause while the database is busy.

    For work that is one transaction: a lock that was not granted, a deadlock, a failed
    serialization or a lost connection has left nothing behind.

    Args:
        gives_way: Whether a row that is held for longer than ``wait_for_rows`` allows ends it at
            once.

    Raises:
        django.db.OperationalError: The database is still busy after all tries.
    """
    for number in range(1, tries):
        try:
            return work()
        except OperationalError as err:
            if gives_way and is_row_held(err):
                raise
            logger.warning("The database is busy; trying again", extra={"try": number})
            connection.close_if_unusable_or_obsolete()
            time.sleep(random.uniform(0, 0.05 * 2**number))
    return work()
