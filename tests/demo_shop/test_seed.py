"""The goods, customers and orders of a shop that has just opened."""

from datetime import UTC, datetime, timedelta

import phonenumbers
import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.db.models import F
from django.db.models.signals import post_save
from django.utils import timezone

from demo_shop.models import CustomerProfile, Order, OrderLine, Product
from demo_shop.seed import CUSTOMER_PASSWORD, seed
from whatsapp_notify.models import InteractiveCampaign

# Half past midnight in Helsinki: the day there is the 21st.
_NOW = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)


def _counts() -> list[int]:
    return [model.objects.count() for model in (Product, User, CustomerProfile, Order, OrderLine)]


@pytest.mark.django_db
class TestSeed:
    def test_fills_the_shop(self) -> None:
        seed(now=_NOW)

        products, users, profiles, orders, lines = _counts()
        assert (products, users, profiles, orders) == (8, 6, 6, 10)
        assert lines > orders
        # A draft comes from the chat only.
        statuses = set(Order.objects.values_list("status", flat=True))
        assert statuses == set(Order.Status.values) - {"draft"}

    def test_begins_a_campaign_that_runs_and_is_kept(self) -> None:
        seed(now=_NOW)
        InteractiveCampaign.objects.update(thanks="The shop's own words")

        seed(now=_NOW + timedelta(days=9))

        row = InteractiveCampaign.objects.get()
        assert row.starts_at < _NOW < row.ends_at
        assert row.thanks == "The shop's own words"

    def test_changes_nothing_when_called_again(self) -> None:
        seed(now=_NOW)
        before = _counts()
        numbers = set(Order.objects.values_list("number", "tracking_code"))

        seed(now=_NOW)

        assert _counts() == before
        assert set(Order.objects.values_list("number", "tracking_code")) == numbers

    def test_keeps_what_customers_have_changed(self) -> None:
        seed(now=_NOW)
        CustomerProfile.objects.filter(phone="045 739 00101").update(phone="045 739 00199")

        seed(now=_NOW)

        assert CustomerProfile.objects.filter(phone="045 739 00199").exists()

    def test_gives_one_customer_a_birthday_today(self) -> None:
        seed(now=_NOW)

        born = CustomerProfile.objects.filter(birth_date__month=11, birth_date__day=21)
        assert born.get().user.first_name == "Customer One"

    def test_moves_the_birthday_along(self) -> None:
        seed(now=_NOW)

        seed(now=datetime(2028, 2, 29, 12, tzinfo=UTC))

        profile = CustomerProfile.objects.get(user__first_name="Customer One")
        assert (profile.birth_date.month, profile.birth_date.day) == (2, 29)

    def test_writes_phones_that_are_valid_and_differ(self) -> None:
        seed(now=_NOW)

        typed = {*CustomerProfile.objects.values_list("phone", flat=True)} | {
            *Order.objects.values_list("phone", flat=True)
        }
        parsed = [phonenumbers.parse(phone, "FI") for phone in typed]
        assert all(phonenumbers.is_valid_number(number) for number in parsed)
        assert {
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            for number in parsed
        } == {f"+35845739001{index:02}" for index in range(1, 8)}

    def test_announces_nothing(self) -> None:
        heard: list[type] = []

        def listen(sender: type, **kwargs: object) -> None:
            if sender in {User, CustomerProfile, Product, Order, OrderLine}:
                heard.append(sender)

        post_save.connect(listen)
        seed(now=_NOW)
        post_save.disconnect(listen)

        assert heard == []

    def test_leaves_the_past_in_the_past(self) -> None:
        seed(now=_NOW)

        assert not Order.objects.exclude(updated_at=F("placed_at")).exists()
        assert not Order.objects.filter(placed_at__gte=_NOW).exists()
        assert not Order.objects.filter(shipped_on__gt=timezone.localdate(_NOW)).exists()

    def test_points_at_pictures_that_exist(self) -> None:
        seed(now=_NOW)

        for picture in Product.objects.values_list("picture", flat=True):
            assert finders.find(picture), picture

    def test_lets_customers_log_in(self) -> None:
        seed(now=_NOW)

        user = authenticate(username="customer.four@example.com", password=CUSTOMER_PASSWORD)

        assert user is not None
        assert user.get_full_name() == "Customer Four"
