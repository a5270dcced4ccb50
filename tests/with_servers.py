"""``python -m tests.with_servers COMMAND ...`` runs a command with servers of its own.

PostgreSQL and a Redis-compatible server, whose addresses the command finds in DATABASE_URL and
CELERY_BROKER_URL; its exit code is passed on.
"""

import os
import sys

from tests.servers import broker_url, postgres, valkey
from tests.with_postgres import run


def main(command: list[str]) -> int:
    """This will run the command while the servers are up, and return its exit code."""
    if not command:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    with postgres(is_durable=True) as database, valkey() as broker:
        addresses = {"DATABASE_URL": database, "CELERY_BROKER_URL": broker_url(broker)}
        return run(command, environment={**os.environ, **addresses})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
