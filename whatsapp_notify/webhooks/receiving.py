"""One POST of the provider's: size cap, signature over the raw bytes, one INSERT."""

import logging
from datetime import datetime
from typing import Any

from whatsapp_notify import conf
from whatsapp_notify.cloud_api import signature
from whatsapp_notify.services import arrivals

logger = logging.getLogger(__name__)

#: Meta sends up to 3 MB; Django's own cap of 2.5 MB would refuse, and Meta repeat for days.
#: Source: WhatsApp Cloud API, "Webhooks, overview", read 2026-11.
MAX_BYTES = 3 * 1024 * 1024

_CHUNK = 64 * 1024


def receive(*, stream: Any, announced: str, header: str | None, now: datetime) -> int:
    """This will keep the body if it is signed, and return the HTTP status of the answer.

    200 once the bytes are committed, and nothing else is; 401 for a wrong signature, 413 for
    too many bytes, 503 while no secret is set. ``announced`` is the Content-Length as it came.

    Raises:
        OSError: The body broke off.
    """
    secrets = conf.load().app_secrets
    if not secrets:
        logger.error("A webhook was refused: no APP_SECRET is set")
        return 503
    body = _read(stream, announced)
    if body is None:
        return 413
    if not signature.is_valid(body=body, header=header, secrets=secrets):
        return 401
    arrivals.record(body=body, now=now)
    return 200


def _read(stream: Any, announced: str) -> bytes | None:
    """This will return the body, or None when it is too large, before it is in memory."""
    try:
        size = int(announced or 0)
    except ValueError:
        size = 0
    if size > MAX_BYTES:
        return None
    chunks: list[bytes] = []
    total = 0
    while chunk := stream.read(_CHUNK):
        total += len(chunk)
        if total > MAX_BYTES:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
