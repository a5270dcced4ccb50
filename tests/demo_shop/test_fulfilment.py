"""The steps that staff take with an order."""

from datetime import date

import pytest

from demo_shop.fulfilment import (
    STEPS,
    STEPS_BY_KEY,
    Step,
    StepRefusedError,
    steps_open_to,
    take_step,
)
from demo_shop.models import Order

_TODAY = date(2026, 11, 20)
_OPEN = {
    "draft": ["accept", "cancel"],
    "placed": ["ship", "pay", "cancel"],
    "paid": ["ship", "cancel", "refund"],
    "shipped": ["out", "deliver"],
    "out_for_delivery": ["deliver"],
    "delivered": ["refund"],
    "cancelled": ["refund"],
    "refunded": [],
}


class TestStepsOpenTo:
    @pytest.mark.parametrize("status", Order.Status.values)
    def test_lists_the_usual_one_first(self, status: str) -> None:
        steps = steps_open_to(order=Order(status=status))

        assert [step.key for step in steps] == _OPEN[status]


class TestTakeStep:
    @pytest.mark.parametrize("status", Order.Status.values)
    @pytest.mark.parametrize("step", STEPS, ids=lambda step: step.key)
    def test_moves_the_order_or_leaves_it(
        self, placed_order: Order, status: str, step: Step
    ) -> None:
        Order.objects.filter(pk=placed_order.pk).update(status=status)
        is_open = step.key in _OPEN[status]

        if is_open:
            take_step(step=step, order_id=placed_order.pk, today=_TODAY)
        else:
            with pytest.raises(StepRefusedError):
                take_step(step=step, order_id=placed_order.pk, today=_TODAY)

        placed_order.refresh_from_db()
        assert placed_order.status == (step.leads_to if is_open else status)

    def test_hands_the_order_to_the_carrier(self, placed_order: Order) -> None:
        order = take_step(step=STEPS_BY_KEY["ship"], order_id=placed_order.pk, today=_TODAY)

        assert order.shipped_on == date(2026, 11, 20)
        assert order.estimated_arrival == date(2026, 11, 23)
        assert order.carrier == "Posti"
        assert order.tracking_code.startswith("PP")
        assert len(order.tracking_code) == 14

    def test_keeps_the_tracking_code_afterwards(self, placed_order: Order) -> None:
        shipped = take_step(step=STEPS_BY_KEY["ship"], order_id=placed_order.pk, today=_TODAY)

        delivered = take_step(
            step=STEPS_BY_KEY["deliver"], order_id=placed_order.pk, today=date(2026, 11, 22)
        )

        assert delivered.tracking_code == shipped.tracking_code
        assert delivered.shipped_on == _TODAY

    def test_raises_for_an_order_that_is_gone(self, db: None) -> None:
        with pytest.raises(Order.DoesNotExist):
            take_step(step=STEPS_BY_KEY["ship"], order_id=0, today=_TODAY)
