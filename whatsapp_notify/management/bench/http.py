"""The least HTTP/1.1 that a measuring instrument needs; it must cost less than what it measures."""

import asyncio
from collections import deque
from collections.abc import Callable

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"
#: All connections of a process read into it, one after the other. An ``asyncio.Protocol`` is given
#: new bytes instead, made 256 KiB long for each read and then cut: at that size the C library maps
#: fresh pages and gives them back, which costs more than the read itself.
_buffer = memoryview(bytearray(64 * 1024))


class Connection(asyncio.BufferedProtocol):
    """Cuts what arrives into messages with a Content-Length and hands each on."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # asyncio's own promise
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return _buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._received += _buffer[:nbytes]
        while (end := self._received.find(_END_OF_HEAD)) >= 0:
            begin = end + len(_END_OF_HEAD)
            head = bytes(self._received[:begin])
            size = content_length(head)
            if len(self._received) < begin + size:
                return
            body = bytes(self._received[begin : begin + size])
            del self._received[: begin + size]
            self.message_received(head, body)

    def message_received(self, head: bytes, body: bytes) -> None:
        """This will take one message."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """This will send, unless the other side has gone."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)


def content_length(head: bytes) -> int:
    """This will read the length that a head announces; 0 where it announces none."""
    lowered = head.lower()
    start = lowered.find(_LENGTH)
    if start < 0:
        return 0
    start += len(_LENGTH)
    return int(lowered[start : lowered.index(b"\r\n", start)])


class Caller(Connection):
    """Posts one body after the other over one connection, and tells how each was answered.

    ``on_answer`` gets the caller, the status and the seconds; ``on_lost`` how many were not
    answered when the connection ended.
    """

    def __init__(
        self,
        *,
        on_answer: Callable[["Caller", bytes, float], None],
        on_lost: Callable[["Caller", int], None],
    ) -> None:
        super().__init__()
        self._on_answer = on_answer
        self._on_lost = on_lost
        self._begun: deque[float] = deque()
        self._loop = asyncio.get_running_loop()

    def post(self, message: bytes, *, due_at: float | None = None) -> None:
        """This will send a whole request. Time counts from ``due_at``, not from when we came
        to it, so that a slow server cannot hide how slow it is.
        """
        self._begun.append(self._loop.time() if due_at is None else due_at)
        self.write(message)

    def message_received(self, head: bytes, body: bytes) -> None:
        seconds = self._loop.time() - self._begun.popleft()
        self._on_answer(self, head[9:12], seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost(self, len(self._begun))


def request(*, path: str, host: str, body: bytes, headers: bytes = b"") -> bytes:
    """This will write a POST of JSON."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
    )
    return head.encode() + headers + b"\r\n" + body
