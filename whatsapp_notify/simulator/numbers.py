"""Customers and their numbers: hidden ones, and those that change."""

from . import customers, identities
from .conf import SimulatorSettings
from .fates import Fate
from .models import SimulatedCustomer


def add_hidden(*, digits: str, name: str, settings: SimulatorSettings) -> SimulatedCustomer:
    """This will return a customer whose number no webhook names, new unless the number is known.

    Blank digits stand for a number that nobody knows; it is made up.
    Raises: nothing.
    """
    if digits:
        known = customers.get_or_create(digits=digits, name=name)
        customers.set_fate(known, fate=Fate.HIDDEN_NUMBER)
        return known
    wa_id = identities.new_number(like=settings.business_digits)
    # Nobody owns a made-up number, so the country is that of the shop.
    region = identities.region_of(settings.business_digits)
    user_id = identities.user_id_of(wa_id, region=region)
    return SimulatedCustomer.objects.create(
        wa_id=wa_id,
        phone=wa_id,
        user_id=user_id,
        name=(name or customers.default_name(user_id))[:100],
        fate=Fate.HIDDEN_NUMBER,
    )
