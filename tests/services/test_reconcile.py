"""What signals did not tell."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import ProgrammingError
from django.db.models.signals import post_save
from django.utils import timezone

from demo_shop.models import CustomerProfile, Order
from tests import shop
from tests.factories import NOW
from whatsapp_notify.models import Message, ShopEvent, Watermark
from whatsapp_notify.services import events, reconcile

CREATED = {"event": "order.confirmed", "model": "demo_shop.Order", "created": True}
SHIPPED = {
    "event": "order.shipped",
    "model": "demo_shop.Order",
    "field": "status",
    "value": "shipped",
}


@pytest.fixture
def watch(settings: Any) -> Any:
    def start(*entries: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(WATCH=list(entries))

    start()
    return start


@pytest.mark.django_db
class TestScan:
    def test_f07_finds_each_of_a_thousand_orders_once(self, watch: Any) -> None:
        watch(SHIPPED)
        reconcile.start(now=NOW)
        shop.bulk_orders(1000)
        Order.objects.update(status="shipped")

        counts = [reconcile.scan(now=NOW), reconcile.scan(now=NOW)]

        assert counts == [1000, 0]
        assert ShopEvent.objects.filter(name="order.shipped").count() == 1000

    def test_f07_leaves_alone_what_signals_have_told(self, watch: Any) -> None:
        watch(SHIPPED, CREATED)
        reconcile.start(now=NOW)
        shop.order(status="shipped")

        assert reconcile.scan(now=NOW) == 0
        assert ShopEvent.objects.count() == 2

    def test_f07_signal_after_the_scan_tells_nothing_new(self, watch: Any) -> None:
        watch(SHIPPED)
        reconcile.start(now=NOW)
        order = shop.order()
        Order.objects.update(status="shipped")
        reconcile.scan(now=NOW)

        order.status = "shipped"
        order.save()

        assert ShopEvent.objects.count() == 1

    def test_f07_events_found_become_messages(self, watch: Any) -> None:
        watch(SHIPPED)
        shop.automation()
        reconcile.start(now=NOW)
        order = shop.order()
        Order.objects.filter(pk=order.pk).update(status="shipped")
        reconcile.scan(now=NOW)

        events.process(now=NOW)

        assert Message.objects.get().order_ref == order.number

    def test_f08_tells_nothing_of_ten_thousand_old_orders(self, watch: Any) -> None:
        shop.bulk_orders(10_000, status="shipped")
        watch(CREATED, SHIPPED)

        counts = [reconcile.scan(now=NOW + timedelta(hours=hours)) for hours in (0, 1, 100)]

        assert counts == [0, 0, 0]

    def test_f08_first_scan_sets_the_watermark(self, watch: Any) -> None:
        old = shop.order()
        watch(CREATED)

        reconcile.scan(now=NOW)

        mark = Watermark.objects.get()
        assert mark.name == "order.confirmed:demo_shop.order"
        assert mark.start_pk == str(old.pk)
        assert mark.started_at == mark.scanned_at == NOW

    def test_f08_start_keeps_the_first_watermark(self, watch: Any) -> None:
        watch(CREATED)

        counts = [reconcile.start(now=NOW), reconcile.start(now=NOW + timedelta(days=1))]

        assert counts == [1, 0]
        assert Watermark.objects.get().started_at == NOW

    @pytest.mark.parametrize(
        "before", [{**SHIPPED, "value": "Shipped"}, {**SHIPPED, "field": "carrier"}], ids=str
    )
    def test_f08_a_watch_that_was_mended_begins_anew(
        self, watch: Any, before: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It never matched; what has happened since is the past, and customers know it."""
        watch(before)
        reconcile.scan(now=NOW)
        shop.bulk_orders(3, status="shipped")
        watch(SHIPPED)

        later = NOW + timedelta(days=20)
        assert [reconcile.scan(now=later), reconcile.scan(now=later)] == [0, 0]
        # Once; two workers whose settings differ would go on for ever.
        assert caplog.messages.count("A watch has changed and begins anew") == 1
        shop.bulk_orders(1, status="shipped")
        assert reconcile.scan(now=later) == 1

    @pytest.mark.parametrize(("hours", "count"), [(23, 3), (25, 0)])
    def test_f08_a_watch_that_is_put_back_after_a_day_begins_anew(
        self, watch: Any, hours: int, count: int
    ) -> None:
        """Sooner, it may have been a process with other settings."""
        watch(SHIPPED)
        reconcile.scan(now=NOW)
        watch(CREATED)
        later = NOW + timedelta(hours=hours)
        reconcile.scan(now=later)
        shop.bulk_orders(3, status="shipped")
        watch(CREATED, SHIPPED)

        reconcile.scan(now=later)

        assert ShopEvent.objects.filter(name="order.shipped").count() == count

    def test_f07_values_in_another_order_are_the_same_watch(self, watch: Any) -> None:
        """A set has another order in each process."""
        watch({**SHIPPED, "value": ["shipped", "delivered"]})
        reconcile.start(now=NOW)
        shop.bulk_orders(1, status="shipped")
        watch({**SHIPPED, "value": ["delivered", "shipped"]})

        assert reconcile.scan(now=NOW) == 1

    def test_f08_a_mark_of_an_earlier_version_is_kept(self, watch: Any) -> None:
        watch(SHIPPED)
        reconcile.start(now=NOW)
        Watermark.objects.update(watched="")
        shop.bulk_orders(2, status="shipped")

        assert reconcile.scan(now=NOW) == 2

    def test_two_watches_under_one_name_are_both_scanned(self, watch: Any) -> None:
        watch(SHIPPED, {**SHIPPED, "value": "delivered"})
        reconcile.start(now=NOW)
        shop.bulk_orders(1, status="shipped")
        shop.bulk_orders(1, status="delivered")

        assert [reconcile.scan(now=NOW), reconcile.scan(now=NOW)] == [2, 0]

    def test_a_table_that_cannot_be_asked_keeps_no_other_from_being_scanned(
        self, watch: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        watch(CREATED, SHIPPED)
        reconcile.start(now=NOW)
        shop.bulk_orders(1, status="shipped")
        real = reconcile._scan

        def scan(watch: Any, mark: Watermark, *, now: Any) -> int:
            if watch.created:
                raise ProgrammingError("canary")
            return real(watch, mark, now=now)

        monkeypatch.setattr(reconcile, "_scan", scan)

        with pytest.raises(ProgrammingError):
            reconcile.scan(now=NOW)

        assert ShopEvent.objects.filter(name="order.shipped").count() == 1

    def test_does_not_look_at_other_values(self, watch: Any) -> None:
        watch(SHIPPED)
        reconcile.start(now=NOW)
        shop.bulk_orders(3, status="paid")

        assert reconcile.scan(now=NOW) == 0


@pytest.mark.django_db
class TestSince:
    entry = {**SHIPPED, "since": "updated_at"}

    def test_f07_finds_an_old_order_that_was_touched_after_the_start(self, watch: Any) -> None:
        order = shop.order()
        watch(self.entry)
        reconcile.start(now=NOW)
        touched_at = NOW + timedelta(minutes=5)
        Order.objects.filter(pk=order.pk).update(status="shipped", updated_at=touched_at)

        assert reconcile.scan(now=NOW + timedelta(hours=1)) == 1
        assert ShopEvent.objects.get().occurred_at == touched_at

    def test_f08_does_not_find_what_was_touched_before(self, watch: Any) -> None:
        order = shop.order()
        Order.objects.filter(pk=order.pk).update(status="shipped", updated_at=NOW)
        watch(self.entry)
        reconcile.start(now=NOW + timedelta(seconds=1))

        assert reconcile.scan(now=NOW + timedelta(hours=1)) == 0

    @pytest.mark.parametrize(
        "entry", [entry, {**CREATED, "since": "updated_at"}], ids=["value", "created"]
    )
    def test_f08_an_old_order_that_is_saved_again_is_the_past(self, watch: Any, entry: Any) -> None:
        order = shop.order(status="shipped")
        Order.objects.update(updated_at=timezone.now() - timedelta(days=365))
        watch(entry)
        began_at = timezone.now()
        reconcile.start(now=began_at)

        note = Order.objects.get(pk=order.pk)
        note.carrier = "A note of the staff"
        note.save()

        assert note.updated_at > began_at
        assert reconcile.scan(now=timezone.now()) == 0
        event = ShopEvent.objects.get()
        assert (event.state, event.is_pending) == ("ignored", False)

    @pytest.mark.parametrize("before", [None, {**entry, "value": "Shipped"}], ids=["new", "mended"])
    def test_f08_an_old_order_that_is_saved_before_the_watch_begins_is_the_past(
        self, watch: Any, before: Any
    ) -> None:
        if before is not None:
            watch(before)
            reconcile.start(now=timezone.now() - timedelta(days=30))
        shop.bulk_orders(1, status="shipped")
        Order.objects.update(updated_at=timezone.now() - timedelta(days=10))
        watch(self.entry)
        scanning_since = timezone.now()

        Order.objects.get().save()

        assert [reconcile.scan(now=scanning_since) for _each in range(2)] == [0, 0]

    def test_f04_what_another_process_has_just_saved_is_told_by_it(self, watch: Any) -> None:
        """Without a transaction the row is seen before its event; also where nothing has begun."""
        order = shop.order()
        Order.objects.update(updated_at=timezone.now() - timedelta(days=10))
        watch(self.entry)
        left, right = Order.objects.get(pk=order.pk), None

        def save_too(**kwargs: Any) -> None:
            nonlocal right
            if right is None:
                right = Order.objects.get(pk=order.pk)
                right.save()

        post_save.connect(save_too, sender=Order, dispatch_uid="t")
        # Before the receiver that tells.
        post_save.receivers.insert(0, post_save.receivers.pop())
        post_save.sender_receivers_cache.clear()
        try:
            left.status = "shipped"
            left.save()
        finally:
            post_save.disconnect(sender=Order, dispatch_uid="t")

        assert right is not None
        assert right.status == "shipped"
        assert ShopEvent.objects.get().is_pending

    def test_f07_an_old_order_that_goes_back_and_is_shipped_is_told(self, watch: Any) -> None:
        order = shop.order(status="shipped")
        Order.objects.update(updated_at=timezone.now() - timedelta(days=10))
        watch(self.entry)
        reconcile.start(now=timezone.now())

        for status in ("paid", "shipped"):
            order = Order.objects.get(pk=order.pk)
            order.status = status
            order.save()

        assert ShopEvent.objects.get().is_pending

    def test_f07_what_update_has_brought_since_the_begin_is_news_also_when_saved(
        self, watch: Any
    ) -> None:
        order = shop.order()
        watch(self.entry)
        reconcile.start(now=timezone.now())
        Order.objects.update(status="shipped", updated_at=timezone.now())

        Order.objects.get(pk=order.pk).save()

        assert reconcile.scan(now=timezone.now()) == 1

    @pytest.mark.parametrize(("hours", "count"), [(72, 1), (73, 0)])
    def test_looks_back_for_some_hours(self, watch: Any, hours: int, count: int) -> None:
        watch(self.entry)
        reconcile.start(now=NOW - timedelta(days=30))
        shop.bulk_orders(1, status="shipped")
        Order.objects.update(updated_at=NOW - timedelta(hours=hours))

        assert reconcile.scan(now=NOW) == count

    def test_never_dates_an_event_in_the_future(self, watch: Any) -> None:
        watch(self.entry)
        reconcile.start(now=NOW)
        shop.bulk_orders(1, status="shipped")
        Order.objects.update(updated_at=NOW + timedelta(days=1))

        reconcile.scan(now=NOW)

        assert ShopEvent.objects.get().occurred_at == NOW


@pytest.mark.django_db
def test_changes_are_not_scanned(watch: Any) -> None:
    watch(
        {
            "event": "customer.changed",
            "model": "demo_shop.CustomerProfile",
            "field": "phone",
            "changes": True,
        }
    )
    reconcile.start(now=NOW)
    CustomerProfile.objects.bulk_create([CustomerProfile(user=shop.user())])

    assert reconcile.scan(now=NOW) == 0
    assert not Watermark.objects.exists()
