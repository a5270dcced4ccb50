"""What Meta would reject, told before it is submitted.

Sources: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/
components and templates/template-review; support/error-codes (2388040 to 2388299), read 2026-11.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby

from whatsapp_notify.domain.template_definition import (
    BUTTON_KINDS,
    MAX_CODE,
    MAX_FOOTER,
    MAX_HEADER,
    MAX_LABEL,
    MAX_NAME,
    MAX_OFFER_CODE,
    MAX_OFFER_TEXT,
    MAX_PHONE,
    MAX_URL,
    MEDIA_KINDS,
    Button,
    CardDefinition,
    Header,
    Part,
    Problem,
    TemplateDefinition,
    max_body,
    parts,
    variables_in,
    without_variables,
)

CATEGORIES = frozenset({"MARKETING", "UTILITY", "AUTHENTICATION"})
MAX_BUTTONS = 10
MAX_OF_KIND = {"url": 2, "phone_number": 1, "copy_code": 1, "catalog": 1, "mpm": 1, "flow": 1}
CARDS_FROM, CARDS_TO = 2, 10

_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:_[A-Z]{2,3})?", re.ASCII)
_VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_VARIABLE_AT_START = re.compile(r"\s*\{\{")
_VARIABLE_AT_END = re.compile(r"\}\}[\s.,;:!?]*\Z")
_ADJACENT = re.compile(r"\}\}\s*\{\{")
_COUPON = re.compile(r"[A-Za-z0-9]+", re.ASCII)


def lint(definition: TemplateDefinition) -> tuple[Problem, ...]:
    """This will list all that Meta is known to reject; empty for a template that may pass."""
    return tuple(_problems(definition))


def _problems(definition: TemplateDefinition) -> Iterator[Problem]:
    yield from _identity(definition)
    for prefix, part in parts(definition):
        is_named = definition.parameter_format == "named"
        yield from _header(f"{prefix}header", part.header, is_named=is_named)
        yield from _body(prefix, part, is_named=is_named)
        yield from _buttons(f"{prefix}button", part.buttons)
    if not definition.cards or definition.footer:
        yield from _footer(definition)
    yield from _offer(definition)
    yield from _cards(definition)


def _identity(definition: TemplateDefinition) -> Iterator[Problem]:
    if not _NAME.fullmatch(definition.name):
        yield Problem("name", "bad_name")
    yield from _length("name", definition.name, MAX_NAME)
    if not _LANGUAGE.fullmatch(definition.language):
        yield Problem("language", "bad_language")
    if definition.category not in CATEGORIES:
        yield Problem("category", "unknown_category")
    if definition.parameter_format not in {"named", "positional"}:
        yield Problem("parameter_format", "unknown_format")


def _header(key: str, header: Header, *, is_named: bool) -> Iterator[Problem]:
    if header.kind in MEDIA_KINDS and not header.media_example:
        yield Problem(key, "missing_example")
    if header.kind != "text":
        return
    if not header.text.strip():
        yield Problem(key, "empty")
    if "\n" in header.text:
        yield Problem(key, "line_break")
    if any(mark in header.text for mark in "*_~`"):
        yield Problem(key, "formatting")
    if len(variables_in(header.text)) > 1:
        yield Problem(key, "too_many_variables", "1")
    yield from _length(key, header.text, MAX_HEADER)
    yield from _variables(key, header.text, header.examples, is_named=is_named)


def _body(prefix: str, part: Part, *, is_named: bool) -> Iterator[Problem]:
    key, text = f"{prefix}body", part.body
    if not text.strip():
        # The text of a card is optional.
        if isinstance(part, TemplateDefinition):
            yield Problem(key, "empty")
        return
    yield from _length(key, text, max_body(part))
    yield from _variables(key, text, part.body_examples, is_named=is_named)
    names = variables_in(text)
    if names and _VARIABLE_AT_START.match(text):
        yield Problem(key, "variable_at_start")
    if names and _VARIABLE_AT_END.search(text):
        yield Problem(key, "variable_at_end")
    if _ADJACENT.search(text):
        yield Problem(key, "adjacent_variables")
    # Meta names no figure for "too many variables for its length". Fewer words than
    # variables has never been seen to pass.
    if len(without_variables(text).split()) < len(names):
        yield Problem(key, "too_many_variables", str(len(names)))


def _variables(
    key: str, text: str, examples: Mapping[str, str], *, is_named: bool
) -> Iterator[Problem]:
    names = variables_in(text)
    rest = without_variables(text)
    if "{{" in rest or "}}" in rest:
        yield Problem(key, "broken_variable")
    if is_named:
        bad = [name for name in names if not _VARIABLE_NAME.fullmatch(name)]
        if bad:
            yield Problem(key, "bad_variable_name", ", ".join(bad))
    elif not all(name.isdigit() for name in names):
        yield Problem(key, "named_variable", ", ".join(n for n in names if not n.isdigit()))
    elif names != tuple(str(number) for number in range(1, len(names) + 1)):
        yield Problem(key, "not_sequential", ", ".join(names))
    for name in names:
        if not examples.get(name, "").strip():
            yield Problem(f"{key}.{name}", "missing_example")


def _footer(definition: TemplateDefinition) -> Iterator[Problem]:
    yield from _length("footer", definition.footer, MAX_FOOTER)
    if "{{" in definition.footer:
        yield Problem("footer", "variable_not_allowed")
    if definition.footer and definition.has_limited_time_offer:
        yield Problem("footer", "not_allowed_with_offer")
    if definition.footer and definition.cards:
        yield Problem("footer", "not_allowed_with_cards")


def _buttons(key: str, buttons: tuple[Button, ...]) -> Iterator[Problem]:
    if len(buttons) > MAX_BUTTONS:
        yield Problem(key, "too_many", f"{len(buttons)} > {MAX_BUTTONS}")
    counts = Counter(button.kind for button in buttons)
    for kind, limit in MAX_OF_KIND.items():
        if counts[kind] > limit:
            yield Problem(key, f"too_many_{kind}", f"{counts[kind]} > {limit}")
    runs = [kind for kind, _ in groupby(button.kind == "quick_reply" for button in buttons)]
    if runs.count(True) > 1 or len(runs) > 2:
        yield Problem(key, "quick_replies_not_grouped")
    for index, button in enumerate(buttons):
        yield from _button(f"{key}.{index}", button)


def _button(key: str, button: Button) -> Iterator[Problem]:
    if button.kind not in BUTTON_KINDS:
        yield Problem(key, "unsupported_kind", button.kind)
        return
    # The label of a coupon button is Meta's own.
    if button.kind != "copy_code":
        if not button.text.strip():
            yield Problem(key, "empty")
        if "{{" in button.text:
            yield Problem(key, "variable_not_allowed")
        yield from _length(key, button.text, MAX_LABEL)
    match button.kind:
        case "url":
            yield from _url(key, button)
        case "copy_code":
            if not button.example:
                yield Problem(key, "missing_example")
            elif not _COUPON.fullmatch(button.example):
                yield Problem(key, "not_alphanumeric")
            yield from _length(key, button.example, MAX_CODE)
        case "phone_number":
            if not button.phone:
                yield Problem(key, "missing_phone")
            yield from _length(key, button.phone, MAX_PHONE)
        case "flow":
            if not any(name in button.options for name in ("flow_id", "flow_name")):
                yield Problem(key, "missing_flow")


def _url(key: str, button: Button) -> Iterator[Problem]:
    names = variables_in(button.url)
    if not button.url.startswith(("https://", "http://")):
        yield Problem(key, "bad_url")
    if len(names) > 1 or (names and not button.url.endswith("}}")):
        yield Problem(key, "variable_not_at_end")
    if names and not button.example:
        yield Problem(key, "missing_example")
    yield from _length(key, button.url, MAX_URL)


def _offer(definition: TemplateDefinition) -> Iterator[Problem]:
    if not definition.has_limited_time_offer:
        return
    if definition.category != "MARKETING":
        yield Problem("offer", "needs_marketing")
    if not definition.offer_text.strip():
        yield Problem("offer", "empty")
    if definition.header.kind not in {"none", "image", "video"}:
        yield Problem("header", "not_allowed_with_offer")
    yield from _length("offer", definition.offer_text, MAX_OFFER_TEXT)
    for index, button in enumerate(definition.buttons):
        if button.kind == "copy_code":
            yield from _length(f"button.{index}", button.example, MAX_OFFER_CODE)


def _cards(definition: TemplateDefinition) -> Iterator[Problem]:
    cards = definition.cards
    if not cards:
        return
    if not CARDS_FROM <= len(cards) <= CARDS_TO:
        yield Problem("card", "bad_count", f"{len(cards)}")
    if len({_shape(card) for card in cards}) > 1:
        yield Problem("card", "not_alike")
    for index, card in enumerate(cards):
        if card.header.kind not in {"image", "video"}:
            yield Problem(f"card.{index}.header", "needs_media")


def _shape(card: CardDefinition) -> tuple[str, bool, tuple[str, ...]]:
    return card.header.kind, bool(card.body), tuple(button.kind for button in card.buttons)


def _length(key: str, text: str, limit: int) -> Iterator[Problem]:
    if len(text) > limit:
        yield Problem(key, "too_long", f"{len(text)} > {limit}")
