"""The desk where staff ship and deliver."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db.models.signals import post_save
from django.test import Client

from demo_shop.models import Order, OrderLine, Product

_LIST = "/admin/demo_shop/order/"


@pytest.fixture
def desk(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff"))
    return client


@pytest.fixture
def announced() -> Iterator[list[tuple[str, str]]]:
    """Orders that were saved as instances, so that listeners heard of them."""
    heard: list[tuple[str, str]] = []

    def listen(instance: Order, **kwargs: Any) -> None:
        heard.append((instance.number, instance.status))

    post_save.connect(listen, sender=Order)
    yield heard
    post_save.disconnect(listen, sender=Order)


def _run(desk: Client, action: str, *orders: Order) -> Any:
    return desk.post(
        _LIST, {"action": action, "_selected_action": [order.pk for order in orders]}, follow=True
    )


class TestActions:
    @pytest.mark.parametrize(
        ("action", "before", "after"),
        [
            ("pay", "placed", "paid"),
            ("ship", "placed", "shipped"),
            ("send_out", "shipped", "out_for_delivery"),
            ("deliver", "out_for_delivery", "delivered"),
            ("cancel", "paid", "cancelled"),
        ],
    )
    def test_move_each_order_with_its_signals(
        self,
        desk: Client,
        announced: list[tuple[str, str]],
        action: str,
        before: str,
        after: str,
    ) -> None:
        first = Order.objects.create(first_name="Customer One", total=1, status=before)
        second = Order.objects.create(first_name="Customer Two", total=1, status=before)
        announced.clear()

        page = _run(desk, action, first, second)

        assert announced == [(first.number, after), (second.number, after)]
        assert "2 orders:" in page.text
        assert LogEntry.objects.count() == 2

    def test_leave_orders_that_are_not_at_this_step(
        self, desk: Client, announced: list[tuple[str, str]]
    ) -> None:
        open_order = Order.objects.create(first_name="Customer One", total=1)
        closed_order = Order.objects.create(first_name="Customer Two", total=1, status="delivered")
        announced.clear()

        page = _run(desk, "ship", open_order, closed_order)

        assert announced == [(open_order.number, "shipped")]
        assert "1 order is not at this step" in page.text
        closed_order.refresh_from_db()
        assert closed_order.status == "delivered"

    def test_give_every_parcel_its_own_code(self, desk: Client) -> None:
        orders = [Order.objects.create(first_name="Customer One", total=1) for _ in range(3)]

        _run(desk, "ship", *orders)

        assert len(set(Order.objects.values_list("tracking_code", flat=True))) == 3


class TestStepButtons:
    def test_offer_the_next_steps(self, desk: Client, placed_order: Order) -> None:
        page = desk.get(f"{_LIST}{placed_order.pk}/change/")

        base = f"{_LIST}{placed_order.pk}/step"
        assert [f"{base}/{key}/" in page.text for key in ("ship", "pay", "cancel")] == [True] * 3
        assert f"{base}/deliver/" not in page.text
        assert page.text.count("shop-step--main") == 1

    def test_take_the_step(
        self, desk: Client, placed_order: Order, announced: list[tuple[str, str]]
    ) -> None:
        page = desk.post(f"{_LIST}{placed_order.pk}/step/ship/", follow=True)

        assert announced == [(placed_order.number, "shipped")]
        assert f"Order {placed_order.number}: Shipped." in page.text

    def test_say_so_when_the_order_has_moved_on(
        self, desk: Client, placed_order: Order, announced: list[tuple[str, str]]
    ) -> None:
        desk.post(f"{_LIST}{placed_order.pk}/step/ship/")
        announced.clear()

        page = desk.post(f"{_LIST}{placed_order.pk}/step/ship/", follow=True)

        assert announced == []
        assert "has moved on meanwhile" in page.text

    def test_take_no_link(self, desk: Client, placed_order: Order) -> None:
        answer = desk.get(f"{_LIST}{placed_order.pk}/step/ship/")

        assert answer.status_code == 405
        placed_order.refresh_from_db()
        assert placed_order.status == "placed"

    @pytest.mark.parametrize("path", ["{pk}/step/fly/", "0/step/ship/"])
    def test_know_their_orders_and_steps(
        self, desk: Client, placed_order: Order, path: str
    ) -> None:
        answer = desk.post(_LIST + path.format(pk=placed_order.pk))

        assert answer.status_code == 404

    def test_are_not_for_those_who_may_only_look(self, placed_order: Order) -> None:
        viewer = User.objects.create_user("viewer", is_staff=True)
        viewer.user_permissions.add(Permission.objects.get(codename="view_order"))
        client = Client()
        client.force_login(viewer)

        page = client.get(f"{_LIST}{placed_order.pk}/change/")
        answer = client.post(f"{_LIST}{placed_order.pk}/step/ship/")

        assert "/step/" not in page.text
        assert answer.status_code == 403

    def test_ask_strangers_to_log_in(self, client: Client, placed_order: Order) -> None:
        answer = client.post(f"{_LIST}{placed_order.pk}/step/ship/")

        assert answer.status_code == 302
        assert "/admin/login/" in answer.headers["Location"]


class TestOrderAdmin:
    def test_lists_the_status_in_words_and_colour(self, desk: Client, placed_order: Order) -> None:
        page = desk.get(_LIST)

        assert '<span class="shop-status shop-status--placed">Placed</span>' in page.text

    @pytest.mark.parametrize("words", ["Customer One", "045 739", "customer.one@", "NUMBER"])
    def test_finds_orders(self, desk: Client, placed_order: Order, words: str) -> None:
        Order.objects.create(first_name="Guest", total=1)

        page = desk.get(_LIST, {"q": words.replace("NUMBER", placed_order.number)})

        assert list(page.context["cl"].result_list) == [placed_order]

    def test_saves_a_change_and_leaves_the_lines(
        self, desk: Client, placed_order: Order, mug: Product
    ) -> None:
        line = OrderLine.objects.create(
            order=placed_order, product=mug, name=mug.name, unit_price=mug.price, quantity=1
        )
        form = {
            "first_name": "Customer One",
            "phone": "+358 45 739 00109",
            "email": placed_order.email,
            "language": "fi",
            "user": placed_order.user_id,
            "shipped_on": "",
            "estimated_arrival": "2026-12-01",
            "carrier": "",
            "tracking_code": "",
            "lines-TOTAL_FORMS": 1,
            "lines-INITIAL_FORMS": 1,
            "lines-0-id": line.pk,
            "lines-0-order": placed_order.pk,
            "lines-0-quantity": 99,
            "status": "delivered",
        }

        answer = desk.post(f"{_LIST}{placed_order.pk}/change/", form)

        assert answer.status_code == 302
        placed_order.refresh_from_db()
        line.refresh_from_db()
        assert placed_order.phone == "+358 45 739 00109"
        assert str(placed_order.estimated_arrival) == "2026-12-01"
        assert placed_order.status == "placed"
        assert line.quantity == 1

    @pytest.mark.parametrize("path", ["add/", "{pk}/delete/"])
    def test_neither_adds_nor_deletes(self, desk: Client, placed_order: Order, path: str) -> None:
        answer = desk.get(_LIST + path.format(pk=placed_order.pk))

        assert answer.status_code == 403


class TestOtherPages:
    def test_show_the_customer_profile_on_the_user(self, desk: Client, customer: User) -> None:
        page = desk.get(f"/admin/auth/user/{customer.pk}/change/")

        assert 'value="045 739 00101"' in page.text

    def test_list_the_products(self, desk: Client, mug: Product) -> None:
        page = desk.get("/admin/demo_shop/product/")

        assert mug.name in page.text
