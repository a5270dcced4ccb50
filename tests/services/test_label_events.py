"""Labels that go by events of the shop, in whatever order these are told."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories, shop
from tests.concurrency import on_postgresql, together
from tests.factories import NOW
from whatsapp_notify.models import Contact, ContactLabel, Label, Message, ShopEvent
from whatsapp_notify.services import events, label_events
from whatsapp_notify.services.events import Happening

pytestmark = pytest.mark.django_db

State = ShopEvent.State


@pytest.fixture(autouse=True)
def _adapter(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(WATCH=[])


@pytest.fixture
def person() -> Contact:
    return factories.contact()


@pytest.fixture
def unpaid() -> Label:
    return Label.objects.create(
        name="Pending payment", set_by="order.pending", removed_by="order.paid, order.cancelled"
    )


def happen(
    person: Contact | None, name: str, *, minutes: int = 0, order: str = "A1", key: str = ""
) -> ShopEvent:
    key = key or f"{name}:{order}:{minutes}"
    events.record(
        Happening(
            name=name,
            key=key,
            occurred_at=NOW + timedelta(minutes=minutes),
            contact_id=person.pk if person else None,
            order_ref=order,
        ),
        now=NOW,
    )
    events.process(now=NOW)
    return ShopEvent.objects.get(key=key)


def carried(person: Contact) -> set[str]:
    return set(person.labels.values_list("label__name", flat=True))


class TestApplyEvent:
    def test_sets_the_label_with_its_order_and_moment(self, person: Contact, unpaid: Label) -> None:
        event = happen(person, "order.pending", minutes=3)

        row = ContactLabel.objects.get()
        assert (row.contact, row.label, row.order_ref) == (person, unpaid, "A1")
        assert (row.set_at, row.actor) == (NOW + timedelta(minutes=3), "order.pending")
        assert event.state == State.PROCESSED

    @pytest.mark.parametrize("name", ["order.paid", "order.cancelled"])
    def test_takes_it_off(self, person: Contact, unpaid: Label, name: str) -> None:
        happen(person, "order.pending")

        happen(person, name, minutes=1)

        assert carried(person) == set()

    @pytest.mark.parametrize("name", ["order.pend", "order.pending.again", "pending"])
    def test_takes_names_as_wholes(self, person: Contact, unpaid: Label, name: str) -> None:
        assert happen(person, name).state == State.IGNORED
        assert carried(person) == set()

    def test_leaves_labels_alone_that_are_off(self, person: Contact, unpaid: Label) -> None:
        Label.objects.update(is_active=False)

        happen(person, "order.pending")

        assert carried(person) == set()

    @pytest.mark.parametrize(
        "order", list(permutations([0, 1, 2])), ids=lambda order: "-".join(map(str, order))
    )
    @pytest.mark.parametrize(
        ("story", "is_carried"),
        [
            (("order.pending", "order.paid", "other"), False),
            (("order.paid", "order.pending", "other"), True),
            (("order.pending", "order.paid", "order.pending"), True),
            (("order.pending", "order.pending", "order.paid"), False),
        ],
        ids=lambda value: "+".join(value) if isinstance(value, tuple) else str(value),
    )
    def test_what_happened_last_decides_however_it_is_told(
        self, person: Contact, unpaid: Label, story: Any, is_carried: bool, order: Any
    ) -> None:
        for place in order:
            happen(person, story[place], minutes=place)

        assert carried(person) == ({"Pending payment"} if is_carried else set())

    def test_told_twice_sets_nothing_again(self, person: Contact, unpaid: Label) -> None:
        event = happen(person, "order.pending")
        happen(person, "order.paid", minutes=1)
        ShopEvent.objects.filter(pk=event.pk).update(is_pending=True, attempts=0)

        events.process(now=NOW + timedelta(hours=1))

        assert carried(person) == set()

    def test_at_the_same_moment_the_later_told_decides(
        self, person: Contact, unpaid: Label
    ) -> None:
        happen(person, "order.pending")
        happen(person, "order.paid")

        assert carried(person) == set()

    def test_of_another_order_takes_nothing_off(self, person: Contact, unpaid: Label) -> None:
        happen(person, "order.pending", order="A1")
        happen(person, "order.pending", order="A2", minutes=1)

        happen(person, "order.paid", order="A1", minutes=2)

        assert carried(person) == {"Pending payment"}
        happen(person, "order.paid", order="A2", minutes=3)
        assert carried(person) == set()

    def test_of_no_order_takes_off_whatever_order_it_is_of(
        self, person: Contact, unpaid: Label
    ) -> None:
        happen(person, "order.pending", order="A1")

        happen(person, "order.paid", order="", minutes=1)

        assert carried(person) == set()

    def test_of_one_customer_touches_no_other(self, person: Contact, unpaid: Label) -> None:
        other = factories.contact()
        happen(other, "order.paid", minutes=9)
        happen(person, "order.pending")

        assert carried(person) == {"Pending payment"}

    def test_what_staff_set_is_taken_off_by_a_later_event_only(
        self, person: Contact, unpaid: Label
    ) -> None:
        row = ContactLabel.objects.create(
            contact=person, label=unpaid, actor="staff", set_at=NOW + timedelta(minutes=5)
        )

        happen(person, "order.paid", minutes=4)
        assert ContactLabel.objects.get() == row
        happen(person, "order.paid", minutes=6, key="again")
        assert carried(person) == set()

    @pytest.mark.skipif(not on_postgresql(), reason="SQLite has one writer")
    @pytest.mark.django_db(transaction=True)
    def test_told_at_the_same_time_by_two_workers_ends_as_it_happened(
        self, person: Contact, unpaid: Label, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # One event each.
        monkeypatch.setattr(events, "_LISTED", 1)
        monkeypatch.setattr(events, "_TURN_SECONDS", -1.0)
        for number in range(8):
            order = f"R{number}"
            for minutes, name in ((1, "order.paid"), (0, "order.pending")):
                events.record(
                    Happening(
                        name=name, key=f"{name}{order}", contact_id=person.pk, order_ref=order,
                        occurred_at=NOW + timedelta(minutes=minutes),
                    ),
                    now=NOW,
                )  # fmt: skip
            together(*[lambda: events.process(now=NOW)] * 2)

            assert carried(person) == set()


class TestWhoIsLabelled:
    def test_a_known_customer_without_any_automation(self, unpaid: Label) -> None:
        phone = factories.phone()
        person = factories.contact(phone=phone)
        order = shop.order(phone=phone)
        events.record(
            Happening(
                name="order.pending", key="k", occurred_at=NOW,
                subject_label=order._meta.label_lower, subject_pk=str(order.pk),
            ),
            now=NOW,
        )  # fmt: skip

        events.process(now=NOW)

        assert ContactLabel.objects.get().order_ref == order.number
        assert ShopEvent.objects.get().contact == person
        assert not Message.objects.exists()

    @pytest.mark.parametrize("phone", ["+358457398765", "12", ""])
    def test_nobody_becomes_a_contact_for_a_label(self, unpaid: Label, phone: str) -> None:
        order = shop.order(phone=phone)
        events.record(
            Happening(
                name="order.pending", key="k", occurred_at=NOW,
                subject_label=order._meta.label_lower, subject_pk=str(order.pk),
            ),
            now=NOW,
        )  # fmt: skip

        events.process(now=NOW)

        assert not Contact.objects.exists()
        assert ShopEvent.objects.get().state == State.IGNORED

    def test_an_order_that_is_gone_is_no_fault(self, unpaid: Label) -> None:
        events.record(
            Happening(
                name="order.pending", key="k", occurred_at=NOW,
                subject_label="demo_shop.order", subject_pk="999",
            ),
            now=NOW,
        )  # fmt: skip

        events.process(now=NOW)

        assert ShopEvent.objects.get().state == State.IGNORED

    def test_erased_customers_are_left_alone(self, person: Contact, unpaid: Label) -> None:
        Contact.objects.update(erased_at=NOW)

        assert happen(person, "order.pending").state == State.IGNORED
        assert carried(person) == set()

    def test_with_an_automation_gets_both(self, unpaid: Label) -> None:
        shop.automation("order.pending")
        order = shop.order()
        events.record(
            Happening(
                name="order.pending", key="k", occurred_at=NOW,
                subject_label=order._meta.label_lower, subject_pk=str(order.pk),
            ),
            now=NOW,
        )  # fmt: skip

        events.process(now=NOW)

        assert carried(Contact.objects.get()) == {"Pending payment"}
        assert Message.objects.count() == 1


class TestCost:
    def test_an_event_that_nobody_waits_for_asks_for_labels_once(self, person: Contact) -> None:
        with CaptureQueriesContext(connection) as seen:
            happen(person, "order.viewed")

        asked = [each["sql"] for each in seen if "whatsapp_notify_label" in each["sql"]]
        assert len(asked) == 1
        assert not [sql for sql in asked if "contactlabel" in sql]


class TestIsByEvent:
    @pytest.mark.parametrize(
        ("actor", "is_by_event"),
        [
            ("order.pending", True),
            ("our.own", True),
            ("order.confirmed", True),
            ("owner", False),
            ("", False),
        ],
        ids=[
            "its event",
            "event of the shop's own",
            "known event it had before",
            "staff",
            "nobody",
        ],
    )
    def test_tells_events_from_the_staff(
        self, actor: str, is_by_event: bool, person: Contact
    ) -> None:
        label = Label.objects.create(name="Pending payment", set_by="our.own, order.pending")
        row = ContactLabel.objects.create(contact=person, label=label, actor=actor, set_at=NOW)

        assert label_events.is_by_event(row) is is_by_event


class TestTakenOffBy:
    def test_names_the_events_while_the_label_is_on(self, unpaid: Label) -> None:
        assert label_events.taken_off_by(unpaid) == ["order.paid", "order.cancelled"]

        unpaid.is_active = False
        assert label_events.taken_off_by(unpaid) == []
