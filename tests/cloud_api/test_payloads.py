"""Messages as the bytes that Graph expects."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatsapp_notify.cloud_api import payloads
from whatsapp_notify.domain.content import (
    ButtonParameter,
    Card,
    Content,
    CurrencyParameter,
    DateTimeParameter,
    LocationParameter,
    MediaParameter,
    TemplateContent,
    TextContent,
    TextParameter,
)
from whatsapp_notify.domain.receipts import Outgoing

PHONE = "+16505551234"
USER_ID = "US.13491208655302741918"


def outgoing(content: Content, **change: object) -> Outgoing:
    values: dict[str, object] = {
        "message_id": 1,
        "attempt": 1,
        "phone": PHONE,
        "user_id": "",
        "content": content,
        "opaque_id": "wn1.i.1.t.1",
    }
    return Outgoing(**{**values, **change})  # type: ignore[arg-type]


def template(**parts: object) -> TemplateContent:
    return TemplateContent(name="order_shipped", language="en_US", **parts)  # type: ignore[arg-type]


def text(value: str, name: str = "") -> TextParameter:
    return TextParameter(text=value, name=name)


def components(content: TemplateContent) -> list[dict[str, object]]:
    data = json.loads(payloads.message(outgoing=outgoing(content)))
    return data["template"].get("components", [])


class TestRecipient:
    def test_phone_goes_out_with_its_plus_sign(self):
        data = json.loads(payloads.message(outgoing=outgoing(TextContent(body="Hi"))))

        assert data == {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": PHONE,
            "type": "text",
            "text": {"body": "Hi"},
            "biz_opaque_callback_data": "wn1.i.1.t.1",
        }

    @pytest.mark.parametrize("user_id", [USER_ID, "US.ENT.11815799212886844830"])
    def test_f70_user_id_where_no_phone_is_known(self, user_id):
        content = TextContent(body="Hi")
        data = json.loads(payloads.message(outgoing=outgoing(content, phone="", user_id=user_id)))

        assert data["recipient"] == user_id
        assert "to" not in data

    def test_phone_wins_over_user_id(self):
        data = json.loads(
            payloads.message(outgoing=outgoing(TextContent(body="Hi"), user_id=USER_ID))
        )

        assert data["to"] == PHONE
        assert "recipient" not in data

    @pytest.mark.parametrize(
        ("phone", "user_id"),
        [
            ("", ""),
            ("16505551234", ""),
            ("+0650555123", ""),
            ("+1650", ""),
            ("+1650555123456789", ""),
            ("+1 650 555 1234", ""),
            ("+1650555123a", ""),
            ("+1650555123\n", ""),
            ("+\u0661\u0666\u0665\u0660\u0665\u0665\u0665\u0661", ""),
            ("", "us.123"),
            ("", "US"),
            ("", "US."),
            ("", "US.12 3"),
            ("", "16505551234"),
            ("", "US." + "1" * 129),
        ],
    )
    def test_f12_nobody_to_go_to(self, phone, user_id):
        with pytest.raises(ValueError, match=r"E\.164|neither a phone") as caught:
            payloads.message(
                outgoing=outgoing(TextContent(body="Hi"), phone=phone, user_id=user_id)
            )

        assert not phone or phone not in str(caught.value)

    def test_leaves_out_an_empty_opaque_id(self):
        data = json.loads(payloads.message(outgoing=outgoing(TextContent(body="a"), opaque_id="")))

        assert "biz_opaque_callback_data" not in data

    def test_refuses_a_long_opaque_id(self):
        payloads.message(outgoing=outgoing(TextContent(body="a"), opaque_id="x" * 512))
        with pytest.raises(ValueError, match="512"):
            payloads.message(outgoing=outgoing(TextContent(body="a"), opaque_id="x" * 513))


class TestText:
    def test_reply_with_preview(self):
        content = TextContent(body="See https://example.com", preview_url=True, reply_to="wamid.1")
        data = json.loads(payloads.message(outgoing=outgoing(content)))

        assert data["context"] == {"message_id": "wamid.1"}
        assert data["text"] == {"body": "See https://example.com", "preview_url": True}

    def test_is_compact_utf_8(self):
        body = payloads.message(outgoing=outgoing(TextContent(body="Zoë \U0001f600 \\u0000")))

        assert "Zoë \U0001f600".encode() in body
        assert b'": ' not in body
        assert json.loads(body)["text"]["body"] == "Zoë \U0001f600 \\u0000"

    @pytest.mark.parametrize("length", [1, 4096])
    def test_fits(self, length):
        body = "x" * length

        assert body.encode() in payloads.message(outgoing=outgoing(TextContent(body=body)))

    @pytest.mark.parametrize(
        "body", ["", " \n", "x" * 4097, "a\x00b", "a\ud83d", "\udc00", "secret \\\x00"]
    )
    def test_refuses_and_shows_no_word_of_it(self, body):
        with pytest.raises(ValueError, match=r"text|message") as caught:
            payloads.message(outgoing=outgoing(TextContent(body=body)))

        assert "secret" not in str(caught.value)
        assert not isinstance(caught.value, UnicodeError)


class TestTemplate:
    def test_without_values_has_no_components(self):
        data = json.loads(payloads.message(outgoing=outgoing(template())))

        assert data["type"] == "template"
        assert data["template"] == {"name": "order_shipped", "language": {"code": "en_US"}}

    @pytest.mark.parametrize(
        ("parts", "expected"),
        [
            pytest.param(
                {"header": text("Ana")},
                {"type": "header", "parameters": [{"type": "text", "text": "Ana"}]},
                id="header text",
            ),
            pytest.param(
                {"header": text("Ana", "first_name")},
                {
                    "type": "header",
                    "parameters": [{"type": "text", "parameter_name": "first_name", "text": "Ana"}],
                },
                id="header text named",
            ),
            pytest.param(
                {"header": MediaParameter(media="image", media_id="7")},
                {"type": "header", "parameters": [{"type": "image", "image": {"id": "7"}}]},
                id="header image",
            ),
            pytest.param(
                {"header": MediaParameter(media="video", link="https://example.com/a.mp4")},
                {
                    "type": "header",
                    "parameters": [
                        {"type": "video", "video": {"link": "https://example.com/a.mp4"}}
                    ],
                },
                id="header video",
            ),
            pytest.param(
                {"header": MediaParameter(media="document", media_id="7", filename="a.pdf")},
                {
                    "type": "header",
                    "parameters": [
                        {"type": "document", "document": {"id": "7", "filename": "a.pdf"}}
                    ],
                },
                id="header document",
            ),
            pytest.param(
                {
                    "header": LocationParameter(
                        latitude="37.44", longitude="-122.16", name="Shop", address="1 Main St"
                    )
                },
                {
                    "type": "header",
                    "parameters": [
                        {
                            "type": "location",
                            "location": {
                                "latitude": "37.44",
                                "longitude": "-122.16",
                                "name": "Shop",
                                "address": "1 Main St",
                            },
                        }
                    ],
                },
                id="header location",
            ),
            pytest.param(
                {"body": (text("one"), text("two"))},
                {
                    "type": "body",
                    "parameters": [
                        {"type": "text", "text": "one"},
                        {"type": "text", "text": "two"},
                    ],
                },
                id="body positional",
            ),
            pytest.param(
                {"body": (text("Jessica", "first_name"),)},
                {
                    "type": "body",
                    "parameters": [
                        {"type": "text", "parameter_name": "first_name", "text": "Jessica"}
                    ],
                },
                id="body named",
            ),
            pytest.param(
                {
                    "body": (
                        CurrencyParameter(fallback="$100.99", code="USD", amount_1000=100990),
                        DateTimeParameter(fallback="February 25, 1977"),
                    )
                },
                {
                    "type": "body",
                    "parameters": [
                        {
                            "type": "currency",
                            "currency": {
                                "fallback_value": "$100.99",
                                "code": "USD",
                                "amount_1000": 100990,
                            },
                        },
                        {
                            "type": "date_time",
                            "date_time": {"fallback_value": "February 25, 1977"},
                        },
                    ],
                },
                id="body currency and date",
            ),
            pytest.param(
                {"buttons": (ButtonParameter(index=0, kind="url", value="abc?d=1"),)},
                {
                    "type": "button",
                    "sub_type": "url",
                    "index": "0",
                    "parameters": [{"type": "text", "text": "abc?d=1"}],
                },
                id="button url",
            ),
            pytest.param(
                {"buttons": (ButtonParameter(index=1, kind="quick_reply", value="stop"),)},
                {
                    "type": "button",
                    "sub_type": "quick_reply",
                    "index": "1",
                    "parameters": [{"type": "payload", "payload": "stop"}],
                },
                id="button quick reply",
            ),
            pytest.param(
                {"buttons": (ButtonParameter(index=2, kind="copy_code", value="25OFF"),)},
                {
                    "type": "button",
                    "sub_type": "copy_code",
                    "index": 2,
                    "parameters": [{"type": "coupon_code", "coupon_code": "25OFF"}],
                },
                id="button copy code",
            ),
            pytest.param(
                {"buttons": (ButtonParameter(index=0, kind="catalog", value="sku"),)},
                {
                    "type": "button",
                    "sub_type": "CATALOG",
                    "index": 0,
                    "parameters": [
                        {"type": "action", "action": {"thumbnail_product_retailer_id": "sku"}}
                    ],
                },
                id="button catalog",
            ),
            pytest.param(
                {
                    "buttons": (
                        ButtonParameter(
                            index=0, kind="mpm", value="a", sections=(("New", ("a", "b")),)
                        ),
                    )
                },
                {
                    "type": "button",
                    "sub_type": "mpm",
                    "index": 0,
                    "parameters": [
                        {
                            "type": "action",
                            "action": {
                                "thumbnail_product_retailer_id": "a",
                                "sections": [
                                    {
                                        "title": "New",
                                        "product_items": [
                                            {"product_retailer_id": "a"},
                                            {"product_retailer_id": "b"},
                                        ],
                                    }
                                ],
                            },
                        }
                    ],
                },
                id="button products",
            ),
            pytest.param(
                {"buttons": (ButtonParameter(index=0, kind="flow", value="t", data={"a": 1}),)},
                {
                    "type": "button",
                    "sub_type": "flow",
                    "index": "0",
                    "parameters": [
                        {
                            "type": "action",
                            "action": {"flow_token": "t", "flow_action_data": {"a": 1}},
                        }
                    ],
                },
                id="button flow",
            ),
            pytest.param(
                {"offer_expires_ms": 1698562800000},
                {
                    "type": "limited_time_offer",
                    "parameters": [
                        {
                            "type": "limited_time_offer",
                            "limited_time_offer": {"expiration_time_ms": 1698562800000},
                        }
                    ],
                },
                id="limited-time offer",
            ),
        ],
    )
    def test_writes_each_kind_of_component(self, parts, expected):
        assert components(template(**parts)) == [expected]

    def test_writes_a_carousel(self):
        def card(number: int) -> Card:
            return Card(
                header=MediaParameter(media="image", media_id=str(number)),
                body=(text(f"Card {number}"),),
                buttons=(
                    ButtonParameter(index=1, kind="url", value=f"p/{number}"),
                    ButtonParameter(index=0, kind="quick_reply", value=f"more-{number}"),
                ),
            )

        [carousel] = components(template(cards=(card(1), card(2))))

        assert carousel["type"] == "carousel"
        assert [item["card_index"] for item in carousel["cards"]] == [0, 1]
        assert carousel["cards"][1]["components"] == [
            {"type": "header", "parameters": [{"type": "image", "image": {"id": "2"}}]},
            {"type": "body", "parameters": [{"type": "text", "text": "Card 2"}]},
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": 0,
                "parameters": [{"type": "payload", "payload": "more-2"}],
            },
            {
                "type": "button",
                "sub_type": "url",
                "index": 1,
                "parameters": [{"type": "text", "text": "p/2"}],
            },
        ]

    def test_orders_components_and_buttons(self):
        content = template(
            header=text("H"),
            body=(text("B"),),
            offer_expires_ms=1,
            buttons=(
                ButtonParameter(index=3, kind="url", value="x"),
                ButtonParameter(index=0, kind="copy_code", value="CODE"),
            ),
        )

        found = [(item["type"], item.get("index")) for item in components(content)]

        assert found == [
            ("header", None),
            ("body", None),
            ("limited_time_offer", None),
            ("button", 0),
            ("button", "3"),
        ]

    @pytest.mark.parametrize("value", ["x" * 1024, "a    b", "{{1}}", "50% #1 $2", "مرحبا"])
    def test_f93_values_that_fit(self, value):
        [body] = components(template(body=(text(value),)))

        assert body["parameters"][0]["text"] == value

    @pytest.mark.parametrize(
        "parts",
        [
            {"body": (text(""),)},
            {"body": (text("  "),)},
            {"body": (text("x" * 1025),)},
            {"body": (text("a\nb"),)},
            {"body": (text("a\rb"),)},
            {"body": (text("a\tb"),)},
            {"body": (text("a     b"),)},
            {"body": (text("one", "first"), text("two"))},
            {"body": (text("one", "same"), text("two", "same"))},
            {"body": (text("one", "First Name"),)},
            {"body": (CurrencyParameter(fallback="", code="USD", amount_1000=1),)},
            {"body": (CurrencyParameter(fallback="$1", code="usd", amount_1000=1),)},
            {"body": (DateTimeParameter(fallback="a\nb"),)},
            {"header": text("x" * 61)},
            {"header": text("")},
            {"header": MediaParameter(media="audio", media_id="7")},
            {"header": MediaParameter(media="image")},
            {"header": MediaParameter(media="image", media_id="7", link="https://example.com")},
            {"header": MediaParameter(media="image", link="ftp://example.com")},
            {"header": MediaParameter(media="image", link="https://example.com/a b")},
            {"header": LocationParameter(latitude="91", longitude="0")},
            {"header": LocationParameter(latitude="0", longitude="-180.1")},
            {"header": LocationParameter(latitude="nan", longitude="0")},
            {"header": LocationParameter(latitude="", longitude="0")},
            {"buttons": (ButtonParameter(index=0, kind="url", value=""),)},
            {"buttons": (ButtonParameter(index=0, kind="url", value="a b"),)},
            {"buttons": (ButtonParameter(index=0, kind="url", value="x" * 2001),)},
            {"buttons": (ButtonParameter(index=0, kind="quick_reply"),)},
            {"buttons": (ButtonParameter(index=0, kind="copy_code", value="A-B"),)},
            {"buttons": (ButtonParameter(index=0, kind="copy_code", value="A" * 21),)},
            {"buttons": (ButtonParameter(index=0, kind="copy_code"),)},
            {"buttons": (ButtonParameter(index=0, kind="phone_number", value="x"),)},
            {"buttons": (ButtonParameter(index=0, kind="mpm", value="a"),)},
            {"buttons": (ButtonParameter(index=0, kind="mpm", sections=(("S", ("p",) * 31),)),)},
            {"buttons": (ButtonParameter(index=0, kind="mpm", sections=(("S", ("p",)),) * 11),)},
            {"buttons": (ButtonParameter(index=-1, kind="url", value="x"),)},
            {"buttons": (ButtonParameter(index=10, kind="url", value="x"),)},
            {
                "buttons": (
                    ButtonParameter(index=1, kind="url", value="x"),
                    ButtonParameter(index=1, kind="quick_reply", value="y"),
                )
            },
            {
                "buttons": (
                    ButtonParameter(index=0, kind="copy_code", value="A"),
                    ButtonParameter(index=1, kind="copy_code", value="B"),
                )
            },
            {"cards": (Card(body=(text("a"),)),)},
            {"cards": (Card(body=(text("a"),)),) * 11},
            {"cards": (Card(body=(text("a"),)), Card(body=(text("a"), text("b"))))},
            {"cards": (Card(body=(text("a"),)), Card(header=text("a")))},
            {"offer_expires_ms": 0},
            {"offer_expires_ms": -1},
        ],
    )
    def test_f93_breaks_a_limit(self, parts):
        with pytest.raises(ValueError, match=r"\.$"):
            payloads.message(outgoing=outgoing(template(**parts)))

    @pytest.mark.parametrize(
        ("name", "language"),
        [
            ("", "en"),
            ("Order", "en"),
            ("order-shipped", "en"),
            ("x" * 513, "en"),
            ("order", ""),
            ("order", "en-US"),
            ("order", "english"),
            ("order", "en_"),
        ],
    )
    def test_refuses_names_and_languages_that_cannot_be(self, name, language):
        with pytest.raises(ValueError, match="template"):
            payloads.message(outgoing=outgoing(TemplateContent(name=name, language=language)))

    @given(st.text(max_size=60))
    def test_f92_a_value_arrives_as_it_is_or_not_at_all(self, value):
        try:
            [body] = components(template(body=(text(value),)))
        except ValueError as err:
            assert re.fullmatch(r"[A-Za-z][^\n]*\.", str(err))  # noqa: PT017 - either is right
        else:
            assert body["parameters"][0]["text"] == value
