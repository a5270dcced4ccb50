"""Recording and processing what happened in the shop."""

import itertools
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction

from demo_shop.models import Order
from tests import factories, shop
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.domain.occasions import Customer
from whatsapp_notify.models import Contact, Identity, Message, ShopEvent
from whatsapp_notify.models.automation import Event
from whatsapp_notify.services import contacts, events
from whatsapp_notify.services.events import Happening

State = ShopEvent.State


@pytest.fixture(autouse=True)
def _adapter(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(WATCH=[])


def happening(key: str = "k1", **fields: Any) -> Happening:
    return Happening(**{"name": "order.shipped", "key": key, "occurred_at": NOW, **fields})


def recorded(subject: Any, name: str = "order.shipped", **fields: Any) -> ShopEvent:
    key = f"{name}:{subject.pk}"
    events.record(
        Happening(
            **{
                "name": name,
                "key": key,
                "occurred_at": NOW,
                "subject_label": subject._meta.label_lower,
                "subject_pk": str(subject.pk),
                **fields,
            }
        ),
        now=NOW,
    )
    return ShopEvent.objects.get(key=key)


@pytest.mark.django_db
class TestRecord:
    def test_keeps_what_happened(self) -> None:
        events.record(happening(data={"product": "Mug"}, order_ref="A1"), now=NOW)

        row = ShopEvent.objects.get()
        assert (row.name, row.key, row.order_ref) == ("order.shipped", "k1", "A1")
        assert row.data == {"product": "Mug"}
        assert row.state == State.PENDING
        assert row.is_pending

    def test_takes_one_query(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            events.record(happening("k1"), happening("k2"), now=NOW)

    def test_f03_keeps_one_row_per_key(self) -> None:
        counts = [events.record(happening(), now=NOW) for _ in range(3)]

        assert counts == [1, 0, 0]
        assert ShopEvent.objects.count() == 1

    def test_f05_lets_the_callers_transaction_go_on_after_a_clash(self) -> None:
        events.record(happening(), now=NOW)

        with transaction.atomic():
            events.record(happening(), now=NOW)
            order = shop.order()

        assert Order.objects.filter(pk=order.pk).exists()

    def test_f12_keeps_values_that_no_database_holds(self) -> None:
        events.record(happening(data={"a": "x\x00y\ud83dz"}, key="k\x00"), now=NOW)

        row = ShopEvent.objects.get()
        assert row.data == {"a": "xyz"}
        assert row.key == "k"

    def test_rings_once_after_the_commit(self, django_capture_on_commit_callbacks: Any) -> None:
        heard = []
        signals.events_recorded.connect(
            lambda **kwargs: heard.append(1), weak=False, dispatch_uid="t"
        )
        try:
            with django_capture_on_commit_callbacks(execute=True):
                events.record(happening(), now=NOW)
                events.record(happening(), now=NOW)
                assert not heard
        finally:
            signals.events_recorded.disconnect(dispatch_uid="t")

        assert heard == [1]


class TestFits:
    @pytest.mark.parametrize("length", [1, 200, 201, 5000])
    def test_never_exceeds_the_column(self, length: int) -> None:
        assert len(events.fits("k" * length)) <= 200

    def test_tells_long_keys_apart(self) -> None:
        assert events.fits("k" * 300) != events.fits("k" * 301)


@pytest.mark.django_db(transaction=True)
def test_f04_lets_one_of_many_threads_record_an_event() -> None:
    barrier, counts = threading.Barrier(6), []

    def record() -> None:
        barrier.wait()
        counts.append(events.record(happening(), now=NOW))
        connections.close_all()

    threads = [threading.Thread(target=record) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(counts) == [0, 0, 0, 0, 0, 1]
    assert ShopEvent.objects.count() == 1


@pytest.mark.django_db
class TestRecordForCustomer:
    def test_resolves_the_contact(self) -> None:
        customer = Customer(phone="+358457390101", first_name="Customer")

        events.record_for_customer(happening(), customer=customer, now=NOW)

        assert ShopEvent.objects.get().contact == contacts.find_by_phone(phone="+358457390101")

    @pytest.mark.parametrize(
        ("customer", "words"),
        [(Customer(phone="12"), "no phone number"), (Customer(), "neither an account nor")],
    )
    def test_f12_shows_a_person_without_address(self, customer: Customer, words: str) -> None:
        events.record_for_customer(happening(), customer=customer, now=NOW)

        row = ShopEvent.objects.get()
        assert row.state == State.FAILED
        assert not row.is_pending
        assert words in row.note


@pytest.mark.django_db
class TestProcess:
    def test_turns_an_event_into_a_message(self) -> None:
        shop.automation()
        order = shop.order(first_name="Aino")
        event = recorded(order)

        assert events.process(now=NOW) == 1

        event.refresh_from_db()
        message = Message.objects.get()
        assert event.state == State.PROCESSED
        assert not event.is_pending
        assert event.contact == message.contact
        assert event.order_ref == message.order_ref == order.number
        assert message.event == event
        assert message.preview["body"] == "Hello Aino, your order is on its way."

    def test_reads_a_long_backlog_in_one_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(events, "_LISTED", 3)
        events.record(*(happening(f"k{number}") for number in range(10)), now=NOW)

        assert events.process(now=NOW) == 10
        assert not ShopEvent.objects.filter(is_pending=True).exists()

    @pytest.mark.django_db(transaction=True)
    def test_ends_after_its_turn_and_rings_for_what_is_left(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(events, "_CHUNK_SIZE", 2)
        monkeypatch.setattr(events, "_TURN_SECONDS", -1.0)
        events.record(*(happening(f"k{number}") for number in range(3)), now=NOW)
        turns: list[int] = []
        heard: list[int] = []
        signals.events_recorded.connect(
            lambda **kwargs: heard.append(len(turns)), weak=False, dispatch_uid="t"
        )
        try:
            turns += [events.process(now=NOW)]
            turns += [events.process(now=NOW)]
        finally:
            signals.events_recorded.disconnect(dispatch_uid="t")

        assert (turns, heard) == ([2, 1], [0])

    def test_a_long_backlog_keeps_no_second_try_waiting(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(events, "_CHUNK_SIZE", 1)
        events.record(*(happening(f"k{number}") for number in range(3)), now=NOW)
        again = ShopEvent.objects.get(key="k2")
        ShopEvent.objects.filter(pk=again.pk).update(
            attempts=1, processed_at=NOW - timedelta(hours=1)
        )
        seen: list[int] = []
        monkeypatch.setattr(
            events, "_process_chunk", lambda chunk, **_options: seen.extend(chunk) or 0
        )

        events.process(now=NOW)

        assert seen.index(again.pk) == 1

    def test_ends_soon_where_the_worker_stops(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(events, "_CHUNK_SIZE", 1)
        events.record(*(happening(f"k{number}") for number in range(3)), now=NOW)

        assert events.process(now=NOW, is_stopping=lambda: True) == 1

    def test_takes_up_each_part_at_its_own_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Else its lease would be over before it has begun, in a run that takes its time."""
        monkeypatch.setattr(events, "_CHUNK_SIZE", 1)
        events.record(happening("k1"), happening("k2"), now=NOW)
        times = itertools.count()

        events.process(now=NOW, clock=lambda: NOW + timedelta(minutes=next(times)))

        first, second = ShopEvent.objects.order_by("id").values_list("processed_at", flat=True)
        assert second - first == timedelta(minutes=1)

    def test_writes_no_second_message_for_a_repeated_event(self) -> None:
        shop.automation()
        event = recorded(shop.order())
        events.process(now=NOW)
        ShopEvent.objects.update(is_pending=True, attempts=0)

        events.process(now=NOW + timedelta(hours=1))

        assert Message.objects.filter(event=event).count() == 1

    def test_ignores_what_no_automation_waits_for(self) -> None:
        shop.automation(is_active=False)
        event = recorded(shop.order())

        events.process(now=NOW)

        event.refresh_from_db()
        assert event.state == State.IGNORED
        assert Contact.objects.count() == 0

    def test_f12_says_that_the_phone_is_none(self) -> None:
        shop.automation()
        event = recorded(shop.order(phone="12"))

        events.process(now=NOW)

        event.refresh_from_db()
        assert event.state == State.FAILED
        assert event.note == "The customer's phone is no phone number (too_short)."

    def test_f09_says_that_the_order_is_gone(self) -> None:
        shop.automation()
        order = shop.order()
        event = recorded(order)
        order.delete()

        events.process(now=NOW)

        event.refresh_from_db()
        assert event.state == State.FAILED
        assert "does not exist any more" in event.note

    def test_f09_drops_shipping_news_of_an_order_that_was_cancelled_meanwhile(self) -> None:
        shop.automation()
        order = shop.order()
        event = recorded(order)
        recorded(order, Event.ORDER_CANCELLED)

        events.process(now=NOW)

        event.refresh_from_db()
        assert event.state == State.IGNORED
        assert "cancelled" in event.note
        assert not Message.objects.exists()

    def test_f09_takes_back_what_waits_when_the_order_is_cancelled(self) -> None:
        shop.automation(delay_minutes=60)
        person = factories.contact()
        phone = person.identities.get(kind=Identity.Kind.PHONE).value
        order = shop.order(phone=phone)
        recorded(order)
        events.process(now=NOW)
        assert Message.objects.get().state == "queued"

        recorded(order, Event.ORDER_CANCELLED)
        events.process(now=NOW + timedelta(minutes=5))

        assert Message.objects.get().state == "cancelled"

    def test_f09_keeps_news_that_came_after_the_cancellation(self) -> None:
        shop.automation()
        order = shop.order()
        recorded(order, Event.ORDER_CANCELLED)
        event = recorded(order)

        events.process(now=NOW)

        event.refresh_from_db()
        assert event.state == State.PROCESSED

    def test_f10_goes_on_when_the_user_is_deleted(self) -> None:
        shop.automation("points.earned")
        user = shop.user()
        events.record(happening(name="points.earned", user_id=user.pk), now=NOW)
        user.delete()

        events.process(now=NOW)

        event = ShopEvent.objects.get()
        assert event.state == State.FAILED
        assert "does not exist any more" in event.note

    def test_says_which_automation_has_which_problem_and_sends_the_others(self) -> None:
        shop.automation(name="Good")
        shop.automation(name="Bad", parameters={"body.1": "{nickname}"})
        event = recorded(shop.order())

        events.process(now=NOW)

        event.refresh_from_db()
        assert event.state == State.FAILED
        assert event.note == "Bad: Not known here: nickname."
        assert Message.objects.get().automation.name == "Good"

    def test_only_refreshes_the_contact_when_the_customer_changed(self) -> None:
        user = shop.user(first_name="Aino")
        profile = user.customer_profile if hasattr(user, "customer_profile") else None
        profile = profile or shop.CustomerProfile.objects.create(user=user, phone="+358457390102")
        event = recorded(profile, "customer.changed")

        events.process(now=NOW)

        event.refresh_from_db()
        assert event.state == State.PROCESSED
        assert event.contact.first_name == "Aino"
        assert not Message.objects.exists()

    def test_leaves_erased_contacts_alone(self) -> None:
        shop.automation(Event.CUSTOMER_BIRTHDAY)
        person = factories.contact(erased_at=NOW)
        events.record(happening(name=Event.CUSTOMER_BIRTHDAY, contact_id=person.pk), now=NOW)

        events.process(now=NOW)

        assert ShopEvent.objects.get().state == State.IGNORED
        assert not Message.objects.exists()


class Broken(RuntimeError):
    pass


@pytest.mark.django_db
class TestProcessFaults:
    @pytest.fixture
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """The adapter fails for orders that are named here."""
        numbers: list[int] = []
        real = shop.OrderAdapter.get_order

        def get_order(self: Any, subject: Any) -> Any:
            if subject.pk in numbers:
                raise Broken(subject.phone)
            return real(self, subject)

        monkeypatch.setattr(shop.OrderAdapter, "get_order", get_order)
        return numbers

    def test_lets_other_events_pass(self, broken: list[int]) -> None:
        shop.automation()
        bad, good = shop.order(), shop.order()
        broken.append(bad.pk)
        bad_event, good_event = recorded(bad), recorded(good)

        events.process(now=NOW)

        bad_event.refresh_from_db()
        good_event.refresh_from_db()
        assert bad_event.state == State.PENDING
        assert bad_event.attempts == 1
        assert good_event.state == State.PROCESSED

    def test_f33_gives_up_after_three_tries_with_growing_pauses(self, broken: list[int]) -> None:
        shop.automation()
        order = shop.order()
        broken.append(order.pk)
        event = recorded(order)

        counts = [
            events.process(now=NOW + timedelta(minutes=minutes))
            for minutes in (0, 0.5, 1, 10, 11, 100)
        ]

        event.refresh_from_db()
        assert counts == [1, 0, 1, 0, 1, 0]
        assert event.state == State.FAILED
        assert event.note == "Broken while the event was read; see the worker's log."

    def test_logs_no_personal_data(
        self, broken: list[int], caplog: pytest.LogCaptureFixture
    ) -> None:
        shop.automation()
        order = shop.order()
        broken.append(order.pk)
        recorded(order)

        events.process(now=NOW)

        assert "Broken" in caplog.text
        assert order.phone not in caplog.text

    def test_f33_gives_up_an_event_that_kills_its_workers(self) -> None:
        shop.automation()
        event, other = recorded(shop.order()), recorded(shop.order())
        # A killed worker leaves what its claim has written.
        ShopEvent.objects.filter(pk=event.pk).update(attempts=3, processed_at=NOW)

        events.process(now=NOW + timedelta(minutes=10))

        event.refresh_from_db()
        other.refresh_from_db()
        assert event.state == State.FAILED
        assert event.note == "The worker died over this event 3 times."
        assert other.state == State.PROCESSED

    def test_takes_up_a_killed_workers_events_again(self) -> None:
        shop.automation()
        event = recorded(shop.order())
        ShopEvent.objects.update(attempts=1, processed_at=NOW)

        assert events.process(now=NOW + timedelta(seconds=59)) == 0
        assert events.process(now=NOW + timedelta(seconds=60)) == 1

        event.refresh_from_db()
        assert event.state == State.PROCESSED

    def test_retries_by_hand_after_the_repair(self) -> None:
        automation = shop.automation(parameters={"body.1": "{nickname}"})
        event = recorded(shop.order())
        events.process(now=NOW)
        automation.parameters = {"body.1": "{first_name}"}
        automation.save()

        assert events.retry(event_ids=[event.pk]) == {event.pk}
        events.process(now=NOW)

        event.refresh_from_db()
        assert event.state == State.PROCESSED
        assert Message.objects.count() == 1

    def test_names_a_missing_adapter(self, settings: Any) -> None:
        shop.automation()
        event = recorded(shop.order())
        settings.WHATSAPP_NOTIFY = shop.configured(ADAPTER="shop.nowhere.Adapter")

        events.process(now=NOW)

        event.refresh_from_db()
        assert event.note.startswith("ConfigurationError")


@pytest.mark.django_db(transaction=True)
def test_f25_processes_each_event_once_in_many_threads() -> None:
    shop.automation()
    for _ in range(8):
        recorded(shop.order())
    barrier, counts = threading.Barrier(4), []

    def work(number: int) -> None:
        barrier.wait()
        # Each worker has its own clock, as in life.
        counts.append(events.process(now=NOW + timedelta(microseconds=number)))
        connections.close_all()

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(counts) == 8
    assert Message.objects.count() == 8
    assert set(ShopEvent.objects.values_list("attempts", "state")) == {(1, State.PROCESSED)}
