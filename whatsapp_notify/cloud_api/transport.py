"""Connections that know which call they serve, and calls that end in time.

# Note [What is certain]

A message is definitely not sent if not one byte of its request was handed to the socket;
whatever goes wrong before is safe to repeat, whatever goes wrong after is in doubt. The
types of the exceptions do not say this (a reset may come in a TLS handshake or half-way
through the answer), so the connection itself records the moment: ``Call.begin`` runs
immediately before the first byte.

# Note [A total deadline]

Socket timeouts bound one ``recv``, not a call: a server that sends a byte a second keeps a
call alive for ever. So each call has a deadline on the monotonic clock; one watchdog thread
per client shuts the socket of a call that is past it, which wakes the waiting thread at
once. Only the resolver cannot be interrupted; its time counts, and ``begin`` refuses to
write a byte after the deadline. So a message's socket needs no time-out of its own, with which
each read and write would first ask the kernel whether it may.

# Note [Nearly all answers are alike]

One piece, its length announced, nothing special: such an answer is read off the first bytes
that came. Every other one is http.client's to read, from the same bytes.

# Note [Interim answers]

A 1xx only announces an answer: taken for the answer itself, it looks like a refusal of a call
that is accepted a moment later. So it is read past, within the deadline of the call, and a row
of them ends at a limit. 101 has nothing after it that we could read, and nobody asked for it:
``errors`` leaves its call in doubt.
"""

import heapq
import io
import itertools
import re
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

_current = threading.local()

_SWITCHING_PROTOCOLS = 101
#: http.client reads past 100 by itself, so that only the deadline ends a row of those.
_MOST_INTERIM_ANSWERS = 100

# See Note [Nearly all answers are alike]; all of a head in small letters.
_PLAIN_STATUS = re.compile(rb"http/1\.1 (200|[45][0-9]{2}) ")
_PLAIN_LENGTH = re.compile(rb"\r\ncontent-length: ?([0-9]{1,6})(?=\r\n)")
_PLAIN_TYPE = re.compile(rb"\r\ncontent-type: ?([^\r\n]*)")
_SPECIAL = re.compile(
    rb"\r\n(?:transfer-encoding|content-encoding|trailer|upgrade|connection(?!: ?keep-alive\r\n))"
    rb"|\r\n[ \t]|\r(?!\n)|(?<!\r)\n"
)


class NotSent(Exception):
    """No byte of the request has left; the call may be repeated."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Received:
    """One answer, read to its end or just past the limit."""

    http_status: int
    content_type: str
    body: bytes
    #: Whether the answer announced where it ends.
    is_framed: bool


class Call:
    """One request and its deadline, for the thread that makes it and for the watchdog."""

    __slots__ = ("connection", "deadline", "has_begun", "is_done", "is_expired")

    def __init__(self, *, deadline_seconds: float) -> None:
        #: On the monotonic clock.
        self.deadline = time.monotonic() + deadline_seconds
        self.connection: _OwnedConnection | None = None
        #: The first byte has been, or is just being, handed to the socket.
        self.has_begun = False
        self.is_done = False
        self.is_expired = False

    @property
    def remaining_seconds(self) -> float:
        return self.deadline - time.monotonic()

    def begin(self) -> None:
        """This will mark the first byte.

        Raises:
            NotSent: The deadline has passed, as after a frozen process or a slow resolver.
        """
        if self.has_begun:
            return
        if self.is_expired or self.remaining_seconds <= 0:
            raise NotSent
        self.has_begun = True

    def serve(self, connection: "_OwnedConnection") -> None:
        """This will let the watchdog shut this connection, or refuse if it is too late."""
        self.connection = connection
        # After the assignment: the watchdog sets the flag first, then looks for a connection,
        # so that one of the two always sees the other.
        if self.is_expired:
            raise NotSent

    def expire(self) -> None:
        """This will shut the connection of a call that is past its deadline."""
        if self.is_done:
            return
        self.is_expired = True
        if self.connection is not None:
            self.connection.shut(owner=self)


class Watchdog:
    """Ends calls at their deadline. Its thread lives only while there are calls to watch."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[tuple[float, int, Call]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, call: Call) -> Iterator[None]:
        """This will bind the call to this thread until the block ends.

        Raises:
            NotSent: Nobody can watch it.
        """
        self._add(call)
        _current.call = call
        try:
            yield
        finally:
            call.is_done = True
            call.connection = None
            _current.call = None

    def _add(self, call: Call) -> None:
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._start()
            heapq.heappush(self._calls, (call.deadline, next(self._numbers), call))
            if self._calls[0][2] is call:
                self._changed.notify()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="whatsapp-notify-watchdog", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # This machine has no thread left; nothing has been connected yet.
            raise NotSent from None
        self._thread = thread

    def _run(self) -> None:
        while (call := self._next()) is not None:
            call.expire()

    def _next(self) -> Call | None:
        """This will wait for the next call that is due; None ends the thread."""
        with self._changed:
            while True:
                # Calls end long before they are due. Those at the front are dropped here, so
                # that the thread wakes once per deadline and not once per call.
                while self._calls and self._calls[0][2].is_done:
                    heapq.heappop(self._calls)
                if not self._calls:
                    self._thread = None
                    return None
                call = self._calls[0][2]
                remaining = call.remaining_seconds
                if remaining <= 0:
                    heapq.heappop(self._calls)
                    return call
                self._changed.wait(remaining)


class _FinalResponse(HTTPResponse):
    """The answer of a call, past what only announced it; see Note [Interim answers]."""

    def begin(self) -> None:
        for _announced in range(_MOST_INTERIM_ANSWERS):
            super().begin()
            if self.status >= 200 or self.status == _SWITCHING_PROTOCOLS:
                return
            # What has headers counts as begun.
            self.headers = self.msg = None  # type: ignore[assignment]
        raise HTTPException("Interim answers only.")


class _OwnedConnection(HTTPConnection):
    """A connection that serves one call at a time and is not reused after a long rest."""

    response_class = _FinalResponse
    #: A connection that rested longer may be closed at the other end; it is opened anew.
    idle_seconds: float = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()
        self._owner: Call | None = None
        self._is_shut = False
        #: What the watchdog shuts. Not ``self.sock``: that one is gone while TLS shakes
        #: hands, and as soon as the headers announce that the connection will close.
        self._handle: socket.socket | None = None
        self._used_at = time.monotonic()
        self._parts: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        """This will send head and body in one piece: half the packets, and half the ways to
        be cut in the middle.
        """
        self._take(_current.call)
        parts = self._parts = []
        try:
            super().request(*args, **kwargs)
        finally:
            self._parts = None
        self.send(b"".join(parts))

    def exchange(self, data: bytes, *, max_bytes: int) -> Received:
        """This will send a whole request in one piece and read the whole answer.

        The way of every message; see Note [The short way] of ``client``.

        Raises:
            NotSent: It is too late to begin.
            OSError: The connection failed; ``TimeoutError`` where it was too slow.
            http.client.HTTPException: The answer is none, or was cut.
        """
        self._take(_current.call)
        if self.sock is None:
            self.connect()
        if self.sock.gettimeout() is not None:
            # Connecting has used its own, shorter time-out. From here on the watchdog ends it.
            self.sock.settimeout(None)
        self.send(data)
        with self.sock.makefile("rb") as stream:
            received = _plain(stream.peek(1)) or self._receive(stream, max_bytes=max_bytes)
        self._used_at = time.monotonic()
        return received

    def _receive(self, stream: io.BufferedReader, *, max_bytes: int) -> Received:
        response = _FinalResponse(_Stream(stream), method="POST")  # type: ignore[arg-type]
        try:
            response.begin()
            body = _read(response, max_bytes=max_bytes)
            is_at_its_end = response.isclosed()
        finally:
            response.close()
        # What follows another protocol's name is not the next call's answer.
        is_http = response.status != _SWITCHING_PROTOCOLS
        if response.will_close or not is_at_its_end or not is_http:
            self.close()
        return Received(
            http_status=response.status,
            content_type=response.headers.get("Content-Type", "").lower(),
            body=_decoded(body, response, max_bytes=max_bytes),
            is_framed=response.chunked is True or response.headers["Content-Length"] is not None,
        )

    def connect(self) -> None:
        self._take(_current.call)
        super().connect()

    def send(self, data: Any) -> None:
        if self._parts is not None:
            self._parts.append(data)
            return
        if self.sock is None:
            self.connect()
        with self._lock:
            self._handle = self.sock
        _current.call.begin()
        super().send(data)

    def getresponse(self) -> Any:
        response = super().getresponse()
        self._used_at = time.monotonic()
        return response

    def shut(self, *, owner: Call) -> None:
        """This will shut the socket, from another thread, while it serves this call."""
        with self._lock:
            if self._owner is not owner or self._handle is None:
                return
            self._is_shut = True
            # Not its own ``shutdown``: that of an SSLSocket drops its TLS state, and what is
            # still in the buffers would then be read undecrypted.
            with suppress(OSError):
                socket.socket.shutdown(self._handle, socket.SHUT_RDWR)

    def _take(self, call: Call) -> None:
        # The lock decides between a watchdog that is late and the next call on this
        # connection: whatever was shut under the former owner is opened anew.
        with self._lock:
            is_stale = time.monotonic() - self._used_at > self.idle_seconds
            is_new_owner = self._owner is not call
            if is_new_owner and (self._is_shut or is_stale):
                self.close()
                self._is_shut = False
            if is_new_owner:
                self._handle = self.sock
            self._owner = call
            self._used_at = time.monotonic()
        call.serve(self)

    def _new_conn(self) -> socket.socket:
        """This will connect to one address after the other, all within the deadline."""
        try:
            addresses = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as err:
            raise NameResolutionError(self.host, self, err) from err
        except UnicodeError as err:
            raise NewConnectionError(self, "The host name is not valid.") from err
        failure: OSError | None = None
        for family, kind, protocol, _name, address in addresses:
            try:
                return self._open(family, kind, protocol, address)
            except OSError as err:
                failure = err
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "No connection in time.") from failure
        raise NewConnectionError(self, "No connection.") from failure

    def _open(self, family: int, kind: int, protocol: int, address: Any) -> socket.socket:
        remaining = _current.call.remaining_seconds
        if remaining <= 0:
            raise TimeoutError
        opened = socket.socket(family, kind, protocol)
        try:
            for option in self.socket_options or ():
                opened.setsockopt(*option)
            opened.settimeout(min(remaining, self.timeout or remaining))
            opened.connect(address)
        except OSError:
            opened.close()
            raise
        return opened


class _Stream:
    """What ``HTTPResponse`` wants of a socket."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def makefile(self, mode: str) -> io.BufferedReader:
        return self._stream


def _plain(data: bytes) -> Received | None:
    """This will read a whole answer; None where it is not one of those that are alike."""
    head, found, body = data.partition(b"\r\n\r\n")
    head = head.lower() + b"\r\n"
    status = _PLAIN_STATUS.match(head)
    lengths = _PLAIN_LENGTH.findall(head)
    if not found or status is None or len(lengths) != 1 or _SPECIAL.search(head):
        return None
    if len(body) != int(lengths[0]):
        return None
    content_type = _PLAIN_TYPE.search(head)
    return Received(
        http_status=int(status[1]),
        content_type=content_type[1].decode("latin-1").strip() if content_type else "",
        body=body,
        is_framed=True,
    )


def _read(response: HTTPResponse, *, max_bytes: int) -> bytes:
    """This will read at most one byte more than is wanted, and refuse half an answer."""
    announced = response.length
    body = response.read(max_bytes + 1)
    if announced is not None and len(body) < min(announced, max_bytes + 1):
        raise IncompleteRead(body, announced - len(body))
    return body


def _decoded(body: bytes, response: HTTPResponse, *, max_bytes: int) -> bytes:
    # We ask for no compression; a proxy on the way may compress all the same.
    if response.headers.get("Content-Encoding", "identity").lower() in {"", "identity"}:
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, max_bytes + 1)
    except zlib.error as err:
        raise IncompleteRead(body) from err


class _OwnedSecureConnection(_OwnedConnection, HTTPSConnection):
    """The same over TLS, whose handshake must end in time as well."""

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            with self._lock:
                handle, self._handle = self._handle, None
            if handle is not None:
                handle.close()

    def _new_conn(self) -> socket.socket:
        opened = super()._new_conn()
        # TLS takes the socket away and gives it back only after the handshake.
        with self._lock:
            self._handle = opened.dup()
        # The deadline may have passed before there was anything to shut.
        if _current.call.is_expired:
            opened.close()
            raise NotSent
        return opened


def pool_classes(*, idle_seconds: float) -> dict[str, Any]:
    """This will give the pools of a client by scheme, for urllib3's ``PoolManager``."""
    limits = {"idle_seconds": idle_seconds}
    plain = type("OwnedConnection", (_OwnedConnection,), limits)
    secure = type("OwnedSecureConnection", (_OwnedSecureConnection,), limits)
    return {
        "http": type("OwnedPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("OwnedSecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
