"""The other addresses of Graph: number, profile, templates, files, tokens."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.simulator.conftest import (
    ACCOUNT_ID,
    NUMBER_ID,
    ORDER_SHIPPED,
    TOKEN,
    Caller,
    Shop,
)
from whatsapp_notify.simulator import control
from whatsapp_notify.simulator.models import ScriptedError, SimulatedTemplate

BEARER = {"authorization": f"Bearer {TOKEN}"}


def body(text: str, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "BODY", "text": text, **more}]


def new(**changes: Any) -> dict[str, Any]:
    return {
        "name": "news",
        "language": "fi",
        "category": "MARKETING",
        "components": body("Hei"),
        **changes,
    }


class TestNumber:
    def test_answers_the_fields_asked_for(self, graph: Caller) -> None:
        fields = (
            "verified_name,display_phone_number,quality_rating,status,name_status,"
            "code_verification_status,platform_type,throughput,webhook_configuration,"
            "whatsapp_business_manager_messaging_limit,health_status,"
            "is_official_business_account,account_mode"
        )

        node = graph.get("node", node_id=NUMBER_ID, fields=fields).json()

        assert set(node) == {*fields.split(","), "id"}
        assert node["verified_name"] == "Test shop"
        assert node["status"] == "CONNECTED"
        assert node["throughput"] == {"level": "STANDARD"}
        assert node["health_status"]["can_send_message"] == "AVAILABLE"

    def test_refuses_an_unknown_field(self, graph: Caller) -> None:
        response = graph.get("node", node_id=NUMBER_ID, fields="shoe_size")

        assert response.json()["error"]["message"] == (
            "(#100) Tried accessing nonexisting field (shoe_size)"
        )

    def test_refuses_an_unknown_id(self, graph: Caller) -> None:
        error = graph.get("node", node_id="123").json()["error"]

        assert (error["code"], error["error_subcode"]) == (100, 33)

    def test_lists_the_numbers_of_the_account(self, graph: Caller) -> None:
        answer = graph.get("phone_numbers", node_id=ACCOUNT_ID).json()

        assert [each["id"] for each in answer["data"]] == [NUMBER_ID]


class TestProfile:
    def test_keeps_what_is_set(self, graph: Caller) -> None:
        values = {"messaging_product": "whatsapp", "about": "Open", "websites": ["https://a.test"]}

        assert graph.post("profile", values, node_id=NUMBER_ID).json() == {"success": True}

        data = graph.get("profile", node_id=NUMBER_ID).json()["data"]
        assert data == [values]

    @pytest.mark.parametrize(
        "values",
        [
            {"about": ""},
            {"about": "x" * 140},
            {"email": "x" * 129},
            {"websites": ["a", "b", "c"]},
            {"messaging_product": ""},
        ],
    )
    def test_refuses_what_is_too_long(self, graph: Caller, values: dict[str, Any]) -> None:
        values = {"messaging_product": "whatsapp", **values}

        assert graph.post("profile", values, node_id=NUMBER_ID).status_code == 400


class TestSubscription:
    def test_lists_the_app_once_subscribed(self, graph: Caller) -> None:
        before = graph.get("subscribed_apps", node_id=ACCOUNT_ID).json()
        response = graph.post("subscribed_apps", "", node_id=ACCOUNT_ID)
        after = graph.get("subscribed_apps", node_id=ACCOUNT_ID).json()

        assert before == {"data": []}
        assert response.json() == {"success": True}
        assert len(after["data"]) == 1


class TestTemplates:
    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("news", "APPROVED"),
            ("news_pending", "PENDING"),
            ("news_rejected", "REJECTED"),
            ("news_paused", "PAUSED"),
            ("news_disabled", "DISABLED"),
        ],
    )
    def test_gives_the_status_that_the_name_ends_in(
        self, graph: Caller, name: str, status: str
    ) -> None:
        answer = graph.post("templates", new(name=name), node_id=ACCOUNT_ID).json()

        assert answer["status"] == status
        assert answer["category"] == "MARKETING"
        assert answer["id"].isdigit()

    def test_tells_the_shop_once_decided(self, graph: Caller, shop: Shop) -> None:
        graph.post("templates", new(), node_id=ACCOUNT_ID)
        graph.post("templates", new(name="x_pending"), node_id=ACCOUNT_ID)

        shop.receive()

        [value] = shop.values
        assert (value["event"], value["message_template_name"]) == ("APPROVED", "news")
        assert isinstance(value["message_template_id"], int)

    @pytest.mark.parametrize(
        ("changes", "subcode"),
        [
            ({"name": "News"}, 2388075),
            ({"language": "finnish"}, 2388003),
            ({"category": "SPAM"}, 2388003),
            ({"components": body("x" * 1025)}, 2388040),
            ({"components": body("{{1}} is here", example=1)}, 2388299),
            ({"components": body("Here is {{1}}", example=1)}, 2388299),
            ({"components": body("Hi {{1}}!")}, 2388043),
            ({"components": [{"type": "FOOTER", "text": "x"}]}, 2388072),
            ({"components": [*body("Hi"), {"type": "FOOTER", "text": "x" * 61}]}, 2388073),
            (
                {
                    "components": [
                        *body("Hi"),
                        {
                            "type": "BUTTONS",
                            "buttons": [
                                {"type": "QUICK_REPLY", "text": "A"},
                                {"type": "URL", "text": "B", "url": "https://a.test"},
                                {"type": "QUICK_REPLY", "text": "C"},
                            ],
                        },
                    ]
                },
                2388072,
            ),
        ],
    )
    def test_refuses_what_meta_refuses(
        self, graph: Caller, changes: dict[str, Any], subcode: int
    ) -> None:
        response = graph.post("templates", new(**changes), node_id=ACCOUNT_ID)

        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (400, 100)
        assert error["error_subcode"] == subcode

    def test_refuses_a_second_one_in_the_same_language(self, graph: Caller) -> None:
        response = graph.post("templates", ORDER_SHIPPED, node_id=ACCOUNT_ID)

        assert response.json()["error"]["error_subcode"] == 2388024
        assert SimulatedTemplate.objects.filter(name="order_shipped").count() == 1

    def test_lists_pages_by_cursor(self, graph: Caller) -> None:
        for number in range(3):
            graph.post("templates", new(name=f"news_{number}"), node_id=ACCOUNT_ID)

        names: list[str] = []
        after = ""
        for _ in range(3):
            query = {"limit": "2", "fields": "name", **({"after": after} if after else {})}
            page = graph.get("templates", node_id=ACCOUNT_ID, **query).json()
            names += [each["name"] for each in page["data"]]
            after = page["paging"]["cursors"]["after"]

        assert names == ["order_shipped", "spring_sale", "news_0", "news_1", "news_2"]
        assert "next" not in page["paging"]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({"status": "approved", "category": "MARKETING"}, ["spring_sale"]),
            ({"name": "order"}, ["order_shipped"]),
            ({"language": "sv"}, []),
        ],
    )
    def test_filters_the_list(self, graph: Caller, query: dict[str, str], names: list[str]) -> None:
        answer = graph.get("templates", node_id=ACCOUNT_ID, **query).json()

        assert [each["name"] for each in answer["data"]] == names

    @pytest.mark.parametrize("cursor", ["x", "%%%", "dGVtcGxhdGU6eA==", "é"])
    def test_refuses_a_bad_cursor(self, graph: Caller, cursor: str) -> None:
        error = graph.get("templates", node_id=ACCOUNT_ID, after=cursor).json()["error"]

        assert error["code"] == 131059

    def test_deletes_all_languages_of_a_name(self, graph: Caller) -> None:
        graph.post("templates", {**ORDER_SHIPPED, "language": "fi"}, node_id=ACCOUNT_ID)
        url = reverse("whatsapp_simulator:templates", args=["v25.0", ACCOUNT_ID])

        response = graph.client.delete(f"{url}?name=order_shipped", headers=BEARER)

        assert response.json() == {"success": True}
        assert not SimulatedTemplate.objects.filter(name="order_shipped").exists()

    def test_edits_components(self, graph: Caller) -> None:
        graph_id = SimulatedTemplate.objects.get(name="spring_sale").graph_id

        graph.post("node", {"components": body("New words")}, node_id=graph_id)

        node = graph.get("node", node_id=graph_id, fields="components").json()
        assert node["components"] == body("New words")


class TestMedia:
    def upload(self, client: Client, **changes: Any) -> Any:
        file = SimpleUploadedFile("a.jpg", b"picture", content_type="image/jpeg")
        values = {"messaging_product": "whatsapp", "type": "image/jpeg", "file": file, **changes}
        url = reverse("whatsapp_simulator:media", args=["v25.0", NUMBER_ID])
        return client.post(url, values, headers=BEARER)

    def test_gives_the_bytes_back(self, graph: Caller) -> None:
        media_id = self.upload(graph.client).json()["id"]

        node = graph.get("node", node_id=media_id).json()
        response = graph.client.get(node.pop("url"), headers=BEARER)

        assert node == {
            "messaging_product": "whatsapp",
            "mime_type": "image/jpeg",
            "sha256": hashlib.sha256(b"picture").hexdigest(),
            "file_size": 7,
            "id": media_id,
        }
        assert response.content == b"picture"
        assert response["Content-Type"] == "image/jpeg"

    def test_address_needs_the_token(self, graph: Caller) -> None:
        node = graph.get("node", node_id=self.upload(graph.client).json()["id"]).json()

        assert graph.client.get(node["url"]).status_code == 401

    @pytest.mark.parametrize(("minutes", "status"), [(4, 200), (6, 404)])
    def test_address_works_for_five_minutes(
        self, graph: Caller, monkeypatch: pytest.MonkeyPatch, minutes: int, status: int
    ) -> None:
        node = graph.get("node", node_id=self.upload(graph.client).json()["id"]).json()
        later = timezone.now() + timedelta(minutes=minutes)

        monkeypatch.setattr("whatsapp_notify.simulator.graph.media.timezone.now", lambda: later)

        assert graph.client.get(node["url"], headers=BEARER).status_code == status

    def test_address_cannot_be_forged(self, graph: Caller) -> None:
        node = graph.get("node", node_id=self.upload(graph.client).json()["id"]).json()

        forged = node["url"][:-1] + ("0" if node["url"][-1] != "0" else "1")

        assert graph.client.get(forged, headers=BEARER).status_code == 404

    def test_is_gone_once_deleted(self, graph: Caller) -> None:
        media_id = self.upload(graph.client).json()["id"]
        url = reverse("whatsapp_simulator:node", args=["v25.0", media_id])

        assert graph.client.delete(url, headers=BEARER).json() == {"success": True}
        assert graph.get("node", node_id=media_id).status_code == 400

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"file": ""}, 131008),
            ({"type": "text/html"}, 100),
            ({"messaging_product": "x"}, 100),
        ],
    )
    def test_refuses_bad_uploads(self, graph: Caller, changes: dict[str, Any], code: int) -> None:
        assert self.upload(graph.client, **changes).json()["error"]["code"] == code

    def test_meets_errors_that_are_scripted(self, graph: Caller) -> None:
        control.fail_next_calls(131053)

        first, second = self.upload(graph.client), self.upload(graph.client)

        assert (first.status_code, first.json()["error"]["code"]) == (400, 131053)
        assert "id" in second.json()

    def test_leaves_errors_of_webhooks_to_messages(self, graph: Caller) -> None:
        control.fail_next_calls(130472, by_webhook=True)

        assert "id" in self.upload(graph.client).json()
        assert ScriptedError.objects.get().remaining_calls == 1


class TestDebugToken:
    @pytest.mark.parametrize(("token", "is_valid"), [(TOKEN, True), ("other", False)])
    def test_tells_what_a_token_may(self, graph: Caller, token: str, is_valid: bool) -> None:
        url = reverse("whatsapp_simulator:debug_token", args=["v25.0"])

        data = graph.client.get(url, {"input_token": token}, headers=BEARER).json()["data"]

        assert data["is_valid"] is is_valid
        assert ("whatsapp_business_messaging" in data["scopes"]) is is_valid
