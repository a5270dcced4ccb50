"""Proof that a webhook comes from Meta.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/
create-webhook-endpoint, read 2026-11: ``X-Hub-Signature-256: sha256=<hex>``, an HMAC-SHA256
of the body under the *app secret*. It is taken over the bytes as they came: Meta escapes
non-ASCII characters and slashes, so any re-serialised body fails.
"""

import hmac
import re
from collections.abc import Mapping, Sequence

_PREFIX = "sha256="
_CHALLENGE = re.compile(r"[0-9A-Za-z_-]{1,64}")


def sign(body: bytes, secret: str) -> str:
    """This will give the header value that Meta would send with these bytes.

    Raises:
        ValueError: The secret is blank.
    """
    if not secret.strip():
        raise ValueError("A blank app secret signs nothing.")
    return _PREFIX + hmac.digest(_to_bytes(secret), body, "sha256").hex()


def is_valid(*, body: bytes, header: str | None, secrets: Sequence[str]) -> bool:
    """This will tell whether the header signs the bytes under one of the secrets.

    Several secrets, so that a new app secret can be introduced while the old one is still in
    use. Blank secrets never match: a shop that forgot its secret gets nothing, not everything.
    """
    if not isinstance(header, str) or not header.startswith(_PREFIX):
        return False
    given = _to_bytes(header)
    is_found = False
    # No early return: the time taken tells nothing about which secret matched.
    for secret in secrets:
        if secret.strip():
            is_found |= hmac.compare_digest(given, sign(body, secret).encode("ascii"))
    return is_found


def challenge(*, query: Mapping[str, str], verify_token: str) -> str | None:
    """This will give what to echo to Meta's handshake; None where it must be refused.

    Shape of the query: ``hub.mode=subscribe``, ``hub.verify_token``, ``hub.challenge``. Only
    plain challenges are echoed, so that the answer can never be a page of somebody's making.
    """
    mode, token = query.get("hub.mode"), query.get("hub.verify_token")
    answer = query.get("hub.challenge")
    if not verify_token.strip() or not isinstance(token, str) or mode != "subscribe":
        return None
    if not hmac.compare_digest(_to_bytes(token), _to_bytes(verify_token)):
        return None
    if not isinstance(answer, str) or not _CHALLENGE.fullmatch(answer):
        return None
    return answer


def _to_bytes(text: str) -> bytes:
    # compare_digest raises TypeError on non-ASCII str; bytes have no such trap. Headers may
    # hold any Latin-1 character, and lone surrogates where a server decodes them so.
    return text.encode("utf-8", "surrogatepass")
