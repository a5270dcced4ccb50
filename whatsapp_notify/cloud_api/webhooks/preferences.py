"""What customers chose in WhatsApp itself: ``value.user_preferences[]``."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whatsapp_notify.cloud_api.webhooks.people import Person, read_person
from whatsapp_notify.cloud_api.webhooks.reading import (
    JsonObject,
    Malformed,
    moment,
    required,
    text,
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PreferenceChange:
    """A person has stopped or resumed marketing, or signed up for it."""

    business_account_id: str
    phone_number_id: str
    display_phone_number: str
    person: Person
    #: "marketing_messages", or a new word.
    category: str
    #: "stop", "resume" or "signup", or a new word.
    value: str
    changed_at: datetime
    detail: str = ""
    signup_id: str = ""

    def __repr__(self) -> str:
        return f"<PreferenceChange {self.category} {self.value}>"


def read_preference(
    data: JsonObject, *, origin: dict[str, Any], contacts: list[JsonObject]
) -> PreferenceChange:
    """This will read one element; its time is a number here, not digits.

    Raises:
        Malformed: It has no value or time, or names nobody.
    """
    person = read_person(
        wa_id=data.get("wa_id"),
        user_id=data.get("user_id"),
        parent_user_id=data.get("parent_user_id"),
        contacts=contacts,
    )
    if not person.is_identified:
        raise Malformed("wa_id", "names nobody")
    return PreferenceChange(
        **origin,
        person=person,
        category=text(data, "category"),
        value=required(data, "value").lower(),
        changed_at=moment(data, "timestamp"),
        detail=text(data, "detail"),
        signup_id=text(data, "signup_id"),
    )
