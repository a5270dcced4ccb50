"""Whether what was filled in earlier still fits a template that has changed since."""

from collections.abc import Iterator

from whatsapp_notify.domain.content import (
    BodyParameter,
    ButtonParameter,
    Card,
    HeaderParameter,
    LocationParameter,
    MediaParameter,
    TemplateContent,
    TextParameter,
)
from whatsapp_notify.domain.template_definition import TemplateDefinition
from whatsapp_notify.domain.templates import ParameterProblems, fill


def fits(definition: TemplateDefinition, content: TemplateContent) -> bool:
    """This will tell whether the template, filled with the same values, is the same content.

    It is not where a value is missing or one too many, where a named value has another name,
    or where a header or button is of another kind than it was.
    """
    try:
        return fill(definition, dict(_values(content)), clean_values=False).content == content
    except ParameterProblems:
        return False


def _values(content: TemplateContent) -> Iterator[tuple[str, str]]:
    """This will give the values back by the keys under which they were filled in."""
    yield from _part("", content)
    for number, card in enumerate(content.cards):
        yield from _part(f"card.{number}.", card)
    if content.offer_expires_ms is not None:
        yield "offer.expires", str(content.offer_expires_ms)


def _part(prefix: str, part: TemplateContent | Card) -> Iterator[tuple[str, str]]:
    if part.header is not None:
        yield from _header(f"{prefix}header", part.header)
    for number, parameter in enumerate(part.body, start=1):
        yield f"{prefix}body.{parameter.name or number}", _text(parameter)
    for button in part.buttons:
        yield from _button(f"{prefix}button.{button.index}", button)


def _header(key: str, header: HeaderParameter) -> Iterator[tuple[str, str]]:
    match header:
        case TextParameter():
            yield f"{key}.{header.name or 1}", header.text
        case MediaParameter():
            yield f"{key}.media", header.link or header.media_id
            if header.filename:
                yield f"{key}.filename", header.filename
        case LocationParameter():
            yield f"{key}.latitude", header.latitude
            yield f"{key}.longitude", header.longitude
            yield from _if_any(f"{key}.name", header.name)
            yield from _if_any(f"{key}.address", header.address)


def _text(parameter: BodyParameter) -> str:
    return parameter.text if isinstance(parameter, TextParameter) else parameter.fallback


def _button(key: str, button: ButtonParameter) -> Iterator[tuple[str, str]]:
    yield key, button.value
    if button.sections:
        lines = (f"{title}: {', '.join(products)}" for title, products in button.sections)
        yield f"{key}.sections", "\n".join(lines)


def _if_any(key: str, value: str) -> Iterator[tuple[str, str]]:
    if value:
        yield key, value
