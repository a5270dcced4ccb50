"""Graph's errors: codes, HTTP statuses, titles and the JSON they come in.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes,
read 2026-11
"""

from dataclasses import dataclass
from typing import Any, Final

HREF: Final = (
    "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"
)


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One documented error: the HTTP status it comes with and its title."""

    http_status: int
    title: str
    #: What Meta writes in ``error_data.details`` when nothing more exact is known.
    details: str = ""


#: Documented codes. Throttling is HTTP 400, not 429.
KINDS: Final[dict[int, ErrorKind]] = {
    0: ErrorKind(401, "AuthException"),
    1: ErrorKind(400, "API Unknown"),
    2: ErrorKind(503, "API Service"),
    3: ErrorKind(500, "API Method"),
    4: ErrorKind(400, "API Too Many Calls"),
    10: ErrorKind(403, "Permission Denied"),
    33: ErrorKind(400, "Parameter value is not valid"),
    100: ErrorKind(400, "Invalid parameter"),
    190: ErrorKind(401, "Access token has expired"),
    200: ErrorKind(403, "API Permission"),
    368: ErrorKind(403, "Temporarily blocked for policies violations"),
    2500: ErrorKind(400, "Unknown path components"),
    80007: ErrorKind(400, "Rate limit issues"),
    130429: ErrorKind(
        400, "Rate limit hit", "Message failed to send because there were too many messages sent."
    ),
    130472: ErrorKind(
        400, "User's number is part of an experiment", "This user is part of an experiment."
    ),
    130497: ErrorKind(403, "Business account is restricted from messaging users in this country."),
    131000: ErrorKind(500, "Something went wrong", "Message failed to send: unknown error."),
    131005: ErrorKind(403, "Access denied"),
    131008: ErrorKind(400, "Required parameter is missing"),
    131009: ErrorKind(400, "Parameter value is not valid"),
    131016: ErrorKind(500, "Service unavailable"),
    131021: ErrorKind(400, "Recipient cannot be sender"),
    131026: ErrorKind(400, "Message undeliverable", "Message undeliverable."),
    131030: ErrorKind(400, "Recipient phone number not in allowed list"),
    131031: ErrorKind(403, "Account has been locked"),
    131037: ErrorKind(400, "Display name approval is needed"),
    131042: ErrorKind(400, "Business eligibility payment issue"),
    131045: ErrorKind(500, "Incorrect certificate"),
    131047: ErrorKind(
        400,
        "Re-engagement message",
        "Message failed to send because more than 24 hours have passed since the customer "
        "last replied to this number.",
    ),
    131048: ErrorKind(400, "Spam rate limit hit"),
    131049: ErrorKind(
        400,
        "This message was not delivered to maintain healthy ecosystem engagement.",
        "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
    ),
    131050: ErrorKind(
        400,
        "User has stopped marketing messages",
        "The recipient chose to stop receiving marketing messages from this business.",
    ),
    131051: ErrorKind(400, "Unsupported message type"),
    131052: ErrorKind(400, "Media download error"),
    131053: ErrorKind(400, "Media upload error"),
    131055: ErrorKind(400, "Method not allowed"),
    131056: ErrorKind(
        400,
        "(Business Account, Consumer Account) pair rate limit hit",
        "Too many messages sent from this phone number to the same recipient in a short period.",
    ),
    131057: ErrorKind(500, "Account in maintenance mode"),
    131059: ErrorKind(400, "Invalid paging cursor"),
    131062: ErrorKind(400, "BSUID recipients are not supported for this message"),
    131063: ErrorKind(400, "Marketing messages are disabled on Cloud API"),
    132000: ErrorKind(400, "Number of parameters does not match the expected number of params"),
    132001: ErrorKind(404, "Template name does not exist in the translation"),
    132005: ErrorKind(400, "Translated text too long"),
    132007: ErrorKind(400, "Template content policy violated"),
    132008: ErrorKind(400, "Parameter format mismatch"),
    132012: ErrorKind(400, "Parameter format does not match format in the created template"),
    132015: ErrorKind(400, "Template is paused"),
    132016: ErrorKind(400, "Template is disabled"),
    132018: ErrorKind(400, "There is an issue with the parameters in your template"),
    132068: ErrorKind(400, "Flow is blocked"),
    132069: ErrorKind(400, "Flow is throttled"),
    133004: ErrorKind(503, "Server temporarily unavailable"),
    133010: ErrorKind(400, "Phone number not registered"),
    133016: ErrorKind(400, "Account register deregister rate limit exceeded"),
    134100: ErrorKind(400, "Only marketing messages supported"),
    135000: ErrorKind(400, "Generic user error"),
    137000: ErrorKind(400, "Identity key hash mismatch"),
}

UNKNOWN_KIND: Final = ErrorKind(400, "Unknown error")


class GraphError(Exception):
    """Graph refuses the call. The caller reads the code; the trace id is added on the way out."""

    def __init__(
        self,
        code: int,
        *,
        details: str = "",
        message: str = "",
        subcode: int | None = None,
        error_type: str = "OAuthException",
    ) -> None:
        kind = KINDS.get(code, UNKNOWN_KIND)
        super().__init__(kind.title)
        self.code = code
        self.details = details or kind.details
        self.message = message or f"(#{code}) {kind.title}"
        self.subcode = subcode
        self.error_type = error_type
        self.http_status = kind.http_status

    def body(self, *, trace_id: str) -> dict[str, Any]:
        """This will return the JSON of the error, as Graph shapes it.

        ``{"error": {"message", "type", "code", "error_subcode"?, "error_data"?, "fbtrace_id"}}``
        """
        error: dict[str, Any] = {
            "message": self.message,
            "type": self.error_type,
            "code": self.code,
        }
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        return {"error": {**error, "fbtrace_id": trace_id}}


def missing(parameter: str) -> GraphError:
    """This will return the error for a required parameter that is not there."""
    return GraphError(131008, details=f"The parameter {parameter} is required.")


def invalid(parameter: str, reason: str) -> GraphError:
    """This will return the error for a value that Graph does not take."""
    return GraphError(131009, details=f"Param {parameter}: {reason}")


def no_such_object(*, method: str, node_id: str) -> GraphError:
    """This will return the error for an id that is not ours or does not exist (100/33)."""
    return GraphError(
        100,
        message=(
            f"Unsupported {method.lower()} request. Object with ID '{node_id}' does not exist, "
            "cannot be loaded due to missing permissions, or does not support this operation. "
            "Please read the Graph API documentation at "
            "https://developers.facebook.com/docs/graph-api"
        ),
        subcode=33,
        error_type="GraphMethodException",
    )


def status_error(code: int) -> dict[str, Any]:
    """This will return one element of ``statuses[].errors[]``: a failure told by webhook."""
    kind = KINDS.get(code, UNKNOWN_KIND)
    return {
        "code": code,
        "title": kind.title,
        "message": kind.title,
        "error_data": {"details": kind.details or kind.title},
        "href": HREF,
    }
