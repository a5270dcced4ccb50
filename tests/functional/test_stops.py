"""A deploy in the middle of a campaign, again and again: calls end, none is in doubt."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from tests.functional.running_shop import RunningShop

#: Stops of each kind of sender. ``GRACEFUL_STOPS=100`` is for a long afternoon.
STOPS = int(os.environ.get("GRACEFUL_STOPS", "3"))
#: Messages that wait at least when a sender starts; it is stopped long before they have left.
WAITING = 250
#: A sender is stopped when so many of them have reached Graph at most.
MOST_SENT = 40
#: Longer than any call here takes.
ENDS_WITHIN_SECONDS = 40.0


class Sender:
    """One way to run the sending."""

    def __init__(
        self,
        *,
        start: Callable[[RunningShop], None],
        name: str = "worker",
        with_children: bool = False,
    ) -> None:
        self.start = start
        self.name = name
        self.with_children = with_children

    def stop(self, shop: RunningShop) -> None:
        if not self.with_children:
            shop.stop(self.name, timeout_seconds=ENDS_WITHIN_SECONDS)
            return
        shop.ask_all_to_stop(self.name)
        shop.wait_for("current calls to end", lambda: "calling" not in _states(shop))
        # Celery waits for those of its processes that had nothing to do and are gone; systemd
        # loses patience with it.
        shop.kill(self.name)


def _start_command(shop: RunningShop) -> None:
    shop.start("deliver", "whatsapp_deliver", "--watch", "--interval", "0.5")


def _start_threads(shop: RunningShop) -> None:
    shop.start_worker(pool="threads")


def _start_processes(shop: RunningShop) -> None:
    shop.start_worker(pool="prefork")


SENDERS = [
    pytest.param("sqlite_shop", Sender(start=_start_command, name="deliver"), id="command"),
    pytest.param("postgres_shop", Sender(start=_start_threads), id="threads"),
    pytest.param("postgres_shop", Sender(start=_start_processes), id="processes"),
    pytest.param(
        "sqlite_shop",
        Sender(start=_start_processes, with_children=True),
        id="processes-and-children",
    ),
]


def _states(shop: RunningShop) -> dict[str, int]:
    rows = shop.rows("SELECT state, COUNT(*) FROM whatsapp_notify_message GROUP BY state")
    return {state: int(count) for state, count in rows}


class TestGracefulStop:
    @pytest.mark.parametrize(("fixture", "sender"), SENDERS)
    def test_f21_again_and_again_leaves_nothing_in_doubt(
        self, fixture: str, sender: Sender, request: pytest.FixtureRequest
    ) -> None:
        shop: RunningShop = request.getfixturevalue(fixture)
        rng = random.Random(21)
        shop.start_graph()
        shop.slow_down_graph(0.5)
        if sender.name == "worker":
            shop.start_beat()
        total = 0

        for _number in range(STOPS):
            missing = WAITING - _states(shop).get("queued", 0)
            if missing > 0:
                shop.fill_outbox(first=total, count=missing)
                total += missing
            enough = len(shop.ledger()) + rng.randint(1, MOST_SENT)
            sender.start(shop)
            shop.wait_for("calls under way", lambda least=enough: len(shop.ledger()) >= least)
            sender.stop(shop)

            states = _states(shop)
            assert set(states) <= {"accepted", "queued"}
            assert states["accepted"] == len(shop.ledger())
            assert states.get("queued", 0) > 0

        shop.slow_down_graph(0)
        shop.start("rest", "whatsapp_deliver", "--watch", "--interval", "0.5")
        shop.wait_for("the rest", lambda: _states(shop) == {"accepted": total})
        recipients = [entry["to"] for entry in shop.ledger()]
        assert len(set(recipients)) == len(recipients) == total
