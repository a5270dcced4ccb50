"""Many posts over a few kept connections, with how long each took."""

import asyncio
from array import array
from collections import Counter, deque

from whatsapp_notify.management.bench.http import Caller


class Poster:
    """Posts whole requests; what finds no free connection waits, and its time counts."""

    def __init__(self, *, port: int, connections: int) -> None:
        self._port = port
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._free: list[Caller] = []
        self._waiting: deque[tuple[bytes, float | None]] = deque()
        self.seconds = array("d")
        self.statuses: Counter[str] = Counter()
        #: Posted and not answered yet.
        self.open = 0

    async def connect(self) -> None:
        """This will open the connections."""
        for _each in range(self._connections):
            self._free.append(await self._open())

    def post(self, message: bytes, *, due_at: float | None = None) -> None:
        """This will post now, or as soon as a connection is free."""
        moment = self._loop.time() if due_at is None else due_at
        self.open += 1
        if self._free:
            self._free.pop().post(message, due_at=moment)
        else:
            self._waiting.append((message, moment))

    def post_in_turn(self, message: bytes) -> None:
        """This will post as soon as a connection is free; its time counts from then on."""
        self.open += 1
        if self._free:
            self._free.pop().post(message, due_at=self._loop.time())
        else:
            self._waiting.append((message, None))

    def forget(self) -> None:
        """This will not count what has been posted so far."""
        self.seconds = array("d")
        self.statuses.clear()

    def report(self) -> dict[str, object]:
        """This will sum up: counts by status, and times in milliseconds."""
        ordered = sorted(self.seconds)
        return {
            "statuses": dict(self.statuses),
            "p50_ms": _quantile(ordered, 0.5),
            "p95_ms": _quantile(ordered, 0.95),
            "p99_ms": _quantile(ordered, 0.99),
            "longest_ms": _quantile(ordered, 1.0),
        }

    async def _open(self) -> Caller:
        _transport, caller = await self._loop.create_connection(
            lambda: Caller(on_answer=self._on_answer, on_lost=self._on_lost),
            "127.0.0.1",
            self._port,
        )
        return caller

    def _on_answer(self, caller: Caller, status: bytes, seconds: float) -> None:
        self.seconds.append(seconds)
        self.statuses[status.decode()] += 1
        self.open -= 1
        self._next(caller)

    def _on_lost(self, caller: Caller, unanswered: int) -> None:
        if unanswered:
            self.statuses["lost"] += unanswered
        self.open -= unanswered
        if caller in self._free:
            self._free.remove(caller)
        self._loop.create_task(self._replace())

    async def _replace(self) -> None:
        self._next(await self._open())

    def _next(self, caller: Caller) -> None:
        if self._waiting:
            message, due_at = self._waiting.popleft()
            caller.post(message, due_at=self._loop.time() if due_at is None else due_at)
        else:
            self._free.append(caller)


def _quantile(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000
