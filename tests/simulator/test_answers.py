"""Answers of customers: rows of lists, places and numbers asked for, quotes."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from tests.domain.test_chat_content import SHOP, SPOKEN
from tests.simulator.conftest import ORDINARY, Caller, Shop
from whatsapp_notify.cloud_api import payload_chat
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.simulator import control
from whatsapp_notify.simulator.models import ChatMessage, SimulatedCustomer

LIST = {
    "type": "list",
    "body": {"text": "How can we help?"},
    "action": {
        "button": "Choose",
        "sections": [
            {"title": "Orders", "rows": [{"id": "where", "title": "Where is it?"}]},
            {
                "title": "Other",
                "rows": [
                    {"id": "hours", "title": "Opening hours"},
                    {"id": "person", "title": "A person", "description": "Today until 17"},
                ],
            },
        ],
    },
}
PLACE_WANTED = {
    "type": "location_request_message",
    "body": {"text": "Where are you?"},
    "action": {"name": "send_location"},
}
NUMBER_WANTED = {
    "type": "request_contact_info",
    "body": {"text": "May we have your number?"},
    "action": {"name": "request_contact_info"},
}


@pytest.fixture
def customer(graph: Caller) -> SimulatedCustomer:
    customer = control.customer(ORDINARY, name="Customer One")
    # Answers come in the service window only.
    SimulatedCustomer.objects.update(last_wrote_at=timezone.now())
    return customer


@pytest.fixture
def ask(graph: Caller, customer: SimulatedCustomer) -> Any:
    """Send an interactive message that has arrived."""

    def send(interactive: dict[str, Any]) -> ChatMessage:
        graph.send(type="interactive", interactive=interactive)
        now = timezone.now()
        ChatMessage.objects.update(sent_at=now, delivered_at=now)
        return ChatMessage.objects.latest("id")

    return send


def page(graph: Caller, customer: SimulatedCustomer, **query: Any) -> str:
    url = reverse("whatsapp_simulator:chat", args=[customer.pk])
    return graph.client.get(url, query).content.decode()


def act(graph: Caller, customer: SimulatedCustomer, **data: Any) -> HttpResponse:
    return graph.client.post(reverse("whatsapp_simulator:act", args=[customer.pk]), data)


class TestList:
    def test_shows_the_rows_under_their_sections(
        self, graph: Caller, customer: SimulatedCustomer, ask: Any
    ) -> None:
        message = ask(LIST)

        html = page(graph, customer)

        shown = (
            "Orders",
            f'value="press:{message.pk}:0"',
            "Other",
            f'value="press:{message.pk}:1"',
        )
        places = [html.index(words) for words in shown]
        assert places == sorted(places)
        assert html.count("answers__section") == 2

    def test_row_is_chosen(
        self, graph: Caller, customer: SimulatedCustomer, shop: Shop, ask: Any
    ) -> None:
        message = ask(LIST)

        act(graph, customer, do=f"press:{message.pk}:2")
        shop.receive()

        [event] = shop.read
        assert event.context is not None
        assert event.context.provider_message_id == message.wamid
        assert isinstance(event.content, contents.ListReply)
        assert event.content.reply_id == "person"
        assert event.content.description == "Today until 17"


class TestWhatTheShopSends:
    """As the package writes it, seen on the phone."""

    def show(self, graph: Caller, customer: SimulatedCustomer, content: Any) -> str:
        assert graph.send(**payload_chat.write(content)).status_code == 200
        now = timezone.now()
        ChatMessage.objects.update(sent_at=now, delivered_at=now)
        return page(graph, customer)

    def test_a_place_is_on_a_map(self, graph: Caller, customer: SimulatedCustomer) -> None:
        html = self.show(graph, customer, SHOP)

        assert "<strong>The Shop</strong><span>Harbour Street 1</span>" in html
        assert "mlat=60.17&amp;mlon=24.94" in html

    def test_a_recording_is_audio(self, graph: Caller, customer: SimulatedCustomer) -> None:
        html = self.show(graph, customer, SPOKEN)

        assert '<span class="sr">Audio</span>' in html


class TestPlaceAskedFor:
    def test_is_sent_as_an_answer(
        self, graph: Caller, customer: SimulatedCustomer, shop: Shop, ask: Any
    ) -> None:
        message = ask(PLACE_WANTED)

        assert f'value="location:{message.pk}"' in page(graph, customer)
        act(graph, customer, do=f"location:{message.pk}")
        shop.receive()

        [event] = shop.read
        assert isinstance(event.content, contents.Location)
        assert event.context is not None
        assert event.context.provider_message_id == message.wamid

    def test_is_sent_by_command(
        self, graph: Caller, customer: SimulatedCustomer, shop: Shop, ask: Any
    ) -> None:
        message = ask(PLACE_WANTED)
        place = {"latitude": 60.17, "longitude": 24.94, "context_wamid": message.wamid}

        graph.control("send_location", phone=ORDINARY, **place)
        shop.receive()

        assert shop.messages[0]["context"]["id"] == message.wamid

    def test_has_no_context_when_nobody_asked(
        self, graph: Caller, customer: SimulatedCustomer, shop: Shop
    ) -> None:
        act(graph, customer, do="location")
        shop.receive()

        assert "context" not in shop.messages[0]


class TestNumberAskedFor:
    def test_comes_as_a_contact_card(
        self, graph: Caller, customer: SimulatedCustomer, shop: Shop, ask: Any
    ) -> None:
        message = ask(NUMBER_WANTED)

        assert f'value="contact:{message.pk}"' in page(graph, customer)
        act(graph, customer, do=f"contact:{message.pk}")
        shop.receive()

        [event] = shop.read
        assert isinstance(event.content, contents.ContactCards)
        [card] = event.content.cards
        assert (card.wa_ids, card.origin) == (("358457390100",), "contact_request")
        assert "TEL;type=CELL:+358457390100" in card.vcard
        assert "Customer One" in page(graph, customer)

    def test_comes_from_who_hides_it(self, graph: Caller, shop: Shop) -> None:
        hidden = control.hidden_customer()

        graph.control("share_number", user_id=hidden.user_id)
        shop.receive()

        [message] = shop.messages
        assert "from" not in message
        assert message["contacts"][0]["phones"][0]["wa_id"] == hidden.wa_id


class TestQuote:
    def test_is_offered_and_sent(
        self, graph: Caller, customer: SimulatedCustomer, shop: Shop
    ) -> None:
        wamid = graph.send_template().json()["messages"][0]["id"]
        ChatMessage.objects.update(delivered_at=timezone.now())
        message = ChatMessage.objects.get()

        offered = page(graph, customer)
        quoting = page(graph, customer, quote=message.pk)
        act(graph, customer, do="text", text="Thanks", quote=message.pk)
        shop.receive(after_seconds=0.5)

        assert f'href="?quote={message.pk}#message"' in offered
        assert 'name="quote"' not in offered
        assert f'name="quote" value="{message.pk}"' in quoting
        answers = [each for each in shop.messages if each["type"] == "text"]
        assert [each["context"]["id"] for each in answers] == [wamid]

    @pytest.mark.parametrize("quote", ["x", "999999", "9" * 30, "-1"])
    def test_of_nothing_is_not_shown_and_not_sent(
        self, graph: Caller, customer: SimulatedCustomer, quote: str
    ) -> None:
        assert 'name="quote"' not in page(graph, customer, quote=quote)
        assert act(graph, customer, text="Hi", quote=quote).status_code == 400

    def test_of_another_customers_message_is_not_shown(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        graph.send_template("+358457390101")
        message = ChatMessage.objects.get()

        assert 'name="quote"' not in page(graph, customer, quote=message.pk)
