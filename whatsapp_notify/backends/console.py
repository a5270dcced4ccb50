"""Prints that something would have been sent; for trials without an account."""

import sys
import uuid

from whatsapp_notify.backends.base import Backend
from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain import phone as phones
from whatsapp_notify.domain.content import TemplateContent
from whatsapp_notify.domain.receipts import Accepted, NotUploaded, Outgoing, Receipt, Uploaded


class ConsoleBackend(Backend):
    """Writes one line a message to standard output: id, masked number and kind."""

    takes_files = True

    def send(self, outgoing: Outgoing) -> Receipt:
        content = outgoing.content
        what = content.name if isinstance(content, TemplateContent) else contents.kind_of(content)
        address = phones.mask(outgoing.phone) if outgoing.phone else "user id"
        sys.stdout.write(f"message #{outgoing.message_id} to {address}: {what}\n")
        return Accepted(provider_message_id=f"wamid.CONSOLE{uuid.uuid4().hex}")

    def upload(self, *, content: bytes, mime_type: str, filename: str) -> Uploaded | NotUploaded:
        sys.stdout.write(f"file of {len(content)} bytes, {mime_type}\n")
        return Uploaded(media_id=uuid.uuid4().hex)
