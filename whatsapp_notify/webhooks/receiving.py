"""One POST of the provider's: size cap, signature over the raw bytes, one INSERT."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import InterfaceError, OperationalError

from whatsapp_notify import conf
from whatsapp_notify.cloud_api import signature
from whatsapp_notify.services import arrivals

logger = logging.getLogger(__name__)

#: Meta sends up to 3 MB; Django's own cap of 2.5 MB would refuse, and Meta repeat for days.
#: Source: WhatsApp Cloud API, "Webhooks, overview", read 2026-11.
MAX_BYTES = 3 * 1024 * 1024

_CHUNK = 64 * 1024
#: The database is away, full, restarting or locked for long: none of it is the body's fault.
_NOT_TAKEN = (OperationalError, InterfaceError)


#: What an ASGI server gives its application to ask for more.
Receive = Callable[[], Awaitable[Mapping[str, Any]]]


def receive(*, stream: Any, announced: str, header: str | None, now: datetime) -> int:
    """This will keep the body if it is signed, and return the HTTP status of the answer.

    200 once the bytes are committed, and nothing else is; 401 for a wrong signature, 413 for
    too many bytes, 503 while no secret is set or the database does not take them, so that Meta
    repeats it. ``announced`` is the Content-Length as it came.

    Raises:
        OSError: The body broke off.
    """
    secrets = _secrets()
    if not secrets:
        return 503
    body = _Body(announced=announced)
    while not body.is_too_large and (chunk := _read(stream)):
        body.add(chunk)
    if status := body.refusal(header=header, secrets=secrets):
        return status
    try:
        arrivals.record(body=body.whole, now=now)
    except _NOT_TAKEN as err:
        return _unavailable(err)
    return 200


async def areceive(*, receive: Receive, announced: str, header: str | None, now: datetime) -> int:
    """As ``receive``, for an event loop; 503 also where the database keeps too many waiting.

    Raises:
        OSError: The body broke off.
    """
    secrets = _secrets()
    if not secrets:
        return 503
    body, has_more = _Body(announced=announced), True
    while has_more and not body.is_too_large:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BrokenOff
        body.add(message.get("body", b""))
        has_more = message.get("more_body", False)
    if status := body.refusal(header=header, secrets=secrets):
        return status
    try:
        await arrivals.arecord(body=body.whole, now=now)
    except arrivals.Busy:
        # Meta repeats it.
        logger.error("A webhook was refused: the database keeps too many waiting")
        return 503
    except _NOT_TAKEN as err:
        return _unavailable(err)
    return 200


def _unavailable(err: Exception) -> int:
    fault = type(err.__cause__ or err).__name__
    logger.error("A webhook was refused: the database did not take it", extra={"fault": fault})
    return 503


def _read(stream: Any) -> bytes:
    try:
        return bytes(stream.read(_CHUNK))
    except Exception as err:  # each web server has its own for chunks that are none
        raise BrokenOff from err


class BrokenOff(OSError):
    """Whoever posts has gone before the end of the body."""


class _Body:
    """A body that comes in pieces, and is never in memory where it is too large."""

    def __init__(self, *, announced: str) -> None:
        # One piece of memory: whoever posts may send a byte at a time.
        self._begun = bytearray()
        self.is_too_large = size(announced) > MAX_BYTES

    def add(self, chunk: bytes) -> None:
        self.is_too_large = len(self._begun) + len(chunk) > MAX_BYTES
        if not self.is_too_large:
            self._begun += chunk

    @cached_property
    def whole(self) -> bytes:
        """The bytes; asked for once all are there."""
        whole = bytes(self._begun)
        self._begun.clear()
        return whole

    def refusal(self, *, header: str | None, secrets: Sequence[str]) -> int | None:
        """This will return the status of the answer where the body is not to be kept."""
        if self.is_too_large:
            return 413
        if not signature.is_valid(body=self.whole, header=header, secrets=secrets):
            return 401
        return None


def size(announced: str) -> int:
    """This will read a Content-Length; 0 where it is none."""
    try:
        return max(0, int(announced))
    except ValueError:
        return 0


def _secrets() -> Sequence[str]:
    secrets = conf.load().app_secrets
    if not secrets:
        logger.error("A webhook was refused: no APP_SECRET is set")
    return secrets
