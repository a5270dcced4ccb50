"""Contents of yesterday and templates of today."""

import dataclasses
from typing import Any

import pytest

from tests.domain.test_templates import CAROUSEL, OFFER, RICH, template
from whatsapp_notify.domain.content import TemplateContent, TextParameter
from whatsapp_notify.domain.template_fit import fits
from whatsapp_notify.domain.templates import Button, Header, TemplateDefinition, fill, sample

URL = Button(kind="url", text="Follow", url="https://shop.example/{{1}}", example="1")
CODE = Button(kind="copy_code", text="Copy", example="SALE10")


def content_of(**parts: Any) -> TemplateContent:
    definition = template(**parts)
    return fill(definition, sample(definition)).content


PARTS: dict[str, dict[str, Any]] = {
    "body": {"body": "Hello {{1}}, {{2}} is on its way."},
    "named": {"body": "Hello {{first_name}}.", "parameter_format": "named"},
    "text header": {"header": Header(kind="text", text="Order {{1}}")},
    "picture": {"header": Header(kind="image")},
    "place": {"header": Header(kind="location")},
    "address": {"buttons": (URL,)},
    "code": {"buttons": (CODE,)},
}


@pytest.mark.parametrize("name", PARTS)
def test_what_was_filled_in_fits_its_own_template(name: str) -> None:
    assert fits(template(**PARTS[name]), content_of(**PARTS[name]))


@pytest.mark.parametrize("definition", [RICH, CAROUSEL, OFFER], ids=lambda each: each.name)
def test_what_has_every_part_fits_its_own_template(definition: TemplateDefinition) -> None:
    content = fill(definition, sample(definition)).content

    assert fits(definition, content)
    assert not fits(dataclasses.replace(definition, body="Nothing to fill in."), content)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"body": "Hi {{1}}."}, {"body": "Hi {{1}}, {{2}}."}, id="one more"),
        pytest.param({"body": "Hi {{1}}, {{2}}."}, {"body": "Hi {{1}}."}, id="one less"),
        pytest.param({"body": "Hi {{1}}."}, {"body": "Hi."}, id="none"),
        pytest.param(
            {"body": "Hi {{name}}.", "parameter_format": "named"},
            {"body": "Hi {{first_name}}.", "parameter_format": "named"},
            id="another name",
        ),
        pytest.param(
            {"body": "Hi {{1}}."},
            {"body": "Hi {{name}}.", "parameter_format": "named"},
            id="named now",
        ),
        pytest.param(PARTS["text header"], PARTS["picture"], id="another header"),
        pytest.param(PARTS["body"], PARTS["body"] | PARTS["picture"], id="a header"),
        pytest.param(PARTS["address"], PARTS["code"], id="another button"),
        pytest.param(PARTS["address"], {"buttons": (CODE, URL)}, id="button moved"),
    ],
)
def test_a_changed_template_is_not_fitted(before: Any, after: Any) -> None:
    assert not fits(template(**after), content_of(**before))


def test_other_words_around_the_values_change_nothing() -> None:
    assert fits(template(body="Good day {{1}}!"), content_of(body="Hello {{1}}."))


def test_values_count_and_not_their_form() -> None:
    content = content_of(body="Hello {{1}}.")
    other = dataclasses.replace(content, body=(TextParameter(text="{{2}} literally"),))

    assert fits(template(body="Hello {{1}}."), other)
