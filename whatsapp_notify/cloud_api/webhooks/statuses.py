"""News of messages that we sent: ``value.statuses[]``."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from whatsapp_notify.cloud_api import identities
from whatsapp_notify.cloud_api.webhooks.people import Person, read_person
from whatsapp_notify.cloud_api.webhooks.reading import (
    JsonObject,
    Problem,
    child,
    moment,
    problems,
    required,
    text,
)

#: Meta adds words from time to time; what is not here is kept and moves nothing.
KNOWN = frozenset({"sent", "delivered", "read", "played", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Status:
    """One step in the life of one message."""

    business_account_id: str
    phone_number_id: str
    display_phone_number: str
    provider_message_id: str
    #: "sent", "delivered", "read", "played", "failed" - or a word that is new.
    status: str
    happened_at: datetime
    #: Names may be missing, and always are on ``failed``.
    person: Person
    #: What we sent as ``biz_opaque_callback_data``; empty where it was not ours.
    opaque_id: str = ""
    recipient_type: str = ""
    group_id: str = ""
    recipient_participant_id: str = ""
    recipient_identity_key_hash: str = ""
    template_id: str = ""
    #: As they came: the words of Meta's prices change.
    pricing: JsonObject = field(default_factory=dict)
    conversation: JsonObject = field(default_factory=dict)
    errors: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        return f"<Status {self.status}>"

    @property
    def is_known(self) -> bool:
        """Whether this word has a meaning for us."""
        return self.status in KNOWN

    @property
    def error_code(self) -> int | None:
        """The first code of a failure."""
        return self.errors[0].code if self.errors else None


def read_status(data: JsonObject, *, origin: dict[str, Any], contacts: list[JsonObject]) -> Status:
    """This will read one element.

    Raises:
        Malformed: It has no id, no status or no time.
    """
    recipient = data.get("recipient_id")
    recipient_type = text(data, "recipient_type")
    is_group = recipient_type == "group"
    participant = data.get("recipient_participant_id")
    person = read_person(
        wa_id=participant if is_group else recipient,
        user_id=data.get("recipient_user_id"),
        parent_user_id=text(data, "parent_recipient_user_id", "recipient_parent_user_id"),
        contacts=contacts,
    )
    return Status(
        **origin,
        provider_message_id=required(data, "id"),
        status=required(data, "status").lower(),
        happened_at=moment(data, "timestamp"),
        person=person,
        opaque_id=text(data, "biz_opaque_callback_data"),
        recipient_type=recipient_type,
        group_id=text(data, "recipient_id") if is_group else "",
        recipient_participant_id=identities.to_wa_id(participant),
        recipient_identity_key_hash=text(data, "recipient_identity_key_hash"),
        template_id=text(data, "template_id"),
        pricing=child(data, "pricing"),
        conversation=child(data, "conversation"),
        errors=problems(data),
    )
