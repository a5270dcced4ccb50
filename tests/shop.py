"""The demo shop's rows, and an adapter of the suite's own that reads them."""

import itertools
from decimal import Decimal
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.db.models import Model

from demo_shop.models import CustomerProfile, Order
from tests import factories
from whatsapp_notify import shop
from whatsapp_notify.models import Automation
from whatsapp_notify.shop import ShopAdapter

_numbers = itertools.count(1)


class OrderAdapter(ShopAdapter):
    """What a shop developer would write."""

    def get_customer(self, subject: Model) -> shop.Customer | None:
        if isinstance(subject, CustomerProfile):
            return shop.Customer(
                phone=subject.phone,
                first_name=subject.user.first_name,
                language=subject.language,
                birth_date=subject.birth_date,
                user_id=subject.user_id,
            )
        return super().get_customer(subject)

    def get_order(self, subject: Model) -> shop.Order | None:
        if not isinstance(subject, Order):
            return None
        return shop.Order(
            ref=subject.number,
            customer=shop.Customer(
                phone=subject.phone,
                first_name=subject.first_name,
                language=subject.language,
                user_id=subject.user_id,
            ),
            total=subject.total,
            currency=subject.currency,
            url=f"https://shop.example/orders/{subject.number}",
            shipped_on=subject.shipped_on,
            estimated_arrival=subject.estimated_arrival,
            carrier=subject.carrier,
            tracking_code=subject.tracking_code,
        )


def configured(**changes: Any) -> dict[str, Any]:
    """The suite's ``WHATSAPP_NOTIFY`` with this adapter and these changes."""
    return {
        **django_settings.WHATSAPP_NOTIFY,
        "ADAPTER": "tests.shop.OrderAdapter",
        **changes,
    }


def new_order(**fields: Any) -> Order:
    """An unsaved order of a guest."""
    return Order(
        **{
            "first_name": "Customer",
            "phone": factories.phone(),
            "language": "en",
            "total": Decimal("49.90"),
            **fields,
        }
    )


def order(**fields: Any) -> Order:
    row = new_order(**fields)
    row.save()
    return row


def bulk_orders(count: int, **fields: Any) -> list[Order]:
    """Orders that no signal tells of."""
    start = next(_numbers) * 1_000_000
    return Order.objects.bulk_create(
        new_order(number=f"B{start + index}", phone="", **fields) for index in range(count)
    )


def user(**fields: Any) -> Any:
    name = f"customer{next(_numbers)}"
    return get_user_model().objects.create_user(username=name, **fields)


def automation(event: str = "order.shipped", **fields: Any) -> Automation:
    """An automation whose template says the customer's name."""
    template = fields.pop("template", None) or factories.template()
    return Automation.objects.create(
        **{
            "name": event,
            "event": event,
            "topic": factories.topic("orders"),
            "template_name": template.name,
            "parameters": {"body.1": "{first_name}"},
            **fields,
        }
    )
