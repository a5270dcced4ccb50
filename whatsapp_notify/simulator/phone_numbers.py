"""Customers and their numbers: hidden ones, and those that change."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from . import customers, identities
from .conf import SimulatorSettings
from .fates import Fate
from .models import ChatMessage, SimulatedCustomer


class NumberTaken(Exception):
    """Another customer has this number."""


def add_hidden(*, digits: str, name: str, settings: SimulatorSettings) -> SimulatedCustomer:
    """This will return a customer whose number no webhook names, new unless the number is known.

    Blank digits stand for a number that nobody knows; it is made up.
    Raises: nothing.
    """
    if digits:
        known = customers.get_or_create(digits=digits, name=name)
        customers.set_fate(known, fate=Fate.HIDDEN_NUMBER)
        return known
    wa_id = identities.wa_id_of(identities.new_number(like=settings.business_digits))
    user_id = identities.user_id_of(wa_id)
    return SimulatedCustomer.objects.create(
        wa_id=wa_id,
        phone=wa_id,
        user_id=user_id,
        name=(name or customers.default_name(user_id))[:100],
        fate=Fate.HIDDEN_NUMBER,
    )


def change(
    customer: SimulatedCustomer, *, digits: str, settings: SimulatorSettings, now: datetime
) -> ChatMessage:
    """This will give the customer another number, and tell the shop by a system message.

    Blank digits stand for any new number. The user id changes with it. Whoever hides the number
    is told of by user ids only. From then on the old number is not on WhatsApp.
    Raises: NumberTaken when it is the customer's own or somebody else's.
    Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system,
    read 2026-11
    """
    wa_id = identities.wa_id_of(digits or identities.new_number(like=customer.wa_id))
    if SimulatedCustomer.objects.filter(wa_id=wa_id).exists():
        raise NumberTaken
    user_id = identities.user_id_of(wa_id)
    system = _system(customer, wa_id=wa_id, user_id=user_id)
    with transaction.atomic():
        message = customers.send(
            customer,
            kind="system",
            value=system,
            pieces={"body": _("The phone number was changed")},
            beside={} if customer.hides_number else {"from": customer.wa_id},
            now=now,
            opens_window=False,
        )
        customer.phone, customer.wa_id, customer.user_id = digits or wa_id, wa_id, user_id
        customer.save(update_fields=["phone", "wa_id", "user_id"])
    return message


def _system(customer: SimulatedCustomer, *, wa_id: str, user_id: str) -> dict[str, Any]:
    ids = {"user_id": user_id, "previous_user_id": customer.user_id}
    if customer.hides_number:
        return {"body": "User id changed", **ids, "type": "user_changed_user_id"}
    body = f"User changed from {customer.wa_id} to {wa_id}"
    return {"body": body, "wa_id": wa_id, **ids, "type": "user_changed_number"}


def share(customer: SimulatedCustomer, *, now: datetime, context_wamid: str = "") -> ChatMessage:
    """This will answer the shop's request for the number by a contact card with it."""
    phone = f"+{customer.wa_id}"
    card = {
        "name": {"formatted_name": customer.name, "first_name": customer.name.partition(" ")[0]},
        "phones": [{"phone": phone, "wa_id": customer.wa_id, "type": "CELL"}],
        "origin": "contact_request",
        "vcard": _vcard(customer.name, phone=phone),
    }
    return customers.send(
        customer,
        kind="contacts",
        value=[card],
        pieces={"contacts": [{"name": customer.name, "phone": phone}]},
        context_wamid=context_wamid,
        now=now,
    )


def _vcard(name: str, *, phone: str) -> str:
    lines = ("BEGIN:VCARD", "VERSION:3.0", f"FN:{name}", f"TEL;type=CELL:{phone}", "END:VCARD")
    return "\n".join(lines)
