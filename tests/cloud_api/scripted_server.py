"""A tiny HTTP server on loopback that answers exactly as a test tells it to."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Script = Callable[["Exchange"], None]


class Exchange:
    """One request, and the socket to answer on."""

    def __init__(self, connection: socket.socket, request: bytes, stopping: threading.Event):
        self.connection = connection
        self.request = request
        self._stopping = stopping
        self.is_over = False

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes, *, pause_seconds: float) -> None:
        """This will send byte after byte until the other side has had enough."""
        for index in range(len(data)):
            self.connection.sendall(data[index : index + 1])
            if self._stopping.wait(pause_seconds):
                return

    def wait(self, seconds: float = 30.0) -> None:
        """This will do nothing until the test is over."""
        self._stopping.wait(seconds)

    def close(self) -> None:
        self.is_over = True

    def reset(self) -> None:
        """This will end the connection with RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.is_over = True


class ScriptedServer:
    """Runs one script per request; ``requests`` holds all that came, ``connections`` how many."""

    def __init__(
        self,
        script: Script,
        *,
        on_connect: Callable[[socket.socket, threading.Event], bool] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._script = script
        self._on_connect = on_connect
        self._context = context
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._threads: list[threading.Thread] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.received_bytes = 0

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._on_connect and not self._on_connect(connection, self._stopping):
                return
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            connection.settimeout(0.05)
            with connection:
                while (request := self._read_request(connection)) is not None:
                    self.requests.append(request)
                    exchange = Exchange(connection, request, self._stopping)
                    connection.settimeout(30)
                    self._script(exchange)
                    connection.settimeout(0.05)
                    if exchange.is_over:
                        return

    def _read_request(self, connection: socket.socket) -> bytes | None:
        data = b""
        while not self._stopping.is_set():
            if _is_whole(data):
                return data
            try:
                received = connection.recv(65536)
            except TimeoutError:
                continue
            if not received:
                return None
            self.received_bytes += len(received)
            data += received
        return None


def _is_whole(data: bytes) -> bool:
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return True


def http(
    status: int = 200,
    body: bytes = b"",
    *,
    content_type: str = "application/json; charset=UTF-8",
    headers: str = "",
    has_length: bool = True,
) -> bytes:
    """This will write one HTTP/1.1 response."""
    length = f"Content-Length: {len(body)}\r\n" if has_length else "Connection: close\r\n"
    head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: {content_type}\r\n{length}{headers}\r\n"
    return head.encode("latin-1") + body
