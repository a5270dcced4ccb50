"""Checkout, and who sees which order."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_shop.cart import CartLine
from demo_shop.forms import CheckoutForm
from demo_shop.models import Order, OrderLine, Product
from demo_shop.ordering import Buyer, place_order
from tests import factories

_TYPED = {
    "first_name": "Customer Two",
    "email": "customer.two@example.com",
    "phone": "+358 45 739 00102",
    "language": "sv",
}


def _fill_cart(client: Client, mug: Product) -> None:
    client.post(f"/cart/add/{mug.slug}/", {"quantity": 2})


class TestCheckout:
    def test_sends_an_empty_cart_back(self, client: Client, db: None) -> None:
        answer = client.get("/checkout/")

        assert answer.headers["Location"] == "/cart/"

    def test_offers_consent_boxes_that_are_not_ticked(self, client: Client, mug: Product) -> None:
        factories.topic("orders")
        factories.topic("offers")
        _fill_cart(client, mug)

        page = client.get("/checkout/")

        boxes = list(page.context["form"].whatsapp_consent_fields())
        assert len(boxes) == 2
        for box in boxes:
            assert box.html_name.startswith("whatsapp_consent_")
            assert f'name="{box.html_name}"' in page.text
            assert not box.value()

    def test_places_the_order_with_its_lines(
        self, client: Client, mug: Product, saved_consents: list[dict[str, Any]]
    ) -> None:
        _fill_cart(client, mug)

        answer = client.post("/checkout/", _TYPED)

        order = Order.objects.get()
        assert answer.headers["Location"] == f"/order/{order.number}/thanks/"
        assert (order.status, order.total, order.currency) == ("placed", Decimal("37.80"), "EUR")
        assert (order.phone, order.language, order.user) == ("+3584573900102", "sv", None)
        line = OrderLine.objects.get()
        assert (line.order, line.name, line.unit_price, line.quantity) == (
            order,
            "Enamel mug",
            Decimal("18.90"),
            2,
        )

    def test_empties_the_cart(
        self, client: Client, mug: Product, saved_consents: list[dict[str, Any]]
    ) -> None:
        _fill_cart(client, mug)

        client.post("/checkout/", _TYPED)

        assert client.get("/cart/").context["lines"] == []

    def test_hands_the_consent_to_the_plugin(
        self, client: Client, mug: Product, saved_consents: list[dict[str, Any]]
    ) -> None:
        _fill_cart(client, mug)

        client.post("/checkout/", _TYPED)

        [saved] = saved_consents
        assert saved.pop("request").path == "/checkout/"
        assert saved == {
            "phone": "+3584573900102",
            "first_name": "Customer Two",
            "language": "sv",
            "user": None,
            "source": "checkout",
            "order_ref": Order.objects.get().number,
        }

    def test_keeps_no_order_whose_consent_could_not_be_saved(
        self, client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(form: CheckoutForm, **values: Any) -> None:
            raise RuntimeError("no")

        monkeypatch.setattr(CheckoutForm, "save_whatsapp_consent", fail)
        _fill_cart(client, mug)

        with pytest.raises(RuntimeError):
            client.post("/checkout/", _TYPED)

        assert not Order.objects.exists()

    def test_fills_in_what_is_known_of_the_customer(
        self, client: Client, mug: Product, customer: User
    ) -> None:
        client.force_login(customer)
        _fill_cart(client, mug)

        form = client.get("/checkout/").context["form"]

        assert form.initial == {
            "first_name": "Customer One",
            "email": "customer.one@example.com",
            "phone": "045 739 00101",
            "language": "sv",
        }

    def test_joins_the_order_to_the_customer(
        self,
        client: Client,
        mug: Product,
        customer: User,
        saved_consents: list[dict[str, Any]],
    ) -> None:
        client.force_login(customer)
        _fill_cart(client, mug)

        client.post("/checkout/", _TYPED)

        assert Order.objects.get().user == customer
        assert saved_consents[0]["user"] == customer

    @pytest.mark.parametrize("field", ["first_name", "email", "phone", "language"])
    def test_asks_again_for_what_is_missing(
        self, client: Client, mug: Product, field: str, saved_consents: list[dict[str, Any]]
    ) -> None:
        _fill_cart(client, mug)

        page = client.post("/checkout/", _TYPED | {field: ""})

        assert list(page.context["form"].errors) == [field]
        assert not Order.objects.exists()

    @pytest.mark.parametrize("phone", ["045 739", "call me", "045 739 00101 or 02", "+" * 8])
    def test_refuses_what_is_no_phone(
        self, client: Client, mug: Product, phone: str, saved_consents: list[dict[str, Any]]
    ) -> None:
        _fill_cart(client, mug)

        page = client.post("/checkout/", _TYPED | {"phone": phone})

        assert "phone" in page.context["form"].errors


class TestPlaceOrder:
    def _buyer(self) -> Buyer:
        return Buyer(user=None, **_TYPED)

    def test_numbers_orders_from_a1001_without_repeating(self, mug: Product) -> None:
        now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        lines = [CartLine(mug, 1)]

        first = place_order(buyer=self._buyer(), lines=lines, now=now)
        Order.objects.all().delete()
        second = place_order(buyer=self._buyer(), lines=lines, now=now)

        # The sequence never goes back, even when an order is gone; where it stands depends
        # on the tests before.
        assert first.number.startswith("A")
        assert int(first.number[1:]) >= 1001
        assert int(second.number[1:]) == int(first.number[1:]) + 1
        assert second.placed_at == now

    def test_refuses_an_empty_order(self, db: None) -> None:
        with pytest.raises(ValueError, match="at least one line"):
            place_order(buyer=self._buyer(), lines=[], now=datetime(2026, 11, 20, tzinfo=UTC))


class TestOrderPage:
    @pytest.mark.parametrize("page", ["", "thanks/"])
    def test_is_shown_to_its_customer(
        self, client: Client, placed_order: Order, customer: User, page: str
    ) -> None:
        client.force_login(customer)

        answer = client.get(f"/order/{placed_order.number}/{page}")

        assert answer.context["order"] == placed_order

    @pytest.mark.parametrize("page", ["", "thanks/"])
    def test_does_not_exist_for_another_customer(
        self, client: Client, placed_order: Order, page: str
    ) -> None:
        client.force_login(User.objects.create_user("customer.two@example.com"))

        answer = client.get(f"/order/{placed_order.number}/{page}")

        assert answer.status_code == 404

    @pytest.mark.parametrize("page", ["", "thanks/"])
    def test_does_not_exist_for_a_stranger(
        self, client: Client, placed_order: Order, page: str
    ) -> None:
        answer = client.get(f"/order/{placed_order.number}/{page}")

        assert answer.status_code == 404

    def test_is_shown_to_the_guest_who_ordered_and_to_no_other(
        self, client: Client, mug: Product, saved_consents: list[dict[str, Any]]
    ) -> None:
        _fill_cart(client, mug)
        client.post("/checkout/", _TYPED)
        address = Order.objects.get().get_absolute_url()

        own, other = client.get(address), Client().get(address)

        assert (own.status_code, other.status_code) == (200, 404)

    def test_takes_no_token_that_was_not_signed(self, client: Client, db: None) -> None:
        order = Order.objects.create(first_name="Customer Two", total=1)
        session = client.session
        session["guest_orders"] = [order.number, f"{order.number}:forged"]
        session.save()

        answer = client.get(order.get_absolute_url())

        assert answer.status_code == 404

    def test_sends_the_guest_to_the_phone(
        self, client: Client, mug: Product, saved_consents: list[dict[str, Any]]
    ) -> None:
        _fill_cart(client, mug)

        page = client.post("/checkout/", _TYPED, follow=True)

        assert "Look at your phone." in page.text
        assert page.text.count('href="/simulator/"') == 2


class TestTracking:
    def test_shows_the_way_without_the_customer(
        self, client: Client, placed_order: Order, settings: Any
    ) -> None:
        settings.SHOP_BASE_URL = "https://shop.example"
        placed_order.status = Order.Status.SHIPPED
        placed_order.tracking_code = "PP0123456789AB"
        placed_order.estimated_arrival = date(2026, 11, 23)
        placed_order.save()

        page = client.get("/track/PP0123456789AB/")

        assert placed_order.tracking_url == "https://shop.example/track/PP0123456789AB/"
        assert "23.11.2026" in page.text
        for secret in (placed_order.first_name, placed_order.phone, placed_order.number):
            assert secret not in page.text

    def test_is_empty_before_dispatch(self, placed_order: Order) -> None:
        assert placed_order.tracking_url == ""

    def test_does_not_exist_for_an_unknown_code(self, client: Client, placed_order: Order) -> None:
        assert client.get("/track/PP0/").status_code == 404
