"""A shop with two products, and the consent that its forms save."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from demo_shop.forms import CheckoutForm, RegistrationForm
from demo_shop.models import CustomerProfile, Order, Product


@pytest.fixture
def mug(db: None) -> Product:
    return Product.objects.create(
        name="Enamel mug",
        slug="enamel-mug",
        description="For coffee.",
        price=Decimal("18.90"),
        picture="demo_shop/products/mug.svg",
    )


@pytest.fixture
def lantern(db: None) -> Product:
    return Product.objects.create(
        name="Storm lantern",
        slug="storm-lantern",
        description="For the evening.",
        price=Decimal("64.00"),
        picture="demo_shop/products/lantern.svg",
    )


@pytest.fixture
def customer(db: None) -> User:
    user = User.objects.create_user(
        username="customer.one@example.com",
        email="customer.one@example.com",
        password="slow morning",
        first_name="Customer One",
    )
    CustomerProfile.objects.create(user=user, phone="045 739 00101", language="sv")
    return user


@pytest.fixture
def placed_order(customer: User) -> Order:
    return Order.objects.create(
        user=customer,
        first_name="Customer One",
        email=customer.email,
        phone="045 739 00101",
        total=Decimal("18.90"),
    )


@pytest.fixture
def saved_consents(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the shop hands to the plugin after saving an order or an account."""
    saved: list[dict[str, Any]] = []

    def save(form: Any, **values: Any) -> None:
        saved.append(values)

    monkeypatch.setattr(CheckoutForm, "save_whatsapp_consent", save)
    monkeypatch.setattr(RegistrationForm, "save_whatsapp_consent", save)
    return saved
