"""The id that travels with a message and comes back in its status news.

It names the very attempt, so that a status proves which call was accepted, and carries no
personal data: every app that is subscribed to the business account can read it.
"""

import re
from dataclasses import dataclass

#: Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/
#: messages/send-messages (``biz_opaque_callback_data``), read 2026-11. The number stands in
#: no page of Meta's; client libraries agree on it.
MAX_LENGTH = 512

_PATTERN = re.compile(
    r"wn1\.([0-9A-Za-z_-]{1,64})\.([0-9a-z]{1,13})\.([0-9A-Za-z_-]{1,128})\.([1-9][0-9]{0,8})"
)
_WORD = re.compile(r"[0-9A-Za-z_-]+")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
#: The largest number that a database key can hold.
_MAX_MESSAGE_ID = 2**63 - 1
_MAX_ATTEMPT = 999_999_999


# Not frozen: to make one would cost twice as much, and thousands a second are made.
@dataclass(slots=True, kw_only=True)
class OpaqueId:
    """One attempt to send one message of one deployment."""

    instance: str
    message_id: int
    token: str
    attempt: int


def encode(*, instance: str, message_id: int, token: str, attempt: int) -> str:
    """This will write ``wn1.<instance>.<message id, base 36>.<token>.<attempt>``.

    Raises:
        ValueError: A part is blank, too long or out of the alphabet ``0-9A-Za-z_-``.
    """
    if not _WORD.fullmatch(instance) or len(instance) > 64:
        raise ValueError("The instance must be 1 to 64 of 0-9, A-Z, a-z, _ and -.")
    if not _WORD.fullmatch(token) or len(token) > 128:
        raise ValueError("The token must be 1 to 128 of 0-9, A-Z, a-z, _ and -.")
    if not 1 <= message_id <= _MAX_MESSAGE_ID:
        raise ValueError("The message id must be a positive key of a database row.")
    if not 1 <= attempt <= _MAX_ATTEMPT:
        raise ValueError("Attempts count from one.")
    return f"wn1.{instance}.{_to_base36(message_id)}.{token}.{attempt}"


def decode(value: object) -> OpaqueId | None:
    """This will read what ``encode`` wrote; None for anything that is not ours."""
    if not isinstance(value, str) or len(value) > MAX_LENGTH:
        return None
    found = _PATTERN.fullmatch(value)
    if found is None:
        return None
    instance, number, token, attempt = found.groups()
    message_id = int(number, 36)
    # One id, one spelling: "01" would be a second name of row 1.
    if not 1 <= message_id <= _MAX_MESSAGE_ID or number.startswith("0"):
        return None
    return OpaqueId(instance=instance, message_id=message_id, token=token, attempt=int(attempt))


def _to_base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits
