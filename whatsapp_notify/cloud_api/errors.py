"""What Graph's error codes mean, and what a refusal asks of us.

The table is data (``error_table``); this module decides. The one question that matters for
"never twice": is it *certain* that the message was not taken? A client error with a code of
Graph's is; a server error is not, except where the code itself says so.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/
error-codes, read 2026-11.
"""

import re
from datetime import datetime

from whatsapp_notify.cloud_api.error_table import RULES, ErrorRule
from whatsapp_notify.domain.receipts import Action, Refused, Unknown, UnknownReason
from whatsapp_notify.domain.storable import storable

__all__ = ["ErrorRule", "classify", "classify_failed", "explain", "without_personal_data"]

_SINGLE = {rule.code: rule for rule in RULES if rule.last_code is None}
_RANGES = tuple(rule for rule in RULES if rule.last_code is not None)

_MAX_DETAIL_LENGTH = 300
_PERSONAL = re.compile(
    r"wamid\.[0-9A-Za-z+/=_-]+"  # message ids contain the recipient's number
    r"|\b[A-Z]{2}\.(?:ENT\.)?[0-9A-Za-z]{6,}"  # business-scoped user ids
    r"|[^\s@]+@[^\s@]+"
    r"|(?<![#0-9])\+?[0-9](?:[ ().-]{0,2}[0-9]){6,}"  # phone numbers, not codes: (#131030)
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def explain(code: int) -> ErrorRule | None:
    """This will give the rule of a code; None where the table has none."""
    if rule := _SINGLE.get(code):
        return rule
    return next((rule for rule in _RANGES if rule.has(code)), None)


def classify(
    *, http_status: int, code: int | None, detail: str = "", trace_id: str = ""
) -> Refused | Unknown:
    """This will turn an answer of Graph's that is no success into a receipt.

    ``code`` is ``error.code`` of the JSON; None where the body was no error of Graph's.
    """
    rule = None if code is None else explain(code)
    detail = without_personal_data(detail)
    if http_status < 200:
        # Interim, or another protocol: whatever it says, it is not what became of the call.
        return Unknown(reason=UnknownReason.NOT_JSON, http_status=http_status, detail=detail)
    if http_status >= 500 and not (rule and rule.is_definite):
        return Unknown(reason=UnknownReason.SERVER_ERROR, http_status=http_status, detail=detail)
    return Refused(
        action=_action(http_status, code, rule),
        code=code,
        http_status=http_status,
        detail=detail or (rule.meaning if rule else ""),
        trace_id=trace_id,
        is_unknown_code=code is not None and rule is None,
    )


def classify_failed(
    *, code: int | None, detail: str = "", happened_at: datetime | None = None
) -> Refused:
    """This will say what a later ``failed`` status asks of us; it is always definite."""
    rule = None if code is None else explain(code)
    return Refused(
        action=rule.action if rule else Action.DROP,
        code=code,
        detail=without_personal_data(detail) or (rule.meaning if rule else ""),
        is_unknown_code=rule is None,
        happened_at=happened_at,
    )


def without_personal_data(text: str) -> str:
    """This will blank out numbers, ids and addresses, and keep the text on one short line."""
    text = _CONTROL.sub(" ", storable(text[: 4 * _MAX_DETAIL_LENGTH]))
    return _PERSONAL.sub("[...]", text).strip()[:_MAX_DETAIL_LENGTH]


def _action(http_status: int, code: int | None, rule: ErrorRule | None) -> Action:
    if rule:
        return rule.action
    if http_status == 429:
        return Action.SLOW_DOWN
    if code is not None:
        # A new code, or a sunset version: repeating it would repeat the harm.
        return Action.DROP
    if http_status == 408:
        # The server says that it never received the whole request (RFC 9110, 15.5.9).
        return Action.RETRY
    # Redirects and pages never come from Graph: a proxy, a portal, a wrong address.
    return Action.STOP_SENDER
