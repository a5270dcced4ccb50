"""What the scripted Graph API has accepted, and the news that it sends of it."""

from __future__ import annotations

import itertools
import json
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests import webhook_bodies
from tests.servers import free_port
from tests.torture import graph
from tests.torture.graph import Script

_ROOT = Path(__file__).resolve().parents[2]
#: What Meta tells of a message that goes well.
WORDS = ("sent", "delivered", "read")

_START_SECONDS = 30.0
#: Statuses that one body of a webhook holds at most.
_LARGEST_BODY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that reached Graph: a line of its ledger."""

    opaque: str
    to: str
    template: str
    wamid: str
    accepted: bool
    outcome: str
    #: On ``time.monotonic`` of this machine.
    at: float


class Graph:
    """The running server: told what to do by its script, read by its ledger."""

    def __init__(self, *, folder: Path, port: int) -> None:
        self._folder = folder
        self._read_bytes = 0
        self._calls: list[Call] = []
        self.url = f"http://127.0.0.1:{port}"

    def follow(self, script: Script) -> None:
        """This will have calls answered by this script from now on."""
        graph.write_script(self._folder, script)

    def calls(self) -> tuple[Call, ...]:
        """This will return all calls that have come until now, oldest first."""
        file = self._folder / graph.LEDGER
        if file.exists():
            with file.open("rb") as lines:
                lines.seek(self._read_bytes)
                for line in lines:
                    self._calls.append(Call(**json.loads(line)))
                    self._read_bytes += len(line)
        return tuple(self._calls)

    def settle(self) -> None:
        """This will wait until what killed processes have sent is in the ledger, too."""
        try:
            with urllib.request.urlopen(f"{self.url}/idle", timeout=30):
                pass
        except urllib.error.HTTPError:
            pass  # nothing to read there; it was asked for the wait alone


@contextmanager
def running(folder: Path) -> Iterator[Graph]:
    """This will run a server that lives until the end of the block, whoever else is killed."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.torture.graph", str(port), str(folder)],
        cwd=_ROOT,
        stdin=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield Graph(folder=folder, port=port)
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def statuses(
    calls: Sequence[Call], *, now: datetime, words: Sequence[str] = WORDS
) -> list[dict[str, Any]]:
    """This will write the statuses of accepted calls, each with our own id, in their order."""
    return [
        {
            "id": call.wamid,
            "status": word,
            "timestamp": str(second),
            "recipient_id": call.to.lstrip("+"),
            "biz_opaque_callback_data": call.opaque,
        }
        for call in calls
        if call.accepted
        for second, word in enumerate(words, start=int(now.timestamp()))
    ]


def webhooks(calls: Sequence[Call], *, now: datetime, rng: random.Random) -> list[bytes]:
    """This will write the webhooks about accepted calls: in any order, some of them twice."""
    news = statuses(calls, now=now)
    news += rng.sample(news, len(news) // 3)
    rng.shuffle(news)
    waiting = iter(news)
    bodies = []
    while some := list(itertools.islice(waiting, rng.randint(1, _LARGEST_BODY))):
        bodies.append(webhook_bodies.body(statuses=some))
    bodies += rng.sample(bodies, len(bodies) // 4)
    rng.shuffle(bodies)
    return bodies
