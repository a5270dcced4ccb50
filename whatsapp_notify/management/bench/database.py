"""A database beside the real one, for the time of a measurement."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection


@contextmanager
def database() -> Iterator[None]:
    """This will make a database beside the real one, and remove it."""
    with tempfile.TemporaryDirectory() as folder:
        if connection.vendor == "sqlite":
            # Not in memory: a real file, as the shop has it.
            connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / "bench.sqlite3")
        old_name = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(old_name, verbosity=0)
