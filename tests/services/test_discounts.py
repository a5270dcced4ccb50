"""A discount code of one's own for each birthday."""

from collections.abc import Iterator

import pytest
import time_machine
from django.contrib.auth.models import User

from tests import factories
from tests.factories import NOW
from whatsapp_notify import shop
from whatsapp_notify.services.discounts import birthday_code

pytestmark = pytest.mark.django_db


class TestBirthdayCode:
    def test_fits_into_a_copy_code_button(self) -> None:
        code = birthday_code(contact_id=1, year=2026)

        assert code.isalnum()
        assert len(code) <= 15

    def test_is_one_of_its_own_for_each_person_and_year(self) -> None:
        codes = {
            birthday_code(contact_id=contact_id, year=year)
            for contact_id in range(500)
            for year in (2026, 2027)
        }

        assert len(codes) == 1000

    def test_follows_from_the_shops_secret(self, settings) -> None:
        before = birthday_code(contact_id=1, year=2026)

        settings.SECRET_KEY = "another"

        assert birthday_code(contact_id=1, year=2026) != before


class TestIsBirthdayCode:
    @pytest.fixture(autouse=True)
    def _frozen(self) -> Iterator[None]:
        with time_machine.travel(NOW, tick=False):
            yield

    def test_knows_the_customers_own(self) -> None:
        user = User.objects.create(username="customer.one@example.com")
        contact = factories.contact(user=user)
        code = birthday_code(contact_id=contact.pk, year=NOW.year)

        assert shop.is_birthday_code(f" {code.lower()} ", user=user)

    def test_knows_a_guest_by_phone(self) -> None:
        contact = factories.contact(phone="+358457390001")
        code = birthday_code(contact_id=contact.pk, year=NOW.year)

        assert shop.is_birthday_code(code, phone="+358457390001")

    def test_refuses_somebody_elses(self) -> None:
        user = User.objects.create(username="customer.one@example.com")
        factories.contact(user=user)
        other = factories.contact()

        assert not shop.is_birthday_code(
            birthday_code(contact_id=other.pk, year=NOW.year), user=user
        )

    @pytest.mark.parametrize(("years_ago", "counts"), [(0, True), (1, True), (2, False)])
    def test_counts_until_the_end_of_the_next_year(self, years_ago: int, counts: bool) -> None:
        user = User.objects.create(username="customer.one@example.com")
        contact = factories.contact(user=user)
        code = birthday_code(contact_id=contact.pk, year=NOW.year - years_ago)

        assert shop.is_birthday_code(code, user=user) is counts

    def test_refuses_everything_of_nobody(self) -> None:
        assert not shop.is_birthday_code("BDAY", user=None)
