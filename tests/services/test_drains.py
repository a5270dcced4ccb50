"""Sending by tasks: a few at once, each for a while."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from tests.factories import NOW
from whatsapp_notify.backends import locmem
from whatsapp_notify.domain.receipts import Outgoing, Receipt
from whatsapp_notify.models import Lease, Message
from whatsapp_notify.services import drains, leases, senders

pytestmark = pytest.mark.django_db(transaction=True)


def drain(*, for_seconds: float = 5.0) -> bool:
    return drains.drain(clock=lambda: NOW, stop=threading.Event(), for_seconds=for_seconds)


class TestDrain:
    def test_sends_what_is_due(self) -> None:
        factories.queued()

        has_more = drain()

        assert not has_more
        assert Message.objects.get().state == "accepted"
        assert Lease.objects.get().expires_at <= NOW

    def test_leaves_it_to_those_who_do_it_already(self) -> None:
        factories.queued()
        leases.take(names=["deliver:0"], now=NOW)

        has_more = drain()

        assert not has_more
        assert locmem.outbox == []

    def test_takes_a_second_place_where_the_shop_has_two(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "SENDING_TASKS": 2}
        factories.queued()
        leases.take(names=["deliver:0"], now=NOW)

        drain()

        assert len(locmem.outbox) == 1

    def test_says_that_there_is_more_after_its_share(self) -> None:
        for _each in range(3):
            factories.queued()

        has_more = drain(for_seconds=2 / 80)

        assert has_more
        assert len(locmem.outbox) == 2

    def test_sends_what_others_rang_for_while_it_held_the_place(self) -> None:
        factories.queued()

        def ring_in_vain(outgoing: Outgoing) -> Receipt | None:
            if len(locmem.outbox) == 1:
                factories.queued()
                assert not drain()
            return None

        locmem.answer_with(ring_in_vain)

        drain()

        assert len(locmem.outbox) == 2

    def test_ends_where_a_brake_keeps_what_is_due(self) -> None:
        factories.queued()
        senders.stop(sender=senders.current(), actor="staff", now=NOW - timedelta(minutes=1))

        has_more = drain()

        assert not has_more
        assert locmem.outbox == []
