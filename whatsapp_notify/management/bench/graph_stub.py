"""A Graph that accepts everything after a fixed latency, in a process of its own.

``python -m whatsapp_notify.management.bench.graph_stub REPORT --latency 0.15`` prints its port,
serves until SIGTERM and then writes its report: a JSON object, see ``Report``. It speaks HTTP
itself, because it shares the machine with what it measures.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from array import array
from pathlib import Path

from whatsapp_notify.management.bench.http import Connection

_OPAQUE = b'"biz_opaque_callback_data":"'
_TO = b'"to":"'


class Ledger:
    """What was accepted, and when."""

    def __init__(self) -> None:
        #: On the monotonic clock of this machine, which all its processes share.
        self.times = array("d")
        self.opaque_ids: list[bytes] = []

    def accept(self, body: bytes) -> tuple[int, bytes]:
        """This will note one call and return its number and its opaque id."""
        self.times.append(time.monotonic())
        opaque = _between(body, _OPAQUE)
        self.opaque_ids.append(opaque)
        return len(self.times), opaque

    def report(self) -> dict[str, object]:
        """This will sum up: counts, the rate, and the fullest second of all."""
        messages = {opaque.rsplit(b".", 1)[0] for opaque in self.opaque_ids}
        return {
            "accepted": len(self.times),
            "messages": len(messages),
            "first_at": self.times[0] if self.times else None,
            "last_at": self.times[-1] if self.times else None,
            "fullest_second": fullest_second(self.times),
            "per_second": per_second(self.times),
        }


def fullest_second(times: "array[float]") -> int:
    """This will return the most calls that any window of one second holds."""
    most, begin = 0, 0
    for end, moment in enumerate(times):
        while times[begin] <= moment - 1.0:
            begin += 1
        most = max(most, end - begin + 1)
    return most


def per_second(times: "array[float]") -> list[int]:
    """This will return the calls of each whole second since the first."""
    counts: list[int] = []
    for moment in times:
        second = int(moment - times[0])
        counts.extend([0] * (second + 1 - len(counts)))
        counts[second] += 1
    return counts


class GraphConnection(Connection):
    """Answers each call after the latency, in the order in which they are due."""

    def __init__(self, *, ledger: Ledger, latency_seconds: float) -> None:
        super().__init__()
        self._ledger = ledger
        self._latency_seconds = latency_seconds
        self._loop = asyncio.get_running_loop()

    def message_received(self, head: bytes, body: bytes) -> None:
        number, _opaque = self._ledger.accept(body)
        to = _between(body, _TO).lstrip(b"+")
        answer = (
            b'{"messaging_product":"whatsapp","contacts":[{"input":"+%b","wa_id":"%b"}],'
            b'"messages":[{"id":"wamid.BENCH%020d"}]}' % (to, to, number)
        )
        whole = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(answer), answer)
        )
        if self._latency_seconds:
            self._loop.call_later(self._latency_seconds, self.write, whole)
        else:
            self.write(whole)


def _between(body: bytes, key: bytes) -> bytes:
    start = body.find(key)
    if start < 0:
        return b""
    start += len(key)
    return body[start : body.index(b'"', start)]


async def serve(*, report: Path, latency_seconds: float) -> None:
    """This will serve on a free port of the loopback until SIGTERM."""
    loop = asyncio.get_running_loop()
    ledger, ended = Ledger(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(
        lambda: GraphConnection(ledger=ledger, latency_seconds=latency_seconds),
        "127.0.0.1",
        0,
        backlog=1024,
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await ended.wait()
    report.write_text(json.dumps(ledger.report()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("report", type=Path)
    parser.add_argument("--latency", type=float, default=0.15, help="Seconds.")
    options = parser.parse_args()
    asyncio.run(serve(report=options.report, latency_seconds=options.latency))


if __name__ == "__main__":
    main()
