"""What an approved template looks like before it has values."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

# Lengths that Meta allows, in characters, values included.
# Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/
# templates/components, limited-time-offer-templates, media-card-carousel-templates and the
# changelog of 2025-12-03 (coupon code), read 2026-11.
MAX_NAME = 512
MAX_HEADER = 60
MAX_BODY = 1024
MAX_OFFER_BODY = 600
MAX_CARD_BODY = 160
MAX_FOOTER = 60
MAX_LABEL = 25
MAX_URL = 2000
MAX_PHONE = 20
MAX_CODE = 20
MAX_OFFER_CODE = 15
MAX_OFFER_TEXT = 16

#: Kinds of buttons that we can fill; others keep their place and take no value.
BUTTON_KINDS = frozenset(
    {"url", "quick_reply", "copy_code", "phone_number", "catalog", "mpm", "flow"}
)
MEDIA_KINDS = frozenset({"image", "video", "document"})

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The top of a message or of a card."""

    #: "none", "text", "image", "video", "document" or "location".
    kind: str = "none"
    text: str = ""
    #: Sample values of the variables of ``text``, by name.
    examples: Mapping[str, str] = field(default_factory=dict)
    #: Handle or address of a sample picture, video or document.
    media_example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One button; its place among all buttons is its index."""

    #: One of ``BUTTON_KINDS``, or Meta's word in lower case for a kind that we do not fill.
    kind: str
    text: str = ""
    url: str = ""
    phone: str = ""
    #: Sample of the variable part of a URL, or of a coupon code.
    example: str = ""
    #: What else belongs to a button of this kind, such as ``flow_id``.
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDefinition:
    """One card of a carousel."""

    header: Header = field(default_factory=Header)
    body: str = ""
    body_examples: Mapping[str, str] = field(default_factory=dict)
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDefinition:
    """A template as the provider knows it."""

    name: str
    #: Exactly as approved: "en_US" is not "en".
    language: str
    #: "MARKETING", "UTILITY" or "AUTHENTICATION".
    category: str
    body: str
    #: "APPROVED", "PENDING", ...; empty for one that is not submitted yet.
    status: str = ""
    #: "positional" ({{1}}) or "named" ({{first_name}}).
    parameter_format: str = "positional"
    header: Header = field(default_factory=Header)
    #: Sample values of the variables of the body, by name ("1" where positional).
    body_examples: Mapping[str, str] = field(default_factory=dict)
    footer: str = ""
    buttons: tuple[Button, ...] = ()
    cards: tuple[CardDefinition, ...] = ()
    has_limited_time_offer: bool = False
    offer_text: str = ""
    #: The offer counts down to a moment that each message names.
    has_offer_expiry: bool = True

    @property
    def has_countdown(self) -> bool:
        return self.has_limited_time_offer and self.has_offer_expiry


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a template or with a value for it; holds no value itself."""

    #: "body.first_name", "button.0", "card.1.body", or "name" for the template's name.
    key: str
    #: A word of the rule that is broken; texts for people are made from it elsewhere.
    code: str
    #: Numbers and names that belong to the code, such as "1201 > 1024".
    detail: str = ""


#: What has a header, a body and buttons: a template, and each card of its carousel.
Part = TemplateDefinition | CardDefinition


def parts(definition: TemplateDefinition) -> Iterator[tuple[str, Part]]:
    """This will list the template and its cards, each with the prefix of its keys.

    ("", template), ("card.0.", card), ("card.1.", card), ...
    """
    yield "", definition
    for index, card in enumerate(definition.cards):
        yield f"card.{index}.", card


def variables_in(text: str) -> tuple[str, ...]:
    """This will list the names of the variables in a text, each once, in Meta's order.

    Numbers come by their size, names by their first place.
    """
    names = tuple(dict.fromkeys(_VARIABLE.findall(text)))
    if all(name.isdigit() for name in names):
        return tuple(sorted(names, key=int))
    return names


def hydrate(text: str, values: Mapping[str, str]) -> str:
    """This will put values in the place of variables, in one pass: no value is looked at again.

    A variable without a value stays as it is.
    """
    return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)


def without_variables(text: str) -> str:
    """This will cut the variables out of a text."""
    return _VARIABLE.sub("", text)


def max_body(part: Part) -> int:
    """This will tell how long a body may be with its values."""
    if isinstance(part, CardDefinition):
        return MAX_CARD_BODY
    return MAX_OFFER_BODY if part.has_limited_time_offer else MAX_BODY
