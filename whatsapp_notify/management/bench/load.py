"""Posts signed webhooks from a file, in a process of its own.

``python -m whatsapp_notify.management.bench.load REPORT FILE --port 8000``. The
file holds whole requests, each after its length in four bytes. With ``--per-second`` they are
posted at that rate, whatever the server does; without it as fast as the connections allow.
The first ``--warm-up`` of them let the server's threads load what they need, and do not count.
"""

import argparse
import asyncio
import json
import struct
from collections.abc import Iterator
from pathlib import Path

from whatsapp_notify.management.bench.posting import Poster

_TICK_SECONDS = 0.002
_PATIENCE_SECONDS = 30.0


def requests_in(file: Path) -> Iterator[bytes]:
    """This will read whole requests."""
    data = file.read_bytes()
    start = 0
    while start < len(data):
        (size,) = struct.unpack_from(">I", data, start)
        yield data[start + 4 : start + 4 + size]
        start += 4 + size


def write_requests(file: Path, requests: Iterator[bytes]) -> None:
    """This will write what ``requests_in`` reads."""
    with file.open("wb") as output:
        for request in requests:
            output.write(struct.pack(">I", len(request)) + request)


async def post_all(
    *, file: Path, port: int, connections: int, per_second: float | None, warm_up: int
) -> dict[str, object]:
    """This will post all requests of the file and return the report."""
    loop = asyncio.get_running_loop()
    poster = Poster(port=port, connections=connections)
    await poster.connect()
    messages = list(requests_in(file))
    await _warm_up(poster, messages[:warm_up])
    messages = messages[warm_up:]
    begun = loop.time()
    for number, message in enumerate(messages):
        if per_second is None:
            poster.post_in_turn(message)
            continue
        due_at = begun + number / per_second
        while (early := due_at - loop.time()) > 0:
            await asyncio.sleep(max(early, _TICK_SECONDS))
        poster.post(message, due_at=due_at)
    deadline = loop.time() + _PATIENCE_SECONDS
    while poster.open and loop.time() < deadline:
        await asyncio.sleep(_TICK_SECONDS)
    ended = loop.time()
    return {
        **poster.report(),
        "requests": len(messages),
        "unanswered": poster.open,
        "per_second": len(messages) / (ended - begun),
    }


async def _warm_up(poster: Poster, messages: list[bytes]) -> None:
    for message in messages:
        poster.post(message)
    while poster.open:
        await asyncio.sleep(_TICK_SECONDS)
    poster.forget()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("report", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--per-second", type=float)
    parser.add_argument("--warm-up", type=int, default=0)
    options = parser.parse_args()
    report = asyncio.run(
        post_all(
            file=options.file,
            port=options.port,
            connections=options.connections,
            per_second=options.per_second,
            warm_up=options.warm_up,
        )
    )
    options.report.write_text(json.dumps(report))


if __name__ == "__main__":
    main()
