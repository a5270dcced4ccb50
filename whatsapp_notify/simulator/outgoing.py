"""A send call as Graph reads it: checked, and turned into what the phone will show."""

from dataclasses import dataclass
from typing import Any, Final

from . import freeform, identities, template_sends
from .conf import SimulatorSettings
from .errors import GraphError, invalid, missing

#: Most characters of ``biz_opaque_callback_data``.
OPAQUE_LIMIT: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A valid send call."""

    #: ``to`` or ``recipient`` as the call spelt it.
    address: str
    #: Digits dialled, or blank when the call names a user id only.
    digits: str
    #: Business-scoped user id, or blank.
    user_id: str
    kind: str
    #: ``{"type": kind, kind: {...}}``
    content: dict[str, Any]
    pieces: dict[str, Any]
    #: Price class: "service", or the template's category in lower case.
    category: str
    opaque_callback_data: str
    context_wamid: str
    payload: dict[str, Any]

    @property
    def is_template(self) -> bool:
        """Templates arrive outside the service window; all else does not."""
        return self.kind == "template"


def read(
    payload: dict[str, Any], *, settings: SimulatorSettings, marketing_only: bool = False
) -> Outgoing:
    """This will check the JSON of ``POST /{PHONE_NUMBER_ID}/messages`` as Meta does at once.

    ``marketing_only`` holds for ``/marketing_messages``.
    Raises: GraphError with the code that Meta documents.
    Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages,
    read 2026-11
    """
    if payload.get("messaging_product") != "whatsapp":
        raise GraphError(100, details="The parameter messaging_product is required.")
    digits, user_id, address = _recipient(payload, settings=settings)
    kind = payload.get("type", "text")
    opaque = _opaque(payload)
    if kind == "template":
        template, pieces = template_sends.read(_object(payload, "template"))
        category = template.category.lower()
    else:
        reader = freeform.READERS.get(kind) if isinstance(kind, str) else None
        if reader is None:
            raise GraphError(131051, details=f"Message type {kind!r} is not supported.")
        pieces, category = reader(payload.get(kind)), "service"
    if marketing_only and category != "marketing":
        raise GraphError(134100)
    return Outgoing(
        address=address,
        digits=digits,
        user_id=user_id,
        kind=kind,
        content={"type": kind, kind: payload[kind]},
        pieces=pieces,
        category=category,
        opaque_callback_data=opaque,
        context_wamid=_context(payload),
        payload=payload,
    )


def _recipient(payload: dict[str, Any], *, settings: SimulatorSettings) -> tuple[str, str, str]:
    recipient_type = payload.get("recipient_type", "individual")
    if recipient_type != "individual":
        raise invalid("recipient_type", "must be individual.")
    to, user_id = payload.get("to"), payload.get("recipient")
    if to not in (None, ""):
        if not isinstance(to, str):
            raise GraphError(100, details="Param to must be a string.")
        digits = identities.read_number(to, business_digits=settings.business_digits)
        if digits == settings.business_digits:
            raise GraphError(131021)
        return digits, "", to
    if isinstance(user_id, str) and user_id:
        return "", user_id, user_id
    raise missing("to")


def _opaque(payload: dict[str, Any]) -> str:
    value = payload.get("biz_opaque_callback_data", "")
    if not isinstance(value, str) or len(value) > OPAQUE_LIMIT:
        raise GraphError(
            100,
            details=f"Param biz_opaque_callback_data must be at most {OPAQUE_LIMIT} characters.",
        )
    return value


def _context(payload: dict[str, Any]) -> str:
    context = payload.get("context")
    if not isinstance(context, dict):
        return ""
    return str(context.get("message_id", ""))


def _object(payload: dict[str, Any], name: str) -> dict[str, Any]:
    value = payload.get(name)
    if not isinstance(value, dict):
        raise missing(name)
    return value
