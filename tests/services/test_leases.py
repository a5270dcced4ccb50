"""Places that only so many processes may have at once."""

from datetime import timedelta

import pytest

from tests.concurrency import together
from tests.factories import NOW
from whatsapp_notify.models import Lease
from whatsapp_notify.services import leases

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = ("deliver:0", "deliver:1")


class TestTake:
    def test_gives_each_place_once(self) -> None:
        held = [leases.take(names=NAMES, now=NOW) for _each in range(3)]

        assert [each and each.name for each in held] == ["deliver:0", "deliver:1", None]

    def test_gives_a_place_that_was_given_back(self) -> None:
        first = leases.take(names=NAMES[:1], now=NOW)
        assert first is not None
        first.give_back(now=NOW)

        assert leases.take(names=NAMES[:1], now=NOW) is not None

    def test_gives_the_place_of_a_holder_that_is_gone(self) -> None:
        leases.take(names=NAMES[:1], now=NOW)

        assert leases.take(names=NAMES[:1], now=NOW + leases.LASTS / 2) is None
        assert leases.take(names=NAMES[:1], now=NOW + leases.LASTS) is not None

    def test_gives_one_of_many_who_ask_at_once(self) -> None:
        held = together(*[lambda: leases.take(names=NAMES[:1], now=NOW)] * 4)

        assert sum(each is not None for each in held) == 1

    def test_f90_gives_a_place_that_a_clock_far_ahead_has_taken(self) -> None:
        tomorrow = NOW + timedelta(days=1)
        held = leases.take(names=NAMES[:1], now=tomorrow)
        assert held is not None
        held.give_back(now=tomorrow)

        assert leases.take(names=NAMES[:1], now=NOW) is not None


class TestHeld:
    def test_lasts_as_long_as_it_is_prolonged(self) -> None:
        held = leases.take(names=NAMES[:1], now=NOW)
        assert held is not None

        held.prolong(now=NOW + leases.LASTS / 2)

        assert leases.take(names=NAMES[:1], now=NOW + leases.LASTS) is None

    def test_seldom_asks_the_database(self, django_assert_num_queries) -> None:
        held = leases.take(names=NAMES[:1], now=NOW)
        assert held is not None

        with django_assert_num_queries(1):
            for second in range(4):
                held.prolong(now=NOW + timedelta(seconds=second))

    def test_does_not_give_back_what_somebody_else_has_by_now(self) -> None:
        lost = leases.take(names=NAMES[:1], now=NOW)
        assert lost is not None
        later = NOW + leases.LASTS
        leases.take(names=NAMES[:1], now=later)

        lost.give_back(now=later)

        assert Lease.objects.get().expires_at > later
