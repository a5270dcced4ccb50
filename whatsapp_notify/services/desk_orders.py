"""The orders of a customer, as the shop's adapter tells them to the desk."""

import logging
from dataclasses import dataclass

from django.db import transaction

from whatsapp_notify.domain.occasions import Order
from whatsapp_notify.models import Contact
from whatsapp_notify.services import adapters, chat_customers, faults

logger = logging.getLogger(__name__)

#: As many as are shown.
MAX_ORDERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the shop told."""

    orders: tuple[Order, ...] = ()
    #: The adapter raised, or there is none: nobody knows whether there are orders.
    is_broken: bool = False

    @property
    def newest(self) -> Order | None:
        return self.orders[0] if self.orders else None


def of_contact(contact: Contact) -> Found:
    """This will ask the shop for the orders of a contact; a fault of the shop's is no fault here.

    The adapter's words may name a customer, so that the log tells only where it broke.
    """
    if contact.is_erased:
        return Found()
    try:
        # What breaks a transaction of the caller's must break this one only.
        with transaction.atomic():
            orders = tuple(adapters.load().get_orders_of(chat_customers.of_contact(contact)))
    except Exception as err:  # noqa: BLE001  # the desk must open, whatever the shop's code does
        logger.error("The shop could not be asked for orders:\n%s", faults.trace(err))
        return Found(is_broken=True)
    return Found(orders=orders[:MAX_ORDERS])
