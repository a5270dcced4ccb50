"""Customers who hide or change the number, and what the shop hears of them."""

import json

import pytest

from tests.simulator.conftest import ORDINARY, Caller, Shop
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.simulator import control, phone_numbers
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


class TestChangeOfNumber:
    def test_tells_the_shop_both_numbers_and_ids(self, graph: Caller, shop: Shop) -> None:
        customer = control.customer(ORDINARY)
        old_user_id = customer.user_id

        control.change_number(customer, "+358457390199")
        shop.receive()

        [value] = shop.values
        [element] = value["messages"]
        assert "contacts" not in value
        assert element["from"] == "358457390100"
        assert element["from_user_id"] == old_user_id
        assert element["system"] == {
            "body": "User changed from 358457390100 to 358457390199",
            "wa_id": "358457390199",
            "user_id": customer.user_id,
            "previous_user_id": old_user_id,
            "type": "user_changed_number",
        }

    def test_is_read_by_the_shop(self, graph: Caller, shop: Shop) -> None:
        customer = control.customer(ORDINARY)

        control.change_number(customer, "+358457390199")
        shop.receive()

        [message] = shop.read
        assert isinstance(message.content, contents.System)
        assert message.content.previous_wa_id == "358457390100"
        assert message.content.wa_id == "358457390199"

    def test_keeps_the_chat_and_the_window(self, graph: Caller) -> None:
        customer = control.customer(ORDINARY)
        control.change_number(customer)
        customer.refresh_from_db()

        assert customer.last_wrote_at is None
        assert customer.wa_id.startswith("358")
        assert customer.user_id.startswith("FI.")
        assert len(control.messages(customer)) == 1

    def test_leaves_nobody_at_the_old_number(self, graph: Caller, shop: Shop) -> None:
        customer = control.customer(ORDINARY)
        control.change_number(customer, "+358457390199")

        graph.send_template(ORDINARY)
        graph.send_template("+358457390199")
        shop.receive()

        told = {each["recipient_id"]: each["status"] for each in shop.statuses}
        assert told == {"358457390100": "failed", "358457390199": "delivered"}

    def test_names_no_number_of_who_hides_it(self, graph: Caller, shop: Shop) -> None:
        hidden = control.hidden_customer()
        numbers_before = hidden.wa_id

        control.change_number(hidden)
        shop.receive()

        [message] = shop.messages
        assert message["system"]["type"] == "user_changed_user_id"
        assert message["system"]["user_id"] == hidden.user_id
        text = json.dumps(shop.values)
        assert numbers_before not in text
        assert hidden.wa_id not in text

    @pytest.mark.parametrize("phone", [ORDINARY, "+358457390101"])
    def test_takes_no_number_in_use(self, graph: Caller, phone: str) -> None:
        customer = control.customer(ORDINARY)
        control.customer("+358457390101")

        with pytest.raises(phone_numbers.NumberTaken):
            control.change_number(customer, phone)


class TestCommands:
    def test_change_the_number(self, graph: Caller, shop: Shop) -> None:
        answer = graph.control("change_number", phone=ORDINARY, new_phone="+358457390199")
        again = graph.control("change_number", phone=ORDINARY, new_phone="+358457390199")
        shop.receive()

        assert answer["wa_id"] == "358457390199"
        assert shop.messages[0]["id"] == answer["wamid"]
        assert again["error"] == "number_taken"

    def test_add_and_address_a_hidden_customer(self, graph: Caller, shop: Shop) -> None:
        added = graph.control("add_hidden_customer", name="Two")

        graph.control("reply", user_id=added["user_id"], text="Hello")
        shop.receive()

        assert SimulatedCustomer.objects.get().name == "Two"
        assert shop.messages[0]["from_user_id"] == added["user_id"]

    def test_know_no_strangers(self, graph: Caller) -> None:
        answer = graph.control("reply", user_id="FI.1", text="Hello")

        assert answer["error"] == "no_such_customer"
