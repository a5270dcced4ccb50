"""The demo shop's adapter."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from demo_shop import whatsapp
from demo_shop.models import CustomerProfile, Product
from demo_shop.whatsapp import DemoShopAdapter
from tests import shop

pytestmark = pytest.mark.django_db


def profile(**fields: Any) -> CustomerProfile:
    user = shop.user(first_name="Customer", last_name="One")
    return CustomerProfile.objects.create(
        user=user, phone="045 739 00101", birth_date=date(1984, 2, 29), language="sv", **fields
    )


class TestDemoShopAdapter:
    def test_is_as_short_as_promised(self) -> None:
        assert len(Path(whatsapp.__file__).read_text().splitlines()) <= 40

    def test_knows_a_customer_by_profile_and_by_account(self) -> None:
        row = profile()

        for subject in (row, row.user):
            customer = DemoShopAdapter().get_customer(subject)

            assert customer is not None
            assert customer.phone == "045 739 00101"
            assert (customer.first_name, customer.language) == ("Customer", "sv")
            assert (customer.birth_date, customer.user_id) == (date(1984, 2, 29), row.user_id)

    def test_knows_an_account_without_a_profile(self) -> None:
        user = shop.user(first_name="Customer")

        customer = DemoShopAdapter().get_customer(user)

        assert customer is not None
        assert (customer.phone, customer.user_id) == ("", user.pk)

    def test_knows_nobody_behind_other_rows(self) -> None:
        assert DemoShopAdapter().get_customer(Product(name="Mug")) is None
        assert DemoShopAdapter().get_order(Product(name="Mug")) is None

    def test_tells_all_about_an_order(self, settings: Any) -> None:
        settings.SHOP_BASE_URL = "https://shop.example"
        row = shop.order(
            phone="+358457390101",
            first_name="Customer",
            language="ru",
            carrier="Posti",
            tracking_code="PP01",
            shipped_on=date(2026, 11, 23),
            estimated_arrival=date(2026, 11, 26),
        )

        order = DemoShopAdapter().get_order(row)

        assert order is not None
        assert order.ref == row.number
        assert order.customer.phone == "+358457390101"
        assert (order.customer.language, order.customer.user_id) == ("ru", None)
        assert (order.total, order.currency) == (row.total, "EUR")
        assert order.url == f"https://shop.example/order/{row.number}/"
        assert order.tracking_url == "https://shop.example/track/PP01/"
        assert (order.shipped_on, order.estimated_arrival) == (
            row.shipped_on,
            row.estimated_arrival,
        )
        assert order.carrier == "Posti"
