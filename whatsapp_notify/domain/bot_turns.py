"""What a bot is told, and what it may return."""

import re
from dataclasses import dataclass
from datetime import datetime

from whatsapp_notify.domain.chat_content import MAX_BUTTON_TITLE, MAX_BUTTONS
from whatsapp_notify.domain.occasions import Order
from whatsapp_notify.domain.storable import is_storable

#: What WhatsApp takes as one text.
MAX_TEXT = 4096
MAX_URL = 2000
#: Name and address of a place; WhatsApp names no limit.
MAX_PLACE = 300

#: A word of it is no address, and neither is one with a blank or half a character in it.
_HTTPS = re.compile(r"https://[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BotLine:
    """Something that was written before, by either side."""

    text: str
    #: Whether the customer wrote it, and not the shop.
    is_by_customer: bool

    def __repr__(self) -> str:
        return "<BotLine>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BotTurn:
    """What a customer has written, with all that the bot may know of it."""

    text: str
    #: "fi", "sv", "ru", "en" or any other code: the customer's, else the shop's default.
    language: str
    #: Until when the answer must be there; what comes later is dropped.
    deadline: datetime
    #: What was written before, the oldest first; at most 20 lines.
    history: tuple[BotLine, ...] = ()
    first_name: str = ""
    #: The customer's own orders, the latest first.
    orders: tuple[Order, ...] = ()

    def __repr__(self) -> str:
        return "<BotTurn>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Place:
    """A place on the map, in degrees."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""

    def __repr__(self) -> str:
        return "<Place>"


@dataclass(frozen=True, slots=True, repr=False)
class BotReply:
    """The bot's answer."""

    #: At most 4096 characters.
    text: str
    #: Up to three titles of at most 20 characters; a tap counts as if it had been written.
    buttons: tuple[str, ...] = ()
    #: https address of a recording of exactly this text; goes after it as a message of its own.
    audio_url: str = ""
    #: Goes after the text as a message of its own.
    place: Place | None = None

    def __repr__(self) -> str:
        return "<BotReply>"


@dataclass(frozen=True, slots=True, repr=False)
class HandOver:
    """The bot leaves the answer to a person."""

    #: For the staff, who see it beside the message.
    reason: str = ""

    def __repr__(self) -> str:
        return "<HandOver>"


def problem_of(reply: BotReply) -> str:
    """This will tell in one word why a reply cannot be sent; empty where it can."""
    if not isinstance(reply.text, str) or not reply.text.strip():
        return "empty"
    if len(reply.text) > MAX_TEXT:
        return "too_long"
    titles = reply.buttons
    if not isinstance(titles, tuple | list) or len(titles) > MAX_BUTTONS:
        return "buttons"
    if not all(
        isinstance(each, str) and 0 < len(each.strip()) <= MAX_BUTTON_TITLE for each in titles
    ):
        return "buttons"
    if len(set(titles)) < len(titles):
        return "buttons"
    if not _is_audio(reply.audio_url):
        return "audio"
    if reply.place is not None and not _is_place(reply.place):
        return "place"
    more = (reply.place.name, reply.place.address) if reply.place else ()
    if not all(map(is_storable, (reply.text, *titles, *more))):
        return "unprintable"
    return ""


def _is_audio(url: object) -> bool:
    if not isinstance(url, str) or len(url) > MAX_URL:
        return False
    return not url or bool(_HTTPS.fullmatch(url))


def _is_place(place: object) -> bool:
    if not isinstance(place, Place):
        return False
    degrees = (place.latitude, 90), (place.longitude, 180)
    if any(type(each) not in {int, float} or not -most <= each <= most for each, most in degrees):
        return False
    words = (place.name, place.address)
    return all(isinstance(each, str) and len(each) <= MAX_PLACE for each in words)
