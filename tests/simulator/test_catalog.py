"""Carts that customers fill on the phone page from the shop's catalogue."""

import dataclasses
import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from tests.simulator.conftest import ORDINARY, SETTINGS, Caller, Shop
from whatsapp_notify.simulator import catalog, control
from whatsapp_notify.simulator.catalog import CatalogProduct
from whatsapp_notify.simulator.models import ChatMessage, OutboxWebhook, SimulatedCustomer


def goods() -> list[CatalogProduct]:
    return [
        CatalogProduct(retailer_id="mug", name="Mug <3", price=Decimal("18.90"), currency="EUR"),
        CatalogProduct(retailer_id="tea:1", name="Tea", price=Decimal("7"), currency="EUR"),
    ]


def endless_goods() -> Iterator[CatalogProduct]:
    for number in itertools.count():
        yield dataclasses.replace(goods()[0], retailer_id=str(number))


def goods_of_one_id() -> list[CatalogProduct]:
    mug, tea = goods()
    return [mug, dataclasses.replace(tea, retailer_id="mug")]


def goods_by_key() -> list[CatalogProduct]:
    return [dataclasses.replace(goods()[0], retailer_id=12345)]  # type: ignore[arg-type]


def no_goods() -> None:
    return None


@pytest.fixture
def customer(graph: Caller, simulator_settings: Any) -> SimulatedCustomer:
    path = "tests.simulator.test_catalog.goods"
    simulator_settings.WHATSAPP_SIMULATOR = {**SETTINGS, "CATALOG": path}
    return control.customer(ORDINARY, name="Customer One")


def page(graph: Caller, customer: SimulatedCustomer) -> str:
    url = reverse("whatsapp_simulator:chat", args=[customer.pk])
    return graph.client.get(url).content.decode()


def send(graph: Caller, customer: SimulatedCustomer, **fields: str) -> Any:
    url = reverse("whatsapp_simulator:act", args=[customer.pk])
    return graph.client.post(url, {"do": "cart", **fields})


class TestCart:
    def test_offers_what_the_shop_sells(self, graph: Caller, customer: SimulatedCustomer) -> None:
        html = page(graph, customer)

        assert "Mug &lt;3 <span>18.90 EUR</span>" in html
        assert 'name="quantity:tea:1"' in html

    def test_shows_a_part_of_a_large_catalogue(self, simulator_settings: Any) -> None:
        path = "tests.simulator.test_catalog.endless_goods"
        simulator_settings.WHATSAPP_SIMULATOR = {**SETTINGS, "CATALOG": path}

        assert len(catalog.products()) == catalog.MOST_PRODUCTS

    def test_has_the_first_of_products_with_one_id(self, simulator_settings: Any) -> None:
        path = "tests.simulator.test_catalog.goods_of_one_id"
        simulator_settings.WHATSAPP_SIMULATOR = {**SETTINGS, "CATALOG": path}

        assert catalog.products() == goods()[:1]

    @pytest.mark.parametrize(
        ("name", "fault"),
        [("no_goods", "TypeError"), ("goods_by_key", "TypeError"), ("nowhere", "ImportError")],
    )
    def test_of_a_broken_catalogue_names_the_fault_and_leaves_the_chat(
        self,
        name: str,
        fault: str,
        graph: Caller,
        customer: SimulatedCustomer,
        simulator_settings: Any,
    ) -> None:
        path = f"tests.simulator.test_catalog.{name}"
        simulator_settings.WHATSAPP_SIMULATOR = {**SETTINGS, "CATALOG": path}

        html = page(graph, customer)
        response = send(graph, customer, **{"quantity:mug": "1"})

        words = f"The catalogue cannot be read: {fault}"
        assert words in html
        assert 'name="text"' in html
        assert response.status_code == 400
        assert words in response.content.decode()

    def test_says_how_to_get_a_catalogue(
        self, graph: Caller, customer: SimulatedCustomer, simulator_settings: Any
    ) -> None:
        simulator_settings.WHATSAPP_SIMULATOR = SETTINGS

        html = page(graph, customer)

        assert "There is no catalogue here yet." in html
        assert 'value="cart"' not in html

    def test_reaches_the_shop_as_an_order(
        self, graph: Caller, customer: SimulatedCustomer, shop: Shop
    ) -> None:
        fields = {"quantity:mug": "2", "quantity:tea:1": "0", "note": " As a gift "}

        response = send(graph, customer, **fields)
        shop.receive()

        assert response.status_code == 302
        assert shop.messages[0]["order"] == {
            "catalog_id": "1",
            "text": "As a gift",
            "product_items": [
                {
                    "product_retailer_id": "mug",
                    "quantity": 2,
                    "item_price": 18.9,
                    "currency": "EUR",
                }
            ],
        }
        assert ChatMessage.objects.get().pieces == {"title": "Cart, 2 items", "body": "As a gift"}

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, "Put something into the cart first."),
            ({"quantity:mug": "0"}, "Put something into the cart first."),
            ({"quantity:sold out": "1", "quantity:mug": "1"}, "The catalogue has changed."),
            ({"quantity:sold out": "0"}, "Put something into the cart first."),
            ({"quantity:mug": "-1"}, "Take 0 to 99 pieces of a product."),
            ({"quantity:mug": "100"}, "Take 0 to 99 pieces of a product."),
            ({"quantity:mug": "1.5"}, "Take 0 to 99 pieces of a product."),
            ({"quantity:mug": "٣"}, "Take 0 to 99 pieces of a product."),
            ({"quantity:mug": "1", "note": "x" * 1025}, "That cannot be done."),
        ],
    )
    def test_is_refused_with_the_reason(
        self, graph: Caller, customer: SimulatedCustomer, fields: dict[str, str], words: str
    ) -> None:
        response = send(graph, customer, **fields)

        assert response.status_code == 400
        assert response.content.decode().startswith(words)
        assert not OutboxWebhook.objects.exists()
