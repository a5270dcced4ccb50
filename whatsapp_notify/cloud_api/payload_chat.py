"""Interactive messages, files and places, as ``type`` and value of a free-form message.

Source: WhatsApp Cloud API, "Interactive reply buttons", "Interactive lists", "Interactive CTA URL
buttons", "Request location", "Media messages", "Location messages", read 2026-11. A list's body may
have 1,024 characters by one page of Meta and 4,096 by another: the smaller one is kept.
"""

import re
from collections.abc import Sequence
from typing import Any

from whatsapp_notify.cloud_api.payload_parts import location
from whatsapp_notify.domain.chat_content import (
    MAX_BODY,
    MAX_BUTTON_TITLE,
    MAX_BUTTONS,
    MAX_CAPTION,
    MAX_FILENAME,
    ButtonsContent,
    ChatContent,
    HeaderFile,
    LinkContent,
    ListContent,
    ListSection,
    LocationContent,
    LocationRequestContent,
    MediaContent,
)

MAX_HEADER = MAX_FOOTER = 60
MAX_BUTTON_ID = 256
MAX_SECTIONS = MAX_ROWS = 10
MAX_SECTION_TITLE = MAX_ROW_TITLE = 24
MAX_ROW_ID = 200
MAX_ROW_DESCRIPTION = 72
MAX_URL = 2000

_MEDIA = frozenset({"image", "video", "audio", "document"})
_HEADER_MEDIA = _MEDIA - {"audio"}
_LINK = re.compile(r"https?://\S+")
_MEDIA_ID = re.compile(r"[0-9A-Za-z_.-]{1,200}", re.ASCII)


def write(content: ChatContent) -> dict[str, Any]:
    """This will write type and value of a message.

    Raises:
        ValueError: Something breaks a limit; the text names the limit, never the value.
    """
    match content:
        case ButtonsContent():
            return _interactive("button", content, {"buttons": _buttons(content)})
        case ListContent():
            action = {
                "button": _text("button of the list", content.button, MAX_BUTTON_TITLE),
                "sections": _sections(content.sections),
            }
            return _interactive("list", content, action)
        case LinkContent():
            parameters = {
                "display_text": _text("button", content.button, MAX_BUTTON_TITLE),
                "url": _url(content.url),
            }
            return _interactive("cta_url", content, {"name": "cta_url", "parameters": parameters})
        case LocationRequestContent():
            return _interactive("location_request_message", content, {"name": "send_location"})
        case LocationContent():
            return {"type": "location", "location": _place(content)}
        case MediaContent():
            return {"type": content.media, content.media: _media(content)}


def _interactive(
    kind: str,
    content: ButtonsContent | ListContent | LinkContent | LocationRequestContent,
    action: dict[str, Any],
) -> dict[str, Any]:
    value: dict[str, Any] = {"type": kind, "body": {"text": _text("body", content.body, MAX_BODY)}}
    if not isinstance(content, LocationRequestContent):
        value |= _header(content)
        if content.footer:
            value["footer"] = {"text": _text("footer", content.footer, MAX_FOOTER)}
    return {"type": "interactive", "interactive": {**value, "action": action}}


def _header(content: ButtonsContent | ListContent | LinkContent) -> dict[str, Any]:
    file = None if isinstance(content, ListContent) else content.header_file
    if file is not None:
        if content.header:
            raise ValueError("A header is either words or a file.")
        return {"header": {"type": file.media, file.media: _header_media(file)}}
    if not content.header:
        return {}
    return {"header": {"type": "text", "text": _text("header", content.header, MAX_HEADER)}}


def _header_media(file: HeaderFile) -> dict[str, Any]:
    if file.media not in _HEADER_MEDIA:
        raise ValueError("A header shows an image, a video or a document.")
    return _media(
        MediaContent(
            media=file.media, media_id=file.media_id, link=file.link, filename=file.filename
        )
    )


def _buttons(content: ButtonsContent) -> list[dict[str, Any]]:
    if not 1 <= len(content.buttons) <= MAX_BUTTONS:
        raise ValueError(f"A message has one to {MAX_BUTTONS} reply buttons.")
    _refuse_twins([each.reply_id for each in content.buttons])
    _refuse_twins([each.title for each in content.buttons])
    return [
        {
            "type": "reply",
            "reply": {
                "id": _text("id of a button", each.reply_id, MAX_BUTTON_ID),
                "title": _text("title of a button", each.title, MAX_BUTTON_TITLE),
            },
        }
        for each in content.buttons
    ]


def _sections(sections: Sequence[ListSection]) -> list[dict[str, Any]]:
    rows = [row for section in sections for row in section.rows]
    if not 1 <= len(sections) <= MAX_SECTIONS or not 1 <= len(rows) <= MAX_ROWS:
        raise ValueError(f"A list has one to {MAX_ROWS} rows in at most {MAX_SECTIONS} sections.")
    if any(not section.rows for section in sections):
        raise ValueError("A section of a list has no rows.")
    if len(sections) > 1 and any(not section.title.strip() for section in sections):
        raise ValueError("Where a list has several sections, each has a title.")
    _refuse_twins([row.reply_id for row in rows])
    return [_section(section) for section in sections]


def _section(section: ListSection) -> dict[str, Any]:
    rows = []
    for row in section.rows:
        written = {
            "id": _text("id of a row", row.reply_id, MAX_ROW_ID),
            "title": _text("title of a row", row.title, MAX_ROW_TITLE),
        }
        if row.description:
            written["description"] = _text(
                "description of a row", row.description, MAX_ROW_DESCRIPTION
            )
        rows.append(written)
    if not section.title:
        return {"rows": rows}
    return {"title": _text("title of a section", section.title, MAX_SECTION_TITLE), "rows": rows}


def _media(content: MediaContent) -> dict[str, Any]:
    if content.media not in _MEDIA:
        raise ValueError("This kind of file is not known.")
    if bool(content.media_id) == bool(content.link):
        raise ValueError("A file has either an id or an address.")
    value: dict[str, Any] = {"link": _url(content.link)} if content.link else {}
    if content.media_id:
        if not _MEDIA_ID.fullmatch(content.media_id):
            raise ValueError("The id of the file is none.")
        value["id"] = content.media_id
    if content.caption:
        if content.media == "audio":
            raise ValueError("Audio has no caption.")
        value["caption"] = _text("caption", content.caption, MAX_CAPTION)
    if content.transcript and content.media != "audio":
        raise ValueError("Only audio is written down.")
    if content.filename:
        if content.media != "document":
            raise ValueError("Only documents have a file name.")
        value["filename"] = _text("file name", content.filename, MAX_FILENAME)
    return value


def _place(content: LocationContent) -> dict[str, str]:
    place = location(latitude=content.latitude, longitude=content.longitude)
    more = {"name": content.name, "address": content.address}
    return place | {key: words for key, words in more.items() if words}


def _text(what: str, text: str, limit: int) -> str:
    if not text.strip():
        raise ValueError(f"The {what} is empty.")
    if len(text) > limit:
        raise ValueError(f"The {what} is longer than {limit} characters.")
    return text


def _url(url: str) -> str:
    if len(url) > MAX_URL or not _LINK.fullmatch(url):
        raise ValueError(f"The address is none, or longer than {MAX_URL} characters.")
    return url


def _refuse_twins(values: Sequence[str]) -> None:
    if len(set(values)) != len(values):
        raise ValueError("Two buttons or rows are the same.")
