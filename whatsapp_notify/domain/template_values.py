"""Which values a template takes, and whether a value fits its place."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from whatsapp_notify.domain.template_definition import (
    MAX_CODE,
    MAX_OFFER_CODE,
    MEDIA_KINDS,
    Button,
    Header,
    Part,
    Problem,
    TemplateDefinition,
    parts,
    variables_in,
    without_variables,
)

#: The documents name no figure for payloads of templates; this is the one for ids of
#: interactive reply buttons.
MAX_PAYLOAD = 256
MAX_SECTIONS = 10
MAX_PRODUCTS = 30
MAX_SECTION_TITLE = 24

# Everything that breaks a line, moves a terminal's cursor or is no character at all.
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_TO_BLANK = re.compile(rf"[\s{_CONTROL}]{{2,}}|[{_CONTROL}]")
_LINE_BREAK_OR_TAB = re.compile(rf"[{_CONTROL}]")
_MANY_BLANKS = re.compile(r" {5,}")
_COUPON = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_MEDIA_ID = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_MEDIA_LINK = re.compile(r"https://\S+")
_DEGREES = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,20})?", re.ASCII)
_UNIX_MS = re.compile(r"[0-9]{13}", re.ASCII)

_LOCATION_KINDS = {
    "latitude": "latitude",
    "longitude": "longitude",
    "name": "place",
    "address": "place",
}
_BUTTON_VALUE_KINDS = {
    "url": "url_suffix",
    "quick_reply": "payload",
    "copy_code": "code",
    "catalog": "product",
    "mpm": "product",
    "flow": "token",
}
_REQUIRED_BUTTONS = frozenset({"url", "copy_code", "mpm"})
# Stand-ins where a template has no sample of its own.
_SAMPLES = {
    "text": "Sample",
    "media": "https://example.com/sample",
    "latitude": "60.1699",
    "longitude": "24.9384",
    "url_suffix": "sample",
    "code": "SAMPLE10",
    "product": "sample-1",
    "sections": "Samples: sample-1",
    "moment": "2030-01-01T00:00:00+00:00",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """One value that a template takes."""

    #: "header.1", "body.first_name", "button.0", "card.0.header.media", ...
    key: str
    #: "header", "body", "button" or "offer", on a card "card.0.header" and so on.
    where: str
    #: What the template itself calls it: the variable, or the words on the button.
    label: str
    #: Decides which values fit: "text", "media", "filename", "latitude", "longitude", "place",
    #: "url_suffix", "code", "payload", "product", "sections", "token" or "moment".
    kind: str
    is_required: bool = True
    example: str = ""


def clean(text: str) -> str:
    """This will make a value that Meta takes: one line, single blanks, no control characters.

    Source: "Param text cannot have new-line/tab characters or more than 4 consecutive
    spaces", https://github.com/netflie/whatsapp-cloud-api/issues/201, read 2026-11.
    """
    return _TO_BLANK.sub(" ", text).strip()


def placeholders(definition: TemplateDefinition) -> tuple[Placeholder, ...]:
    """This will list all values that a template takes, in the order of the message."""
    return tuple(
        placeholder
        for prefix, part in parts(definition)
        for placeholder in _placeholders_of_part(prefix, part)
    )


def sample(definition: TemplateDefinition) -> Mapping[str, str]:
    """This will make values from the template's own samples, with which it can be filled."""
    return {
        placeholder.key: placeholder.example or _SAMPLES[placeholder.kind]
        for placeholder in placeholders(definition)
        if placeholder.is_required
    }


def problem_of(
    definition: TemplateDefinition, placeholder: Placeholder, value: str | None
) -> Problem | None:
    """This will tell the first thing that is wrong with one value, or None."""
    key = placeholder.key
    if value is None or not value.strip():
        code = "missing" if value is None else "empty"
        return Problem(key, code) if placeholder.is_required else None
    if placeholder.kind != "sections" and _LINE_BREAK_OR_TAB.search(value):
        return Problem(key, "line_break")
    if _MANY_BLANKS.search(value):
        return Problem(key, "too_many_blanks")
    check = _CHECKS.get(placeholder.kind)
    if check and (code := check(value)):
        return Problem(key, code)
    limit = _max_length(definition, placeholder)
    if limit and len(value) > limit:
        return Problem(key, "too_long", f"{len(value)} > {limit}")
    return None


def milliseconds(moment: str) -> int:
    """This will read a moment, ISO 8601 with its offset or Unix milliseconds, as the latter.

    Raises:
        ValueError: It is neither.
    """
    if _UNIX_MS.fullmatch(moment):
        return int(moment)
    when = datetime.fromisoformat(moment)
    if when.tzinfo is None:
        raise ValueError("A moment needs its offset from UTC.")
    return int(when.astimezone(UTC).timestamp() * 1000)


def sections(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """This will read sections of products, one a line: "Shirts: sku-1, sku-2".

    Raises:
        ValueError: A line lacks its title or its products, or there are too many.
    """
    lines = [line.partition(":") for line in text.splitlines() if line.strip()]
    read = tuple(
        (title.strip(), tuple(filter(None, map(str.strip, products.split(",")))))
        for title, _, products in lines
    )
    count = sum(len(products) for _, products in read)
    if not 0 < len(read) <= MAX_SECTIONS or count > MAX_PRODUCTS:
        raise ValueError(f"Up to {MAX_SECTIONS} sections and {MAX_PRODUCTS} products.")
    if not all(products and 0 < len(title) <= MAX_SECTION_TITLE for title, products in read):
        raise ValueError("Each section has a short title and products.")
    return read


def _placeholders_of_part(prefix: str, part: Part) -> Iterator[Placeholder]:
    yield from _placeholders_of_header(f"{prefix}header", part.header)
    for name in variables_in(part.body):
        yield Placeholder(
            key=f"{prefix}body.{name}",
            where=f"{prefix}body",
            label=name,
            kind="text",
            example=clean(part.body_examples.get(name, "")),
        )
    if isinstance(part, TemplateDefinition) and part.has_countdown:
        yield Placeholder(key="offer.expires", where="offer", label=part.offer_text, kind="moment")
    for index, button in enumerate(part.buttons):
        yield from _placeholders_of_button(f"{prefix}button", index, button)


def _placeholders_of_header(where: str, header: Header) -> Iterator[Placeholder]:
    if header.kind == "text":
        for name in variables_in(header.text):
            yield Placeholder(
                key=f"{where}.{name}",
                where=where,
                label=name,
                kind="text",
                example=clean(header.examples.get(name, "")),
            )
    elif header.kind == "location":
        for name, kind in _LOCATION_KINDS.items():
            is_required = kind != "place"
            yield Placeholder(
                key=f"{where}.{name}", where=where, label=name, kind=kind, is_required=is_required
            )
    elif header.kind in MEDIA_KINDS:
        # The handle of a sample is no media id, so only an address can be sent.
        example = header.media_example if _MEDIA_LINK.fullmatch(header.media_example) else ""
        yield Placeholder(
            key=f"{where}.media", where=where, label=header.kind, kind="media", example=example
        )
        if header.kind == "document":
            yield Placeholder(
                key=f"{where}.filename",
                where=where,
                label="filename",
                kind="filename",
                is_required=False,
            )


def _placeholders_of_button(where: str, index: int, button: Button) -> Iterator[Placeholder]:
    kind = _BUTTON_VALUE_KINDS.get(button.kind)
    if kind is None or (button.kind == "url" and not variables_in(button.url)):
        return
    # Samples of addresses come whole or as the variable part alone.
    example = clean(button.example.removeprefix(without_variables(button.url)))
    yield Placeholder(
        key=f"{where}.{index}",
        where=where,
        label=button.text,
        kind=kind,
        is_required=button.kind in _REQUIRED_BUTTONS,
        example=example,
    )
    if button.kind == "mpm":
        yield Placeholder(
            key=f"{where}.{index}.sections", where=where, label=button.text, kind="sections"
        )


def _max_length(definition: TemplateDefinition, placeholder: Placeholder) -> int | None:
    if placeholder.kind == "code":
        return MAX_OFFER_CODE if definition.has_limited_time_offer else MAX_CODE
    return MAX_PAYLOAD if placeholder.kind in {"payload", "token"} else None


def _problem_of_media(value: str) -> str:
    is_media = _MEDIA_LINK.fullmatch(value) or _MEDIA_ID.fullmatch(value)
    return "" if is_media else "bad_media"


def _problem_of_degrees(value: str, limit: int) -> str:
    is_near = _DEGREES.fullmatch(value) and abs(float(value)) <= limit
    return "" if is_near else "bad_degrees"


def _problem_of_sections(value: str) -> str:
    try:
        sections(value)
    except ValueError:
        return "bad_sections"
    return ""


def _problem_of_moment(value: str) -> str:
    try:
        milliseconds(value)
    except (ValueError, OverflowError):
        return "bad_moment"
    return ""


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "media": _problem_of_media,
    "latitude": lambda value: _problem_of_degrees(value, 90),
    "longitude": lambda value: _problem_of_degrees(value, 180),
    "url_suffix": lambda value: "blank_in_url" if re.search(r"\s", value) else "",
    "code": lambda value: "" if _COUPON.fullmatch(value) else "not_alphanumeric",
    "sections": _problem_of_sections,
    "moment": _problem_of_moment,
}
