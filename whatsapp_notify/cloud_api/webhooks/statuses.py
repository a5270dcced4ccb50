"""News of messages that we sent: ``value.statuses[]``."""

from dataclasses import dataclass, field
from datetime import datetime

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


# Not frozen: to make one would cost twice as much, and thousands a second are made.
@dataclass(slots=True, kw_only=True, repr=False)
class Status:
    """One step in the life of one message; what nobody asks for stays in the raw body."""

    provider_message_id: str
    #: "sent", "delivered", "read", "played", "failed" - or a word that is new.
    status: str
    happened_at: datetime
    #: Names may be missing, and always are on ``failed``.
    person: Person
    #: What we sent as ``biz_opaque_callback_data``; empty where it was not ours.
    opaque_id: str = ""
    recipient_type: str = ""
    #: As they came: the words of Meta's prices change.
    pricing: JsonObject = field(default_factory=dict)
    errors: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        return f"<Status {self.status}>"

    @property
    def error_code(self) -> int | None:
        """The first code of a failure."""
        return self.errors[0].code if self.errors else None


def read_status(data: JsonObject, *, contacts: list[JsonObject]) -> Status:
    """This will read one element.

    Raises:
        Malformed: It has no id, no status or no time.
    """
    recipient_type = text(data, "recipient_type")
    is_group = recipient_type == "group"
    person = read_person(
        wa_id=data.get("recipient_participant_id" if is_group else "recipient_id"),
        user_id=data.get("recipient_user_id"),
        parent_user_id=text(data, "parent_recipient_user_id", "recipient_parent_user_id"),
        contacts=contacts,
    )
    return Status(
        provider_message_id=required(data, "id"),
        status=required(data, "status").lower(),
        happened_at=moment(data, "timestamp"),
        person=person,
        opaque_id=text(data, "biz_opaque_callback_data"),
        recipient_type=recipient_type,
        pricing=child(data, "pricing"),
        errors=problems(data),
    )
