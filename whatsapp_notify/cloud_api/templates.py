"""A template as Graph writes it, to and from our definition.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/
components, template-management, limited-time-offer-templates and media-card-carousel-templates,
read 2026-11.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from whatsapp_notify.domain.template_definition import (
    MEDIA_KINDS,
    Button,
    CardDefinition,
    Header,
    Part,
    TemplateDefinition,
    variables_in,
)

_HEADER_KINDS = MEDIA_KINDS | {"text", "location"}
# Options of a button that are part of the template, beside its words.
_BUTTON_OPTIONS = (
    "flow_id",
    "flow_name",
    "flow_action",
    "navigate_screen",
    "otp_type",
    "autofill_text",
)


def parse(data: Mapping[str, Any]) -> TemplateDefinition:
    """This will read a template of ``GET /{waba_id}/message_templates``.

    Shape: {name, language, category, status, parameter_format?, components: [{type: "HEADER"|
    "BODY"|"FOOTER"|"BUTTONS"|"CAROUSEL"|"LIMITED_TIME_OFFER", ...}]}. Components of other
    types are passed over; buttons of other types keep their place, for places are counted.

    Raises:
        ValueError: It has no name or no language.
    """
    name, language = _text(data.get("name")), _text(data.get("language"))
    if not name or not language:
        raise ValueError("A template has a name and a language.")
    components = _by_type(data.get("components"))
    body = components.get("BODY", {})
    offer = _mapping(components.get("LIMITED_TIME_OFFER", {}).get("limited_time_offer"))
    return TemplateDefinition(
        name=name,
        language=language,
        category=_text(data.get("category")).upper(),
        status=_text(data.get("status")).upper(),
        parameter_format=_parameter_format(data, components),
        header=_header(components.get("HEADER", {})),
        body=_text(body.get("text")),
        body_examples=_examples(body, "body_text"),
        footer=_text(components.get("FOOTER", {}).get("text")),
        buttons=_buttons(components.get("BUTTONS", {})),
        cards=tuple(_card(card) for card in _mappings(components.get("CAROUSEL", {}).get("cards"))),
        has_limited_time_offer="LIMITED_TIME_OFFER" in components,
        offer_text=_text(offer.get("text")),
        has_offer_expiry=bool(offer.get("has_expiration", True)),
    )


def serialize(definition: TemplateDefinition) -> dict[str, Any]:
    """This will write a template for ``POST /{waba_id}/message_templates``, with its samples.

    Its status is not written: Meta decides it. Lint it first: what Meta rejects is written
    all the same.
    """
    is_named = definition.parameter_format == "named"
    components = list(_part_components(definition, is_named=is_named))
    if definition.has_limited_time_offer:
        offer = {"text": definition.offer_text, "has_expiration": definition.has_offer_expiry}
        components.insert(
            1 if components and components[0]["type"] == "HEADER" else 0,
            {"type": "LIMITED_TIME_OFFER", "limited_time_offer": offer},
        )
    if definition.cards:
        cards = [
            {"components": list(_part_components(card, is_named=is_named))}
            for card in definition.cards
        ]
        components.append({"type": "CAROUSEL", "cards": cards})
    return {
        "name": definition.name,
        "language": definition.language,
        "category": definition.category,
        "parameter_format": definition.parameter_format.upper(),
        "components": components,
    }


def _parameter_format(data: Mapping[str, Any], components: Mapping[str, Any]) -> str:
    written = _text(data.get("parameter_format")).lower()
    if written in {"named", "positional"}:
        return written
    # Answers without the field: the variables tell it.
    texts = (_text(components.get(kind, {}).get("text")) for kind in ("BODY", "HEADER"))
    names = [name for text in texts for name in variables_in(text)]
    return "named" if any(not name.isdigit() for name in names) else "positional"


def _header(component: Mapping[str, Any]) -> Header:
    kind = _text(component.get("format")).lower()
    if kind not in _HEADER_KINDS:
        return Header()
    handles = _mapping(component.get("example")).get("header_handle")
    return Header(
        kind=kind,
        text=_text(component.get("text")),
        examples=_examples(component, "header_text"),
        media_example=_first(handles),
    )


def _card(card: Mapping[str, Any]) -> CardDefinition:
    components = _by_type(card.get("components"))
    body = components.get("BODY", {})
    return CardDefinition(
        header=_header(components.get("HEADER", {})),
        body=_text(body.get("text")),
        body_examples=_examples(body, "body_text"),
        buttons=_buttons(components.get("BUTTONS", {})),
    )


def _buttons(component: Mapping[str, Any]) -> tuple[Button, ...]:
    return tuple(
        Button(
            kind=_text(button.get("type")).lower(),
            text=_text(button.get("text")),
            url=_text(button.get("url")),
            phone=_text(button.get("phone_number")),
            # A list for URLs, a string for coupon codes when written, a list when read.
            example=_first(button.get("example")),
            options={name: _text(button[name]) for name in _BUTTON_OPTIONS if button.get(name)},
        )
        for button in _mappings(component.get("buttons"))
    )


def _examples(component: Mapping[str, Any], key: str) -> dict[str, str]:
    """This will read samples: {key: [[...]]} or [...] by position, {key_named_params: [...]}."""
    example = _mapping(component.get("example"))
    named = {
        _text(item.get("param_name")): _text(item.get("example"))
        for item in _mappings(example.get(f"{key}_named_params"))
    }
    if named:
        return named
    values = _list(example.get(key))
    if values and _list(values[0]):
        values = _list(values[0])
    return {str(number): _text(value) for number, value in enumerate(values, start=1)}


def _part_components(part: Part, *, is_named: bool) -> Iterator[dict[str, Any]]:
    if part.header.kind != "none":
        yield _header_component(part.header, is_named=is_named)
    if part.body:
        body: dict[str, Any] = {"type": "BODY", "text": part.body}
        yield body | _example_field("body_text", part.body, part.body_examples, is_named=is_named)
    if isinstance(part, TemplateDefinition) and part.footer:
        yield {"type": "FOOTER", "text": part.footer}
    if part.buttons:
        yield {"type": "BUTTONS", "buttons": [_button_json(button) for button in part.buttons]}


def _header_component(header: Header, *, is_named: bool) -> dict[str, Any]:
    component: dict[str, Any] = {"type": "HEADER", "format": header.kind.upper()}
    if header.kind == "text":
        component["text"] = header.text
        component |= _example_field("header_text", header.text, header.examples, is_named=is_named)
    elif header.media_example:
        component["example"] = {"header_handle": [header.media_example]}
    return component


def _example_field(
    key: str, text: str, examples: Mapping[str, str], *, is_named: bool
) -> dict[str, Any]:
    names = variables_in(text)
    if not names or not examples:
        return {}
    values = [examples.get(name, "") for name in names]
    if is_named:
        params = [
            {"param_name": name, "example": value}
            for name, value in zip(names, values, strict=True)
        ]
        return {"example": {f"{key}_named_params": params}}
    # The samples of a body are a list of sets of samples; those of a header are one set.
    return {"example": {key: [values] if key == "body_text" else values}}


def _button_json(button: Button) -> dict[str, Any]:
    data: dict[str, Any] = {"type": button.kind.upper()}
    if button.kind != "copy_code":
        data["text"] = button.text
    if button.url:
        data["url"] = button.url
    if button.phone:
        data["phone_number"] = button.phone
    if button.example:
        data["example"] = button.example if button.kind == "copy_code" else [button.example]
    return data | dict(button.options)


def _by_type(components: object) -> dict[str, Mapping[str, Any]]:
    return {_text(component.get("type")).upper(): component for component in _mappings(components)}


def _first(value: object) -> str:
    return _text(next(iter(_list(value)), value))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [item for item in _list(value) if isinstance(item, Mapping)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
