"""Filling a template: its values go in literally, or all that is wrong with them comes out.

Keys of values: "header.1", "header.media", "body.1" or "body.first_name", "button.0",
"offer.expires", and the same on cards: "card.0.body.1". Buttons and cards count from zero,
variables as the template itself numbers them.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from whatsapp_notify.domain.content import (
    ButtonParameter,
    Card,
    HeaderParameter,
    LocationParameter,
    MediaParameter,
    Preview,
    PreviewButton,
    TemplateContent,
    TextParameter,
)
from whatsapp_notify.domain.template_definition import (
    MAX_HEADER,
    MAX_URL,
    MEDIA_KINDS,
    Button,
    CardDefinition,
    Header,
    Part,
    Problem,
    TemplateDefinition,
    hydrate,
    max_body,
    parts,
    variables_in,
)
from whatsapp_notify.domain.template_lint import lint
from whatsapp_notify.domain.template_values import (
    Placeholder,
    clean,
    milliseconds,
    placeholders,
    problem_of,
    sample,
    sections,
)

__all__ = [
    "Button",
    "CardDefinition",
    "Filled",
    "Header",
    "ParameterProblems",
    "Placeholder",
    "Problem",
    "TemplateDefinition",
    "clean",
    "fill",
    "lint",
    "placeholders",
    "sample",
]

#: Token of a flow where none is given, for the button needs one.
UNUSED_FLOW_TOKEN = "unused"  # noqa: S105 - a word, not a secret


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Filled:
    """A template with its values; personal, so its ``repr`` shows no value."""

    content: TemplateContent
    preview: Preview

    def __repr__(self) -> str:
        return f"<Filled {self.content.name} {self.content.language}>"


class ParameterProblems(ValueError):
    """These values do not fit the template. Repair each one that is listed.

    Codes: "missing", "empty", "unknown", "too_long", "line_break", "too_many_blanks",
    "not_alphanumeric", "blank_in_url", "bad_media", "bad_degrees", "bad_sections",
    "bad_moment".
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{p.key}: {p.code} {p.detail}".strip() for p in problems))
        self.problems = problems


def fill(
    definition: TemplateDefinition, values: Mapping[str, str], *, clean_values: bool = True
) -> Filled:
    """This will put values into a template.

    Values are cleaned first, unless ``clean_values`` is False. They are inserted literally:
    "{{2}}" in a value stays "{{2}}".

    Raises:
        ParameterProblems: With every problem of every value, not only the first.
    """
    wanted = {placeholder.key: placeholder for placeholder in placeholders(definition)}
    given = {
        # Sections of products are written on several lines.
        key: clean(value) if clean_values and not key.endswith(".sections") else value
        for key, value in values.items()
    }
    found = [problem_of(definition, wanted[key], given.get(key)) for key in wanted]
    problems = [problem for problem in found if problem]
    problems += [Problem(key, "unknown") for key in given if key not in wanted]
    problems += _too_long(definition, given)
    if problems:
        raise ParameterProblems(tuple(problems))
    return Filled(content=_content(definition, given), preview=_preview("", definition, given))


def _too_long(definition: TemplateDefinition, given: Mapping[str, str]) -> Iterator[Problem]:
    """This will find what is too long only once its values are in."""
    for prefix, part in parts(definition):
        texts = [
            (f"{prefix}header", part.header.text, MAX_HEADER),
            (f"{prefix}body", part.body, max_body(part)),
        ]
        for key, text, limit in texts:
            length = len(_hydrated(key, text, given))
            if length > limit:
                yield Problem(key, "too_long", f"{length} > {limit}")
        for index, button in enumerate(part.buttons):
            key = f"{prefix}button.{index}"
            length = len(_hydrated_url(key, button, given))
            if length > MAX_URL:
                yield Problem(key, "too_long", f"{length} > {MAX_URL}")


def _hydrated(key: str, text: str, given: Mapping[str, str]) -> str:
    values = {
        name: given[f"{key}.{name}"] for name in variables_in(text) if f"{key}.{name}" in given
    }
    return hydrate(text, values)


def _hydrated_url(key: str, button: Button, given: Mapping[str, str]) -> str:
    suffix = given.get(key, "")
    return hydrate(button.url, dict.fromkeys(variables_in(button.url), suffix))


def _content(definition: TemplateDefinition, given: Mapping[str, str]) -> TemplateContent:
    is_named = definition.parameter_format == "named"
    expires = given.get("offer.expires", "")
    return TemplateContent(
        name=definition.name,
        language=definition.language,
        header=_header("header", definition.header, given, is_named=is_named),
        body=_texts("body", definition.body, given, is_named=is_named),
        buttons=_buttons("button", definition, given),
        cards=tuple(
            Card(
                header=_header(f"card.{index}.header", card.header, given, is_named=is_named),
                body=_texts(f"card.{index}.body", card.body, given, is_named=is_named),
                buttons=_buttons(f"card.{index}.button", card, given),
            )
            for index, card in enumerate(definition.cards)
        ),
        offer_expires_ms=milliseconds(expires) if expires else None,
    )


def _header(
    key: str, header: Header, given: Mapping[str, str], *, is_named: bool
) -> HeaderParameter | None:
    if header.kind == "text":
        # Meta allows one variable here.
        return next(iter(_texts(key, header.text, given, is_named=is_named)), None)
    if header.kind == "location":
        return LocationParameter(
            latitude=given[f"{key}.latitude"],
            longitude=given[f"{key}.longitude"],
            name=given.get(f"{key}.name", ""),
            address=given.get(f"{key}.address", ""),
        )
    if header.kind in MEDIA_KINDS:
        media = given[f"{key}.media"]
        is_link = media.startswith("https://")
        return MediaParameter(
            media=header.kind,
            media_id="" if is_link else media,
            link=media if is_link else "",
            filename=given.get(f"{key}.filename", ""),
        )
    return None


def _texts(
    key: str, text: str, given: Mapping[str, str], *, is_named: bool
) -> tuple[TextParameter, ...]:
    return tuple(
        TextParameter(text=given[f"{key}.{name}"], name=name if is_named else "")
        for name in variables_in(text)
    )


def _buttons(key: str, part: Part, given: Mapping[str, str]) -> tuple[ButtonParameter, ...]:
    """This will make parameters for the buttons that take one; static ones need none."""
    found = (
        _button(f"{key}.{index}", index, button, given) for index, button in enumerate(part.buttons)
    )
    return tuple(button for button in found if button)


def _button(
    key: str, index: int, button: Button, given: Mapping[str, str]
) -> ButtonParameter | None:
    value = given.get(key, "")
    if button.kind == "flow":
        return ButtonParameter(index=index, kind="flow", value=value or UNUSED_FLOW_TOKEN)
    if not value:
        return None
    if button.kind == "mpm":
        products = sections(given[f"{key}.sections"])
        return ButtonParameter(index=index, kind="mpm", value=value, sections=products)
    return ButtonParameter(index=index, kind=button.kind, value=value)


def _preview(prefix: str, part: Part, given: Mapping[str, str]) -> Preview:
    """This will draw the message with its values; marks of formatting stay as they are."""
    body = _hydrated(f"{prefix}body", part.body, given)
    buttons = tuple(
        _preview_of_button(f"{prefix}button.{index}", button, given)
        for index, button in enumerate(part.buttons)
    )
    kind = part.header.kind
    preview = Preview(
        body=body,
        header=_hydrated(f"{prefix}header", part.header.text, given),
        header_media="" if kind in {"none", "text"} else kind,
        buttons=buttons,
    )
    if isinstance(part, CardDefinition):
        return preview
    return dataclasses.replace(
        preview,
        # The offer stands in a box of its own over the text.
        body=f"{part.offer_text}\n{body}" if part.has_limited_time_offer else body,
        footer=part.footer,
        cards=tuple(_preview(p, card, given) for p, card in parts(part) if card is not part),
    )


def _preview_of_button(key: str, button: Button, given: Mapping[str, str]) -> PreviewButton:
    match button.kind:
        case "url":
            value = _hydrated_url(key, button, given)
        case "phone_number":
            value = button.phone
        case "copy_code":
            value = given.get(key, "")
        case _:
            value = ""
    return PreviewButton(kind=button.kind, label=button.text, value=value)
