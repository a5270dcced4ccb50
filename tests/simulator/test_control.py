"""``POST /simulator/control/``: another process plays the customer."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.simulator.conftest import ORDINARY, SETTINGS, TOKEN, Caller, Shop
from whatsapp_notify.simulator.control_api import COMMANDS
from whatsapp_notify.simulator.models import ChatMessage, OutboxWebhook, SimulatedCustomer

ROOT = Path(__file__).parents[2]


def order(client: Client, token: str = TOKEN, **values: Any) -> HttpResponse:
    return client.post(
        reverse("whatsapp_simulator:control"),
        json.dumps(values),
        content_type="application/json",
        headers={"authorization": f"Bearer {token}"},
    )


@pytest.fixture
def delivered(graph: Caller) -> ChatMessage:
    """A template that has reached the phone."""
    graph.send_template()
    ChatMessage.objects.update(sent_at=timezone.now(), delivered_at=timezone.now())
    return ChatMessage.objects.get()


def test_documents_name_every_action() -> None:
    words = (ROOT / "docs" / "integration.md").read_text()

    named = set(re.findall(r"`([a-z_]+)`", words.partition("| action |")[2]))
    assert set(COMMANDS) <= named


class TestAccess:
    @pytest.mark.parametrize("token", ["", "wrong"])
    def test_needs_the_token(self, graph: Caller, token: str) -> None:
        response = order(graph.client, token=token, action="reply", phone=ORDINARY, text="x")

        assert response.status_code == 401
        assert not SimulatedCustomer.objects.exists()

    def test_refuses_everybody_when_no_token_is_set(
        self, graph: Caller, simulator_settings: Any
    ) -> None:
        simulator_settings.WHATSAPP_SIMULATOR = {**SETTINGS, "ACCESS_TOKEN": ""}

        assert order(graph.client, token="", action="ledger").status_code == 401

    def test_takes_post_only(self, graph: Caller) -> None:
        assert graph.client.get(reverse("whatsapp_simulator:control")).status_code == 405

    @pytest.mark.parametrize(
        ("values", "error"),
        [
            ({}, "unknown_action"),
            ({"action": "dance"}, "unknown_action"),
            ({"action": "reply", "text": "x"}, "missing_phone"),
            ({"action": "reply", "phone": ORDINARY}, "missing_text"),
            ({"action": "reply", "phone": "abc", "text": "x"}, "bad_phone"),
            ({"action": "press_button", "phone": ORDINARY}, "no_such_message"),
            ({"action": "set_fate", "phone": ORDINARY, "fate": "x"}, "unknown_fate"),
            ({"action": "send_location", "phone": ORDINARY, "latitude": True}, "missing_latitude"),
            ({"action": "webhook", "field": "x"}, "missing_value"),
        ],
    )
    def test_names_what_is_wrong(self, graph: Caller, values: dict[str, Any], error: str) -> None:
        response = order(graph.client, **values)

        assert response.status_code == 400
        assert response.json()["error"] == error


class TestActions:
    def test_reads_the_chat(self, graph: Caller, delivered: ChatMessage) -> None:
        chat = order(graph.client, action="chat", phone=ORDINARY).json()

        [message] = chat["messages"]
        assert chat["customer"]["wa_id"] == "358457390100"
        assert message["wamid"] == delivered.wamid
        assert message["direction"] == "to_customer"
        assert message["template"] == "order_shipped"
        assert message["status"] == "delivered"
        assert message["text"].startswith("Hello Customer")
        assert message["answers"] == ["Change the day", "Track"]

    def test_replies(self, graph: Caller, shop: Shop) -> None:
        answer = order(graph.client, action="reply", phone=ORDINARY, text="Hi").json()

        shop.receive()

        assert answer["ok"] is True
        assert shop.messages[0]["id"] == answer["wamid"]

    @pytest.mark.parametrize("choice", [{"index": 0}, {"text": "Change the day"}])
    def test_presses_a_button_of_the_last_message(
        self, graph: Caller, shop: Shop, delivered: ChatMessage, choice: dict[str, Any]
    ) -> None:
        order(graph.client, action="press_button", phone=ORDINARY, **choice)

        shop.receive()

        assert shop.messages[0]["button"]["payload"] == "change:1042"

    @pytest.mark.parametrize("choice", [{"index": 1}, {"index": 9}, {"text": "Nothing"}])
    def test_refuses_what_cannot_be_pressed(
        self, graph: Caller, delivered: ChatMessage, choice: dict[str, Any]
    ) -> None:
        response = order(graph.client, action="press_button", phone=ORDINARY, **choice)

        assert response.json()["error"] == "nothing_to_press"

    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            ({"action": "react", "emoji": "🙏"}, "reaction"),
            ({"action": "send_photo"}, "image"),
            ({"action": "send_location", "latitude": 60, "longitude": 24.5}, "location"),
            ({"action": "send_order", "items": [{"quantity": 1}]}, "order"),
        ],
    )
    def test_sends_other_kinds(
        self,
        graph: Caller,
        shop: Shop,
        delivered: ChatMessage,
        values: dict[str, Any],
        kind: str,
    ) -> None:
        response = order(graph.client, phone=ORDINARY, **values)

        shop.receive()

        assert response.status_code == 200
        assert [message["type"] for message in shop.messages] == [kind]

    def test_reads_stops_and_resumes(self, graph: Caller, delivered: ChatMessage) -> None:
        OutboxWebhook.objects.all().delete()

        for action in ("read", "stop_marketing", "resume_marketing"):
            assert order(graph.client, action=action, phone=ORDINARY).json()["ok"] is True

        labels = list(OutboxWebhook.objects.order_by("id").values_list("label", flat=True))
        assert labels == ["read", "stop", "resume"]

    def test_changes_the_fate(self, graph: Caller) -> None:
        order(graph.client, action="set_fate", phone=ORDINARY, fate="not_on_whatsapp")

        assert SimulatedCustomer.objects.get().fate == "not_on_whatsapp"

    def test_lists_the_ledger(self, graph: Caller, delivered: ChatMessage) -> None:
        graph.send_template("+358457390101")

        everything = order(graph.client, action="ledger").json()["messages"]
        one = order(graph.client, action="ledger", phone=ORDINARY).json()["messages"]

        assert len(everything) == 2
        assert [row["wamid"] for row in one] == [delivered.wamid]
        assert one[0]["payload"]["to"] == ORDINARY

    def test_changes_templates(self, graph: Caller) -> None:
        values = {"name": "order_shipped", "status": "PAUSED"}

        answer = order(graph.client, action="template_status", **values).json()

        assert answer["changed"] == 1
        assert graph.send_template().json()["error"]["code"] == 132015

    def test_scripts_errors_and_resets(self, graph: Caller) -> None:
        order(graph.client, action="fail_next_calls", code=190)
        refused = graph.send_template()
        order(graph.client, action="reset")

        assert refused.status_code == 401
        assert order(graph.client, action="webhooks").json()["waiting"] == 0
