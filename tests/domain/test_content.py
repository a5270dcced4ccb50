"""What a message says, as JSON and as one text."""

import pytest

from whatsapp_notify.domain import content
from whatsapp_notify.domain.content import (
    Preview,
    PreviewButton,
    TemplateContent,
    TextContent,
    TextParameter,
)

QUESTION = TemplateContent(name="ask", language="en", body=(TextParameter(text="A1"),))


class TestJson:
    @pytest.mark.parametrize(
        "what",
        [
            TextContent(body="Hello", reply_to="wamid.1"),
            QUESTION,
            TemplateContent(name="ask", language="en", text="How was A1?"),
        ],
        ids=["text", "template", "template that may go as text"],
    )
    def test_brings_back_what_was_written(self, what: content.Content) -> None:
        assert content.from_json(content.to_json(what)) == what

    def test_of_a_template_alone_names_no_text(self) -> None:
        assert "text" not in content.to_json(QUESTION)


class TestInText:
    @pytest.mark.parametrize(
        ("preview", "text"),
        [
            (Preview(body="How was it?"), "How was it?"),
            (
                Preview(body="How was it?", header="Your order", footer="STOP ends it"),
                "Your order\n\nHow was it?\n\nSTOP ends it",
            ),
            (Preview(body="How?", header_media="image"), ""),
            (Preview(body="How?", buttons=(PreviewButton(kind="URL", label="Shop"),)), ""),
            (Preview(body="How?", cards=(Preview(body="1"),)), ""),
        ],
        ids=["body", "with header and footer", "picture", "button", "cards"],
    )
    def test_is_all_the_words_of_what_is_words_only(self, preview: Preview, text: str) -> None:
        assert content.in_text(preview) == text
