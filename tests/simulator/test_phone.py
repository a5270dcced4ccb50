"""The phone page: what is drawn, what buttons do, what stays out of it."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.simulator.conftest import ORDINARY, Caller, Shop
from whatsapp_notify.simulator import control, markup
from whatsapp_notify.simulator.models import ChatMessage, OutboxWebhook, SimulatedCustomer


@pytest.fixture
def customer(graph: Caller) -> SimulatedCustomer:
    return control.customer(ORDINARY, name="Customer One")


def arrive() -> None:
    """Let all messages reach the phone now."""
    now = timezone.now()
    ChatMessage.objects.filter(failed_at=None).update(sent_at=now, delivered_at=now)


def page(client: Client, customer: SimulatedCustomer) -> str:
    response = client.get(reverse("whatsapp_simulator:chat", args=[customer.pk]))
    assert response.status_code == 200
    return response.content.decode()


def feed(client: Client, customer: SimulatedCustomer, **headers: str) -> Any:
    return client.get(reverse("whatsapp_simulator:feed", args=[customer.pk]), headers=headers)


def act(client: Client, customer: SimulatedCustomer, **data: Any) -> Any:
    return client.post(reverse("whatsapp_simulator:act", args=[customer.pk]), data)


class TestMarkup:
    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("*bold* _it_ ~no~", "<strong>bold</strong> <em>it</em> <s>no</s>"),
            ("*_both_*", "<strong><em>both</em></strong>"),
            ("`*code*`", "<code>*code*</code>"),
            ("```a\nb```", "<code>a\nb</code>"),
            ("2*3*4 and a_b_c", "2*3*4 and a_b_c"),
            ("* not *", "* not *"),
            ("**", "**"),
            ("a\nb", "a<br>b"),
            ("<script>*x*</script>", "&lt;script&gt;<strong>x</strong>&lt;/script&gt;"),
            ("`<b>`", "<code>&lt;b&gt;</code>"),
            ("\ue0000\ue001", "0"),
            (
                "See https://a.test/x_y_z?a=1&b=2.",
                (
                    'See <a href="https://a.test/x_y_z?a=1&amp;b=2" target="_blank" '
                    'rel="noopener noreferrer">https://a.test/x_y_z?a=1&amp;b=2</a>.'
                ),
            ),
            ("javascript:alert(1)", "javascript:alert(1)"),
            ('https://a.test/"onclick=1', None),
        ],
    )
    def test_is_safe_and_looks_like_whatsapp(self, text: str, html: str | None) -> None:
        shown = str(markup.as_html(text))

        if html is not None:
            assert shown == html
        assert 'test/"onclick' not in shown

    def test_takes_no_time_on_hostile_text(self) -> None:
        assert markup.as_html("*_~" * 20_000)


class TestHome:
    def test_says_what_to_do_first(self, graph: Caller) -> None:
        html = graph.client.get(reverse("whatsapp_simulator:phone")).content.decode()

        assert "No messages yet" in html
        assert "Place an order in the shop" in html
        assert "+358457390015" in html

    def test_goes_to_the_latest_chat(self, graph: Caller, customer: SimulatedCustomer) -> None:
        control.customer("+358457390101")
        control.reply(customer, "Hello")

        response = graph.client.get(reverse("whatsapp_simulator:phone"))

        assert response["Location"] == reverse("whatsapp_simulator:chat", args=[customer.pk])

    def test_adds_a_customer_by_number(self, graph: Caller) -> None:
        url = reverse("whatsapp_simulator:add_customer")

        good = graph.client.post(url, {"phone": "+358 45 739 0002", "name": "Two"})
        bad = graph.client.post(url, {"phone": "12"})

        added = SimulatedCustomer.objects.get()
        assert (added.name, added.fate) == ("Two", "not_on_whatsapp")
        assert good["Location"].endswith(f"/customers/{added.pk}/")
        assert bad.status_code == 400

    def test_adds_a_customer_who_hides_the_number(self, graph: Caller) -> None:
        url = reverse("whatsapp_simulator:add_customer")

        response = graph.client.post(url, {"hides_number": "1", "name": "Two"}, follow=True)

        added = SimulatedCustomer.objects.get()
        html = response.content.decode()
        assert added.hides_number
        assert added.user_id in html
        assert "Number hidden from the shop" in html
        assert added.wa_id not in html

    def test_asks_for_a_number_of_everybody_else(self, graph: Caller) -> None:
        response = graph.client.post(reverse("whatsapp_simulator:add_customer"), {"name": "Two"})

        assert response.status_code == 400


class TestChat:
    def test_draws_the_pieces_of_a_template(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        graph.send_template()
        arrive()

        html = page(graph.client, customer)

        message = ChatMessage.objects.get()
        assert "Order 1042" in html
        assert "it comes on <strong>Friday</strong>" in html
        assert f'value="press:{message.pk}:0"' in html
        assert 'href="https://shop.test/t/abc" target="_blank" rel="noopener noreferrer"' in html
        assert "Customer One" in html

    def test_shows_nothing_that_has_not_arrived(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        graph.send_template()

        assert "Order 1042" not in page(graph.client, customer)

    def test_tells_of_a_failure(self, graph: Caller, customer: SimulatedCustomer) -> None:
        graph.send()
        ChatMessage.objects.update(failed_at=timezone.now())

        html = page(graph.client, customer)

        assert "A message did not arrive." in html
        assert "131047" in html

    def test_draws_ticks_of_the_customers_messages(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        message = control.reply(customer, "Hello")
        arrive()
        before = page(graph.client, customer)
        graph.send(status="read", message_id=message.wamid)

        assert "ticks--read" not in before
        assert "ticks--read" in page(graph.client, customer)

    def test_draws_media_places_contacts_and_lists(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        control.send_photo(customer, "Look")
        control.send_location(customer, 60.1, 24.9)
        link = {"link": "https://elsewhere.test/a.jpg"}
        graph.send(type="image", image=link)
        graph.send(type="image", image={"link": "http://testserver/static/b.jpg"})
        graph.send(type="document", document={"link": "https://a.test/bill.pdf"})
        graph.send(type="contacts", contacts=[{"name": {"formatted_name": "Help desk"}}])
        rows = [{"id": "1", "title": "Row one", "description": "Words"}]
        action = {"button": "Choose", "sections": [{"rows": rows}]}
        interactive = {"type": "list", "body": {"text": "Which?"}, "action": action}
        graph.send(type="interactive", interactive=interactive)
        arrive()

        html = page(graph.client, customer)

        pictures = re.findall(r'<img class="picture" src="([^"]+)"', html)
        assert pictures[1:] == ["/static/b.jpg"]
        assert graph.client.get(pictures[0])["Content-Type"] == "image/jpeg"
        for words in ("bill.pdf", "Help desk", "Row one", "place__map", "a.jpg"):
            assert words in html
        assert "elsewhere.test" not in html

    def test_draws_the_file_above_buttons_and_links(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        control.reply(customer, "Hello")
        shown = {"type": "image", "image": {"link": "http://testserver/static/b.jpg"}}
        bill = {"link": "https://a.test/1", "filename": "bill.pdf"}
        replies = [{"type": "reply", "reply": {"id": "y", "title": "Yes, this one"}}]
        address = {"display_text": "Open it", "url": "https://shop.test"}
        for kind, header, action in (
            ("button", shown, {"buttons": replies}),
            (
                "cta_url",
                {"type": "document", "document": bill},
                {"name": "cta_url", "parameters": address},
            ),
        ):
            graph.send(
                type="interactive",
                interactive={
                    "type": kind, "header": header, "body": {"text": "See"}, "action": action,
                },
            )  # fmt: skip
        arrive()

        html = page(graph.client, customer)

        places = [html.index(each) for each in ("b.jpg", "Yes, this one", "bill.pdf", "Open it")]
        assert places == sorted(places)
        assert '<img class="picture" src="/static/b.jpg"' in html

    def test_has_no_inline_script_or_style_and_a_strict_policy(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        graph.send_template()
        arrive()
        response = graph.client.get(reverse("whatsapp_simulator:chat", args=[customer.pk]))

        html = response.content.decode()
        assert " style=" not in html
        assert not re.search(r"\son\w+=", html)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html))
        assert "unsafe" not in response["Content-Security-Policy"]
        assert response["Content-Security-Policy"].startswith("default-src 'none'")

    def test_keeps_personal_data_out_of_addresses(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        graph.send_template()
        arrive()

        html = page(graph.client, customer)

        addresses = re.findall(r'(?:href|src|action|data-feed)="([^"]*)"', html)
        assert addresses
        assert not [each for each in addresses if "358457390100" in each or "wamid" in each]

    def test_escapes_what_people_write(self, graph: Caller, customer: SimulatedCustomer) -> None:
        control.reply(customer, "<img src=x onerror=alert(1)>")
        control.customer(ORDINARY, name="<b>Name</b>")

        html = page(graph.client, customer)

        assert "<img src=x" not in html
        assert "<b>Name" not in html

    def test_looking_changes_nothing(self, graph: Caller, customer: SimulatedCustomer) -> None:
        graph.send_template()
        arrive()
        OutboxWebhook.objects.all().delete()

        page(graph.client, customer)
        feed(graph.client, customer)

        assert ChatMessage.objects.get().read_at is None
        assert not OutboxWebhook.objects.exists()

    def test_needs_the_same_queries_for_many_messages(
        self, graph: Caller, customer: SimulatedCustomer, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(30):
            control.reply(customer, f"Message {number}")
            control.customer(f"+3584573902{number:02}")

        with django_assert_max_num_queries(6):
            page(graph.client, customer)


class TestFeed:
    def test_answers_304_until_something_changes(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        etag = feed(graph.client, customer)["ETag"]
        same = feed(graph.client, customer, if_none_match=etag)
        control.reply(customer, "Hello")
        other = feed(graph.client, customer, if_none_match=etag)

        assert same.status_code == 304
        assert other.status_code == 200
        assert [item["id"].partition("-")[0] for item in other.json()["items"]] == ["day", "m"]

    def test_counts_the_unread(self, graph: Caller, customer: SimulatedCustomer) -> None:
        graph.send_template()
        graph.send_template("+358457390101")
        arrive()

        answer = feed(graph.client, customer).json()

        assert (answer["unread"], answer["unread_elsewhere"]) == (1, 1)
        assert "badge" in answer["people"]


class TestActions:
    @pytest.mark.parametrize(
        ("data", "labels"),
        [
            ({"text": "Hello 😀"}, ["text"]),
            ({"do": "text", "text": " Hello "}, ["text"]),
            ({"do": "say:STOP"}, ["text"]),
            ({"do": "photo"}, ["image"]),
            ({"do": "location"}, ["location"]),
            ({"do": "stop_marketing"}, ["stop"]),
            ({"do": "resume_marketing"}, ["resume"]),
        ],
    )
    def test_tell_the_shop(
        self,
        graph: Caller,
        customer: SimulatedCustomer,
        data: dict[str, str],
        labels: list[str],
    ) -> None:
        response = act(graph.client, customer, **data)

        assert response.status_code == 302
        assert list(OutboxWebhook.objects.values_list("label", flat=True)) == labels

    def test_press_a_button(self, graph: Caller, customer: SimulatedCustomer, shop: Shop) -> None:
        graph.send_template()
        arrive()
        message = ChatMessage.objects.get()

        act(graph.client, customer, do=f"press:{message.pk}:0")
        shop.receive()

        assert shop.messages[0]["button"]["payload"] == "change:1042"
        assert "read" in [status["status"] for status in shop.statuses]

    def test_react_and_take_the_reaction_away(
        self, graph: Caller, customer: SimulatedCustomer, shop: Shop
    ) -> None:
        graph.send_template()
        message = ChatMessage.objects.get()

        act(graph.client, customer, do=f"react:{message.pk}:1")
        message.refresh_from_db()
        put = message.reaction
        act(graph.client, customer, do=f"react:{message.pk}:1")
        shop.receive(after_seconds=0.5)

        assert put == "❤️"
        assert [each["reaction"]["emoji"] for each in shop.messages] == ["❤️", ""]

    def test_change_the_fate(self, graph: Caller, customer: SimulatedCustomer) -> None:
        act(graph.client, customer, do="fate", fate="held")

        customer.refresh_from_db()
        assert customer.fate == "held"

    def test_change_the_number(
        self, graph: Caller, customer: SimulatedCustomer, shop: Shop
    ) -> None:
        response = act(graph.client, customer, do="change_number", phone="+358 45 739 0199")

        customer.refresh_from_db()
        assert response.status_code == 302
        assert customer.wa_id == "358457390199"
        assert "The phone number was changed" in page(graph.client, customer)

    @pytest.mark.parametrize(
        ("phone", "words"),
        [("12", "This is not a phone number."), (ORDINARY, "A customer here has this number")],
    )
    def test_say_why_a_number_cannot_be_taken(
        self, graph: Caller, customer: SimulatedCustomer, phone: str, words: str
    ) -> None:
        response = act(graph.client, customer, do="change_number", phone=phone)

        assert response.status_code == 400
        assert words in response.content.decode()

    @pytest.mark.parametrize(
        "data",
        [
            {"do": "dance"},
            {"do": "text", "text": "  "},
            {"do": "text", "text": "x" * 4097},
            {"do": "press:x:0"},
            {"do": "press:999999:0"},
            {"do": "press:1"},
            {"do": "react:1:99"},
            {"do": "fate", "fate": "unknown"},
        ],
    )
    def test_refuse_what_the_page_does_not_offer(
        self, graph: Caller, customer: SimulatedCustomer, data: dict[str, str]
    ) -> None:
        assert act(graph.client, customer, **data).status_code == 400
        assert not OutboxWebhook.objects.exists()

    def test_leave_other_peoples_messages_alone(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        graph.send_template("+358457390101")
        message = ChatMessage.objects.get()

        assert act(graph.client, customer, do=f"press:{message.pk}:0").status_code == 400

    def test_need_the_csrf_token(self, customer: SimulatedCustomer) -> None:
        assert act(Client(enforce_csrf_checks=True), customer, do="photo").status_code == 403

    def test_answer_the_script_without_a_page(
        self, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        url = reverse("whatsapp_simulator:act", args=[customer.pk])

        response = graph.client.post(url, {"do": "say:Hi"}, headers={"x-requested-with": "fetch"})

        assert response.status_code == 204


class TestTyping:
    def test_shows_the_shop_typing(self, graph: Caller, customer: SimulatedCustomer) -> None:
        message = control.reply(customer, "Hello?")
        before = feed(graph.client, customer).json()["typing"]

        graph.send(status="read", message_id=message.wamid, typing_indicator={"type": "text"})

        assert before is False
        assert feed(graph.client, customer).json()["typing"] is True


def test_json_of_the_feed_is_small(graph: Caller, customer: SimulatedCustomer) -> None:
    control.reply(customer, "Hello")

    assert len(json.dumps(feed(graph.client, customer).json())) < 20_000
