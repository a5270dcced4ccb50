"""The customer's account."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_shop.forms import RegistrationForm
from demo_shop.models import CustomerProfile, Order

_TYPED = {
    "first_name": "Customer Three",
    "email": "Customer.Three@example.com",
    "password": "a long walk home",
    "phone": "+3584573900103",
    "birth_date": "1992-06-24",
    "language": "ru",
}


class TestRegister:
    def test_opens_an_account_and_logs_in(
        self, client: Client, db: None, saved_consents: list[dict[str, Any]]
    ) -> None:
        page = client.post("/account/register/", _TYPED, follow=True)

        user = User.objects.get()
        profile = CustomerProfile.objects.get(user=user)
        assert user.username == user.email == "customer.three@example.com"
        assert user.check_password("a long walk home")
        assert (profile.phone, profile.birth_date, profile.language) == (
            "+3584573900103",
            date(1992, 6, 24),
            "ru",
        )
        assert page.context["user"] == user
        assert page.request["PATH_INFO"] == "/account/"

    def test_hands_the_consent_to_the_plugin(
        self, client: Client, db: None, saved_consents: list[dict[str, Any]]
    ) -> None:
        client.post("/account/register/", _TYPED)

        [saved] = saved_consents
        assert saved.pop("request").path == "/account/register/"
        assert saved == {
            "phone": "+3584573900103",
            "first_name": "Customer Three",
            "language": "ru",
            "user": User.objects.get(),
            "birth_date": date(1992, 6, 24),
            "source": "registration",
        }

    def test_keeps_no_account_whose_consent_could_not_be_saved(
        self, client: Client, db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(form: RegistrationForm, **values: Any) -> None:
            raise RuntimeError("no")

        monkeypatch.setattr(RegistrationForm, "save_whatsapp_consent", fail)

        with pytest.raises(RuntimeError):
            client.post("/account/register/", _TYPED)

        assert not User.objects.exists()

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"email": "CUSTOMER.ONE@example.com"}, "email"),
            ({"password": "short"}, "password"),
            ({"birth_date": "24.6."}, "birth_date"),
            ({"language": "de"}, "language"),
        ],
    )
    def test_asks_again(
        self,
        client: Client,
        customer: User,
        changed: dict[str, str],
        field: str,
        saved_consents: list[dict[str, Any]],
    ) -> None:
        page = client.post("/account/register/", _TYPED | changed)

        assert list(page.context["form"].errors) == [field]
        assert User.objects.get() == customer

    def test_needs_no_birthday(
        self, client: Client, db: None, saved_consents: list[dict[str, Any]]
    ) -> None:
        client.post("/account/register/", _TYPED | {"birth_date": ""})

        assert CustomerProfile.objects.get().birth_date is None

    def test_sends_a_customer_to_the_account(self, client: Client, customer: User) -> None:
        client.force_login(customer)

        answer = client.get("/account/register/")

        assert answer.headers["Location"] == "/account/"


class TestLogIn:
    def test_leads_to_the_account(self, client: Client, customer: User) -> None:
        answer = client.post(
            "/account/login/", {"username": customer.email, "password": "slow morning"}
        )

        assert answer.headers["Location"] == "/account/"

    def test_leads_back_to_the_checkout(self, client: Client, customer: User) -> None:
        answer = client.post(
            "/account/login/",
            {"username": customer.email, "password": "slow morning", "next": "/checkout/"},
        )

        assert answer.headers["Location"] == "/checkout/"

    def test_does_not_lead_out_of_the_shop(self, client: Client, customer: User) -> None:
        answer = client.post(
            "/account/login/",
            {"username": customer.email, "password": "slow morning", "next": "//evil.example/"},
        )

        assert answer.headers["Location"] == "/account/"

    def test_refuses_a_wrong_password(self, client: Client, customer: User) -> None:
        page = client.post("/account/login/", {"username": customer.email, "password": "wrong"})

        assert page.status_code == 200
        assert page.context["form"].errors


class TestLogOut:
    def test_leads_home(self, client: Client, customer: User) -> None:
        client.force_login(customer)

        page = client.post("/account/logout/", follow=True)

        assert page.request["PATH_INFO"] == "/"
        assert not page.context["user"].is_authenticated


class TestAccount:
    def test_shows_own_orders_only(
        self, client: Client, customer: User, placed_order: Order
    ) -> None:
        Order.objects.create(first_name="Customer Two", total=1)
        client.force_login(customer)

        page = client.get("/account/")

        assert list(page.context["orders"]) == [placed_order]

    def test_works_for_staff_without_a_profile(self, client: Client, db: None) -> None:
        client.force_login(User.objects.create_superuser("staff"))

        page = client.get("/account/")

        assert page.context["profile"] is None
        assert "Hello, staff" in page.text

    def test_asks_a_stranger_to_log_in(self, client: Client, db: None) -> None:
        answer = client.get("/account/")

        assert answer.headers["Location"] == "/account/login/?next=/account/"
