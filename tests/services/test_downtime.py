"""The scheduler was away, or there are two of it: everything is done, once, or has expired."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests import factories, shop
from tests.concurrency import together
from tests.graph import NoWaiting
from whatsapp_notify.backends import locmem
from whatsapp_notify.domain.policy import LawfulBasis, Purpose
from whatsapp_notify.models import Automation, Contact, Message, ShopEvent, Topic
from whatsapp_notify.services import birthdays, delivery, events, reconcile, sweep

pytestmark = pytest.mark.django_db(transaction=True)

#: Nine in the morning in Helsinki, in summer.
NINE = datetime(2026, 6, 15, 6, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(WATCH=[], MESSAGES_PER_SECOND=10_000)


@pytest.fixture
def automation() -> Automation:
    """Birthday greetings that are of use until the evening of the day."""
    topic = Topic.objects.create(
        key="greetings",
        name="greetings",
        purpose=Purpose.DELIVERY,
        lawful_basis=LawfulBasis.CONTRACT,
    )
    return shop.automation("customer.birthday", topic=topic, expires_after_minutes=10 * 60)


def born_today(count: int) -> list[Contact]:
    people = [factories.contact(consents=(), birth_date=date(1990, 6, 15)) for _ in range(count)]
    Contact.objects.update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    return people


def beat(now: datetime) -> None:
    """All that the periodic tasks do."""
    sweep.sweep(now=now)
    reconcile.scan(now=now)
    birthdays.greet(now=now)
    while events.process(now=now):
        pass
    delivery.deliver(clock=lambda: now, stop=NoWaiting())


def greeted() -> list[int]:
    return sorted(outgoing.message_id for outgoing in locmem.outbox)


@pytest.mark.parametrize(
    ("hours", "state"),
    [(0, "accepted"), (3, "accepted"), (9, "accepted"), (10, "expired"), (47, "expired")],
)
def test_f87_is_caught_up_with_while_it_is_of_use(
    automation: Automation, hours: int, state: str
) -> None:
    born_today(3)
    beat(NINE - timedelta(hours=1))

    for later in (0, 1, 24):
        beat(NINE + timedelta(hours=hours + later))

    # Those that came too late are in the log, with their reason.
    rows = list(Message.objects.values_list("state", "reason"))
    assert rows == [(state, "expired" if state == "expired" else "")] * 3
    assert len(locmem.outbox) == (3 if state == "accepted" else 0)


def test_f87_is_not_dug_up_after_the_limit(automation: Automation) -> None:
    born_today(3)
    beat(NINE - timedelta(hours=1))

    beat(NINE + timedelta(days=3))

    assert not ShopEvent.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize("hours", [0, 5])
def test_f86_two_at_the_same_moment_greet_once(automation: Automation, hours: int) -> None:
    people = born_today(6)
    now = NINE + timedelta(hours=hours)

    together(*[lambda: beat(now)] * 2)
    beat(now + timedelta(minutes=1))

    assert Message.objects.filter(state="accepted").count() == len(people)
    assert greeted() == sorted(Message.objects.values_list("pk", flat=True))


def test_f86_one_after_the_other_all_day_greet_once(automation: Automation) -> None:
    people = born_today(2)

    for quarters in range(0, 60, 3):
        beat(NINE + timedelta(minutes=15 * quarters))
        beat(NINE + timedelta(minutes=15 * quarters))

    assert len(greeted()) == len(people)


def test_f88_a_delay_is_as_long_as_it_says_across_a_change_of_clock() -> None:
    automation = shop.automation("customer.birthday", delay_minutes=24 * 60)
    person = factories.contact()
    # The evening before the clocks go forward, as a shop's own clock tells it.
    at = datetime(2026, 3, 28, 20, 0, tzinfo=ZoneInfo("Europe/Helsinki"))
    happening = events.Happening(
        name="customer.birthday", key="k1", occurred_at=at, contact_id=person.pk
    )
    events.record(happening, now=at)

    events.process(now=at)

    message = Message.objects.get(automation=automation)
    assert message.due_at == at.astimezone(UTC) + timedelta(hours=24)
