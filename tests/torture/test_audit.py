"""An audit that finds nothing proves nothing unless it finds what is there."""

from __future__ import annotations

from typing import Any

import pytest

from demo_shop.models import Order
from tests.torture import recovery
from tests.torture.audit import audit
from tests.torture.campaign import Counts, Run
from tests.torture.world import World
from whatsapp_notify.models import DeliveryEvent, Message, ShopEvent
from whatsapp_notify.services import arrivals, delivery


def sent(world: World, count: int = 3) -> list[int]:
    """Messages that went well, with all their news."""
    ids = world.queue(count)
    delivery.deliver(clock=world.clock)
    recovery.recover(world, since=0, rng=Run(seed=1, size=1).rng())
    return ids


def send_again(world: World, pk: int) -> None:
    """What no part of the product does by itself."""
    known = len(world.calls())
    Message.objects.filter(pk=pk).update(state="queued", is_pending=True)
    delivery.deliver(clock=world.clock)
    recovery.recover(world, since=known, rng=Run(seed=2, size=1).rng())


def held(world: World, **changes: Any) -> Counts:
    return audit(calls=world.calls(), where="here", **changes)


def broken(counts: Counts) -> str:
    (problem,) = counts.problems
    return problem


class TestAudit:
    def test_finds_nothing_where_all_went_well(self, world: World) -> None:
        sent(world)

        assert held(world) == Counts(messages=3, accepted_calls=3)

    def test_counts_a_message_that_graph_accepted_twice(self, world: World) -> None:
        first, *_others = sent(world)
        send_again(world, first)

        counts = held(world)

        assert counts.duplicated == 1
        assert "accepted 2 times" in broken(counts)

    def test_a_person_may_ask_for_a_second_copy(self, world: World) -> None:
        first, *_others = sent(world)
        send_again(world, first)
        now = world.clock()
        DeliveryEvent.objects.create(message_id=first, kind="resent", at=now, recorded_at=now)

        assert held(world).is_kept

    def test_counts_two_rows_that_tell_a_customer_the_same(self, world: World) -> None:
        first, second, _third = sent(world)
        contact = Message.objects.get(pk=first).contact_id
        Message.objects.filter(pk__in=[first, second]).update(
            contact_id=contact, order_ref="T1", event_name="order.shipped"
        )

        assert held(world).duplicated == 1

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"state": "queued", "is_pending": True}, "stuck in queued"),
            ({"state": "calling"}, "stuck in calling"),
            ({"state": "in_doubt"}, "shown to nobody"),
            ({"state": "read", "is_pending": True}, "yet waiting"),
            ({"state": "blocked"}, "but the row says blocked"),
            ({"state": "delivered"}, "but the row says delivered"),
            ({"token": "another"}, "accepted, of no row"),
        ],
    )
    def test_counts_what_graph_has_and_nobody_knows(
        self, world: World, changes: dict[str, Any], words: str
    ) -> None:
        first, *_others = sent(world)
        Message.objects.filter(pk=first).update(**changes)

        counts = held(world)

        assert counts.silently_lost >= 1
        assert any(words in problem for problem in counts.problems)

    def test_counts_what_we_know_and_graph_has_not(self, world: World) -> None:
        Message.objects.filter(pk__in=world.queue(1)).update(state="accepted", is_pending=False)

        assert "Graph never accepted it" in broken(held(world))

    def test_counts_an_order_that_no_event_tells_of(self, world: World) -> None:
        Order.objects.bulk_create([world.new_order(status="shipped")])

        assert "no event tells of it" in broken(held(world))

    def test_counts_an_event_that_tells_of_nothing(self, world: World) -> None:
        order = world.new_order(status="shipped")
        order.save()
        recovery.recover(world, since=0, rng=Run(seed=1, size=1).rng())
        Order.objects.update(status="placed")

        assert "has not been shipped" in broken(held(world))

    def test_counts_what_was_recorded_and_never_read(self, world: World) -> None:
        now = world.clock()
        ShopEvent.objects.create(name="order.shipped", key="k", occurred_at=now)
        arrivals.record(body=b"{}", now=now)

        assert held(world).silently_lost == 2

    def test_may_look_at_some_messages_alone(self, world: World) -> None:
        first, *_others = sent(world)
        Message.objects.filter(pk=first).update(state="calling")

        assert held(world, only=[first]).silently_lost == 1
        assert held(world, only=_others) == Counts(messages=2, accepted_calls=2)


class TestCounts:
    def test_add_up(self) -> None:
        total = Counts(kills=1, problems=("a",)) + Counts(kills=2, duplicated=1, problems=("b",))

        assert total == Counts(kills=3, duplicated=1, problems=("a", "b"))

    @pytest.mark.parametrize(
        "counts",
        [
            Counts(duplicated=1),
            Counts(silently_lost=1),
            Counts(sent_after_opt_out=1),
            Counts(answered_5xx=1),
            Counts(problems=("the kit broke off",)),
        ],
    )
    def test_a_promise_that_was_broken_once_is_not_kept(self, counts: Counts) -> None:
        assert not counts.is_kept

    def test_doubts_that_are_shown_break_no_promise(self) -> None:
        assert Counts(kills=9, in_doubt=3, settled=2).is_kept
