"""``python -m tests.with_postgres COMMAND ...`` runs a command with a PostgreSQL of its own.

The command finds its address in DATABASE_URL; its exit code is passed on.
"""

import os
import signal
import subprocess
import sys

from tests.servers import postgres


def main(command: list[str]) -> int:
    """This will run the command while the server is up, and return its exit code."""
    if not command:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    with postgres() as url:
        return run(command, environment={**os.environ, "DATABASE_URL": url})


def run(command: list[str], *, environment: dict[str, str]) -> int:
    """This will run a command that outlives no signal, and return its exit code."""
    process = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal has told the command as well: the servers outlive it.
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
