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
        phone=identities.current_value(contact=contact, kind=Identity.Kind.PHONE),
        first_name=contact.first_name,
        language=contact.language,
        birth_date=contact.birth_date,
        time_zone=contact.time_zone,
        user_id=contact.user_id,
    )


def numbers_of(contact: Contact) -> frozenset[str]:
    """This will return the numbers of a contact as they are now, in E.164."""
    rows = contact.identities.filter(kind=Identity.Kind.PHONE, ended_at__isnull=True)
    return frozenset(rows.values_list("value", flat=True))


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
