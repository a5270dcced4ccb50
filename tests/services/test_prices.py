"""What a message costs, before it is sent."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from tests import factories as make
from tests.factories import NOW
from whatsapp_notify.models import Conversation, Identity, Rate
from whatsapp_notify.services import prices

pytestmark = pytest.mark.django_db

SERVICE = Rate.Category.SERVICE


def rate(
    amount: str, country: str = "FI", *, since: date = date(2026, 10, 1), **fields: str
) -> Rate:
    return Rate.objects.create(
        **{
            "country": country,
            "category": SERVICE,
            "currency": "EUR",
            "amount": Decimal(amount),
            "effective_from": since,
            **fields,
        }
    )


def conversation(
    *, phone: str = "", user_id: str = "", free_until: datetime | None = None
) -> Conversation:
    contact = make.contact(consents=(), phone=phone or None)
    if user_id:
        Identity.objects.filter(contact=contact).delete()
        Identity.objects.create(contact=contact, kind="user_id", value=user_id)
    row = make.open_window(contact, until=NOW + timedelta(hours=3))
    row.entry_point_expires_at = free_until
    return row


def price(row: Conversation, category: Rate.Category = SERVICE) -> prices.Price:
    return prices.of_message(conversation=row, category=category, now=NOW)


class TestOfMessage:
    def test_is_the_latest_rate_of_the_country(self) -> None:
        rate("0.02", since=date(2026, 10, 1))
        rate("0.03", since=date(2026, 11, 1))
        rate("0.99", since=date(2026, 11, 24))
        rate("0.01", "")
        rate("0.50", category="marketing")

        found = price(conversation())

        assert (found.amount, found.currency, found.country) == (Decimal("0.03"), "EUR", "FI")
        assert not found.is_free

    def test_goes_by_the_category(self) -> None:
        rate("0.02")
        rate("0.50", category="marketing")

        assert price(conversation(), Rate.Category.MARKETING).amount == Decimal("0.50")

    def test_falls_back_to_the_rate_of_all_others(self) -> None:
        rate("0.02", "SE")
        rate("0.01", "")

        assert price(conversation()).amount == Decimal("0.01")

    def test_knows_the_country_of_a_hidden_number(self) -> None:
        rate("0.02", "SE")

        assert price(conversation(user_id="SE.9000000000000001")).amount == Decimal("0.02")

    def test_is_not_known_without_a_rate(self) -> None:
        rate("0.02", "SE")

        found = price(conversation())

        assert found.amount is None
        assert not found.is_free

    @pytest.mark.parametrize(("minutes", "is_free"), [(1, True), (0, False), (-1, False)])
    def test_is_free_while_the_entry_point_is_open(self, minutes: int, is_free: bool) -> None:
        rate("0.02")

        found = price(conversation(free_until=NOW + timedelta(minutes=minutes)))

        assert found.is_free is is_free
        assert found.amount == (Decimal(0) if is_free else Decimal("0.02"))
