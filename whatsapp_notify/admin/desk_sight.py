"""What a member of the staff may see and do at the desk."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The permissions of one request."""

    user: Any
    can_reply: bool
    inbound_text: bool
    message_text: bool
    full_phone: bool
    contact: bool
    message: bool
    rate: bool
    media: bool
    new_label: bool


def of(request: HttpRequest) -> Sight:
    """This will read the permissions of the user."""

    def has(codename: str) -> bool:
        return bool(request.user.has_perm(f"whatsapp_notify.{codename}"))

    return Sight(
        user=request.user,
        can_reply=has("reply_conversation"),
        inbound_text=has("view_inboundmessage_text"),
        message_text=has("view_message_text"),
        full_phone=has("view_full_phone"),
        contact=has("view_contact"),
        message=has("view_message"),
        rate=has("view_rate"),
        media=has("view_inboundmedia"),
        new_label=has("add_label"),
    )
