"""What customers send seldom: the shape that Meta documents, and what stays on the phone."""

from typing import Any

import pytest
from django.urls import reverse

from tests.simulator.conftest import ORDINARY, Caller, Shop
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.simulator import control, rare_messages
from whatsapp_notify.simulator.models import ChatMessage, SimulatedCustomer


@pytest.fixture
def customer(graph: Caller) -> SimulatedCustomer:
    return control.customer(ORDINARY, name="Customer One")


def page(graph: Caller, customer: SimulatedCustomer) -> str:
    return graph.client.get(reverse("whatsapp_simulator:chat", args=[customer.pk])).content.decode()


class TestWriteInGroup:
    def test_names_the_group(self, graph: Caller, shop: Shop) -> None:
        graph.control("write_in_group", phone=ORDINARY, text="Hello all", group_id="G1")
        shop.receive()

        [event] = shop.read
        assert event.group_id == "G1"
        assert event.content == contents.Text(body="Hello all")
        assert shop.messages[0]["group_id"] == "G1"

    def test_opens_no_window(self, customer: SimulatedCustomer) -> None:
        control.write_in_group(customer, "Hello all")

        customer.refresh_from_db()
        assert customer.last_wrote_at is None


class TestComeFromAdvertisement:
    def test_tells_of_the_advertisement(self, graph: Caller, shop: Shop) -> None:
        graph.control("come_from_advertisement", phone=ORDINARY, text="Hello")
        shop.receive()

        [event] = shop.read
        assert event.referral is not None
        assert event.referral.source_id == "120226305854810726"
        assert event.referral.headline == "Chat with us"
        assert event.referral.media_url == "https://scontent.example.com/a.jpg"
        assert SimulatedCustomer.objects.get().last_wrote_at is not None

    def test_takes_an_advertisement_of_ones_own(self, graph: Caller, shop: Shop) -> None:
        values = {"text": "Hello", "referral": {"source_type": "post", "source_id": "7"}}

        graph.control("come_from_advertisement", phone=ORDINARY, **values)
        shop.receive()

        assert shop.messages[0]["referral"] == {"source_type": "post", "source_id": "7"}


class TestSendUnsupported:
    def test_says_why(self, graph: Caller, shop: Shop) -> None:
        graph.control("send_unsupported", phone=ORDINARY, kind="poll")
        shop.receive()

        [element] = shop.messages
        [event] = shop.read
        assert event.content == contents.Unsupported(kind="poll")
        assert [problem.code for problem in event.errors] == [131051]
        assert set(element["errors"][0]) == {"code", "title", "message", "error_data"}


class TestEdit:
    def test_tells_the_new_words(
        self, graph: Caller, customer: SimulatedCustomer, shop: Shop
    ) -> None:
        original = control.reply(customer, "Tomorow")

        graph.control("edit", phone=ORDINARY, text="Tomorrow")
        shop.receive()

        _first, event = shop.read
        assert event.kind == "edit"
        assert isinstance(event.content, contents.Edit)
        assert event.content.original_provider_message_id == original.wamid
        assert event.content.content == contents.Text(body="Tomorrow")

    def test_changes_the_bubble(self, graph: Caller, customer: SimulatedCustomer) -> None:
        original = control.reply(customer, "Tomorow")
        url = reverse("whatsapp_simulator:feed", args=[customer.pk])
        before = graph.client.get(url).json()["items"]

        control.edit(customer, original, "Tomorrow")
        after = graph.client.get(url).json()["items"]

        assert [item["id"] for item in before] == [item["id"] for item in after]
        assert before[-1]["revision"] != after[-1]["revision"]
        assert "Tomorrow" in after[-1]["html"]


class TestRevoke:
    def test_tells_which_message(
        self, graph: Caller, customer: SimulatedCustomer, shop: Shop
    ) -> None:
        original = control.reply(customer, "My card number")
        control.reply(customer, "Hello")

        graph.control("revoke", phone=ORDINARY, wamid=original.wamid)
        shop.receive()

        content = shop.read[-1].content
        html = page(graph, customer)
        assert content == contents.Revoke(original_provider_message_id=original.wamid)
        assert "You deleted this message" in html
        assert "My card number" not in html
        assert "Hello" in html

    def test_leaves_a_picture_behind_no_more(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        control.revoke(customer, control.send_photo(customer))

        assert '<img class="picture"' not in page(graph, customer)


class TestOwnMessages:
    def test_are_all_that_can_be_changed(self, graph: Caller, customer: SimulatedCustomer) -> None:
        graph.send_template()
        of_the_shop = ChatMessage.objects.get()
        of_another = control.reply(control.customer("+358457390101"), "Hello")

        for message in (of_the_shop, of_another):
            with pytest.raises(rare_messages.NotTheirs):
                control.edit(customer, message, "x")
            with pytest.raises(rare_messages.NotTheirs):
                control.revoke(customer, message)

    @pytest.mark.parametrize(
        ("action", "values", "error"),
        [
            ("edit", {"text": "x"}, "no_such_message"),
            ("revoke", {}, "no_such_message"),
            ("revoke", {"wamid": "wamid.X"}, "no_such_message"),
            ("write_in_group", {}, "missing_text"),
            ("come_from_advertisement", {"text": "x", "referral": 1}, "missing_referral"),
        ],
    )
    def test_must_be_named_well(
        self, graph: Caller, action: str, values: dict[str, Any], error: str
    ) -> None:
        assert graph.control(action, phone=ORDINARY, **values)["error"] == error
