"""Interactive messages and files on the wire, within each documented limit."""

import dataclasses
from typing import Any

import pytest

from tests.domain.test_chat_content import (
    ALL,
    BUTTONS,
    ENCLOSED,
    LINK,
    LIST,
    MEDIA,
    PICTURED,
    PLACE,
    SHOP,
    SPOKEN,
)
from whatsapp_notify.cloud_api import payload_chat
from whatsapp_notify.domain.chat_content import (
    ButtonsContent,
    HeaderFile,
    ListRow,
    ListSection,
    MediaContent,
    ReplyButton,
)
from whatsapp_notify.simulator import freeform


def changed(content: Any, **fields: Any) -> Any:
    return dataclasses.replace(content, **fields)


def buttons(count: int, **fields: str) -> tuple[ReplyButton, ...]:
    return tuple(
        ReplyButton(**{"reply_id": str(number), "title": f"No. {number}", **fields})
        for number in range(count)
    )


def rows(count: int, first: int = 0, **fields: str) -> tuple[ListRow, ...]:
    return tuple(
        ListRow(**{"reply_id": str(number), "title": f"No. {number}", **fields})
        for number in range(first, first + count)
    )


def section(*of: ListRow, title: str = "Title") -> ListSection:
    return ListSection(rows=of, title=title)


class TestWrite:
    def test_buttons(self) -> None:
        assert payload_chat.write(BUTTONS) == {
            "type": "interactive",
            "interactive": {
                "type": "button",
                "header": {"type": "text", "text": "Delivery"},
                "body": {"text": "When shall we bring it?"},
                "footer": {"text": "Free of charge"},
                "action": {
                    "buttons": [
                        {"type": "reply", "reply": {"id": "am", "title": "Morning"}},
                        {"type": "reply", "reply": {"id": "pm", "title": "Noon"}},
                    ]
                },
            },
        }

    def test_buttons_below_a_picture(self) -> None:
        assert payload_chat.write(PICTURED)["interactive"] == {
            "type": "button",
            "header": {"type": "image", "image": {"link": "https://shop.example/mug.jpg"}},
            "body": {"text": "Is it this one?"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]},
        }

    def test_buttons_below_a_picture_that_was_uploaded(self) -> None:
        picture = HeaderFile(media="image", media_id="2762702990552401")

        assert payload_chat.write(changed(PICTURED, header_file=picture))["interactive"][
            "header"
        ] == {"type": "image", "image": {"id": "2762702990552401"}}

    def test_link_below_a_document(self) -> None:
        assert payload_chat.write(ENCLOSED)["interactive"]["header"] == {
            "type": "document",
            "document": {"link": "https://shop.example/r/1.pdf", "filename": "receipt.pdf"},
        }

    def test_link_below_a_video(self) -> None:
        film = HeaderFile(media="video", link="https://shop.example/v.mp4")

        assert payload_chat.write(changed(LINK, header_file=film))["interactive"]["header"] == {
            "type": "video",
            "video": {"link": "https://shop.example/v.mp4"},
        }

    def test_list(self) -> None:
        assert payload_chat.write(LIST)["interactive"] == {
            "type": "list",
            "body": {"text": "What is it about?"},
            "action": {
                "button": "Choose",
                "sections": [
                    {"title": "Orders", "rows": [{"id": "1", "title": "Where is it?"}]},
                    {
                        "title": "Other",
                        "rows": [{"id": "2", "title": "Returns", "description": "30 days"}],
                    },
                ],
            },
        }

    def test_link(self) -> None:
        assert payload_chat.write(LINK)["interactive"]["action"] == {
            "name": "cta_url",
            "parameters": {"display_text": "Open", "url": "https://shop.example/r/1"},
        }

    def test_request_for_a_place(self) -> None:
        assert payload_chat.write(PLACE) == {
            "type": "interactive",
            "interactive": {
                "type": "location_request_message",
                "body": {"text": "Where shall we bring it?"},
                "action": {"name": "send_location"},
            },
        }

    def test_file_by_its_address(self) -> None:
        assert payload_chat.write(MEDIA) == {
            "type": "document",
            "document": {
                "link": "https://shop.example/i.pdf",
                "caption": "Invoice",
                "filename": "invoice.pdf",
            },
        }

    def test_file_by_its_id(self) -> None:
        assert payload_chat.write(MediaContent(media="audio", media_id="123")) == {
            "type": "audio",
            "audio": {"id": "123"},
        }

    def test_place(self) -> None:
        assert payload_chat.write(SHOP) == {
            "type": "location",
            "location": {
                "latitude": "60.170000",
                "longitude": "24.940000",
                "name": "The Shop",
                "address": "Harbour Street 1",
            },
        }

    def test_place_without_words(self) -> None:
        written = payload_chat.write(changed(SHOP, name="", address=""))

        assert written["location"] == {"latitude": "60.170000", "longitude": "24.940000"}

    def test_recording_goes_without_its_words(self) -> None:
        assert payload_chat.write(SPOKEN) == {
            "type": "audio",
            "audio": {"link": "https://shop.example/open.ogg"},
        }

    @pytest.mark.parametrize("content", ALL, ids=lambda each: type(each).__name__)
    def test_graph_takes_it(self, content: Any) -> None:
        written = payload_chat.write(content)

        assert freeform.READERS[written["type"]](written[written["type"]])


FITS = {
    "body of 1,024": changed(BUTTONS, body="x" * 1024),
    "header of 60": changed(BUTTONS, header="x" * 60),
    "footer of 60": changed(BUTTONS, footer="x" * 60),
    "three buttons": changed(BUTTONS, buttons=buttons(3)),
    "title of 20": changed(BUTTONS, buttons=buttons(1, title="x" * 20)),
    "id of 256": changed(BUTTONS, buttons=buttons(1, reply_id="x" * 256)),
    "ten rows": changed(LIST, sections=(section(*rows(5)), section(*rows(5, 5)))),
    "one section without a title": changed(LIST, sections=(section(*rows(1), title=""),)),
    "row title of 24": changed(LIST, sections=(section(*rows(1, title="x" * 24)),)),
    "row id of 200": changed(LIST, sections=(section(*rows(1, reply_id="x" * 200)),)),
    "description of 72": changed(LIST, sections=(section(*rows(1, description="x" * 72)),)),
    "caption of 1,024": changed(MEDIA, caption="x" * 1024),
    "place at the end of the world": changed(SHOP, latitude="-90", longitude="180"),
}
BREAKS = {
    "body of 1,025": changed(BUTTONS, body="x" * 1025),
    "no body": changed(BUTTONS, body=" "),
    "header of 61": changed(BUTTONS, header="x" * 61),
    "footer of 61": changed(BUTTONS, footer="x" * 61),
    "no button": changed(BUTTONS, buttons=()),
    "four buttons": changed(BUTTONS, buttons=buttons(4)),
    "title of 21": changed(BUTTONS, buttons=buttons(1, title="x" * 21)),
    "id of 257": changed(BUTTONS, buttons=buttons(1, reply_id="x" * 257)),
    "same id": changed(BUTTONS, buttons=buttons(2, reply_id="x")),
    "same title": changed(BUTTONS, buttons=buttons(2, title="x")),
    "list button of 21": changed(LIST, button="x" * 21),
    "no section": changed(LIST, sections=()),
    "section without rows": changed(LIST, sections=(section(*rows(1)), section())),
    "eleven rows": changed(LIST, sections=(section(*rows(6)), section(*rows(5, 6)))),
    "two sections, one untitled": changed(
        LIST, sections=(section(*rows(1)), section(*rows(1, 1), title=""))
    ),
    "section title of 25": changed(LIST, sections=(section(*rows(1), title="x" * 25),)),
    "row title of 25": changed(LIST, sections=(section(*rows(1, title="x" * 25)),)),
    "row id of 201": changed(LIST, sections=(section(*rows(1, reply_id="x" * 201)),)),
    "description of 73": changed(LIST, sections=(section(*rows(1, description="x" * 73)),)),
    "link text of 21": changed(LINK, button="x" * 21),
    "no address": changed(LINK, url="javascript:alert(1)"),
    "address with a blank": changed(LINK, url="https://shop.example/a b"),
    "place without words": changed(PLACE, body=""),
    "file without id and address": changed(MEDIA, link=""),
    "file with both": changed(MEDIA, media_id="1"),
    "file of no kind": changed(MEDIA, media="hologram"),
    "caption of 1,025": changed(MEDIA, caption="x" * 1025),
    "audio with a caption": MediaContent(media="audio", media_id="1", caption="x"),
    "picture with a file name": MediaContent(media="image", media_id="1", filename="x"),
    "picture with a transcript": changed(MEDIA, media="image", filename="", transcript="x"),
    "place beyond the pole": changed(SHOP, latitude="90.000001"),
    "place beyond the date line": changed(SHOP, longitude="-180.5"),
    "place that is none": changed(SHOP, latitude="xxx"),
    "header of words and a file": changed(PICTURED, header="Delivery"),
    "header of sound": changed(PICTURED, header_file=HeaderFile(media="audio", media_id="1")),
    "header file of no kind": changed(PICTURED, header_file=HeaderFile(media="text", link="x")),
    "header file without id and address": changed(PICTURED, header_file=HeaderFile(media="image")),
    "header file with both": changed(
        ENCLOSED, header_file=HeaderFile(media="image", media_id="1", link="https://shop.example/")
    ),
    "header file at no address": changed(
        ENCLOSED, header_file=HeaderFile(media="image", link="file:///etc/passwd")
    ),
    "header picture with a file name": changed(
        PICTURED, header_file=HeaderFile(media="image", media_id="1", filename="x")
    ),
    "id with a slash": MediaContent(media="image", media_id="../1"),
}


class TestLimits:
    @pytest.mark.parametrize("content", FITS.values(), ids=FITS)
    def test_what_fits_is_written_and_taken(self, content: Any) -> None:
        written = payload_chat.write(content)

        assert freeform.READERS[written["type"]](written[written["type"]])

    @pytest.mark.parametrize("content", BREAKS.values(), ids=BREAKS)
    def test_what_breaks_one_is_refused_before_any_byte(self, content: Any) -> None:
        with pytest.raises(ValueError) as caught:  # noqa: PT011  # each limit has its own words
            payload_chat.write(content)

        assert "xxx" not in str(caught.value)

    def test_words_are_text_and_nothing_else(self) -> None:
        content = ButtonsContent(body='{"a":"b"}\n*x*', buttons=buttons(1))

        assert payload_chat.write(content)["interactive"]["body"] == {"text": '{"a":"b"}\n*x*'}
