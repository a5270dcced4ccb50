"""What the plugin has to know about this shop."""

from typing import Any

from django.conf import settings
from django.db.models import Model

from demo_shop.models import CustomerProfile, Order
from whatsapp_notify import shop


class DemoShopAdapter(shop.ShopAdapter):
    def get_customer(self, subject: Model) -> shop.Customer | None:
        # Events are about a user or about the user's profile.
        profile = getattr(subject, "customer_profile", subject)
        if not isinstance(profile, CustomerProfile):
            return super().get_customer(subject)
        first_name, birth_date = profile.user.first_name, profile.birth_date
        return _customer(profile, first_name=first_name, birth_date=birth_date)

    def get_order(self, subject: Model) -> shop.Order | None:
        if not isinstance(subject, Order):
            return None
        return shop.Order(
            ref=subject.number,
            customer=_customer(subject, first_name=subject.first_name),
            total=subject.total,
            currency=subject.currency,
            url=settings.SHOP_BASE_URL + subject.get_absolute_url(),
            shipped_on=subject.shipped_on,
            estimated_arrival=subject.estimated_arrival,
            carrier=subject.carrier,
            tracking_code=subject.tracking_code,
            tracking_url=subject.tracking_url,
        )


def _customer(row: CustomerProfile | Order, **known: Any) -> shop.Customer:
    return shop.Customer(phone=row.phone, language=row.language, user_id=row.user_id, **known)
