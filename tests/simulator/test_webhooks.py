"""Webhooks: Meta's envelope, Meta's bytes, Meta's patience."""

import hashlib
import hmac
import json
import threading
from typing import Any

import pytest
from django.utils import timezone

from tests.simulator.conftest import (
    ACCOUNT_ID,
    APP_SECRET,
    NUMBER_ID,
    ORDINARY,
    SETTINGS,
    Caller,
    Shop,
    no_connection,
)
from whatsapp_notify.simulator import control, courier, customers, webhooks
from whatsapp_notify.simulator.models import ChatMessage, OutboxWebhook


class TestBytes:
    def test_are_signed_with_the_app_secret(self, graph: Caller, shop: Shop) -> None:
        control.reply(control.customer(ORDINARY), "Hyvää päivää 😀")

        shop.receive()

        [body], [headers] = shop.bodies, shop.headers
        expected = hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature-256"] == f"sha256={expected}"
        assert headers["Content-Type"] == "application/json"

    def test_are_escaped_as_meta_does(self) -> None:
        text = webhooks.encode({"a": "ä😀/"})

        assert text == '{"a":"\\u00e4\\ud83d\\ude00\\/"}'
        assert json.loads(text) == {"a": "ä😀/"}


class TestStatus:
    def test_has_the_documented_shape(self, graph: Caller, shop: Shop) -> None:
        opaque = "wn1.abc.def.1"
        wamid = graph.send_template(biz_opaque_callback_data=opaque).json()["messages"][0]["id"]

        shop.receive()

        customer = control.customer(ORDINARY)
        body = json.loads(shop.bodies[0])
        [entry] = body["entry"]
        [change] = entry["changes"]
        assert body["object"] == "whatsapp_business_account"
        assert entry["id"] == ACCOUNT_ID
        assert change["field"] == "messages"
        assert change["value"]["messaging_product"] == "whatsapp"
        assert change["value"]["metadata"] == {
            "display_phone_number": "358457390190",
            "phone_number_id": NUMBER_ID,
        }
        assert change["value"]["contacts"] == [
            {
                "profile": {"name": customer.name},
                "wa_id": "358457390100",
                "user_id": customer.user_id,
            }
        ]
        [status] = change["value"]["statuses"]
        assert status.pop("timestamp").isdigit()
        assert status == {
            "id": wamid,
            "status": "sent",
            "recipient_id": "358457390100",
            "recipient_user_id": customer.user_id,
            "biz_opaque_callback_data": opaque,
            "pricing": {
                "billable": True,
                "pricing_model": "PMP",
                "category": "utility",
                "type": "regular",
            },
        }

    def test_prices_sent_and_one_later_status(self, graph: Caller, shop: Shop) -> None:
        graph.send_template("+358457390000")

        shop.receive()

        priced = [status["status"] for status in shop.statuses if "pricing" in status]
        assert priced == ["sent", "delivered"]

    def test_failure_has_neither_contacts_nor_opaque_string(
        self, graph: Caller, shop: Shop
    ) -> None:
        graph.send(biz_opaque_callback_data="secret")

        shop.receive()

        [value] = shop.values
        [status] = value["statuses"]
        assert "contacts" not in value
        assert "biz_opaque_callback_data" not in status
        assert set(status["errors"][0]) == {"code", "title", "message", "error_data", "href"}


class TestInbound:
    def test_text(self, graph: Caller, shop: Shop) -> None:
        customer = control.customer(ORDINARY, name="Customer One")
        quoted = graph.send_template().json()["messages"][0]["id"]
        message = control.reply(customer, "Thanks", context_wamid=quoted)

        shop.receive(after_seconds=0.5)

        [value] = shop.values
        [element] = value["messages"]
        assert value["contacts"][0]["profile"] == {"name": "Customer One"}
        assert element.pop("timestamp").isdigit()
        assert element == {
            "from": "358457390100",
            "from_user_id": customer.user_id,
            "id": message.wamid,
            "type": "text",
            "text": {"body": "Thanks"},
            "context": {"from": "358457390190", "id": quoted},
        }

    def test_template_button(self, graph: Caller, shop: Shop) -> None:
        wamid = graph.send_template().json()["messages"][0]["id"]
        control.press_button(control.customer(ORDINARY), ChatMessage.objects.get(), 0)

        shop.receive(after_seconds=0.5)

        [element] = shop.messages
        assert element["type"] == "button"
        assert element["button"] == {"payload": "change:1042", "text": "Change the day"}
        assert element["context"]["id"] == wamid

    @pytest.mark.parametrize(
        ("kind", "action", "reply"),
        [
            (
                "button",
                {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]},
                {"type": "button_reply", "button_reply": {"id": "y", "title": "Yes"}},
            ),
            (
                "list",
                {
                    "button": "Choose",
                    "sections": [{"rows": [{"id": "1", "title": "A", "description": "B"}]}],
                },
                {
                    "type": "list_reply",
                    "list_reply": {"id": "1", "title": "A", "description": "B"},
                },
            ),
        ],
    )
    def test_interactive_answers(
        self,
        graph: Caller,
        shop: Shop,
        kind: str,
        action: dict[str, Any],
        reply: dict[str, Any],
    ) -> None:
        interactive = {"type": kind, "body": {"text": "?"}, "action": action}
        graph.send(type="interactive", interactive=interactive)
        control.press_button(control.customer(ORDINARY), ChatMessage.objects.get(), 0)

        shop.receive(after_seconds=0.5)

        assert shop.messages[0]["interactive"] == reply

    def test_links_are_not_answers(self, graph: Caller) -> None:
        graph.send_template()

        with pytest.raises(customers.NothingToPress):
            control.press_button(control.customer(ORDINARY), ChatMessage.objects.get(), 1)

    def test_photo_location_reaction_and_order(self, graph: Caller, shop: Shop) -> None:
        customer = control.customer(ORDINARY)
        graph.send_template()
        template = ChatMessage.objects.get()
        item = {
            "product_retailer_id": "sku",
            "quantity": 2,
            "item_price": 9.5,
            "currency": "EUR",
        }
        control.send_photo(customer, "Look")
        control.send_location(customer, 60.17, 24.95)
        control.react(customer, template, "❤️")
        control.send_order(customer, [item], "Please")

        shop.receive(after_seconds=0.5)

        photo, location, reaction, order = shop.messages
        assert set(photo["image"]) == {"id", "mime_type", "sha256", "caption"}
        assert location["location"] == {"latitude": 60.17, "longitude": 24.95}
        assert reaction["reaction"] == {"message_id": template.wamid, "emoji": "❤️"}
        assert order["order"]["product_items"] == [item]

    def test_marketing_preferences(self, graph: Caller, shop: Shop) -> None:
        customer = control.customer(ORDINARY)
        control.stop_marketing(customer)
        control.resume_marketing(customer)

        shop.receive()

        preferences = [value["user_preferences"][0] for value in shop.values]
        assert [each["value"] for each in preferences] == ["stop", "resume"]
        assert preferences[0]["category"] == "marketing_messages"
        assert preferences[0]["wa_id"] == "358457390100"
        assert isinstance(preferences[0]["timestamp"], int)
        assert json.loads(shop.bodies[0])["entry"][0]["changes"][0]["field"] == "user_preferences"

    def test_writing_opens_the_window(self, graph: Caller, shop: Shop) -> None:
        control.reply(control.customer(ORDINARY), "Hello")
        graph.send()

        shop.receive()

        assert [status["status"] for status in shop.statuses] == ["sent", "delivered"]


class TestAccountWebhooks:
    def test_template_changes(self, graph: Caller, shop: Shop) -> None:
        control.set_template_status("order_shipped", "PAUSED")
        control.set_template_category("order_shipped", "MARKETING")
        control.set_template_quality("order_shipped", "RED")
        control.send_webhook("account_update", {"event": "DISABLED_UPDATE"})

        shop.receive()

        paused, category, quality, account = shop.values
        assert (paused["event"], paused["other_info"]["title"]) == ("PAUSED", "FIRST_PAUSE")
        assert (category["previous_category"], category["new_category"]) == (
            "UTILITY",
            "MARKETING",
        )
        assert quality["new_quality_score"] == "RED"
        assert account == {"event": "DISABLED_UPDATE"}
        assert all("time" in json.loads(body)["entry"][0] for body in shop.bodies)


class TestCourier:
    def test_tries_again_later_each_time(self, graph: Caller) -> None:
        shop = Shop(answers=[500, no_connection(), 200])
        control.stop_marketing(control.customer(ORDINARY))

        taken = [shop.receive(after_seconds=seconds) for seconds in (1, 1.5, 2.5, 3.5, 5)]

        assert taken == [0, 0, 0, 0, 1]
        assert len(shop.bodies) == 3
        assert len(set(shop.bodies)) == 1
        webhook = OutboxWebhook.objects.get()
        assert (webhook.attempts, webhook.last_error) == (3, "")

    def test_takes_only_200_for_an_answer(self, graph: Caller) -> None:
        control.stop_marketing(control.customer(ORDINARY))

        Shop(answers=[204]).receive()

        assert OutboxWebhook.objects.get().last_error == "HTTP 204"

    def test_gives_up_in_the_end(self, graph: Caller) -> None:
        shop = Shop(answers=[500] * 20)
        control.stop_marketing(control.customer(ORDINARY))

        for number in range(1, 15):
            shop.receive(after_seconds=100 * number)

        assert len(shop.bodies) == courier.MAX_ATTEMPTS
        assert OutboxWebhook.objects.get().gave_up_at is not None

    def test_leaves_alone_what_another_has_claimed(self, graph: Caller) -> None:
        control.stop_marketing(control.customer(ORDINARY))
        inner = Shop()

        def post(url: str, body: bytes, headers: Any) -> int:
            # A second courier looks while the first one waits for the shop.
            assert inner.receive(after_seconds=1) == 0
            return 200

        assert courier.deliver_due(inner.at(1), transport=post) == 1
        assert inner.bodies == []

    def test_takes_over_what_a_dead_one_claimed(self, graph: Caller, shop: Shop) -> None:
        control.stop_marketing(control.customer(ORDINARY))
        OutboxWebhook.objects.update(claimed_until=shop.at(30))

        assert shop.receive(after_seconds=29) == 0
        assert shop.receive(after_seconds=31) == 1

    @pytest.mark.parametrize("missing", ["WEBHOOK_URL", "APP_SECRET"])
    def test_waits_without_address_or_secret(
        self, graph: Caller, shop: Shop, simulator_settings: Any, missing: str
    ) -> None:
        control.stop_marketing(control.customer(ORDINARY))
        simulator_settings.WHATSAPP_SIMULATOR = {**SETTINGS, missing: ""}

        assert shop.receive() == 0
        assert OutboxWebhook.objects.waiting().count() == 1

    def test_begins_no_other_one_once_stopped(self, graph: Caller, shop: Shop) -> None:
        control.stop_marketing(control.customer(ORDINARY))
        control.resume_marketing(control.customer(ORDINARY))
        stop = threading.Event()

        def post(url: str, body: bytes, headers: Any) -> int:
            stop.set()
            return shop(url, body, headers)

        delivered = courier.deliver_due(shop.at(1), transport=post, stop_event=stop)

        assert (delivered, len(shop.bodies)) == (1, 1)
        assert OutboxWebhook.objects.waiting().filter(claimed_until=None).count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_runs_until_it_is_stopped(self, shop: Shop) -> None:
        control.stop_marketing(control.customer(ORDINARY))
        stop = threading.Event()

        def post(url: str, body: bytes, headers: Any) -> int:
            stop.set()
            return shop(url, body, headers)

        thread = threading.Thread(target=courier.run_forever, args=(stop,), kwargs={
            "transport": post
        })  # fmt: skip
        thread.start()
        thread.join(timeout=20)

        assert not thread.is_alive()
        assert len(shop.bodies) == 1
        assert OutboxWebhook.objects.get().delivered_at <= timezone.now()
