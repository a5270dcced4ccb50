"""Each rule of Meta's review, with a template that breaks it and one that just does not."""

import dataclasses
from typing import Any

import pytest

from whatsapp_notify.domain import templates
from whatsapp_notify.domain.templates import Button, CardDefinition, Header, TemplateDefinition

IMAGE = Header(kind="image", media_example="4::aW1hZ2U")
QUICK = Button(kind="quick_reply", text="Stop")
LINK = Button(kind="url", text="Shop", url="https://shop.example/")
TRACK = Button(kind="url", text="Track", url="https://shop.example/{{1}}", example="t1")
CODE = Button(kind="copy_code", example="SALE10")
CALL = Button(kind="phone_number", text="Call", phone="+358401234567")
CARD = CardDefinition(header=IMAGE, body="Shirt", buttons=(LINK,))


def lint(**changes: Any) -> list[str]:
    definition = TemplateDefinition(
        name="order_shipped",
        language="en",
        category="MARKETING",
        body="Hello {{1}}, your order {{2}} is on its way.",
        body_examples={"1": "One", "2": "10234"},
    )
    found = templates.lint(dataclasses.replace(definition, **changes))
    return [f"{problem.key}: {problem.code}" for problem in found]


def body(text: str, *names: str) -> dict[str, Any]:
    return {"body": text, "body_examples": dict.fromkeys(names, "x")}


def header(text: str, *names: str) -> dict[str, Any]:
    return {"header": Header(kind="text", text=text, examples=dict.fromkeys(names, "x"))}


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    # Identity.
    ({"name": "a1_"}, []),
    ({"name": "Order"}, ["name: bad_name"]),
    ({"name": "order-shipped"}, ["name: bad_name"]),
    ({"name": ""}, ["name: bad_name"]),
    ({"name": "a" * 512}, []),
    ({"name": "a" * 513}, ["name: too_long"]),
    ({"language": "en_US"}, []),
    ({"language": "fil"}, []),
    ({"language": "en-US"}, ["language: bad_language"]),
    ({"language": "EN"}, ["language: bad_language"]),
    ({"language": ""}, ["language: bad_language"]),
    ({"category": "UTILITY"}, []),
    ({"category": "utility"}, ["category: unknown_category"]),
    ({"parameter_format": "other"}, ["parameter_format: unknown_format"]),
    # Body.
    (body(""), ["body: empty"]),
    (body(" \n"), ["body: empty"]),
    (body("x" * 1024), []),
    (body("x" * 1025), ["body: too_long"]),
    (body("{{1}} hello there", "1"), ["body: variable_at_start"]),
    (body(" {{1}} hello there", "1"), ["body: variable_at_start"]),
    (body("Hello there {{1}}", "1"), ["body: variable_at_end"]),
    (body("Hello there {{1}}.", "1"), ["body: variable_at_end"]),
    (body("Hello there {{1}}!\n", "1"), ["body: variable_at_end"]),
    (body("Hello {{1}} there", "1"), []),
    (body("Hi {{1}}{{2}} and more words", "1", "2"), ["body: adjacent_variables"]),
    (body("Hi {{1}} {{2}} and more words", "1", "2"), ["body: adjacent_variables"]),
    (body("Hi {{1}}, {{2}} and more words", "1", "2"), []),
    (body("Hi {{1}} and {{3}} are here", "1", "3"), ["body: not_sequential"]),
    (body("Hi {{2}} and {{3}} are here", "2", "3"), ["body: not_sequential"]),
    (body("Hi {{0}} and {{1}} are here", "0", "1"), ["body: not_sequential"]),
    (body("Hi {{2}} and {{1}} are here", "1", "2"), []),
    (body("Hi {{1}} and {{1}} are here", "1"), []),
    (body("Hi {{name}} are you here", "name"), ["body: named_variable"]),
    (body("Hi {{1} are you here"), ["body: broken_variable"]),
    (body("Hi {{first name}} are you here"), ["body: broken_variable"]),
    (body("Hi {{#1}} are you here"), ["body: broken_variable"]),
    (body("Hi {{}} are you here"), ["body: broken_variable"]),
    (body("Hi {1} are you here"), []),
    (body("Hi {{1}} are you here"), ["body.1: missing_example"]),
    (body("Hi {{1}}, {{2}}, {{3}} ok", "1", "2", "3"), []),
    (body("Hi{{1}}-{{2}}-{{3}}ok", "1", "2", "3"), ["body: too_many_variables"]),
    ({**body("Hi {{name}} are you here", "name"), "parameter_format": "named"}, []),
    (
        {**body("Hi {{Name}} are you here", "Name"), "parameter_format": "named"},
        ["body: bad_variable_name"],
    ),
    (
        {**body("Hi {{1}} are you here", "1"), "parameter_format": "named"},
        ["body: bad_variable_name"],
    ),
    # Header.
    (header("Hi {{1}}", "1"), []),
    (header("x" * 60), []),
    (header("x" * 61), ["header: too_long"]),
    (header(""), ["header: empty"]),
    (header("a\nb"), ["header: line_break"]),
    (header("*a*"), ["header: formatting"]),
    (header("{{1}} and {{2}}", "1", "2"), ["header: too_many_variables"]),
    (header("Hi {{1}}"), ["header.1: missing_example"]),
    ({"header": IMAGE}, []),
    ({"header": Header(kind="video")}, ["header: missing_example"]),
    ({"header": Header(kind="location")}, []),
    # Footer.
    ({"footer": "x" * 60}, []),
    ({"footer": "x" * 61}, ["footer: too_long"]),
    ({"footer": "Hi {{1}}"}, ["footer: variable_not_allowed"]),
    # Buttons.
    ({"buttons": (QUICK,) * 10}, []),
    ({"buttons": (QUICK,) * 11}, ["button: too_many"]),
    ({"buttons": (LINK, TRACK)}, []),
    ({"buttons": (LINK, TRACK, LINK)}, ["button: too_many_url"]),
    ({"buttons": (CALL, CALL)}, ["button: too_many_phone_number"]),
    ({"buttons": (CODE, CODE)}, ["button: too_many_copy_code"]),
    ({"buttons": (QUICK, QUICK, LINK, CALL, CODE)}, []),
    ({"buttons": (LINK, CALL, QUICK, QUICK)}, []),
    ({"buttons": (QUICK, LINK, QUICK)}, ["button: quick_replies_not_grouped"]),
    ({"buttons": (LINK, QUICK, CALL)}, ["button: quick_replies_not_grouped"]),
    ({"buttons": (dataclasses.replace(QUICK, text=""),)}, ["button.0: empty"]),
    ({"buttons": (dataclasses.replace(QUICK, text="x" * 25),)}, []),
    ({"buttons": (dataclasses.replace(QUICK, text="x" * 26),)}, ["button.0: too_long"]),
    (
        {"buttons": (QUICK, dataclasses.replace(LINK, text="{{1}}"))},
        ["button.1: variable_not_allowed"],
    ),
    ({"buttons": (dataclasses.replace(LINK, url=""),)}, ["button.0: bad_url"]),
    ({"buttons": (dataclasses.replace(LINK, url="shop.example"),)}, ["button.0: bad_url"]),
    (
        {"buttons": (dataclasses.replace(TRACK, url="https://{{1}}.example/"),)},
        ["button.0: variable_not_at_end"],
    ),
    (
        {"buttons": (dataclasses.replace(TRACK, url="https://x.example/{{1}}/{{2}}"),)},
        ["button.0: variable_not_at_end"],
    ),
    ({"buttons": (dataclasses.replace(TRACK, example=""),)}, ["button.0: missing_example"]),
    ({"buttons": (dataclasses.replace(LINK, url="https://" + "x" * 1992),)}, []),
    (
        {"buttons": (dataclasses.replace(LINK, url="https://" + "x" * 1993),)},
        ["button.0: too_long"],
    ),
    ({"buttons": (dataclasses.replace(CODE, example=""),)}, ["button.0: missing_example"]),
    ({"buttons": (dataclasses.replace(CODE, example="A B"),)}, ["button.0: not_alphanumeric"]),
    ({"buttons": (dataclasses.replace(CODE, example="A" * 20),)}, []),
    ({"buttons": (dataclasses.replace(CODE, example="A" * 21),)}, ["button.0: too_long"]),
    ({"buttons": (dataclasses.replace(CALL, phone=""),)}, ["button.0: missing_phone"]),
    ({"buttons": (dataclasses.replace(CALL, phone="1" * 21),)}, ["button.0: too_long"]),
    ({"buttons": (Button(kind="flow", text="Book"),)}, ["button.0: missing_flow"]),
    ({"buttons": (Button(kind="flow", text="Book", options={"flow_id": "1"}),)}, []),
    ({"buttons": (Button(kind="otp", text="Copy"),)}, ["button.0: unsupported_kind"]),
    # Limited-time offers.
    ({"has_limited_time_offer": True, "offer_text": "x" * 16}, []),
    ({"has_limited_time_offer": True, "offer_text": "x" * 17}, ["offer: too_long"]),
    ({"has_limited_time_offer": True}, ["offer: empty"]),
    (
        {"has_limited_time_offer": True, "offer_text": "x", "category": "UTILITY"},
        ["offer: needs_marketing"],
    ),
    (
        {"has_limited_time_offer": True, "offer_text": "x", "footer": "x"},
        ["footer: not_allowed_with_offer"],
    ),
    ({"has_limited_time_offer": True, "offer_text": "x", "header": IMAGE}, []),
    (
        {"has_limited_time_offer": True, "offer_text": "x", **header("Hi")},
        ["header: not_allowed_with_offer"],
    ),
    ({"has_limited_time_offer": True, "offer_text": "x", **body("x" * 600)}, []),
    (
        {"has_limited_time_offer": True, "offer_text": "x", **body("x" * 601)},
        ["body: too_long"],
    ),
    (
        {
            "has_limited_time_offer": True,
            "offer_text": "x",
            "buttons": (dataclasses.replace(CODE, example="A" * 16),),
        },
        ["button.0: too_long"],
    ),
    # Carousels.
    ({"cards": (CARD,) * 2}, []),
    ({"cards": (CARD,) * 10}, []),
    ({"cards": (CARD,)}, ["card: bad_count"]),
    ({"cards": (CARD,) * 11}, ["card: bad_count"]),
    ({"cards": (CARD, dataclasses.replace(CARD, buttons=()))}, ["card: not_alike"]),
    ({"cards": (CARD, dataclasses.replace(CARD, body=""))}, ["card: not_alike"]),
    ({"cards": (dataclasses.replace(CARD, body=""),) * 2}, []),
    ({"cards": (dataclasses.replace(CARD, body="x" * 160),) * 2}, []),
    (
        {"cards": (CARD, dataclasses.replace(CARD, body="x" * 161))},
        ["card.1.body: too_long"],
    ),
    (
        {"cards": (dataclasses.replace(CARD, header=Header()),) * 2},
        ["card.0.header: needs_media", "card.1.header: needs_media"],
    ),
    ({"cards": (CARD, CARD), "footer": "x"}, ["footer: not_allowed_with_cards"]),
]


class TestLint:
    @pytest.mark.parametrize(("changes", "problems"), CASES, ids=lambda value: repr(value)[:60])
    def test_finds(self, changes: dict[str, Any], problems: list[str]) -> None:
        assert lint(**changes) == problems

    def test_finds_all_at_once_with_figures(self) -> None:
        definition = TemplateDefinition(
            name="Bad", language="xx-YY", category="", body="{{1}}" + "x" * 1024
        )

        found = templates.lint(definition)

        assert [problem.code for problem in found] == [
            "bad_name",
            "bad_language",
            "unknown_category",
            "too_long",
            "missing_example",
            "variable_at_start",
        ]
        assert found[3].detail == "1029 > 1024"
