"""The cart."""

from decimal import Decimal

import pytest
from django.test import Client

from demo_shop.cart import MAX_QUANTITY
from demo_shop.models import Product


def _add(client: Client, product: Product, quantity: object) -> None:
    client.post(f"/cart/add/{product.slug}/", {"quantity": quantity})


def _cart(client: Client) -> dict[str, int]:
    return {line.product.slug: line.quantity for line in client.get("/cart/").context["lines"]}


class TestAddToCart:
    def test_adds_to_what_is_there(self, client: Client, mug: Product) -> None:
        _add(client, mug, 2)

        _add(client, mug, 3)

        assert _cart(client) == {"enamel-mug": 5}

    def test_stops_at_the_limit(self, client: Client, mug: Product) -> None:
        _add(client, mug, MAX_QUANTITY)

        _add(client, mug, 1)

        assert _cart(client) == {"enamel-mug": MAX_QUANTITY}

    @pytest.mark.parametrize("quantity", ["", "0", "-1", "21", "many"])
    def test_refuses_a_quantity_that_makes_no_sense(
        self, client: Client, mug: Product, quantity: str
    ) -> None:
        _add(client, mug, quantity)

        assert _cart(client) == {}

    def test_takes_no_link(self, client: Client, mug: Product) -> None:
        answer = client.get("/cart/add/enamel-mug/")

        assert answer.status_code == 405

    def test_is_counted_in_the_header(self, client: Client, mug: Product) -> None:
        _add(client, mug, 3)

        page = client.get("/")

        assert '<span class="cart-link__count is-full">3<' in page.text


class TestChangeCart:
    def test_sets_the_quantity(self, client: Client, mug: Product, lantern: Product) -> None:
        _add(client, mug, 2)
        _add(client, lantern, 1)

        client.post("/cart/change/enamel-mug/", {"quantity": 4})

        assert _cart(client) == {"enamel-mug": 4, "storm-lantern": 1}

    def test_takes_out_at_zero(self, client: Client, mug: Product) -> None:
        _add(client, mug, 2)

        client.post("/cart/change/enamel-mug/", {"quantity": 0})

        assert _cart(client) == {}

    def test_keeps_the_cart_when_the_quantity_makes_no_sense(
        self, client: Client, mug: Product
    ) -> None:
        _add(client, mug, 2)

        client.post("/cart/change/enamel-mug/", {"quantity": "x"})

        assert _cart(client) == {"enamel-mug": 2}


class TestCart:
    def test_adds_up_at_the_prices_of_the_shop(
        self, client: Client, mug: Product, lantern: Product
    ) -> None:
        _add(client, mug, 2)
        _add(client, lantern, 1)

        page = client.get("/cart/")

        assert page.context["total"] == Decimal("101.80")

    def test_drops_a_product_that_is_no_longer_sold(self, client: Client, mug: Product) -> None:
        _add(client, mug, 1)
        Product.objects.filter(pk=mug.pk).update(is_published=False)

        assert _cart(client) == {}
