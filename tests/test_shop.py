"""The calls that shop developers use."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from demo_shop.models import Order
from tests import factories, shop
from tests.concurrency import by_hand
from whatsapp_notify import signals
from whatsapp_notify.domain.occasions import Customer
from whatsapp_notify.exceptions import ConfigurationError
from whatsapp_notify.models import Message, ShopEvent
from whatsapp_notify.services import adapters, consent, events
from whatsapp_notify.services.consent import Proof
from whatsapp_notify.shop import ShopAdapter, record_event


@pytest.fixture(autouse=True)
def _adapter(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(WATCH=[])


@pytest.fixture
def rung() -> Iterator[list[str]]:
    heard: list[str] = []

    def hear(**told: Any) -> None:
        heard.append("events")

    signals.events_recorded.connect(hear)
    yield heard
    signals.events_recorded.disconnect(hear)


@pytest.mark.django_db
class TestRecordEvent:
    def test_tells_once_of_a_subject(self) -> None:
        order = shop.order()

        assert record_event("order.shipped", subject=order)
        assert not record_event("order.shipped", subject=order)
        assert ShopEvent.objects.count() == 1

    def test_meets_the_event_that_a_watch_has_told(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(
            WATCH=[{"event": "order.confirmed", "model": "demo_shop.Order", "created": True}]
        )
        order = shop.order()

        assert not record_event("order.confirmed", subject=order)

    def test_tells_once_of_an_order_number(self) -> None:
        user = shop.user()

        assert record_event("order.paid", user=user, order_ref="A1")
        assert not record_event("order.paid", user=user, order_ref="A1")
        assert record_event("order.paid", user=user, order_ref="A2")

    def test_tells_each_time_without_a_key(self) -> None:
        user = shop.user()

        assert record_event("points.earned", user=user)
        assert record_event("points.earned", user=user)

    def test_tells_once_per_key(self) -> None:
        user = shop.user()

        assert record_event("points.earned", user=user, key="1")
        assert not record_event("points.earned", user=user, key="1")

    def test_f01_is_undone_with_the_callers_transaction(self) -> None:
        with transaction.atomic():
            record_event("points.earned", user=shop.user())
            transaction.set_rollback(True)

        assert not ShopEvent.objects.exists()

    def test_becomes_a_message_with_the_callers_values(self) -> None:
        shop.automation("stock.back", parameters={"body.1": "{first_name}, {product}"})
        record_event(
            "stock.back",
            customer=Customer(phone=factories.phone(), first_name="Aino", language="en"),
            data={"product": "Mug"},
        )

        events.process(now=factories.NOW)

        assert "Hello Aino, Mug," in Message.objects.get().preview["body"]

    def test_reads_the_account_through_the_adapter(self) -> None:
        shop.automation("points.earned")
        record_event("points.earned", user=shop.user(first_name="Aino"))

        events.process(now=factories.NOW)

        message = Message.objects.get()
        assert "Hello Aino" in message.preview["body"]
        assert message.contact.user_id == ShopEvent.objects.get().user_id

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("", {"customer": Customer()}),
            ("x" * 61, {"customer": Customer()}),
            ("order.paid", {}),
            ("order.paid", {"subject": Order()}),
            ("order.paid", {"customer": Customer(), "occurred_at": datetime(2026, 1, 1)}),
        ],
        ids=["no-name", "long-name", "nobody", "unsaved", "naive"],
    )
    def test_refuses_what_cannot_be_meant(self, name: str, arguments: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            record_event(name, **arguments)

        assert not ShopEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestByHand:
    """A shop that has switched autocommit off and commits by itself."""

    def test_f06_records_an_event_and_rings_for_nobody(self, rung: list[str]) -> None:
        user = shop.user()

        with by_hand():
            assert record_event("points.earned", user=user)
            assert record_event(
                "points.earned", customer=Customer(first_name="Anna", phone=factories.phone())
            )
            transaction.commit()

        assert ShopEvent.objects.filter(is_pending=True).count() == 2
        assert rung == []

    def test_f01_undoes_it_with_the_rest(self) -> None:
        user = shop.user()

        with by_hand():
            record_event("points.earned", user=user)
            transaction.rollback()

        assert not ShopEvent.objects.exists()

    def test_f06_records_consent(self) -> None:
        contact = factories.contact(consents=())
        topic = factories.topic("orders")

        with by_hand():
            consent.grant(
                contact=contact,
                topics=[topic],
                proof=Proof(source="checkout", wording="Yes"),
                occurred_at=factories.NOW,
                now=factories.NOW,
            )
            transaction.commit()

        assert contact.consent_states.filter(is_granted=True).exists()


@pytest.mark.django_db
class TestShopAdapter:
    def test_reads_a_user_by_itself(self) -> None:
        user = shop.user(first_name="Aino", last_name="Mäki")

        customer = ShopAdapter().get_customer(user)

        assert customer == Customer(first_name="Aino", full_name="Aino Mäki", user_id=user.pk)

    def test_knows_no_other_rows_by_itself(self) -> None:
        order = shop.order()

        assert ShopAdapter().get_customer(order) is None
        assert ShopAdapter().get_order(order) is None

    def test_loads_subjects(self) -> None:
        order = shop.order()

        assert ShopAdapter().get_subject_for("demo_shop.order", str(order.pk)) == order

    @pytest.mark.parametrize("pk", ["0", "nonsense"])
    def test_returns_none_for_what_is_gone(self, pk: str) -> None:
        assert ShopAdapter().get_subject_for("demo_shop.order", pk) is None


class TestLoad:
    def test_returns_the_same_instance_each_time(self) -> None:
        assert adapters.load() is adapters.load()
        assert isinstance(adapters.load(), shop.OrderAdapter)

    @pytest.mark.parametrize("path", ["", "no.such.Adapter", "tests.shop.order"])
    def test_refuses_what_is_no_adapter(self, settings: Any, path: str) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(ADAPTER=path)

        with pytest.raises(ConfigurationError):
            adapters.load()


def test_reprs_show_no_personal_value() -> None:
    customer = Customer(phone="+358457390101", first_name="Aino", birth_date=date(1990, 1, 2))

    assert repr(customer) == "<Customer user=None>"
    assert "457" not in repr(shop_order(customer))


def shop_order(customer: Customer) -> Any:
    return shop.shop.Order(ref="A1", customer=customer, total=Decimal(1))
