"""Webhooks as Meta sends them about messages that were accepted; signed, and cheap to write."""

import json
from collections.abc import Sequence

from whatsapp_notify.cloud_api.signature import sign

_BODY = (
    '{"object":"whatsapp_business_account","entry":[{"id":"200000000000002","changes":[{"value":'
    '{"messaging_product":"whatsapp","metadata":{"display_phone_number":"358450000000",'
    '"phone_number_id":"100000000000001"},"statuses":[%s]},"field":"messages"}]}]}'
)
_STATUS = (
    '{"id":"%s","status":"%s","timestamp":"%d","recipient_id":"%s",'
    '"biz_opaque_callback_data":"%s","conversation":{"id":"0123456789abcdef0123456789abcdef",'
    '"origin":{"type":"utility"}},"pricing":{"billable":true,"pricing_model":"PMP",'
    '"category":"utility","type":"regular"}}'
)

_MESSAGE = (
    '{"object":"whatsapp_business_account","entry":[{"id":"200000000000002","changes":[{"value":'
    '{"messaging_product":"whatsapp","metadata":{"display_phone_number":"358450000000",'
    '"phone_number_id":"100000000000001"},"contacts":[{"profile":{"name":"Customer"},'
    '"wa_id":"%s"}],"messages":[{"from":"%s","id":"%s","timestamp":"%d","type":"text",'
    '"text":{"body":%s}}]},"field":"messages"}]}]}'
)


def status(*, wamid: str, word: str, at: float, digits: str, opaque_id: str) -> str:
    """This will write one element of ``statuses``."""
    return _STATUS % (wamid, word, at, digits, opaque_id)


def body(statuses: Sequence[str]) -> bytes:
    """This will write the body of one POST."""
    return (_BODY % ",".join(statuses)).encode()


def text(*, wamid: str, digits: str, at: float, words: str) -> bytes:
    """This will write the body that tells what a customer has written."""
    return (_MESSAGE % (digits, digits, wamid, at, json.dumps(words))).encode()


def signature_header(body: bytes, *, secret: str) -> bytes:
    """This will write the header line that signs the bytes."""
    return f"X-Hub-Signature-256: {sign(body=body, secret=secret)}\r\n".encode()
