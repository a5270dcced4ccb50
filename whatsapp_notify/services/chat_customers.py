"""Who a contact is to the shop: what its adapter is told, and whose an order is."""

from collections.abc import Collection

from whatsapp_notify import conf
from whatsapp_notify.domain import phone as phones
from whatsapp_notify.domain.occasions import Customer, Order
from whatsapp_notify.models import Contact, Identity
from whatsapp_notify.services import identities


def of_contact(contact: Contact) -> Customer:
    """This will return what is known of a contact, as the shop's adapter takes it."""
    return Customer(
        phone=next(iter(numbers_of(contact)), ""),
        first_name=contact.first_name,
        language=contact.language,
        birth_date=contact.birth_date,
        time_zone=contact.time_zone,
        user_id=contact.user_id,
    )


def numbers_of(contact: Contact) -> frozenset[str]:
    """This will return the number that the chat proves, in E.164; nothing where it proves none.

    An account may take any number in the shop. Whoever answers an old message stays the same
    contact, and would read the orders of the number that the account has taken since.
    """
    kinds = [Identity.Kind.PHONE, Identity.Kind.WA_ID]
    rows = contact.identities.filter(kind__in=kinds).values_list("kind", "value", "ended_at")
    current = {kind: value for kind, value, ended_at in rows if ended_at is None}
    phone = current.get(Identity.Kind.PHONE, "")
    in_chat = phones.from_wa_id(current.get(Identity.Kind.WA_ID, ""))
    if in_chat:
        is_same = phone and identities.is_same_number(phone, in_chat)
        return frozenset({phone if is_same else in_chat})
    # Who hides the number has been reached by it, unless it is another since.
    has_changed = any(
        kind == Identity.Kind.PHONE and ended_at is not None for kind, _value, ended_at in rows
    )
    return frozenset() if not phone or has_changed else frozenset({phone})


def is_own(order: Order, *, contact: Contact, numbers: Collection[str]) -> bool:
    """This will tell whether an order is the contact's: by the account, else by the number.

    ``numbers`` are those of ``numbers_of``. Who hides the number is known by the account only.
    """
    customer = order.customer
    # An adapter may give the key as text.
    if contact.user_id is not None and str(customer.user_id) == str(contact.user_id):
        return True
    try:
        phone = phones.parse(customer.phone, region=conf.load().DEFAULT_REGION)
    except phones.InvalidPhone:
        return False
    return any(identities.is_same_number(phone, each) for each in numbers)
