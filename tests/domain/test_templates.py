"""Values into templates, literally, and all that is wrong with them at once."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatsapp_notify.domain import templates
from whatsapp_notify.domain.content import (
    ButtonParameter,
    Card,
    LocationParameter,
    MediaParameter,
    PreviewButton,
    TextParameter,
)
from whatsapp_notify.domain.templates import (
    Button,
    CardDefinition,
    Header,
    ParameterProblems,
    TemplateDefinition,
)


def template(**changes: Any) -> TemplateDefinition:
    """A template that says "Hello {{1}}, order {{2}} is on its way."."""
    definition = TemplateDefinition(
        name="order_shipped",
        language="en",
        category="UTILITY",
        status="APPROVED",
        body="Hello {{1}}, order {{2}} is on its way.",
        body_examples={"1": "Customer One", "2": "10234"},
    )
    return dataclasses.replace(definition, **changes)


RICH = TemplateDefinition(
    name="sale",
    language="fi",
    category="MARKETING",
    parameter_format="named",
    header=Header(kind="text", text="Hi {{name}}!", examples={"name": "One"}),
    body="*Dear {{name}}*, {{percent}} off until {{until}}, {{name}}.",
    body_examples={"name": "One", "percent": "10 %", "until": "31.12."},
    footer="Reply STOP to stop",
    buttons=(
        Button(kind="quick_reply", text="Stop"),
        Button(kind="url", text="Shop", url="https://shop.example/"),
        Button(kind="url", text="Offer", url="https://shop.example/s/{{1}}", example="abc"),
        Button(kind="copy_code", text="Copy", example="SALE10"),
        Button(kind="phone_number", text="Call", phone="+358401234567"),
        Button(kind="voice_call", text="Ring"),
    ),
)
RICH_VALUES = {
    "header.name": "One",
    "body.name": "One",
    "body.percent": "20 %",
    "body.until": "24.12.",
    "button.0": "wn:opt-out",
    "button.2": "x1",
    "button.3": "XMAS20",
}
CAROUSEL = TemplateDefinition(
    name="new_products",
    language="en",
    category="MARKETING",
    body="New for {{1}} this week",
    body_examples={"1": "you"},
    cards=tuple(
        CardDefinition(
            header=Header(kind="image", media_example="https://cdn.example/p.jpg"),
            body="{{1}} for you",
            body_examples={"1": "Shirt"},
            buttons=(
                Button(kind="url", text="See", url="https://shop.example/{{1}}", example="p1"),
                Button(kind="quick_reply", text="More"),
            ),
        )
        for _ in range(2)
    ),
)
OFFER = TemplateDefinition(
    name="offer",
    language="en",
    category="MARKETING",
    body="Hi {{1}}, only today",
    body_examples={"1": "One"},
    has_limited_time_offer=True,
    offer_text="Ends soon",
    buttons=(Button(kind="copy_code", text="Copy", example="SALE10"),),
)


def problems_of(definition: TemplateDefinition, values: dict[str, str], **how: Any) -> list[str]:
    with pytest.raises(ParameterProblems) as raised:
        templates.fill(definition, values, **how)
    return [f"{problem.key}: {problem.code}" for problem in raised.value.problems]


class TestPlaceholders:
    def test_are_listed_in_the_order_of_the_message(self) -> None:
        keys = [(p.key, p.kind, p.is_required) for p in templates.placeholders(RICH)]

        assert keys == [
            ("header.name", "text", True),
            ("body.name", "text", True),
            ("body.percent", "text", True),
            ("body.until", "text", True),
            ("button.0", "payload", False),
            ("button.2", "url_suffix", True),
            ("button.3", "code", True),
        ]

    def test_say_where_they_are_and_what_the_template_calls_them(self) -> None:
        found = {p.key: (p.where, p.label, p.example) for p in templates.placeholders(RICH)}

        assert found["body.percent"] == ("body", "percent", "10 %")
        assert found["button.2"] == ("button", "Offer", "abc")

    def test_of_cards_carry_the_place_of_the_card(self) -> None:
        keys = [p.key for p in templates.placeholders(CAROUSEL)]

        assert keys == [
            "body.1",
            "card.0.header.media",
            "card.0.body.1",
            "card.0.button.0",
            "card.0.button.1",
            "card.1.header.media",
            "card.1.body.1",
            "card.1.button.0",
            "card.1.button.1",
        ]

    @pytest.mark.parametrize(
        ("header", "keys"),
        [
            (Header(), []),
            (Header(kind="text", text="Static"), []),
            (Header(kind="text", text="Hi {{1}}"), ["header.1!"]),
            (Header(kind="image"), ["header.media!"]),
            (Header(kind="video"), ["header.media!"]),
            (Header(kind="document"), ["header.media!", "header.filename"]),
            (
                Header(kind="location"),
                ["header.latitude!", "header.longitude!", "header.name", "header.address"],
            ),
        ],
    )
    def test_of_each_kind_of_header(self, header: Header, keys: list[str]) -> None:
        found = templates.placeholders(template(header=header, body="Hello"))

        assert [p.key + "!" * p.is_required for p in found] == keys

    @pytest.mark.parametrize(("has_countdown", "keys"), [(True, ["offer.expires"]), (False, [])])
    def test_name_the_end_of_an_offer_that_counts_down(
        self, has_countdown: bool, keys: list[str]
    ) -> None:
        definition = dataclasses.replace(
            OFFER, body="Today", buttons=(), has_offer_expiry=has_countdown
        )

        assert [p.key for p in templates.placeholders(definition)] == keys

    def test_count_numbers_by_size_and_once(self) -> None:
        definition = template(body="{{10}} {{2}} {{ 1 }} {{2}}")

        assert [p.key for p in templates.placeholders(definition)] == [
            "body.1",
            "body.2",
            "body.10",
        ]


class TestFill:
    def test_makes_content_and_preview(self) -> None:
        filled = templates.fill(template(), {"body.1": "One", "body.2": "10234"})

        assert filled.content.name == "order_shipped"
        assert filled.content.language == "en"
        assert filled.content.body == (TextParameter(text="One"), TextParameter(text="10234"))
        assert filled.content.header is None
        assert filled.preview.body == "Hello One, order 10234 is on its way."

    def test_names_parameters_only_where_the_template_does(self) -> None:
        filled = templates.fill(RICH, RICH_VALUES)

        assert filled.content.header == TextParameter(text="One", name="name")
        assert filled.content.body == (
            TextParameter(text="One", name="name"),
            TextParameter(text="20 %", name="percent"),
            TextParameter(text="24.12.", name="until"),
        )

    def test_counts_static_buttons_and_skips_them(self) -> None:
        filled = templates.fill(RICH, RICH_VALUES)

        assert filled.content.buttons == (
            ButtonParameter(index=0, kind="quick_reply", value="wn:opt-out"),
            ButtonParameter(index=2, kind="url", value="x1"),
            ButtonParameter(index=3, kind="copy_code", value="XMAS20"),
        )

    @pytest.mark.parametrize("payload", [None, "", "  "])
    def test_leaves_out_a_quick_reply_without_payload(self, payload: str | None) -> None:
        values = {key: value for key, value in RICH_VALUES.items() if key != "button.0"}
        if payload is not None:
            values["button.0"] = payload

        filled = templates.fill(RICH, values)

        assert [button.index for button in filled.content.buttons] == [2, 3]

    def test_previews_what_the_customer_sees(self) -> None:
        preview = templates.fill(RICH, RICH_VALUES).preview

        assert preview.header == "Hi One!"
        assert preview.header_media == ""
        assert preview.body == "*Dear One*, 20 % off until 24.12., One."
        assert preview.footer == "Reply STOP to stop"
        assert preview.buttons == (
            PreviewButton(kind="quick_reply", label="Stop"),
            PreviewButton(kind="url", label="Shop", value="https://shop.example/"),
            PreviewButton(kind="url", label="Offer", value="https://shop.example/s/x1"),
            PreviewButton(kind="copy_code", label="Copy", value="XMAS20"),
            PreviewButton(kind="phone_number", label="Call", value="+358401234567"),
            PreviewButton(kind="voice_call", label="Ring"),
        )

    def test_fills_every_card(self) -> None:
        values = {"body.1": "you"}
        for card in range(2):
            values |= {
                f"card.{card}.header.media": f"10{card}",
                f"card.{card}.body.1": f"Shirt {card}",
                f"card.{card}.button.0": f"p{card}",
            }

        filled = templates.fill(CAROUSEL, values)

        assert filled.content.cards == tuple(
            Card(
                header=MediaParameter(media="image", media_id=f"10{card}"),
                body=(TextParameter(text=f"Shirt {card}"),),
                buttons=(ButtonParameter(index=0, kind="url", value=f"p{card}"),),
            )
            for card in range(2)
        )
        assert [card.body for card in filled.preview.cards] == [
            "Shirt 0 for you",
            "Shirt 1 for you",
        ]
        assert filled.preview.cards[0].header_media == "image"
        assert filled.preview.cards[1].buttons[0].value == "https://shop.example/p1"

    @pytest.mark.parametrize(
        ("expires", "ms"),
        [
            ("2026-12-24T18:00:00+02:00", 1798128000000),
            ("2026-12-24T16:00:00Z", 1798128000000),
            ("1798128000000", 1798128000000),
        ],
    )
    def test_reads_the_end_of_an_offer(self, expires: str, ms: int) -> None:
        filled = templates.fill(
            OFFER, {"body.1": "One", "button.0": "SALE10", "offer.expires": expires}
        )

        assert filled.content.offer_expires_ms == ms
        assert filled.preview.body == "Ends soon\nHi One, only today"

    @pytest.mark.parametrize(
        ("kind", "values", "parameter"),
        [
            ("image", {"media": "123"}, MediaParameter(media="image", media_id="123")),
            (
                "document",
                {"media": "https://x.example/a.pdf", "filename": "Invoice 1.pdf"},
                MediaParameter(
                    media="document", link="https://x.example/a.pdf", filename="Invoice 1.pdf"
                ),
            ),
            (
                "location",
                {"latitude": "60.1699", "longitude": "-24.9", "name": "Shop"},
                LocationParameter(latitude="60.1699", longitude="-24.9", name="Shop"),
            ),
        ],
    )
    def test_fills_each_kind_of_header(
        self, kind: str, values: dict[str, str], parameter: object
    ) -> None:
        definition = template(header=Header(kind=kind), body="Hello")

        filled = templates.fill(
            definition, {f"header.{name}": value for name, value in values.items()}
        )

        assert filled.content.header == parameter
        assert filled.preview.header_media == kind

    def test_fills_products_and_flows(self) -> None:
        definition = template(
            body="Look",
            buttons=(
                Button(kind="mpm", text="View items"),
                Button(kind="flow", text="Book", options={"flow_id": "1"}),
                Button(kind="catalog", text="All"),
            ),
        )
        values = {"button.0": "sku-1", "button.0.sections": "Shirts: sku-1, sku-2\nHats: sku-3\n"}

        filled = templates.fill(definition, values)

        assert filled.content.buttons == (
            ButtonParameter(
                index=0,
                kind="mpm",
                value="sku-1",
                sections=(("Shirts", ("sku-1", "sku-2")), ("Hats", ("sku-3",))),
            ),
            ButtonParameter(index=1, kind="flow", value="unused"),
        )

    def test_collects_every_problem(self) -> None:
        values = {
            "header.name": "x" * 60,
            "body.name": " \n ",
            "body.until": "y" * 1100,
            "body.other": "?",
            "button.2": "a b",
            "button.3": "SALE-10",
        }

        assert problems_of(RICH, values) == [
            "body.name: empty",
            "body.percent: missing",
            "button.2: blank_in_url",
            "button.3: not_alphanumeric",
            "body.other: unknown",
            "header: too_long",
            "body: too_long",
        ]

    def test_keeps_values_out_of_errors_and_reprs(self) -> None:
        with pytest.raises(ParameterProblems) as raised:
            templates.fill(
                RICH, {**RICH_VALUES, "button.3": "SECRET-CODE", "body.name": "q" * 2000}
            )

        assert "SECRET" not in str(raised.value)
        assert "qq" not in str(raised.value)
        assert "One" not in repr(templates.fill(RICH, RICH_VALUES))

    @pytest.mark.parametrize(
        ("size", "is_fine"),
        [
            # "Hello , order  is on its way." is 29 characters, the number 5.
            pytest.param(1024 - 29 - 5, True, id="29+5+990=1024"),
            pytest.param(1024 - 29 - 5 + 1, False, id="29+5+991=1025"),
        ],
    )
    def test_limits_the_body_with_its_values(self, size: int, is_fine: bool) -> None:
        values = {"body.1": "x" * size, "body.2": "10234"}

        if is_fine:
            assert len(templates.fill(template(), values).preview.body) == 1024
        else:
            assert problems_of(template(), values) == ["body: too_long"]

    @pytest.mark.parametrize(
        ("definition", "values", "problems"),
        [
            (OFFER, {"body.1": "x" * 585}, []),
            (OFFER, {"body.1": "x" * 587}, ["body: too_long"]),
            (OFFER, {"button.0": "A" * 15}, []),
            (OFFER, {"button.0": "A" * 16}, ["button.0: too_long"]),
            (OFFER, {"button.0": "ALE 10"}, ["button.0: not_alphanumeric"]),
            (OFFER, {"button.0": "КУПОН"}, ["button.0: not_alphanumeric"]),
            (OFFER, {"offer.expires": "tomorrow"}, ["offer.expires: bad_moment"]),
            (OFFER, {"offer.expires": "2026-12-24"}, ["offer.expires: bad_moment"]),
            (OFFER, {"offer.expires": "2026-12-24T18:00"}, ["offer.expires: bad_moment"]),
            (OFFER, {"offer.expires": "1798128000"}, ["offer.expires: bad_moment"]),
            (OFFER, {"offer.expires": "0001-01-01T00:00+14:00"}, ["offer.expires: bad_moment"]),
            (RICH, {"button.3": "A" * 20}, []),
            (RICH, {"button.3": "A" * 21}, ["button.3: too_long"]),
            (RICH, {"header.name": "x" * 56}, []),
            (RICH, {"header.name": "x" * 57}, ["header: too_long"]),
            (RICH, {"button.2": "x" * 1977}, []),
            (RICH, {"button.2": "x" * 1978}, ["button.2: too_long"]),
            (RICH, {"button.2": "a\u00a0b"}, ["button.2: blank_in_url"]),
            (RICH, {"button.0": "x" * 256}, []),
            (RICH, {"button.0": "x" * 257}, ["button.0: too_long"]),
            (CAROUSEL, {"card.1.body.1": "x" * 152}, []),
            (CAROUSEL, {"card.1.body.1": "x" * 153}, ["card.1.body: too_long"]),
            (
                CAROUSEL,
                {"card.0.header.media": "http://x.example/a.jpg"},
                ["card.0.header.media: bad_media"],
            ),
            (CAROUSEL, {"card.0.header.media": "https://"}, ["card.0.header.media: bad_media"]),
            (CAROUSEL, {"card.0.header.media": "javascript:x"}, ["card.0.header.media: bad_media"]),
            (CAROUSEL, {"card.2.body.1": "x"}, ["card.2.body.1: unknown"]),
        ],
    )
    def test_knows_the_limits(
        self, definition: TemplateDefinition, values: dict[str, str], problems: list[str]
    ) -> None:
        filled_in = {**templates.sample(definition), **values}

        if problems:
            assert problems_of(definition, filled_in) == problems
        else:
            templates.fill(definition, filled_in)

    @pytest.mark.parametrize(
        ("latitude", "is_fine"),
        [
            ("60", True),
            ("-90", True),
            ("90.0", True),
            ("90.1", False),
            ("north", False),
            ("1e1", False),
            ("NaN", False),
            ("60,17", False),
        ],
    )
    def test_checks_degrees(self, latitude: str, is_fine: bool) -> None:
        definition = template(header=Header(kind="location"), body="Here")
        values = {"header.latitude": latitude, "header.longitude": "180"}

        if is_fine:
            assert templates.fill(definition, values).content.header is not None
        else:
            assert problems_of(definition, values) == ["header.latitude: bad_degrees"]

    @pytest.mark.parametrize(
        "sections",
        [
            "sku-1",
            "Shirts:",
            ": sku-1",
            "x" * 25 + ": sku-1",
            "\n".join(f"S{n}: sku" for n in range(11)),
            "All: " + ",".join(f"sku-{n}" for n in range(31)),
        ],
    )
    def test_checks_sections_of_products(self, sections: str) -> None:
        definition = template(body="Look", buttons=(Button(kind="mpm", text="Items"),))

        found = problems_of(definition, {"button.0": "sku-1", "button.0.sections": sections})

        assert found == ["button.0.sections: bad_sections"]

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            ("a\nb", "line_break"),
            ("a\rb", "line_break"),
            ("a\tb", "line_break"),
            ("a\u2028b", "line_break"),
            ("a\x00b", "line_break"),
            ("a" + " " * 5 + "b", "too_many_blanks"),
            ("", "empty"),
            ("   ", "empty"),
        ],
    )
    def test_refuses_what_it_is_told_not_to_clean(self, value: str, code: str) -> None:
        values = {"body.1": value, "body.2": "10234"}

        assert problems_of(template(), values, clean_values=False) == [f"body.1: {code}"]

    def test_passes_four_blanks_uncleaned(self) -> None:
        values = {"body.1": "a    b", "body.2": "10234"}

        filled = templates.fill(template(), values, clean_values=False)

        assert filled.content.body[0] == TextParameter(text="a    b")

    @pytest.mark.parametrize(
        "value",
        [
            "{{2}}",
            "{{1}}",
            "{{name}}",
            "{order._secret}",
            "%s",
            "$x",
            "\\1",
            "\\g<0>",
            "{0:>9999999}",
        ],
    )
    def test_inserts_values_literally(self, value: str) -> None:
        filled = templates.fill(template(), {"body.1": value, "body.2": "10234"})

        assert filled.preview.body == f"Hello {value}, order 10234 is on its way."
        assert filled.content.body[0] == TextParameter(text=value)

    @given(st.text(max_size=200))
    def test_shows_any_cleaned_value_literally(self, value: str) -> None:
        values = {"body.1": value, "body.2": "10234"}
        cleaned = templates.clean(value)

        if cleaned:
            body = templates.fill(template(), values).preview.body
            assert body == f"Hello {cleaned}, order 10234 is on its way."
        else:
            assert problems_of(template(), values) == ["body.1: empty"]


class TestClean:
    @pytest.mark.parametrize(
        ("text", "cleaned"),
        [
            ("plain", "plain"),
            ("  edges  ", "edges"),
            ("a\nb", "a b"),
            ("a\r\nb", "a b"),
            ("a\tb", "a b"),
            ("a\vb\fc", "a b c"),
            ("a\u2028b\u2029c", "a b c"),
            ("a\u0085b", "a b"),
            ("a\x00b", "a b"),
            ("a\x1b[31mb", "a [31mb"),
            ("a\ud800b", "a b"),
            ("a     b", "a b"),
            ("a  b", "a b"),
            ("a \n\t b", "a b"),
            ("12,90\u00a0€", "12,90\u00a0€"),
            ("a\u00a0\u00a0b", "a b"),
            ("👩‍👩‍👧", "👩‍👩‍👧"),
            ("*bold* _it_", "*bold* _it_"),
            ("\n\n", ""),
            ("", ""),
        ],
    )
    def test_makes_one_line_of_single_blanks(self, text: str, cleaned: str) -> None:
        assert templates.clean(text) == cleaned

    @given(st.text())
    def test_is_idempotent_and_passes_metas_rule(self, text: str) -> None:
        cleaned = templates.clean(text)

        assert templates.clean(cleaned) == cleaned
        assert "\n" not in cleaned
        assert "\t" not in cleaned
        assert "     " not in cleaned
        cleaned.encode("utf-8")


class TestSample:
    @pytest.mark.parametrize("definition", [template(), RICH, CAROUSEL, OFFER])
    def test_fills_its_own_template(self, definition: TemplateDefinition) -> None:
        filled = templates.fill(definition, templates.sample(definition))

        assert "{{" not in filled.preview.body

    def test_takes_the_samples_of_the_template(self) -> None:
        sample = templates.sample(CAROUSEL)

        assert sample["card.0.header.media"] == "https://cdn.example/p.jpg"
        assert sample["card.1.body.1"] == "Shirt"

    def test_cuts_the_fixed_part_off_an_address(self) -> None:
        button = Button(
            kind="url", text="T", url="https://a.example/{{1}}", example="https://a.example/xyz"
        )

        assert templates.sample(template(body="Hi", buttons=(button,))) == {"button.0": "xyz"}

    def test_has_stand_ins_for_all_kinds(self) -> None:
        definition = template(
            header=Header(kind="location"),
            body="Hi {{1}} there",
            body_examples={},
            buttons=(
                Button(kind="mpm", text="Items"),
                Button(kind="url", text="T", url="https://a.example/{{1}}"),
                Button(kind="copy_code"),
                Button(kind="flow", text="F", options={"flow_id": "1"}),
            ),
        )

        assert templates.fill(definition, templates.sample(definition)).preview.body
