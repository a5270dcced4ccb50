"""Who a webhook speaks of: any of phone digits, user id, parent id, user name - or none."""

from dataclasses import dataclass
from typing import Any

from whatsapp_notify.cloud_api import identities
from whatsapp_notify.cloud_api.webhooks.reading import JsonObject, child, objects, text


# Not frozen: to make one would cost twice as much, and thousands a second are made.
@dataclass(slots=True, kw_only=True, repr=False)
class Person:
    """One person as Meta names them; every field may be empty."""

    #: Digits without plus; not always the number that was dialled.
    wa_id: str = ""
    #: Business-scoped user id, such as ``US.13491208655302741918``.
    user_id: str = ""
    parent_user_id: str = ""
    #: Without the leading ``@``. Can change, and is no identity.
    username: str = ""
    profile_name: str = ""
    identity_key_hash: str = ""

    def __repr__(self) -> str:
        return "<Person>"

    @property
    def is_identified(self) -> bool:
        """Whether anything here says who it is."""
        return bool(self.wa_id or self.user_id or self.parent_user_id)


def read_person(
    *, wa_id: Any, user_id: Any, parent_user_id: Any, contacts: list[JsonObject]
) -> Person:
    """This will join what an element says of a person with the contact that belongs to it."""
    digits, own_id = identities.split(wa_id, user_id)
    parent_id = identities.to_user_id(parent_user_id)
    found = _find(contacts, digits=digits, user_id=own_id) if contacts else None
    if found is None:
        return Person(wa_id=digits, user_id=own_id, parent_user_id=parent_id)
    contact, contact_digits, contact_id = found
    profile = child(contact, "profile")
    return Person(
        wa_id=digits or contact_digits,
        user_id=own_id or contact_id,
        parent_user_id=parent_id or identities.to_user_id(contact.get("parent_user_id")),
        username=text(profile, "username").removeprefix("@"),
        profile_name=text(profile, "name"),
        identity_key_hash=text(contact, "identity_key_hash"),
    )


def read_contacts(value: JsonObject) -> list[JsonObject]:
    """This will give ``value.contacts[]``."""
    return objects(value.get("contacts"))


def _find(
    contacts: list[JsonObject], *, digits: str, user_id: str
) -> tuple[JsonObject, str, str] | None:
    """This will return the contact that belongs to these ids, with its own digits and id."""
    for contact in contacts:
        contact_digits, contact_id = identities.split(contact.get("wa_id"), contact.get("user_id"))
        if (user_id and contact_id == user_id) or (digits and contact_digits == digits):
            return contact, contact_digits, contact_id
    # An element that names nobody belongs to the only contact there is.
    if len(contacts) == 1 and not digits and not user_id:
        return contacts[0], contact_digits, contact_id
    return None
