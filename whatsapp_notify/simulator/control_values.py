"""What a command of ``POST /simulator/control/`` says, read with care."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from . import control
from .models import ChatMessage, SimulatedCustomer

Values = Mapping[str, Any]
Answer = dict[str, Any]


class BadCommand(Exception):
    """The command is not understood; the argument is a code for the caller."""


def text(values: Values, name: str, *, default: str | None = None) -> str:
    """This will return a string, or the default. Raises: BadCommand."""
    value = values.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise BadCommand(f"missing_{name}")
    return value


def number(values: Values, name: str, *, default: float | None = None) -> float:
    """This will return a number, or the default. Raises: BadCommand."""
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadCommand(f"missing_{name}")
    return value


def person(values: Values) -> SimulatedCustomer:
    """This will return the customer of ``phone``, made when new, or the known one of ``user_id``.

    Raises: BadCommand; GraphError 131009 for what cannot be a phone number.
    """
    if "user_id" in values:
        known = control.customer_of(text(values, "user_id"))
        if known is None:
            raise BadCommand("no_such_customer")
        return known
    return control.customer(text(values, "phone"), name=text(values, "name", default=""))


def message(values: Values, whose: SimulatedCustomer) -> ChatMessage:
    """This will return the shop's message named by ``wamid``, else the last that has arrived.

    Raises: BadCommand.
    """
    wamid = text(values, "wamid", default="")
    rows = whose.messages.filter(direction=ChatMessage.Direction.TO_CUSTOMER)
    if wamid:
        found = rows.filter(wamid=wamid).first()
    else:
        arrived = rows.filter(delivered_at__lte=timezone.now()).drawn()
        found = arrived.order_by("-delivered_at", "-id").first()
    if found is None:
        raise BadCommand("no_such_message")
    return found
