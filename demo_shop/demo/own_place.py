"""A place of its own for one headless run: folder, port, database and queue, removed afterwards."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import Error, connection

from demo_shop.demo.preparing import NotPossible

#: Set for the process that plays; it holds the name of the run.
MARK = "DEMO_RUN"

_OF_THE_SHOP = "DEMO_DATA_DIR", "DEMO_PORT", "DEMO_QUEUE", "DATABASE_URL", MARK


@contextmanager
def own_place() -> Iterator[Mapping[str, str]]:
    """This will yield the environment of a process that shares nothing with the demo at hand.

    Raises:
        NotPossible: The database user may not create a database.
    """
    run = f"demo_{secrets.token_hex(6)}"
    # Messages go to the simulator of this run, whatever the environment says of Graph.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("WHATSAPP_") and name not in {*_OF_THE_SHOP} - {"DATABASE_URL"}
    }
    with tempfile.TemporaryDirectory(prefix="whatsapp-demo-", ignore_cleanup_errors=True) as folder:
        kept |= {"DEMO_DATA_DIR": folder, "DEMO_PORT": str(free_port()), "DEBUG": "1"}
        kept |= {"DEMO_QUEUE": run, MARK: run}
        if connection.vendor == "sqlite":
            kept.pop("DATABASE_URL", None)
            yield kept
            return
        with _own_database(run) as url:
            yield {**kept, "DATABASE_URL": url}


@contextmanager
def _own_database(name: str) -> Iterator[str]:
    try:
        _execute(f'CREATE DATABASE "{name}"')
    except Error as err:
        raise NotPossible(
            "A database for this run could not be created. The user of DATABASE_URL needs the "
            "right to create databases (ALTER USER ... CREATEDB)."
        ) from err
    try:
        parts = urlsplit(os.environ["DATABASE_URL"])
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        _execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def free_port() -> int:
    """This will return a port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def is_port_free(port: int) -> bool:
    """This will tell whether the web server can have the port."""
    with socket.socket() as probe:
        # As the web server does: what a former one has left in the system is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_own_place() -> bool:
    """This will tell whether this process runs in such a place."""
    run = os.environ.get(MARK)
    return run is not None and run == settings.CELERY_TASK_DEFAULT_QUEUE
