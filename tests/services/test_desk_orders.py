"""The shop's orders beside the chat."""

import logging
from collections.abc import Sequence

import pytest
from django.db import connection, transaction

from tests import factories as make
from tests.factories import NOW
from whatsapp_notify.models import Contact, Topic
from whatsapp_notify.services import adapters, desk_orders
from whatsapp_notify.shop import Customer, Order, ShopAdapter

pytestmark = pytest.mark.django_db

PHONE = "+358457300001"


def adapter(monkeypatch: pytest.MonkeyPatch, orders: object) -> None:
    class Adapter(ShopAdapter):
        def get_orders_of(self, customer: Customer) -> Sequence[Order]:
            return orders(customer)  # type: ignore[operator, no-any-return]

    monkeypatch.setattr(adapters, "load", Adapter)


class TestOfContact:
    def test_asks_by_phone_and_account(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []

        def orders(customer: Customer) -> list[Order]:
            asked.append((customer.phone, customer.first_name))
            return [Order(ref=f"A{number}", customer=customer) for number in range(20)]

        adapter(monkeypatch, orders)
        found = desk_orders.of_contact(make.contact(phone=PHONE))

        assert asked == [(PHONE, "Customer")]
        assert not found.is_broken
        assert len(found.orders) == desk_orders.MAX_ORDERS
        assert found.newest is not None
        assert found.newest.ref == "A0"

    def test_outlives_whatever_the_shop_raises(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def orders(customer: Customer) -> list[Order]:
            raise RuntimeError(f"no customer {customer.phone}")

        adapter(monkeypatch, orders)
        with caplog.at_level(logging.ERROR):
            found = desk_orders.of_contact(make.contact(phone=PHONE))

        assert found.is_broken
        assert found.newest is None
        assert "The shop could not be asked for orders" in caplog.text
        assert PHONE not in caplog.text

    def test_a_broken_query_does_not_break_the_callers_transaction(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def orders(customer: Customer) -> list[Order]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT nothing_of_the_kind")
            return []

        adapter(monkeypatch, orders)
        contact = make.contact()
        with transaction.atomic():
            assert desk_orders.of_contact(contact).is_broken
            assert Topic.objects.exists()

    def test_does_not_ask_for_who_was_erased(self, monkeypatch: pytest.MonkeyPatch) -> None:
        adapter(monkeypatch, lambda customer: pytest.fail("asked"))

        assert desk_orders.of_contact(Contact(erased_at=NOW)) == desk_orders.Found()
