"""What Graph answered to one message, as a receipt."""

import re
from dataclasses import dataclass
from typing import Any

from whatsapp_notify.cloud_api import errors, identities
from whatsapp_notify.cloud_api.exceptions import GraphError, MalformedBody
from whatsapp_notify.cloud_api.json_body import load_object
from whatsapp_notify.domain.receipts import Accepted, Receipt, Refused, Unknown, UnknownReason

#: The message is taken, but Meta keeps it back for now.
#: Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/
#: template-pacing, read 2026-11.
_HELD = frozenset({"held_for_quality_assessment", "paused"})
_CODE = re.compile(r"[0-9]{1,9}")
_TRACE_ID = re.compile(r"[0-9A-Za-z_-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answer:
    """One HTTP response, read to its end."""

    http_status: int
    content_type: str
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.http_status < 300

    @property
    def claims_json(self) -> bool:
        """Whether the sender of this answer meant it to be JSON, as Graph always does."""
        return "json" in self.content_type or "javascript" in self.content_type


def to_receipt(*, answer: Answer) -> Receipt:
    """This will say what became of the message."""
    try:
        data = load_object(answer.body)
    except MalformedBody:
        return _without_json(answer)
    if answer.is_success:
        return _accepted(answer, data)
    error = to_error(http_status=answer.http_status, data=data)
    if error is None:
        return errors.classify(http_status=answer.http_status, code=None)
    return errors.classify(
        http_status=answer.http_status,
        code=error.code,
        detail=error.detail,
        trace_id=error.trace_id,
    )


def to_error(*, http_status: int, data: dict[str, Any]) -> GraphError | None:
    """This will read ``{"error": {...}}``; None where the JSON is no error of Graph's.

    ``error_data`` may be an object with ``details``, or a plain string.
    """
    error = data.get("error")
    if not isinstance(error, dict):
        return None
    code = _to_code(error.get("code"))
    if code is None:
        return None
    extra = error.get("error_data")
    details = extra.get("details") if isinstance(extra, dict) else extra
    detail = next((text for text in (details, error.get("message")) if isinstance(text, str)), "")
    trace_id = error.get("fbtrace_id")
    if not isinstance(trace_id, str) or not _TRACE_ID.fullmatch(trace_id):
        trace_id = ""
    return GraphError(
        code=code,
        http_status=http_status,
        detail=errors.without_personal_data(detail),
        trace_id=trace_id,
        is_transient=error.get("is_transient") is True,
    )


def _without_json(answer: Answer) -> Receipt:
    is_cut = answer.claims_json and 400 <= answer.http_status < 500
    if answer.is_success or is_cut:
        # What calls itself JSON and is none was cut off on its way, or is none of Graph's.
        return Unknown(reason=UnknownReason.NOT_JSON, http_status=answer.http_status)
    receipt = errors.classify(http_status=answer.http_status, code=None)
    if isinstance(receipt, Refused):
        return Refused(
            action=receipt.action,
            http_status=answer.http_status,
            detail="The answer did not come from Graph: a proxy, a redirect or a wrong address.",
        )
    return receipt


def _accepted(answer: Answer, data: dict[str, Any]) -> Receipt:
    message = _first(data.get("messages"))
    message_id = message.get("id")
    if not isinstance(message_id, str) or not message_id.strip():
        return Unknown(reason=UnknownReason.NO_MESSAGE_ID, http_status=answer.http_status)
    contact = _first(data.get("contacts"))
    wa_id, user_id = identities.split(contact.get("wa_id"), contact.get("user_id"))
    return Accepted(
        provider_message_id=message_id,
        wa_id=wa_id,
        user_id=user_id,
        is_held=message.get("message_status") in _HELD,
    )


def _to_code(value: object) -> int | None:
    if isinstance(value, str) and _CODE.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _first(items: Any) -> dict[str, Any]:
    if isinstance(items, list) and items and isinstance(items[0], dict):
        return items[0]
    return {}
