"""Customers who hide the number, and what the shop hears of them."""

from tests.simulator.conftest import ORDINARY, Caller, Shop
from whatsapp_notify.simulator import control
from whatsapp_notify.simulator.models import SimulatedCustomer


class TestHiddenCustomer:
    def test_is_known_by_a_user_id_of_the_shops_country(self, graph: Caller) -> None:
        hidden = control.hidden_customer()

        assert hidden.user_id.startswith("FI.")
        assert hidden.name == f"Customer {hidden.user_id[-4:]}"

    def test_writes_without_a_number(self, graph: Caller, shop: Shop) -> None:
        hidden = control.hidden_customer(name="Two")
        control.reply(hidden, "Hello")

        shop.receive()

        [event] = shop.read
        assert (event.person.wa_id, event.person.user_id) == ("", hidden.user_id)

    def test_gets_and_answers_what_is_sent_to_the_user_id(self, graph: Caller, shop: Shop) -> None:
        hidden = control.hidden_customer()

        answer = graph.send_template("", recipient=hidden.user_id).json()
        [message] = control.messages(hidden)
        control.press_button(hidden, message, 0)
        shop.receive()

        contact = {"input": hidden.user_id, "user_id": hidden.user_id}
        assert answer["contacts"] == [contact]
        assert {status["recipient_user_id"] for status in shop.statuses} == {hidden.user_id}
        assert not [status for status in shop.statuses if "recipient_id" in status]
        assert shop.messages[0]["context"]["id"] == answer["messages"][0]["id"]

    def test_can_have_a_number_that_only_we_know(self, graph: Caller) -> None:
        known = control.customer(ORDINARY)

        hidden = control.hidden_customer(ORDINARY)

        assert hidden == known
        assert hidden.hides_number


class TestCommands:
    def test_add_and_address_a_hidden_customer(self, graph: Caller, shop: Shop) -> None:
        added = graph.control("add_hidden_customer", name="Two")

        graph.control("reply", user_id=added["user_id"], text="Hello")
        shop.receive()

        assert SimulatedCustomer.objects.get().name == "Two"
        assert shop.messages[0]["from_user_id"] == added["user_id"]

    def test_know_no_strangers(self, graph: Caller) -> None:
        answer = graph.control("reply", user_id="FI.1", text="Hello")

        assert answer["error"] == "no_such_customer"
