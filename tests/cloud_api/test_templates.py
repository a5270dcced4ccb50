"""Templates as Graph writes them, there and back."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatsapp_notify.cloud_api import payloads, templates
from whatsapp_notify.domain import templates as filling
from whatsapp_notify.domain.receipts import Outgoing
from whatsapp_notify.domain.templates import (
    Button,
    CardDefinition,
    Header,
    TemplateDefinition,
)

# The shapes are those of https://developers.facebook.com/documentation/business-messaging/
# whatsapp/templates/components and of its pages on offers and carousels, read 2026-11.
NAMED: dict[str, Any] = {
    "name": "order_shipped",
    "language": "en_US",
    "category": "UTILITY",
    "status": "APPROVED",
    "parameter_format": "NAMED",
    "id": "564750795574598",
    "components": [
        {
            "type": "HEADER",
            "format": "TEXT",
            "text": "Order {{ref}}",
            "example": {"header_text_named_params": [{"param_name": "ref", "example": "10234"}]},
        },
        {
            "type": "BODY",
            "text": "Hi {{name}}, {{ref}} left today.",
            "example": {
                "body_text_named_params": [
                    {"param_name": "name", "example": "One"},
                    {"param_name": "ref", "example": "10234"},
                ]
            },
        },
        {"type": "FOOTER", "text": "Reply STOP to stop"},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "Stop"},
                {
                    "type": "URL",
                    "text": "Track",
                    "url": "https://shop.example/t/{{1}}",
                    "example": ["abc"],
                },
                {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+358401234567"},
                {
                    "type": "FLOW",
                    "text": "Book",
                    "flow_id": "7",
                    "flow_action": "navigate",
                    "navigate_screen": "FIRST",
                },
            ],
        },
    ],
}
POSITIONAL: dict[str, Any] = {
    "name": "sale",
    "language": "fi",
    "category": "MARKETING",
    "status": "PENDING",
    "parameter_format": "POSITIONAL",
    "components": [
        {
            "type": "HEADER",
            "format": "IMAGE",
            "example": {"header_handle": ["https://cdn.example/sale.jpg"]},
        },
        {
            "type": "LIMITED_TIME_OFFER",
            "limited_time_offer": {"text": "Ends soon", "has_expiration": True},
        },
        {
            "type": "BODY",
            "text": "Hi {{1}}, {{2}} off",
            "example": {"body_text": [["One", "10 %"]]},
        },
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "COPY_CODE", "example": "SALE10"},
                {"type": "URL", "text": "Shop", "url": "https://shop.example/"},
            ],
        },
    ],
}
CAROUSEL: dict[str, Any] = {
    "name": "new_products",
    "language": "sv",
    "category": "MARKETING",
    "status": "APPROVED",
    "parameter_format": "POSITIONAL",
    "components": [
        {"type": "BODY", "text": "New this week"},
        {
            "type": "CAROUSEL",
            "cards": [
                {
                    "components": [
                        {
                            "type": "HEADER",
                            "format": "VIDEO",
                            "example": {"header_handle": ["4::aW"]},
                        },
                        {
                            "type": "BODY",
                            "text": "See {{1}} here",
                            "example": {"body_text": [["Shirt"]]},
                        },
                        {
                            "type": "BUTTONS",
                            "buttons": [{"type": "QUICK_REPLY", "text": "More"}],
                        },
                    ]
                }
            ]
            * 2,
        },
    ],
}
ALL = [NAMED, POSITIONAL, CAROUSEL]


class TestParse:
    def test_reads_named_parameters(self) -> None:
        assert templates.parse(NAMED) == TemplateDefinition(
            name="order_shipped",
            language="en_US",
            category="UTILITY",
            status="APPROVED",
            parameter_format="named",
            header=Header(kind="text", text="Order {{ref}}", examples={"ref": "10234"}),
            body="Hi {{name}}, {{ref}} left today.",
            body_examples={"name": "One", "ref": "10234"},
            footer="Reply STOP to stop",
            buttons=(
                Button(kind="quick_reply", text="Stop"),
                Button(kind="url", text="Track", url="https://shop.example/t/{{1}}", example="abc"),
                Button(kind="phone_number", text="Call", phone="+358401234567"),
                Button(
                    kind="flow",
                    text="Book",
                    options={"flow_id": "7", "flow_action": "navigate", "navigate_screen": "FIRST"},
                ),
            ),
        )

    def test_reads_an_offer(self) -> None:
        definition = templates.parse(POSITIONAL)

        assert definition.has_limited_time_offer
        assert definition.has_offer_expiry
        assert definition.offer_text == "Ends soon"
        assert definition.header == Header(
            kind="image", media_example="https://cdn.example/sale.jpg"
        )
        assert definition.body_examples == {"1": "One", "2": "10 %"}
        assert definition.buttons[0] == Button(kind="copy_code", example="SALE10")

    def test_reads_cards(self) -> None:
        card = CardDefinition(
            header=Header(kind="video", media_example="4::aW"),
            body="See {{1}} here",
            body_examples={"1": "Shirt"},
            buttons=(Button(kind="quick_reply", text="More"),),
        )

        assert templates.parse(CAROUSEL).cards == (card, card)

    @pytest.mark.parametrize(
        ("change", "field", "value"),
        [
            ({"status": "paused"}, "status", "PAUSED"),
            ({"status": None}, "status", ""),
            ({"category": "marketing"}, "category", "MARKETING"),
            ({"parameter_format": "named"}, "parameter_format", "named"),
            # Older answers lack the field; then the variables tell it.
            ({"parameter_format": None}, "parameter_format", "named"),
            ({"parameter_format": "NEWER"}, "parameter_format", "named"),
            ({"parameter_format": None, "components": []}, "parameter_format", "positional"),
            ({"components": None}, "body", ""),
            ({"components": "x"}, "body", ""),
            ({"components": [None, 1, "x", {}, {"type": None}]}, "body", ""),
            ({"components": [{"type": "BODY"}]}, "body", ""),
            ({"components": [{"type": "BODY", "text": None}]}, "body", ""),
            ({"components": [{"type": "body", "text": "low"}]}, "body", "low"),
            ({"components": [{"type": "CALL_PERMISSION_REQUEST"}]}, "buttons", ()),
            ({"components": [{"type": "HEADER", "format": "GIF"}]}, "header", Header()),
            ({"components": [{"type": "HEADER"}]}, "header", Header()),
            ({"components": [{"type": "BUTTONS", "buttons": None}]}, "buttons", ()),
            ({"components": [{"type": "CAROUSEL", "cards": {}}]}, "cards", ()),
            ({"components": [{"type": "CAROUSEL", "cards": [{}]}]}, "cards", (CardDefinition(),)),
            ({"components": [{"type": "LIMITED_TIME_OFFER"}]}, "offer_text", ""),
            ({"components": [{"type": "LIMITED_TIME_OFFER"}]}, "has_limited_time_offer", True),
        ],
    )
    def test_is_lenient(self, change: dict[str, Any], field: str, value: object) -> None:
        assert getattr(templates.parse(NAMED | change), field) == value

    def test_keeps_the_place_of_buttons_it_does_not_know(self) -> None:
        buttons = [{"type": "VOICE_CALL", "text": "Ring"}, {"type": "QUICK_REPLY", "text": "Stop"}]

        definition = templates.parse(
            NAMED | {"components": [{"type": "BUTTONS", "buttons": buttons}]}
        )

        assert [button.kind for button in definition.buttons] == ["voice_call", "quick_reply"]

    @pytest.mark.parametrize(
        ("example", "read"),
        [
            ({"body_text": [["a", "b"]]}, {"1": "a", "2": "b"}),
            ({"body_text": ["a", "b"]}, {"1": "a", "2": "b"}),
            ({"body_text": [["a", "b"], ["c", "d"]]}, {"1": "a", "2": "b"}),
            ({"body_text": [[1, None]]}, {"1": "1", "2": ""}),
            ({"body_text": []}, {}),
            ({"body_text": "a"}, {}),
            ({"body_text": None}, {}),
            ({}, {}),
            (None, {}),
            ([], {}),
        ],
    )
    def test_reads_samples_in_every_form(self, example: object, read: dict[str, str]) -> None:
        body = {"type": "BODY", "text": "{{1}} and {{2}}", "example": example}

        assert templates.parse(POSITIONAL | {"components": [body]}).body_examples == read

    @pytest.mark.parametrize("example", ["SALE10", ["SALE10"]])
    def test_reads_the_sample_of_a_coupon_in_both_forms(self, example: object) -> None:
        buttons = {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "example": example}]}

        assert templates.parse(POSITIONAL | {"components": [buttons]}).buttons == (
            Button(kind="copy_code", example="SALE10"),
        )

    @pytest.mark.parametrize(
        "data", [{}, {"name": "x"}, {"language": "en"}, {"name": "", "language": "en"}]
    )
    def test_refuses_what_is_no_template(self, data: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="a name and a language"):
            templates.parse(data)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["type", "text", "example", "buttons", "cards", "components"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        )
    )
    def test_takes_any_json_for_components(self, components: Any) -> None:
        definition = templates.parse({"name": "x", "language": "en", "components": components})

        assert definition.name == "x"


class TestSerialize:
    @pytest.mark.parametrize("data", ALL, ids=lambda data: data["name"])
    def test_writes_what_was_read(self, data: dict[str, Any]) -> None:
        written = templates.serialize(templates.parse(data))

        assert written == {key: value for key, value in data.items() if key not in {"id", "status"}}

    @pytest.mark.parametrize("data", ALL, ids=lambda data: data["name"])
    def test_is_read_back_the_same(self, data: dict[str, Any]) -> None:
        definition = dataclasses.replace(templates.parse(data), status="")

        written = json.loads(json.dumps(templates.serialize(definition)))

        assert templates.parse(written) == definition

    def test_leaves_out_samples_of_what_has_no_variables(self) -> None:
        definition = TemplateDefinition(
            name="x", language="en", category="UTILITY", body="Hi", body_examples={"1": "old"}
        )

        assert templates.serialize(definition)["components"] == [{"type": "BODY", "text": "Hi"}]

    def test_writes_a_location_without_sample(self) -> None:
        definition = TemplateDefinition(
            name="x",
            language="en",
            category="UTILITY",
            body="Hi",
            header=Header(kind="location"),
            has_limited_time_offer=True,
            offer_text="Soon",
            has_offer_expiry=False,
        )

        assert templates.serialize(definition)["components"] == [
            {"type": "HEADER", "format": "LOCATION"},
            {
                "type": "LIMITED_TIME_OFFER",
                "limited_time_offer": {"text": "Soon", "has_expiration": False},
            },
            {"type": "BODY", "text": "Hi"},
        ]


class TestWithSamples:
    @pytest.mark.parametrize("data", ALL, ids=lambda data: data["name"])
    def test_makes_a_payload_that_keeps_to_the_limits(self, data: dict[str, Any]) -> None:
        definition = templates.parse(data)
        filled = filling.fill(definition, filling.sample(definition))
        outgoing = Outgoing(
            message_id=1,
            phone="+358401234567",
            user_id="",
            content=filled.content,
            opaque_id="",
            attempt=1,
        )

        body = json.loads(payloads.message(outgoing=outgoing))

        assert body["template"]["name"] == data["name"]
        assert body["template"]["language"] == {"code": data["language"]}
        assert body["template"]["components"]
