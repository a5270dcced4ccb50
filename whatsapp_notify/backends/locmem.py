"""A real backend that keeps what it is given, and answers what a test asks for."""

import threading
import uuid
from collections.abc import Callable

from whatsapp_notify.backends.base import Backend
from whatsapp_notify.domain.receipts import Accepted, Outgoing, Receipt

#: All that was sent, oldest first.
outbox: list[Outgoing] = []
#: Asked before accepting; returns a receipt, or None to accept.
_script: list[Callable[[Outgoing], Receipt | None]] = []
_lock = threading.Lock()


class LocmemBackend(Backend):
    """Accepts everything unless ``answer_with`` says otherwise."""

    def send(self, outgoing: Outgoing) -> Receipt:
        with _lock:
            outbox.append(outgoing)
        for ask in _script:
            receipt = ask(outgoing)
            if receipt is not None:
                return receipt
        return Accepted(provider_message_id=f"wamid.LOCMEM{uuid.uuid4().hex}")


def answer_with(ask: Callable[[Outgoing], Receipt | None]) -> None:
    """This will let ``ask`` answer calls until ``reset``."""
    _script.append(ask)


def reset() -> None:
    """This will empty the outbox and accept everything again."""
    outbox.clear()
    _script.clear()
