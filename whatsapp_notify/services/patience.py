"""Waiting for a busy database, only where nothing has left us yet."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


def with_database(work: Callable[[], Result], *, tries: int = 6) -> Result:
    """This will do the work, again after a pause while the database is busy.

    For work that is one transaction: a lock that was not granted, a deadlock, a failed
    serialization or a lost connection has left nothing behind.

    Raises:
        django.db.OperationalError: The database is still busy after all tries.
    """
    for number in range(1, tries):
        try:
            return work()
        except OperationalError:
            logger.warning("The database is busy; trying again", extra={"try": number})
            connection.close_if_unusable_or_obsolete()
            time.sleep(random.uniform(0, 0.05 * 2**number))
    return work()
