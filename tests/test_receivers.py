"""Signals of the shop become events, and never disturb the shop."""

import atexit
import copy
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from types import FrameType
from typing import Any

import pytest
from celery import Celery
from django.core import serializers
from django.db import DatabaseError, connection, connections, transaction
from django.db.models.signals import post_init
from django.dispatch import Signal

from demo_shop.models import CustomerProfile, Order
from tests import factories, shop
from tests.concurrency import by_hand
from whatsapp_notify import receivers, signals, tasks
from whatsapp_notify.models import Message, ShopEvent
from whatsapp_notify.receivers import queue
from whatsapp_notify.receivers import ringer as ringers
from whatsapp_notify.receivers.ringer import Moments, Ringer
from whatsapp_notify.services import events, sweep

order_shipped = Signal()
order_moved = Signal()

CREATED = {"event": "order.confirmed", "model": "demo_shop.Order", "created": True}
SHIPPED = {
    "event": "order.shipped",
    "model": "demo_shop.Order",
    "field": "status",
    "value": "shipped",
}
ARRIVAL = {
    "event": "order.delivery_date_changed",
    "model": "demo_shop.Order",
    "field": "estimated_arrival",
    "changes": True,
}
PROFILE = {
    "event": "customer.changed",
    "model": "demo_shop.CustomerProfile",
    "field": ["phone", "birth_date"],
    "changes": True,
}
DAY = date(2026, 12, 5)


@pytest.fixture
def watch(settings: Any) -> Callable[..., None]:
    """Watches these entries; only they are watched."""

    def start(*entries: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(WATCH=list(entries))

    start()
    return start


def _nothing(**kwargs: Any) -> None:
    """The body of a task."""


@contextmanager
def undone() -> Iterator[None]:
    """A transaction, or a savepoint, that the shop rolls back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def names() -> list[str]:
    return list(ShopEvent.objects.order_by("id").values_list("name", flat=True))


@pytest.mark.django_db
class TestCreated:
    def test_tells_of_a_new_row(self, watch: Any) -> None:
        watch(CREATED)

        order = shop.order()

        event = ShopEvent.objects.get()
        assert event.key == f"order.confirmed:demo_shop.order:{order.pk}"
        assert (event.subject_label, event.subject_pk) == ("demo_shop.order", str(order.pk))

    def test_does_not_tell_of_an_old_one(self, watch: Any) -> None:
        order = shop.order()
        watch(CREATED)

        order.save()

        assert names() == []

    def test_does_not_tell_of_fixtures(self, watch: Any) -> None:
        order = shop.order()
        text = serializers.serialize("json", [order])
        order.delete()
        watch(CREATED, SHIPPED)

        for row in serializers.deserialize("json", text):
            row.save()

        assert names() == []

    def test_tells_of_a_copy(self, watch: Any) -> None:
        order = shop.order()
        watch(CREATED)
        twin = copy.copy(order)
        twin.pk, twin.number = None, ""
        twin._state.adding = True

        twin.save()

        assert ShopEvent.objects.get().subject_pk == str(twin.pk)


@pytest.mark.django_db(transaction=True)
class TestCost:
    def test_is_one_query(self, watch: Any, django_assert_num_queries: Any) -> None:
        watch(SHIPPED, ARRIVAL)
        order = Order.objects.get(pk=shop.order(estimated_arrival=DAY).pk)
        order.status, order.estimated_arrival = "shipped", DAY + timedelta(days=1)

        # The UPDATE of the order, and one INSERT of two events.
        with django_assert_num_queries(2):
            order.save()

    def test_is_one_query_and_a_savepoint_within_a_transaction(
        self, watch: Any, django_assert_num_queries: Any
    ) -> None:
        watch(SHIPPED)
        order = Order.objects.get(pk=shop.order().pk)
        order.status = "shipped"

        with transaction.atomic(), django_assert_num_queries(4):
            order.save()

    def test_is_one_doorbell_for_many_orders_of_one_transaction(self, watch: Any) -> None:
        watch(CREATED)
        rings: list[int] = []
        signals.events_recorded.connect(
            lambda **kwargs: rings.append(1), weak=False, dispatch_uid="test"
        )

        with transaction.atomic():
            for _ in range(20):
                shop.order()

        signals.events_recorded.disconnect(dispatch_uid="test")
        assert rings == [1]
        assert ShopEvent.objects.count() == 20


@pytest.mark.django_db
class TestReachedValue:
    def test_tells_when_the_field_reaches_the_value(self, watch: Any) -> None:
        watch(SHIPPED)
        order = shop.order()
        assert names() == []

        order.status = "shipped"
        order.save()

        assert names() == ["order.shipped"]

    def test_tells_of_a_row_that_is_created_with_the_value(self, watch: Any) -> None:
        watch(SHIPPED)

        shop.order(status="shipped")

        assert names() == ["order.shipped"]

    def test_does_not_tell_of_a_row_that_had_it_before(self, watch: Any) -> None:
        pk = shop.order(status="shipped").pk
        watch(SHIPPED)

        Order.objects.get(pk=pk).save()

        assert names() == []

    def test_accepts_one_of_several_values(self, watch: Any) -> None:
        watch({**SHIPPED, "value": ["shipped", "out_for_delivery"]})

        shop.order(status="out_for_delivery")

        assert names() == ["order.shipped"]

    def test_f03_tells_once_however_often_it_is_saved(self, watch: Any) -> None:
        watch(SHIPPED)
        order = shop.order(status="shipped")

        for status in ("shipped", "placed", "shipped"):
            order.status = status
            order.save()
        Order.objects.get(pk=order.pk).save()

        assert names() == ["order.shipped"]

    def test_waits_for_the_save_that_writes_the_field(self, watch: Any) -> None:
        watch(SHIPPED)
        order = shop.order()
        order.status = "shipped"

        order.save(update_fields=["carrier"])
        assert names() == []
        order.save(update_fields=["status"])

        assert names() == ["order.shipped"]

    def test_reads_no_deferred_field(self, watch: Any, django_assert_num_queries: Any) -> None:
        watch(SHIPPED)
        pk = shop.order().pk
        order = Order.objects.defer("status").get(pk=pk)
        order.carrier = "Posti"

        with django_assert_num_queries(1):
            order.save(update_fields=["carrier"])

        assert names() == []

    def test_tells_of_a_deferred_field_that_was_set(self, watch: Any) -> None:
        watch(SHIPPED)
        pk = shop.order().pk
        order = Order.objects.only("pk").get(pk=pk)
        order.status = "shipped"

        order.save()

        assert names() == ["order.shipped"]

    def test_costs_no_query_for_other_changes(
        self, watch: Any, django_assert_num_queries: Any
    ) -> None:
        watch(SHIPPED, ARRIVAL)
        order = Order.objects.get(pk=shop.order().pk)
        order.carrier = "Posti"

        with django_assert_num_queries(1):
            order.save()


@pytest.mark.django_db
class TestChanges:
    def test_tells_of_each_new_value(self, watch: Any) -> None:
        watch(ARRIVAL)
        order = Order.objects.get(pk=shop.order(estimated_arrival=DAY).pk)

        for days in (1, 1, 2):
            order.estimated_arrival = DAY + timedelta(days=days)
            order.save()

        assert names() == ["order.delivery_date_changed"] * 2

    def test_does_not_tell_of_the_first_value(self, watch: Any) -> None:
        watch(ARRIVAL)
        order = shop.order()

        order.estimated_arrival = DAY
        order.save()

        assert names() == []

    def test_sees_that_a_text_is_the_same_date(self, watch: Any) -> None:
        watch(ARRIVAL)
        order = Order.objects.get(pk=shop.order(estimated_arrival=DAY).pk)

        order.estimated_arrival = DAY.isoformat()
        order.save()

        assert names() == []

    def test_keeps_values_out_of_keys(self, watch: Any) -> None:
        watch(PROFILE)
        profile = CustomerProfile.objects.create(user=shop.user(), phone="+358457390111")

        profile.birth_date = date(1990, 1, 2)
        profile.save()

        subject = f"customer.changed:demo_shop.customerprofile:{profile.pk}"
        for key in ShopEvent.objects.values_list("key", flat=True):
            # The time is all that follows: a value, or a digest of one, would not fit.
            assert re.fullmatch(rf"{subject}:\d{{10}}\.\d{{6}}", key)

    def test_tells_of_the_customer_also_from_nothing_and_back(self, watch: Any) -> None:
        watch(PROFILE)
        profile = CustomerProfile.objects.create(user=shop.user())
        profile = CustomerProfile.objects.get(pk=profile.pk)
        ShopEvent.objects.all().delete()

        for phone in ("+358457390112", ""):
            profile.phone = phone
            profile.save()
            profile = CustomerProfile.objects.get(pk=profile.pk)

        assert names() == ["customer.changed"] * 2


@pytest.mark.django_db(transaction=True)
class TestTransactions:
    def test_f01_leaves_nothing_after_a_rollback(self, watch: Any) -> None:
        watch(CREATED, SHIPPED)
        rings: list[int] = []
        signals.events_recorded.connect(
            lambda **kwargs: rings.append(1), weak=False, dispatch_uid="test"
        )

        with undone():
            shop.order(status="shipped")

        signals.events_recorded.disconnect(dispatch_uid="test")
        assert names() == []
        assert rings == []

    def test_f01_leaves_nothing_after_a_rollback_to_a_savepoint(self, watch: Any) -> None:
        watch(CREATED)

        with transaction.atomic():
            kept = shop.order()
            with undone():
                shop.order()

        assert ShopEvent.objects.get().subject_pk == str(kept.pk)

    @pytest.mark.parametrize("entry", [SHIPPED, ARRIVAL], ids=["value", "changes"])
    def test_f01_tells_again_when_the_same_instance_is_saved_again(
        self, watch: Any, entry: Any
    ) -> None:
        watch(entry)
        order = Order.objects.get(pk=shop.order(estimated_arrival=DAY).pk)
        order.status, order.estimated_arrival = "shipped", DAY + timedelta(days=1)
        with undone():
            order.save()

        order.save()

        assert names() == [entry["event"]]

    def test_f02_has_the_event_in_the_shops_own_transaction(self, watch: Any) -> None:
        watch(CREATED)
        seen: list[int] = []

        with transaction.atomic():
            shop.order()
            # A process that dies in this hook has committed the event all the same.
            transaction.on_commit(lambda: seen.append(ShopEvent.objects.count()))

        assert seen == [1]

    def test_f02_sweep_finds_what_a_lost_doorbell_forgot(self, watch: Any) -> None:
        watch(CREATED)
        signals.events_recorded.disconnect(dispatch_uid="whatsapp_notify.queue")
        shop.order()
        rings: list[int] = []
        signals.events_recorded.connect(
            lambda **kwargs: rings.append(1), weak=False, dispatch_uid="test"
        )

        sweep.sweep(now=factories.NOW + timedelta(days=3650))

        signals.events_recorded.disconnect(dispatch_uid="test")
        assert rings == [1]

    def test_f03_keeps_one_row_when_fifty_threads_save(self, watch: Any) -> None:
        watch(SHIPPED)
        pk = shop.order().pk
        instances = [Order.objects.get(pk=pk) for _ in range(50)]

        def save(order: Order) -> None:
            order.status = "shipped"
            order.save()
            connections.close_all()

        threads = [threading.Thread(target=save, args=[each]) for each in instances]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert names() == ["order.shipped"]

    def test_f05_lets_the_transaction_go_on_after_a_clash(self, watch: Any) -> None:
        watch(SHIPPED)
        order = shop.order(status="shipped")

        with transaction.atomic():
            order.save()
            other = shop.order()

        assert Order.objects.filter(pk=other.pk).exists()


def _explode(*args: Any, **kwargs: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column FROM whatsapp_notify_shopevent")


@pytest.mark.django_db(transaction=True)
class TestNeverInTheWay:
    def test_f06_disturbs_no_shop_that_commits_by_itself(
        self, watch: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        watch(SHIPPED)
        pk = shop.order().pk

        with by_hand():
            order = Order.objects.get(pk=pk)
            order.status = "shipped"
            order.save()
            order.save()
            transaction.commit()

        assert names() == ["order.shipped"]
        assert caplog.text == ""

    def test_f06_order_is_kept_when_recording_fails_and_the_shop_commits_by_itself(
        self, watch: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        watch(CREATED)
        monkeypatch.setattr(events, "record", _explode)

        with by_hand():
            order = shop.order()
            # PostgreSQL would refuse this, were the failed statement not in a savepoint.
            shop.order()
            transaction.commit()

        assert Order.objects.filter(pk=order.pk).exists()

    def test_f06_order_is_kept_when_recording_fails(
        self, watch: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        watch(CREATED)
        monkeypatch.setattr(events, "record", _explode)

        with transaction.atomic():
            order = shop.order()
            # PostgreSQL would refuse this, were the failed statement not in a savepoint.
            shop.order()

        assert Order.objects.filter(pk=order.pk).exists()
        assert "was not recorded" in caplog.text
        # The words of the database, which might quote a row, stay out.
        assert "no such column:" not in caplog.text
        assert "does not exist" not in caplog.text

    def test_f06_order_is_kept_whichever_line_fails(self, watch: Any) -> None:
        watch(CREATED, SHIPPED, ARRIVAL)
        order = shop.order(estimated_arrival=DAY)
        Order.objects.get(pk=order.pk).save()
        lines = _lines_run(lambda: _ship(order.pk))
        assert len(lines) > 40

        for number, line in enumerate(lines):
            Order.objects.filter(pk=order.pk).update(status="placed")
            _failing_at(line, lambda day=number: _ship(order.pk, days=day))

            assert Order.objects.get(pk=order.pk).status == "shipped", line

    def test_f06_other_receivers_are_called(self, watch: Any) -> None:
        watch({"event": "order.shipped", "signal": f"{__name__}.order_shipped", "subject": "order"})
        heard: list[Any] = []
        order_shipped.connect(lambda **kwargs: heard.append(kwargs["order"]), weak=False)
        order = shop.order()
        with connection.schema_editor() as editor:
            editor.alter_db_table(ShopEvent, "whatsapp_notify_shopevent", "elsewhere")
        try:
            order_shipped.send(sender=self, order=order)
        finally:
            with connection.schema_editor() as editor:
                editor.alter_db_table(ShopEvent, "elsewhere", "whatsapp_notify_shopevent")

        assert heard == [order]

    def test_does_not_catch_what_the_shop_raises(self, watch: Any) -> None:
        watch(CREATED)

        with pytest.raises(DatabaseError):
            shop.order(number="A1"), shop.order(number="A1")


def _ship(pk: int, *, days: int = 1) -> None:
    with transaction.atomic():
        order = Order.objects.get(pk=pk)
        order.status, order.estimated_arrival = "shipped", DAY + timedelta(days=days + 1)
        order.save()


_OURS = (
    "/whatsapp_notify/receivers/",
    "/whatsapp_notify/services/",
    "/whatsapp_notify/models/set_based",
)
# What guards the others, and what has no statement that could fail.
_GUARDS = {"compare", "stash", "_log", "trace"}


def _is_ours(frame: FrameType) -> bool:
    callers = {each.f_code.co_name for each in (frame, frame.f_back) if each}
    # A comprehension is a frame of its own, called by its function.
    return any(part in frame.f_code.co_filename for part in _OURS) and not (
        frame.f_code.co_name in _GUARDS
        or (frame.f_code.co_name.startswith("<") and callers & _GUARDS)
    )


def _lines_run(action: Callable[[], None]) -> list[tuple[str, int]]:
    lines: dict[tuple[str, int], None] = {}

    def tracer(frame: FrameType, event: str, arg: Any) -> Any:
        if not _is_ours(frame):
            return None
        if event == "line":
            lines[(frame.f_code.co_filename, frame.f_lineno)] = None
        return tracer

    sys.settrace(tracer)
    try:
        action()
    finally:
        sys.settrace(None)
    return list(lines)


def _failing_at(line: tuple[str, int], action: Callable[[], None]) -> None:
    def tracer(frame: FrameType, event: str, arg: Any) -> Any:
        if not _is_ours(frame):
            return None
        if event == "line" and (frame.f_code.co_filename, frame.f_lineno) == line:
            raise RuntimeError("injected")
        return tracer

    sys.settrace(tracer)
    try:
        action()
    finally:
        sys.settrace(None)


@pytest.mark.django_db
class TestSignals:
    def entry(self, **more: Any) -> dict[str, Any]:
        return {
            "event": "order.shipped",
            "signal": f"{__name__}.order_moved",
            "subject": "order",
            **more,
        }

    def test_tells_whatever_the_sender(self, watch: Any) -> None:
        watch(self.entry())
        order = shop.order()

        order_moved.send(sender=object(), order=order)

        assert ShopEvent.objects.get().key == f"order.shipped:demo_shop.order:{order.pk}"

    def test_takes_the_sender_as_the_subject(self, watch: Any) -> None:
        entry = self.entry()
        del entry["subject"]
        watch(entry)
        order = shop.order()

        order_moved.send(sender=order)

        assert ShopEvent.objects.get().subject_pk == str(order.pk)

    def test_filters_by_arguments(self, watch: Any) -> None:
        watch(self.entry(when={"new_status": ["shipped"]}))

        order_moved.send(sender=None, order=shop.order(), new_status="paid")
        assert names() == []
        order_moved.send(sender=None, order=shop.order(), new_status="shipped")

        assert names() == ["order.shipped"]

    def test_filters_by_sender_only_if_asked_to(self, watch: Any) -> None:
        watch(self.entry(sender="demo_shop.models.Order"))

        order_moved.send(sender=CustomerProfile, order=shop.order())
        assert names() == []
        order_moved.send(sender=Order, order=shop.order())

        assert names() == ["order.shipped"]

    def test_tells_each_parcel_of_an_order(self, watch: Any) -> None:
        watch(self.entry(key="parcel"))
        order = shop.order()

        for parcel in (1, 1, 2):
            order_moved.send(sender=None, order=order, parcel=parcel)

        assert len(names()) == 2

    def test_takes_the_key_from_the_subject(self, watch: Any) -> None:
        watch(self.entry(key="tracking_code"))
        order = shop.order()

        for code in ("T1", "T1", "T2"):
            order.tracking_code = code
            order_moved.send(sender=None, order=order)

        assert len(names()) == 2

    @pytest.mark.parametrize("subject", [None, "A1001", Order()], ids=["none", "text", "unsaved"])
    def test_passes_over_a_missing_subject(self, watch: Any, subject: Any) -> None:
        watch(self.entry())

        order_moved.send(sender=None, order=subject)

        assert names() == []


class TestConnect:
    def test_makes_no_query(self) -> None:
        # Without the mark pytest-django refuses each query.
        receivers.connect()

    @pytest.mark.django_db
    def test_twice_tells_once(self, watch: Any) -> None:
        watch(CREATED)
        receivers.connect()
        receivers.connect()

        shop.order()

        assert names() == ["order.confirmed"]

    def test_leaves_nothing_of_what_is_not_watched_any_more(self, watch: Any) -> None:
        watch(CREATED)
        assert post_init.has_listeners(Order)

        watch()

        assert not post_init.has_listeners(Order)

    def test_passes_over_wrong_entries(self, watch: Any) -> None:
        watch({"event": "x", "model": "no.Model", "created": True}, "nonsense", CREATED)

        assert post_init.has_listeners(Order)


@pytest.fixture
def broken_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A task whose broker has no open port."""
    app = Celery("broken", broker="redis://127.0.0.1:1/0", set_as_current=False)
    monkeypatch.setattr(queue, "_silent_until", 0.0)
    yield app.task(_nothing, name="broken")
    app.close()


class TestQueue:
    @pytest.fixture(autouse=True)
    def silence(self) -> None:
        """The ringer is the process's own: what others have rung is told before we listen."""
        assert queue.ringer.wait(timeout_seconds=5)

    def test_f23_costs_little_when_the_broker_is_down(self, broken_broker: Any) -> None:
        # The first call pays for imports, in any process.
        queue.ring(broken_broker)
        queue._silent_until = 0.0

        started = time.perf_counter()
        rang = queue.ring(broken_broker)

        assert not rang
        # Kombu's own patience would be six seconds.
        assert time.perf_counter() - started < 4

    def test_f23_is_silent_for_a_while_after_a_failure(
        self, broken_broker: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue.ring(broken_broker)
        tried: list[Any] = []
        monkeypatch.setattr(queue, "_connection", tried.append)

        rang = queue.ring(broken_broker)

        assert not rang
        assert tried == []

    def test_rings_where_there_is_a_broker(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queue, "_silent_until", 0.0)
        app = Celery("whole", broker="memory://", set_as_current=False)
        app.conf.task_default_queue = "whole"
        task = app.task(_nothing, name="whole", ignore_result=True)

        assert queue.ring(task)

        with app.connection_for_read() as broker:
            message = broker.SimpleQueue("whole").get(block=False)
        assert message.headers["task"] == "whole"
        assert message.headers["ignore_result"] is True
        app.close()

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(
        ("signal", "name"),
        [
            (signals.events_recorded, "whatsapp_notify.process_events"),
            (signals.messages_due, "whatsapp_notify.deliver"),
            (signals.webhooks_recorded, "whatsapp_notify.process_webhooks"),
            (signals.errands_due, "whatsapp_notify.run_errands"),
            (signals.media_due, "whatsapp_notify.fetch_media"),
        ],
    )
    def test_wakes_the_right_task(
        self, signal: Signal, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rung: list[str] = []
        monkeypatch.setattr(queue, "ring", lambda task: rung.append(task.name))
        queue.connect()

        signal.send(sender=None)

        assert queue.ringer.wait(timeout_seconds=5)
        assert rung == [name]

    def test_f23_nobody_waits_for_a_broker_that_hangs(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hanging = threading.Event()
        monkeypatch.setattr(queue, "ring", lambda task: hanging.wait(10))
        queue.connect()

        signals.messages_due.send(sender=None)
        is_told = queue.ringer.wait(timeout_seconds=0)
        hanging.set()

        # The sender of the signal was let go while the broker was still being told.
        assert not is_told
        assert queue.ringer.wait(timeout_seconds=5)

    def test_f25_rings_that_come_together_are_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        hanging, rung = threading.Event(), []

        def ring(task: Any) -> None:
            rung.append(task.name)
            hanging.wait(10)

        monkeypatch.setattr(queue, "ring", ring)
        queue.connect()
        for _each in range(100):
            signals.messages_due.send(sender=None)
        hanging.set()

        assert queue.ringer.wait(timeout_seconds=5)
        # One that was being told, and one for all that came meanwhile.
        assert 1 <= len(rung) <= 2


class TestMoments:
    """The arithmetic of Note [A ring a moment], with a clock that only the test moves."""

    NAME = tasks.process_webhooks.name

    def told(self, moments: Moments, *, seconds: float, starting_at: float = 0.0) -> list[float]:
        """When a task is told for which rings never cease; milliseconds since the first."""
        now, told = starting_at, []
        while now <= starting_at + seconds:
            moments.note_told(self.NAME, now=now)
            told.append(round(1000 * (now - starting_at)))
            now = moments.due_at(self.NAME)
        return told

    def test_what_was_never_told_is_due(self) -> None:
        assert Moments(longest={}).due_at(self.NAME) == -math.inf

    def test_f25_tells_each_moment_while_rings_keep_coming(self) -> None:
        assert self.told(Moments(longest={}), seconds=0.5) == [0, 100, 200, 300, 400, 500]

    def test_f25_lets_the_moment_grow_where_a_task_allows_it(self) -> None:
        moments = Moments(longest={self.NAME: 0.5})

        assert self.told(moments, seconds=2.2) == [0, 100, 300, 700, 1200, 1700, 2200]

    def test_f25_is_short_again_after_a_silence(self) -> None:
        moments = Moments(longest={self.NAME: 0.5})
        self.told(moments, seconds=1.7)
        later = moments.due_at(self.NAME) + ringers.MOMENT_SECONDS

        assert self.told(moments, seconds=0.29, starting_at=later) == [0, 100]

    def test_each_task_has_moments_of_its_own(self) -> None:
        moments = Moments(longest={})

        moments.note_told(self.NAME, now=7.0)

        assert moments.due_at(tasks.deliver.name) == -math.inf


class TestRinger:
    """With moments of some milliseconds, so that nobody has to wait."""

    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        monkeypatch.setattr(ringers, "MOMENT_SECONDS", 0.01)
        return []

    def ringer(self, told: list[str]) -> Ringer:
        return Ringer(tell=lambda task: told.append(task.name))

    def test_tells_what_rings(self, told: list[str]) -> None:
        ringer = self.ringer(told)

        ringer.ring(tasks.process_webhooks)

        assert ringer.wait(timeout_seconds=5)
        assert told == [tasks.process_webhooks.name]

    def test_f25_a_ring_within_a_moment_waits_and_keeps_no_other_task_waiting(
        self, told: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ringers, "MOMENT_SECONDS", 60.0)
        other_is_told = threading.Event()

        def tell(task: Any) -> None:
            told.append(task.name)
            if task is tasks.process_webhooks:
                other_is_told.set()

        ringer = Ringer(tell=tell)
        ringer.ring(tasks.deliver)
        assert ringer.wait(timeout_seconds=5)

        ringer.ring(tasks.deliver)
        is_told_within_the_moment = ringer.wait(timeout_seconds=0.1)
        ringer.ring(tasks.process_webhooks)

        assert not is_told_within_the_moment
        assert other_is_told.wait(5)
        assert told == [tasks.deliver.name, tasks.process_webhooks.name]
        atexit.unregister(ringer.wait)

    def test_a_ring_that_is_broken_off_does_not_silence_the_next(
        self, told: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ringer = self.ringer(told)
        ringer.ring(tasks.deliver)
        assert ringer.wait(timeout_seconds=5)
        with monkeypatch.context() as patch:
            patch.setattr(ringer._changed, "notify_all", _refuse)
            with pytest.raises(RuntimeError):
                ringer.ring(tasks.process_webhooks)

        ringer.ring(tasks.process_webhooks)

        assert ringer.wait(timeout_seconds=5)
        assert len(told) == 2

    def test_rings_again_where_its_thread_could_not_start(
        self, told: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ringer = self.ringer(told)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", _refuse_to_start)
            with pytest.raises(RuntimeError):
                ringer.ring(tasks.deliver)

        ringer.ring(tasks.deliver)

        assert ringer.wait(timeout_seconds=5)
        assert len(told) == 1


def _refuse_to_start(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def _refuse() -> None:
    raise RuntimeError("broken off")


@pytest.mark.django_db(transaction=True)
def test_an_order_becomes_a_message(watch: Any) -> None:
    watch(CREATED)
    shop.automation("order.confirmed")

    shop.order(first_name="Aino")
    events.process(now=factories.NOW)

    assert "Aino" in Message.objects.get().preview["body"]
