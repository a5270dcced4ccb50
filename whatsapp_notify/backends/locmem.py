"""A real backend that keeps what it is given, and answers what a test asks for."""

import threading
import uuid
from collections.abc import Callable

from whatsapp_notify.backends.base import Backend
from whatsapp_notify.domain.receipts import Accepted, NotUploaded, Outgoing, Receipt, Uploaded

#: All that was sent, oldest first.
outbox: list[Outgoing] = []
#: Asked before accepting; returns a receipt, or None to accept.
_script: list[Callable[[Outgoing], Receipt | None]] = []
#: All files that were uploaded, oldest first: bytes, type and name.
uploads: list[tuple[bytes, str, str]] = []
#: Asked before taking a file; returns what the provider says instead, or None to take it.
_upload_script: list[Callable[[bytes], NotUploaded | None]] = []
_lock = threading.Lock()


class LocmemBackend(Backend):
    """Accepts everything unless ``answer_with`` says otherwise."""

    takes_files = True

    def send(self, outgoing: Outgoing) -> Receipt:
        with _lock:
            outbox.append(outgoing)
        for ask in _script:
            receipt = ask(outgoing)
            if receipt is not None:
                return receipt
        return Accepted(provider_message_id=f"wamid.LOCMEM{uuid.uuid4().hex}")

    def upload(self, *, content: bytes, mime_type: str, filename: str) -> Uploaded | NotUploaded:
        with _lock:
            uploads.append((content, mime_type, filename))
        for ask in _upload_script:
            refusal = ask(content)
            if refusal is not None:
                return refusal
        return Uploaded(media_id=uuid.uuid4().hex)


def answer_with(ask: Callable[[Outgoing], Receipt | None]) -> None:
    """This will let ``ask`` answer calls until ``reset``."""
    _script.append(ask)


def answer_upload_with(ask: Callable[[bytes], NotUploaded | None]) -> None:
    """This will let ``ask`` answer uploads until ``reset``."""
    _upload_script.append(ask)


def reset() -> None:
    """This will empty the outbox and accept everything again."""
    outbox.clear()
    uploads.clear()
    _script.clear()
    _upload_script.clear()
