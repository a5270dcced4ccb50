"""Free-form messages that are more than text: buttons, a list, a link, a file, a place.

All need an open service window. ``content`` holds them as JSON; ``cloud_api.payload_chat`` knows
the wire format and all limits but those that are asked for where a message is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: What WhatsApp takes of the words of a message with buttons, of its buttons, and below a file.
#: Source: WhatsApp Cloud API, "Interactive reply buttons", "Media messages", read 2026-11.
MAX_BODY = 1024
MAX_BUTTONS = 3
MAX_BUTTON_TITLE = 20
MAX_CAPTION = 1024
MAX_FILENAME = 240


class _Words:
    """What is said to a person stays out of logs and error reports."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ReplyButton(_Words):
    """One of up to three buttons below a text; a tap sends id and title back."""

    reply_id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ListRow(_Words):
    """One line of a list that opens; choosing it sends id and title back."""

    reply_id: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ListSection(_Words):
    """Lines of a list below a title of their own."""

    rows: tuple[ListRow, ...]
    #: Needed where there is more than one section.
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HeaderFile(_Words):
    """A file above the text; exactly one of ``media_id`` and ``link``."""

    #: "image", "video" or "document".
    media: str
    media_id: str = ""
    link: str = ""
    #: Of documents only.
    filename: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ButtonsContent(_Words):
    """A text with one to three buttons to answer by."""

    body: str
    buttons: tuple[ReplyButton, ...]
    header: str = ""
    #: Instead of a header of words.
    header_file: HeaderFile | None = None
    footer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ListContent(_Words):
    """A text with a list that opens; at most ten lines in all."""

    body: str
    #: On the button that opens the list.
    button: str
    sections: tuple[ListSection, ...]
    header: str = ""
    footer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LinkContent(_Words):
    """A text with one button that opens an address."""

    body: str
    button: str
    url: str
    header: str = ""
    #: Instead of a header of words.
    header_file: HeaderFile | None = None
    footer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LocationRequestContent(_Words):
    """A text with a button by which the customer sends a place."""

    body: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MediaContent(_Words):
    """A file; exactly one of ``media_id`` and ``link``."""

    #: "image", "video", "audio" or "document".
    media: str
    media_id: str = ""
    link: str = ""
    #: Not for audio.
    caption: str = ""
    #: Of documents only.
    filename: str = ""
    #: Of audio only: what is said. Not part of the message, so whoever sends it sends the same
    #: words as text too; kept for those who read the chat later.
    transcript: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LocationContent(_Words):
    """A place on the map; degrees as decimal strings."""

    latitude: str
    longitude: str
    name: str = ""
    address: str = ""


ChatContent = (
    ButtonsContent
    | ListContent
    | LinkContent
    | LocationRequestContent
    | LocationContent
    | MediaContent
)

_KINDS: Mapping[str, type[Any]] = {
    "buttons": ButtonsContent,
    "list": ListContent,
    "link": LinkContent,
    "location_request": LocationRequestContent,
    "location": LocationContent,
    "media": MediaContent,
}
KINDS = frozenset(_KINDS)
_NAMES = {cls: kind for kind, cls in _KINDS.items()}


def kind_of(content: ChatContent) -> str:
    """This will return the word by which rows know the kind."""
    return _NAMES[type(content)]


def from_fields(kind: str, fields: Mapping[str, Any]) -> ChatContent:
    """This will make content of the fields that ``dataclasses.asdict`` wrote, lists and all.

    Raises:
        KeyError, TypeError: They are not the fields of that kind.
    """
    values = dict(fields)
    if values.get("header_file") is not None:
        values["header_file"] = HeaderFile(**values["header_file"])
    if kind == "buttons":
        values["buttons"] = tuple(ReplyButton(**each) for each in values["buttons"])
    if kind == "list":
        values["sections"] = tuple(
            ListSection(title=each["title"], rows=tuple(ListRow(**row) for row in each["rows"]))
            for each in values["sections"]
        )
    content: ChatContent = _KINDS[kind](**values)
    return content


class ButtonProblem(StrEnum):
    """Why a message cannot have these buttons."""

    TOO_MANY = "too_many"
    LONG_TITLE = "long_title"
    TWINS = "twins"
    #: A text without buttons may be longer.
    LONG_BODY = "long_body"


def button_problems(titles: Sequence[str], *, body: str) -> Iterator[tuple[ButtonProblem, str]]:
    """This will tell what WhatsApp, or somebody who taps, would not take; with the title.

    No titles are no problem. A tap says its title, and words count the same in capitals.
    """
    if len(titles) > MAX_BUTTONS:
        yield ButtonProblem.TOO_MANY, ""
    for title in titles:
        if len(title) > MAX_BUTTON_TITLE:
            yield ButtonProblem.LONG_TITLE, title
    if len({title.casefold() for title in titles}) < len(titles):
        yield ButtonProblem.TWINS, ""
    if titles and len(body) > MAX_BODY:
        yield ButtonProblem.LONG_BODY, ""
