"""A Graph that accepts everything after a fixed latency, in a process of its own.

``python -m whatsapp_notify.management.bench.graph_stub REPORT --latency 0.15`` prints its port,
serves until SIGTERM and then writes its report. With ``--webhooks PORT`` it also tells the news
of each message: sent, delivered and read, and of three in ten once more, which makes the 3.3
webhooks a message that Meta asks a server to stand. It speaks HTTP itself, because it shares
the machine with what it measures.
"""

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
import time
from array import array
from pathlib import Path

from whatsapp_notify.management.bench import bodies
from whatsapp_notify.management.bench.http import Connection, request
from whatsapp_notify.management.bench.posting import Poster

_OPAQUE = b'"biz_opaque_callback_data":"'
_TO = b'"to":"'
#: Numbers that begin so are told apart in the report: their moments of arrival.
URGENT = b"+35846"
#: Seconds from the answer to the news.
_NEWS = (("sent", 0.1), ("delivered", 0.4), ("read", 1.0))
_REPEATED_AFTER, _REPEATED_IN_TEN = 1.5, 3
#: A body that waits to be full leaves after so long all the same.
_FILL_SECONDS = 0.05
SECRET = "WHATSAPP_BENCH_SECRET"  # noqa: S105  # the name of a variable


class Ledger:
    """What was accepted, and when."""

    def __init__(self) -> None:
        #: No two stubs give the same ids.
        self.name = secrets.token_hex(8)
        #: On the monotonic clock of this machine, which all its processes share.
        self.times = array("d")
        self.opaque_ids: list[bytes] = []
        self.urgent: dict[str, float] = {}

    def accept(self, *, opaque: bytes, to: bytes) -> int:
        """This will note one call and return its number."""
        now = time.monotonic()
        self.times.append(now)
        self.opaque_ids.append(opaque)
        if to.startswith(URGENT):
            self.urgent[to.decode()] = now
        return len(self.times)

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
            "urgent": self.urgent,
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

    def __init__(
        self, *, ledger: Ledger, latency_seconds: float, newsroom: "Newsroom | None"
    ) -> None:
        super().__init__()
        self._ledger = ledger
        self._newsroom = newsroom
        self._latency_seconds = latency_seconds
        self._loop = asyncio.get_running_loop()

    def message_received(self, head: bytes, body: bytes) -> None:
        to, opaque = _between(body, _TO), _between(body, _OPAQUE)
        number = self._ledger.accept(opaque=opaque, to=to)
        to = to.lstrip(b"+")
        wamid = f"wamid.{self._ledger.name}{number:012d}"
        answer = (
            b'{"messaging_product":"whatsapp","contacts":[{"input":"+%b","wa_id":"%b"}],'
            b'"messages":[{"id":"%b"}]}' % (to, to, wamid.encode())
        )
        whole = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(answer), answer)
        )
        if self._newsroom is not None:
            self._newsroom.tell(number, wamid, to.decode(), opaque.decode())
        if self._latency_seconds:
            self._loop.call_later(self._latency_seconds, self.write, whole)
        else:
            self.write(whole)


class Newsroom:
    """Posts the news of messages, one status a body or several."""

    def __init__(self, *, poster: Poster, host: str, path: str, per_body: int) -> None:
        self._poster = poster
        self._host, self._path = host, path
        self._per_body = per_body
        self._secret = os.environ[SECRET]
        self._loop = asyncio.get_running_loop()
        self._filling: list[str] = []
        self._told = 0

    def tell(self, number: int, wamid: str, digits: str, opaque_id: str) -> None:
        """This will post the news of one message, each at its time."""
        for word, seconds in _NEWS:
            self._loop.call_later(seconds, self._add, wamid, word, digits, opaque_id)
        if number % 10 < _REPEATED_IN_TEN:
            self._loop.call_later(_REPEATED_AFTER, self._add, wamid, "read", digits, opaque_id)

    def report(self) -> dict[str, object]:
        """This will sum up."""
        return {**self._poster.report(), "told": self._told, "unanswered": self._poster.open}

    def _add(self, wamid: str, word: str, digits: str, opaque_id: str) -> None:
        self._told += 1
        element = bodies.status(
            wamid=wamid, word=word, at=time.time(), digits=digits, opaque_id=opaque_id
        )
        self._filling.append(element)
        if len(self._filling) >= self._per_body:
            self._post()
        elif len(self._filling) == 1:
            self._loop.call_later(_FILL_SECONDS, self._post)

    def _post(self) -> None:
        statuses, self._filling = self._filling, []
        if not statuses:
            return
        body = bodies.body(statuses)
        header = bodies.signature_header(body, secret=self._secret)
        self._poster.post(request(path=self._path, host=self._host, body=body, headers=header))


def _between(body: bytes, key: bytes) -> bytes:
    start = body.find(key)
    if start < 0:
        return b""
    start += len(key)
    return body[start : body.index(b'"', start)]


async def serve(options: argparse.Namespace) -> None:
    """This will serve on a free port of the loopback until SIGTERM."""
    loop = asyncio.get_running_loop()
    ledger, ended = Ledger(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    newsroom = await _newsroom(options) if options.webhooks else None
    server = await loop.create_server(
        lambda: GraphConnection(ledger=ledger, latency_seconds=options.latency, newsroom=newsroom),
        "127.0.0.1",
        0,
        backlog=1024,
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await ended.wait()
    told = {"webhooks": newsroom.report()} if newsroom is not None else {}
    options.report.write_text(json.dumps({**ledger.report(), **told}))


async def _newsroom(options: argparse.Namespace) -> Newsroom:
    poster = Poster(port=options.webhooks, connections=options.connections)
    await poster.connect()
    host = f"127.0.0.1:{options.webhooks}"
    return Newsroom(poster=poster, host=host, path=options.path, per_body=options.per_body)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("report", type=Path)
    parser.add_argument("--latency", type=float, default=0.15, help="Seconds.")
    parser.add_argument("--webhooks", type=int, default=0, help="Port of the shop's web server.")
    parser.add_argument("--path", default="/whatsapp/webhook/")
    parser.add_argument("--per-body", type=int, default=1, help="Statuses in one body.")
    parser.add_argument("--connections", type=int, default=128, help="For its webhooks.")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
