"""``POST /{PHONE_NUMBER_ID}/messages``: shapes and refusals that Meta documents."""

import json
from typing import Any

import pytest

from tests.simulator.conftest import (
    APP_SECRET,
    NUMBER_ID,
    ORDINARY,
    TOKEN,
    Caller,
    shipped_components,
)
from whatsapp_notify.cloud_api.signature import sign
from whatsapp_notify.simulator import control, message_templates
from whatsapp_notify.simulator.models import AcceptedMessage, ChatMessage, StoredMedia


def error_of(response: Any) -> dict[str, Any]:
    return response.json()["error"]


class TestEnvelope:
    def test_answers_the_accepted_message(self, graph: Caller) -> None:
        response = graph.send_template(to="+358 (45) 739-0100")

        answer = response.json()
        assert response.status_code == 200
        assert answer["messaging_product"] == "whatsapp"
        assert answer["contacts"] == [{"input": "+358 (45) 739-0100", "wa_id": "358457390100"}]
        assert answer["messages"][0]["id"].startswith("wamid.")
        assert answer["messages"][0]["message_status"] == "accepted"

    def test_leaves_message_status_to_templates(self, graph: Caller) -> None:
        assert set(graph.send().json()["messages"][0]) == {"id"}

    def test_carries_the_headers_of_graph(self, graph: Caller) -> None:
        response = graph.send()

        assert response["facebook-api-version"] == "v25.0"
        assert response["x-fb-trace-id"]
        usage = json.loads(response["x-business-use-case-usage"])
        assert usage["102290129340398"][0]["call_count"] == 1

    def test_shapes_errors_as_documented(self, graph: Caller) -> None:
        response = graph.send_template(name="unknown")

        error = error_of(response)
        assert set(error) == {"message", "type", "code", "error_data", "fbtrace_id"}
        assert error["message"].startswith("(#132001) ")
        assert error["type"] == "OAuthException"
        assert error["error_data"]["messaging_product"] == "whatsapp"
        assert error["fbtrace_id"] == response["x-fb-trace-id"]

    @pytest.mark.parametrize("token", ["", "wrong"])
    def test_refuses_a_bad_token(self, graph: Caller, token: str) -> None:
        response = Caller(graph.client, token=token).send()

        assert response.status_code == 401
        assert error_of(response)["code"] == 190
        assert not AcceptedMessage.objects.exists()

    def test_refuses_every_token_when_none_is_set(
        self, graph: Caller, simulator_settings: Any
    ) -> None:
        simulator_settings.WHATSAPP_SIMULATOR = {"ALLOW_WITHOUT_DEBUG": True}

        assert Caller(graph.client, token="").send().status_code == 401

    @pytest.mark.parametrize(("proof", "status"), [("0" * 64, 400), (None, 200)])
    def test_checks_the_proof_of_the_app_secret(
        self, graph: Caller, proof: str | None, status: int
    ) -> None:
        right = sign(TOKEN.encode(), APP_SECRET).removeprefix("sha256=")

        response = graph.get("node", node_id=NUMBER_ID, appsecret_proof=proof or right)

        assert response.status_code == status

    def test_knows_only_its_own_number(self, graph: Caller) -> None:
        response = graph.post("messages", {}, node_id="999")

        assert response.status_code == 400
        assert (error_of(response)["code"], error_of(response)["error_subcode"]) == (100, 33)
        assert error_of(response)["type"] == "GraphMethodException"

    def test_refuses_an_unknown_version(self, graph: Caller) -> None:
        response = graph.post("messages", {}, node_id=NUMBER_ID, version="latest")

        assert error_of(response)["code"] == 2500

    @pytest.mark.parametrize(
        "body", ["", "{", "[]", "null", '{"a": NaN}', '{"a": "\\u0000"}', '{"a": "\\ud800"}']
    )
    def test_refuses_what_is_no_json_object(self, graph: Caller, body: str) -> None:
        response = graph.post("messages", body, node_id=NUMBER_ID)

        assert (response.status_code, error_of(response)["code"]) == (400, 100)


class TestRecipient:
    @pytest.mark.parametrize(
        ("to", "wa_id"),
        [
            ("+358457390100", "358457390100"),
            ("358457390100", "358457390100"),
            ("0457390100", "358457390100"),  # the business's country code is put in front
            ("+5511987654321", "551187654321"),  # Brazil: without the ninth digit
            ("+5215512345678", "525512345678"),  # Mexico: without the 1
        ],
    )
    def test_understands_numbers_as_meta_does(self, graph: Caller, to: str, wa_id: str) -> None:
        assert graph.send(to).json()["contacts"][0]["wa_id"] == wa_id

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({"to": "abc"}, 131009),
            ({"to": "+12"}, 131009),
            ({"to": "+٣٥٨٤٥٧٣٩٠١٠٠"}, 131009),
            ({"to": 358457390100}, 100),
            ({"to": ""}, 131008),
            ({"to": "+358457390190"}, 131021),
            ({"recipient_type": "group"}, 131009),
            ({"messaging_product": "sms"}, 100),
            ({"biz_opaque_callback_data": "x" * 513}, 100),
            ({"type": "fax"}, 131051),
            ({"type": ["text"]}, 131051),
        ],
    )
    def test_refuses_bad_values(self, graph: Caller, values: dict[str, Any], code: int) -> None:
        response = graph.send(**{"to": ORDINARY, **values})

        assert (response.status_code, error_of(response)["code"]) == (400, code)
        assert not AcceptedMessage.objects.exists()

    def test_takes_a_user_id_and_answers_without_number(self, graph: Caller) -> None:
        user_id = control.customer(ORDINARY).user_id

        answer = graph.send(to="", recipient=user_id).json()

        assert answer["contacts"] == [{"input": user_id, "user_id": user_id}]

    def test_prefers_the_number_when_both_are_given(self, graph: Caller) -> None:
        other = control.customer("+358457390101").user_id

        answer = graph.send(ORDINARY, recipient=other).json()

        assert answer["contacts"][0]["wa_id"] == "358457390100"

    def test_refuses_an_unknown_user_id(self, graph: Caller) -> None:
        assert error_of(graph.send(to="", recipient="FI.1"))["code"] == 131009


class TestTemplate:
    def test_fills_the_words_in(self, graph: Caller) -> None:
        graph.send_template()

        pieces = ChatMessage.objects.get().pieces
        assert pieces["title"] == "Order 1042"
        assert pieces["body"] == "Hello Customer, it comes on *Friday*. Thank you!"
        assert pieces["footer"] == "Test shop"
        assert [(each["kind"], each.get("id"), each.get("url")) for each in pieces["buttons"]] == [
            ("reply", "change:1042", None),
            ("url", None, "https://shop.test/t/abc"),
        ]

    def test_fills_named_parameters_in(self, graph: Caller) -> None:
        message_templates.create(
            {
                "name": "named",
                "language": "en",
                "category": "utility",
                "parameter_format": "named",
                "components": [{"type": "BODY", "text": "Hi {{first_name}}!", "example": {"x": 1}}],
            }
        )
        value = {"type": "text", "parameter_name": "first_name", "text": "{{first_name}} \\1"}

        graph.send_template(name="named", components=[{"type": "body", "parameters": [value]}])

        assert ChatMessage.objects.get().pieces["body"] == "Hi {{first_name}} \\1!"

    @pytest.mark.parametrize(
        ("status", "code", "http_status"),
        [("PAUSED", 132015, 400), ("DISABLED", 132016, 400), ("PENDING", 132001, 404)],
    )
    def test_refuses_templates_that_are_not_approved(
        self, graph: Caller, status: str, code: int, http_status: int
    ) -> None:
        control.set_template_status("order_shipped", status)

        response = graph.send_template()

        assert (response.status_code, error_of(response)["code"]) == (http_status, code)

    @pytest.mark.parametrize(("name", "language"), [("nothing", "en"), ("order_shipped", "en_US")])
    def test_needs_the_exact_name_and_language(
        self, graph: Caller, name: str, language: str
    ) -> None:
        response = graph.send_template(name=name, language=language)

        assert (response.status_code, error_of(response)["code"]) == (404, 132001)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (("Customer",), 132000),
            (("Customer", "Friday", "more"), 132000),
            (("Custo\nmer", "Friday"), 132018),
            (("Custo\tmer", "Friday"), 132018),
            (("Custo     mer", "Friday"), 132018),
            (("", "Friday"), 131008),
            (("x" * 1024, "Friday"), 132005),
        ],
    )
    def test_refuses_bad_parameters(self, graph: Caller, body: tuple[str, ...], code: int) -> None:
        response = graph.send_template(components=shipped_components(body=body))

        assert (response.status_code, error_of(response)["code"]) == (400, code)
        assert not AcceptedMessage.objects.exists()

    def test_takes_four_blanks_in_a_row(self, graph: Caller) -> None:
        components = shipped_components(body=("Custo    mer", "Friday"))

        assert graph.send_template(components=components).status_code == 200

    def test_tells_how_many_parameters_were_expected(self, graph: Caller) -> None:
        error = error_of(graph.send_template(components=shipped_components(body=("one",))))

        assert error["error_data"]["details"] == (
            "body: number of localizable_params (1) does not match the expected number of params "
            "(2)"
        )

    def test_needs_the_suffix_of_a_link(self, graph: Caller) -> None:
        error = error_of(graph.send_template(components=shipped_components()[:3]))

        assert error["code"] == 131008
        assert (
            "Button at index 1 of type Url requires a parameter" in error["error_data"]["details"]
        )

    @pytest.mark.parametrize("components", ["x", [1], [{"type": "header", "parameters": "x"}]])
    def test_refuses_broken_components(self, graph: Caller, components: Any) -> None:
        assert error_of(graph.send_template(components=components))["code"] == 100

    def test_needs_the_media_of_a_media_header(self, graph: Caller) -> None:
        header = {"type": "HEADER", "format": "IMAGE"}
        body = {"type": "BODY", "text": "Look"}
        message_templates.create(
            {"name": "p", "language": "en", "category": "UTILITY", "components": [header, body]}
        )
        parameter = {"type": "text", "text": "x"}

        error = error_of(
            graph.send_template(
                name="p", components=[{"type": "header", "parameters": [parameter]}]
            )
        )

        assert (error["code"], error["error_data"]["details"]) == (
            132012,
            "header: Format mismatch, expected IMAGE, received TEXT",
        )


BUTTONS = {
    "type": "button",
    "body": {"text": "Well?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]},
}
LINK = {
    "type": "cta_url",
    "body": {"text": "See"},
    "action": {
        "name": "cta_url",
        "parameters": {"display_text": "Open", "url": "https://shop.test"},
    },
}
LIST = {
    "type": "list",
    "body": {"text": "Which?"},
    "action": {
        "button": "Choose",
        "sections": [{"title": "S", "rows": [{"id": "1", "title": "One"}]}],
    },
}


class TestFreeform:
    @pytest.mark.parametrize(
        "message",
        [
            {"type": "image", "image": {"link": "https://shop.test/a.jpg", "caption": "A"}},
            {"type": "document", "document": {"link": "https://shop.test/a.pdf", "filename": "a"}},
            {"type": "location", "location": {"latitude": "60.1", "longitude": 24.9}},
            {"type": "contacts", "contacts": [{"name": {"formatted_name": "Desk"}}]},
            {"type": "reaction", "reaction": {"message_id": "wamid.x", "emoji": "👍"}},
            {"type": "interactive", "interactive": BUTTONS},
            {"type": "interactive", "interactive": LIST},
            {"type": "interactive", "interactive": LINK},
            {
                "type": "interactive",
                "interactive": {
                    "type": "location_request_message",
                    "body": {"text": "Where?"},
                    "action": {"name": "send_location"},
                },
            },
        ],
        ids=lambda message: message.get("interactive", message)["type"],
    )
    def test_takes_every_documented_kind(self, graph: Caller, message: dict[str, Any]) -> None:
        response = graph.send(**message)

        assert response.status_code == 200, response.content
        assert ChatMessage.objects.get().kind == message["type"]

    @pytest.mark.parametrize("message", [BUTTONS, LINK], ids=lambda message: message["type"])
    @pytest.mark.parametrize("kind", ["image", "video", "document"])
    def test_takes_a_file_above_buttons_and_links(
        self, graph: Caller, message: dict[str, Any], kind: str
    ) -> None:
        header = {"type": kind, kind: {"link": "https://shop.test/a.pdf", "filename": "a.pdf"}}

        response = graph.send(type="interactive", interactive={**message, "header": header})

        assert response.status_code == 200, response.content
        assert ChatMessage.objects.get().pieces["media"]["kind"] == kind

    @pytest.mark.parametrize(
        ("message", "header", "code"),
        [
            (BUTTONS, {"type": "image"}, 131008),
            (BUTTONS, {"type": "image", "image": {}}, 131008),
            (BUTTONS, {"type": "image", "image": {"id": "1"}}, 100),
            (BUTTONS, {"type": "image", "image": {"link": "ftp://x"}}, 100),
            (BUTTONS, {"type": "audio", "audio": {"link": "https://a.test/a"}}, 131009),
            (LIST, {"type": "image", "image": {"link": "https://a.test/a"}}, 131009),
        ],
    )
    def test_refuses_other_headers(
        self, graph: Caller, message: dict[str, Any], header: dict[str, Any], code: int
    ) -> None:
        response = graph.send(type="interactive", interactive={**message, "header": header})

        assert response.json()["error"]["code"] == code

    def test_takes_words_above_a_list(self, graph: Caller) -> None:
        header = {"type": "text", "text": "Sizes"}

        response = graph.send(type="interactive", interactive={**LIST, "header": header})

        assert response.status_code == 200, response.content

    @pytest.mark.parametrize(
        ("message", "code"),
        [
            ({"text": {"body": ""}}, 131008),
            ({"text": {}}, 131008),
            ({"text": "x"}, 131008),
            ({"text": {"body": "x" * 4097}}, 100),
            ({"type": "image", "image": {}}, 131008),
            ({"type": "image", "image": {"link": "ftp://x"}}, 100),
            ({"type": "image", "image": {"id": "1"}}, 100),
            ({"type": "location", "location": {"latitude": 1}}, 131008),
            ({"type": "location", "location": {"latitude": 91, "longitude": 0}}, 131009),
            ({"type": "contacts", "contacts": []}, 131008),
            ({"type": "contacts", "contacts": [1]}, 100),
            ({"type": "interactive", "interactive": {"type": "button"}}, 131008),
            (
                {
                    "type": "interactive",
                    "interactive": {
                        "type": "button",
                        "body": {"text": "x"},
                        "action": {"buttons": []},
                    },
                },
                131009,
            ),
            (
                {
                    "type": "interactive",
                    "interactive": {
                        "type": "button",
                        "body": {"text": "x"},
                        "action": {"buttons": [{"reply": {"id": "1", "title": "x" * 21}}]},
                    },
                },
                100,
            ),
            (
                {
                    "type": "interactive",
                    "interactive": {
                        "type": "list",
                        "body": {"text": "x"},
                        "action": {
                            "button": "b",
                            "sections": [
                                {"rows": [{"id": str(n), "title": "t"} for n in range(11)]}
                            ],
                        },
                    },
                },
                131009,
            ),
        ],
    )
    def test_refuses_bad_messages(self, graph: Caller, message: dict[str, Any], code: int) -> None:
        response = graph.send(**message)

        assert (response.status_code, error_of(response)["code"]) == (400, code)

    def test_takes_a_text_of_the_greatest_length(self, graph: Caller) -> None:
        assert graph.send(text={"body": "x" * 4096}).status_code == 200

    def test_takes_an_uploaded_file(self, graph: Caller) -> None:
        control.send_photo(control.customer(ORDINARY))
        media_id = StoredMedia.objects.get().graph_id

        assert graph.send(type="image", image={"id": media_id}).status_code == 200


class TestReadReceipt:
    def test_turns_the_ticks_blue_up_to_the_message(self, graph: Caller) -> None:
        customer = control.customer(ORDINARY)
        first, second = control.reply(customer, "One"), control.reply(customer, "Two")
        third = control.reply(customer, "Three")

        response = graph.send(status="read", message_id=second.wamid)

        assert response.json() == {"success": True}
        for message in (first, second, third):
            message.refresh_from_db()
        assert first.read_at is not None
        assert second.read_at is not None
        assert third.read_at is None
        assert not AcceptedMessage.objects.exists()

    def test_shows_the_shop_typing_until_it_answers(self, graph: Caller) -> None:
        customer = control.customer(ORDINARY)
        message = control.reply(customer, "Hello?")

        graph.send(status="read", message_id=message.wamid, typing_indicator={"type": "text"})
        customer.refresh_from_db()
        typing_until = customer.typing_until
        graph.send()
        customer.refresh_from_db()

        assert typing_until is not None
        assert customer.typing_until is None

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({"status": "seen", "message_id": "x"}, 100),
            ({"status": "read"}, 131008),
            ({"status": "read", "message_id": "wamid.unknown"}, 100),
        ],
    )
    def test_refuses_bad_receipts(self, graph: Caller, values: dict[str, Any], code: int) -> None:
        assert error_of(graph.send(**values))["code"] == code


class TestMarketingMessages:
    def test_takes_marketing_templates_only(self, graph: Caller) -> None:
        def send(name: str, components: list[dict[str, Any]]) -> Any:
            template = {"name": name, "language": {"code": "en"}, "components": components}
            values = {
                "messaging_product": "whatsapp",
                "to": ORDINARY,
                "type": "template",
                "template": template,
            }
            return graph.post("marketing_messages", values, node_id=NUMBER_ID)

        assert send("spring_sale", []).status_code == 200
        assert error_of(send("order_shipped", shipped_components()))["code"] == 134100
