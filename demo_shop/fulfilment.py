"""The steps that staff take with an order: paid, shipped, delivered and so on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from demo_shop.models import Order

Status = Order.Status

CARRIER = "Posti"
#: From dispatch to the customer's parcel locker.
DELIVERY_TIME = timedelta(days=3)


class StepRefusedError(Exception):
    """The order has moved on, so this step is not open to it. Reload the page."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something that staff do with an order."""

    #: The word in addresses and form fields.
    key: str
    #: The words on the button.
    label: Promise
    #: The status that the order has afterwards.
    leads_to: Order.Status
    #: The statuses that the step may start from.
    starts_from: frozenset[Order.Status]
    #: A step that ends the order; its button does not invite.
    is_undoing: bool = False


#: The usual ones first: what stands first among the open ones is what staff want next.
STEPS = (
    Step(
        key="accept",
        label=_("Accept the order"),
        leads_to=Status.PLACED,
        starts_from=frozenset({Status.DRAFT}),
    ),
    Step(
        key="ship",
        label=_("Mark as shipped"),
        leads_to=Status.SHIPPED,
        starts_from=frozenset({Status.PLACED, Status.PAID}),
    ),
    Step(
        key="out",
        label=_("Out for delivery"),
        leads_to=Status.OUT_FOR_DELIVERY,
        starts_from=frozenset({Status.SHIPPED}),
    ),
    Step(
        key="deliver",
        label=_("Delivered"),
        leads_to=Status.DELIVERED,
        starts_from=frozenset({Status.SHIPPED, Status.OUT_FOR_DELIVERY}),
    ),
    Step(
        key="pay",
        label=_("Mark as paid"),
        leads_to=Status.PAID,
        starts_from=frozenset({Status.PLACED}),
    ),
    Step(
        key="cancel",
        label=_("Cancel"),
        leads_to=Status.CANCELLED,
        starts_from=frozenset({Status.DRAFT, Status.PLACED, Status.PAID}),
        is_undoing=True,
    ),
    Step(
        key="refund",
        label=_("Refund"),
        leads_to=Status.REFUNDED,
        starts_from=frozenset({Status.PAID, Status.DELIVERED, Status.CANCELLED}),
        is_undoing=True,
    ),
)
STEPS_BY_KEY = {step.key: step for step in STEPS}


def steps_open_to(*, order: Order) -> tuple[Step, ...]:
    """This will return the steps that staff may take next, the usual one first."""
    return tuple(step for step in STEPS if order.status in step.starts_from)


@transaction.atomic
def take_step(*, step: Step, order_id: int, today: date) -> Order:
    """This will move the order one step on and return it.

    The order is saved as an instance, so that `post_save` tells whoever listens.

    Raises:
        Order.DoesNotExist: there is no such order.
        StepRefusedError: the order does not stand where the step starts.
    """
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.status not in step.starts_from:
        raise StepRefusedError(StepRefusedError.__doc__)
    order.status = step.leads_to
    if step.leads_to == Status.SHIPPED:
        _hand_to_carrier(order, today)
    order.save()
    return order


def _hand_to_carrier(order: Order, today: date) -> None:
    order.shipped_on = today
    order.estimated_arrival = today + DELIVERY_TIME
    order.carrier = CARRIER
    order.tracking_code = new_tracking_code()


def new_tracking_code() -> str:
    """This will return a code that cannot be guessed, because it opens the tracking page."""
    return "PP" + secrets.token_hex(6).upper()
