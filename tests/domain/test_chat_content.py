"""Buttons, lists, links and files: kept as JSON, drawn as the customer sees them."""

import json
from typing import Any

import pytest

from whatsapp_notify.cloud_api import payload_chat
from whatsapp_notify.domain import chat_content
from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain.chat_content import (
    ButtonsContent,
    HeaderFile,
    LinkContent,
    ListContent,
    ListRow,
    ListSection,
    LocationContent,
    LocationRequestContent,
    MediaContent,
    ReplyButton,
)

BUTTONS = ButtonsContent(
    body="When shall we bring it?",
    buttons=(ReplyButton(reply_id="am", title="Morning"), ReplyButton(reply_id="pm", title="Noon")),
    header="Delivery",
    footer="Free of charge",
)
LIST = ListContent(
    body="What is it about?",
    button="Choose",
    sections=(
        ListSection(title="Orders", rows=(ListRow(reply_id="1", title="Where is it?"),)),
        ListSection(
            title="Other", rows=(ListRow(reply_id="2", title="Returns", description="30 days"),)
        ),
    ),
)
LINK = LinkContent(body="Your receipt", button="Open", url="https://shop.example/r/1")
PLACE = LocationRequestContent(body="Where shall we bring it?")
MEDIA = MediaContent(
    media="document", link="https://shop.example/i.pdf", caption="Invoice", filename="invoice.pdf"
)
SHOP = LocationContent(
    latitude="60.170000", longitude="24.940000", name="The Shop", address="Harbour Street 1"
)
SPOKEN = MediaContent(
    media="audio", link="https://shop.example/open.ogg", transcript="We are open until six."
)
PICTURED = ButtonsContent(
    body="Is it this one?",
    buttons=(ReplyButton(reply_id="yes", title="Yes"),),
    header_file=HeaderFile(media="image", link="https://shop.example/mug.jpg"),
)
ENCLOSED = LinkContent(
    body="Your receipt",
    button="Open",
    url="https://shop.example/r/1",
    header_file=HeaderFile(
        media="document", link="https://shop.example/r/1.pdf", filename="receipt.pdf"
    ),
)
_NEEDED = {MediaContent: "media", LocationContent: "latitude"}
ALL = [BUTTONS, LIST, LINK, PLACE, MEDIA, SHOP, SPOKEN, PICTURED, ENCLOSED]


@pytest.mark.parametrize("content", ALL, ids=lambda each: type(each).__name__)
class TestJson:
    def test_comes_back_as_it_was(self, content: Any) -> None:
        data = json.loads(json.dumps(contents.to_json(content)))

        assert contents.from_json(data) == content

    def test_with_a_field_too_many_is_no_content(self, content: Any) -> None:
        with pytest.raises(ValueError, match="not the content"):
            contents.from_json({**contents.to_json(content), "surprise": 1})

    def test_without_its_words_is_no_content(self, content: Any) -> None:
        data = contents.to_json(content)
        del data[_NEEDED.get(type(content), "body")]

        with pytest.raises(ValueError, match="not the content"):
            contents.from_json(data)

    def test_that_was_kept_before_headers_had_files_is_read(self, content: Any) -> None:
        data = contents.to_json(content)
        has_no_file = data.pop("header_file", None) is None

        assert (contents.from_json(data) == content) is has_no_file

    def test_shows_no_word_in_its_repr(self, content: Any) -> None:
        assert repr(content) == f"<{type(content).__name__}>"


class TestPreview:
    def test_shows_buttons_below_the_words(self) -> None:
        preview = contents.preview_of(BUTTONS)

        assert (preview.header, preview.footer) == ("Delivery", "Free of charge")
        assert [button.label for button in preview.buttons] == ["Morning", "Noon"]

    def test_shows_all_rows_of_a_list(self) -> None:
        preview = contents.preview_of(LIST)

        assert [(button.kind, button.label) for button in preview.buttons] == [
            ("list", "Choose"), ("row", "Where is it?"), ("row", "Returns"),
        ]  # fmt: skip

    def test_shows_where_a_link_leads(self) -> None:
        assert contents.preview_of(LINK).buttons[0].value == "https://shop.example/r/1"

    def test_shows_the_caption_of_a_file(self) -> None:
        preview = contents.preview_of(MEDIA)

        assert (preview.header_media, preview.header, preview.body) == (
            "document", "invoice.pdf", "Invoice",
        )  # fmt: skip

    def test_shows_a_place_by_its_name_and_address(self) -> None:
        preview = contents.preview_of(SHOP)

        assert (preview.header_media, preview.header, preview.body) == (
            "location", "The Shop", "Harbour Street 1",
        )  # fmt: skip

    def test_shows_a_place_without_an_address_by_its_degrees(self) -> None:
        preview = contents.preview_of(LocationContent(latitude="60.17", longitude="-24.94"))

        assert (preview.header, preview.body) == ("", "60.17, -24.94")

    def test_shows_the_words_of_a_recording(self) -> None:
        preview = contents.preview_of(SPOKEN)

        assert (preview.header_media, preview.body) == ("audio", "We are open until six.")

    def test_shows_the_file_above_the_words(self) -> None:
        picture, document = contents.preview_of(PICTURED), contents.preview_of(ENCLOSED)

        assert (picture.header_media, picture.header) == ("image", "")
        assert (document.header_media, document.header) == ("document", "receipt.pdf")
        assert [button.label for button in picture.buttons] == ["Yes"]

    def test_comes_back_from_json(self) -> None:
        for content in ALL:
            preview = contents.preview_of(content)
            assert contents.preview_from_json(contents.preview_to_json(preview)) == preview


class TestButtonProblems:
    @pytest.mark.parametrize(
        ("titles", "body", "problems"),
        [
            ((), "x" * 5000, []),
            (("a",), "x" * 1024, []),
            (("a",), "x" * 1025, [("long_body", "")]),
            (("a", "b", "c"), "x", []),
            (("a", "b", "c", "d"), "x", [("too_many", "")]),
            (("x" * 20, "ä" * 20), "x", []),
            (("x" * 21,), "x", [("long_title", "x" * 21)]),
            (("Yes", "yes"), "x", [("twins", "")]),
            (("Yes", "Yes!"), "x", []),
        ],
        ids=[
            "none", "1024", "1025", "three", "four", "20 characters", "21 characters", "twins",
            "near twins",
        ],
    )  # fmt: skip
    def test_names_what_is_refused(
        self, titles: tuple[str, ...], body: str, problems: list[tuple[str, str]]
    ) -> None:
        assert list(chat_content.button_problems(titles, body=body)) == problems

    def test_lets_through_what_can_be_written(self) -> None:
        titles = ("x" * 20, "y", "z")
        content = ButtonsContent(
            body="b" * 1024,
            buttons=tuple(ReplyButton(reply_id=each, title=each) for each in titles),
        )

        assert not list(chat_content.button_problems(titles, body=content.body))
        assert payload_chat.write(content)["type"] == "interactive"
