"""Template sends: parameters held against the approved template, words filled in.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components
and .../support/error-codes, read 2026-11
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from . import freeform
from .errors import GraphError, missing
from .freeform import Pieces
from .models import SimulatedTemplate
from .shapes import mapping, objects

#: Most characters of a body after its parameters are filled in.
BODY_LIMIT: Final = 1024

#: ``{{1}}`` or ``{{first_name}}``
PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")

#: What a parameter must not hold.
_FORBIDDEN: Final = re.compile(r"[\n\r\t]| {5}")

_UNSENDABLE: Final = {
    SimulatedTemplate.Status.PAUSED: 132015,
    SimulatedTemplate.Status.DISABLED: 132016,
}

_MEDIA_FORMATS: Final = frozenset({"IMAGE", "VIDEO", "DOCUMENT"})


def read(value: Mapping[str, Any]) -> tuple[SimulatedTemplate, Pieces]:
    """This will return the template of a send call and the bubble it becomes.

    Raises: GraphError 132001, 132015, 132016, 132000, 132005, 132012, 132018, 131008.
    """
    template = _find(value)
    components = objects(value.get("components"), name="template['components']")
    return template, _bubble(template, components)


def _find(value: Mapping[str, Any]) -> SimulatedTemplate:
    name, language = value.get("name"), value.get("language")
    if not isinstance(name, str) or not name:
        raise missing("template['name']")
    code = language.get("code") if isinstance(language, Mapping) else None
    if not isinstance(code, str) or not code:
        raise missing("template['language']['code']")
    template = SimulatedTemplate.objects.filter(name=name, language=code).first()
    if template is not None and template.status in _UNSENDABLE:
        raise GraphError(_UNSENDABLE[SimulatedTemplate.Status(template.status)])
    if template is None or template.status != SimulatedTemplate.Status.APPROVED:
        raise GraphError(132001, details=f"template name ({name}) does not exist in {code}")
    return template


def _bubble(template: SimulatedTemplate, components: list[Mapping[str, Any]]) -> Pieces:
    named = template.parameter_format.upper() == "NAMED"
    given = {str(each.get("type", "")).lower(): each for each in components}
    pieces = _header(template.component("HEADER"), given.get("header"), named=named)
    body = (template.component("BODY") or {}).get("text", "")
    pieces["body"] = _filled(body, _parameters(given.get("body")), part="body", named=named)
    if len(pieces["body"]) > BODY_LIMIT:
        raise GraphError(132005, details=f"Translated text is longer than {BODY_LIMIT} characters.")
    footer = template.component("FOOTER")
    if footer:
        pieces["footer"] = str(footer.get("text", ""))
    offer = template.component("LIMITED_TIME_OFFER")
    if offer:
        pieces["offer"] = _offer(offer, given.get("limited_time_offer"))
    pieces["buttons"] = _buttons(template.component("BUTTONS"), components)
    cards = template.component("CAROUSEL")
    if cards:
        pieces["cards"] = _cards(cards.get("cards", []), given.get("carousel"), named=named)
    return {name: piece for name, piece in pieces.items() if piece}


def _offer(approved: Mapping[str, Any], given: Mapping[str, Any] | None) -> Pieces:
    parameter = next(iter(_parameters(given)), {})
    terms = mapping(approved.get("limited_time_offer"))
    offer = mapping(parameter.get("limited_time_offer"))
    expires_ms = offer.get("expiration_time_ms")
    if terms.get("has_expiration", True) and not isinstance(expires_ms, int):
        raise GraphError(131008, details="limited_time_offer: expiration_time_ms is required")
    return {"text": str(terms.get("text", "")), "expires_ms": expires_ms}


def _parameters(component: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return objects((component or {}).get("parameters"), name="parameters")


def _header(
    approved: dict[str, Any] | None, given: Mapping[str, Any] | None, *, named: bool
) -> Pieces:
    parameters = _parameters(given)
    if approved is None:
        _expect_count(parameters, expected=0, part="header")
        return {}
    wanted = str(approved.get("format", "TEXT")).upper()
    if wanted == "TEXT":
        text = str(approved.get("text", ""))
        return {"title": _filled(text, parameters, part="header", named=named)}
    _expect_count(parameters, expected=1, part="header")
    received = str(parameters[0].get("type", "")).upper()
    if received != wanted:
        raise GraphError(
            132012,
            details=f"header: Format mismatch, expected {wanted}, received {received or 'UNKNOWN'}",
        )
    kind = wanted.lower()
    if wanted in _MEDIA_FORMATS:
        return {"media": freeform.media_pieces(kind, parameters[0].get(kind))}
    return {"location": freeform.location_pieces(parameters[0].get(kind))}


def _expect_count(parameters: list[Mapping[str, Any]], *, expected: int, part: str) -> None:
    if len(parameters) != expected:
        raise GraphError(
            132000,
            details=f"{part}: number of localizable_params ({len(parameters)}) does not match "
            f"the expected number of params ({expected})",
        )


def _filled(text: str, parameters: list[Mapping[str, Any]], *, part: str, named: bool) -> str:
    names = list(dict.fromkeys(PLACEHOLDER.findall(text)))
    _expect_count(parameters, expected=len(names), part=part)
    values: dict[str, str] = {}
    for position, parameter in enumerate(parameters, start=1):
        key = _parameter_key(parameter, position=position, part=part, named=named)
        values[key] = _parameter_text(parameter, part=part)
    unknown = set(names) - set(values)
    if unknown:
        raise GraphError(
            132012, details=f"{part}: parameter {sorted(unknown)[0]} was expected but not found"
        )
    return PLACEHOLDER.sub(lambda match: values[match.group(1)], text)


def _parameter_key(parameter: Mapping[str, Any], *, position: int, part: str, named: bool) -> str:
    name = parameter.get("parameter_name")
    if named and not name:
        raise GraphError(132012, details=f"{part}: Parameter name is missing or empty")
    if not named and name:
        raise GraphError(132012, details=f"{part}: Template takes positional parameters")
    return str(name) if named else str(position)


def _parameter_text(parameter: Mapping[str, Any], *, part: str) -> str:
    kind = parameter.get("type")
    if kind in {"currency", "date_time"}:
        fallback = parameter.get(str(kind))
        text = fallback.get("fallback_value") if isinstance(fallback, Mapping) else None
    elif kind == "text":
        text = parameter.get("text")
    else:
        raise GraphError(
            132012, details=f"{part}: Format mismatch, expected TEXT, received {str(kind).upper()}"
        )
    if not isinstance(text, str) or not text:
        raise GraphError(131008, details=f"{part}: Parameter of type text is missing text value")
    if _FORBIDDEN.search(text):
        raise GraphError(
            132018,
            details="Param text cannot have new-line/tab characters or more than 4 consecutive "
            "spaces",
        )
    return text


def _buttons(
    approved: dict[str, Any] | None, components: list[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    given = {
        str(each.get("index", "0")): each
        for each in components
        if str(each.get("type", "")).lower() == "button"
    }
    buttons = (approved or {}).get("buttons", [])
    stray = set(given) - {str(index) for index in range(len(buttons))}
    if stray:
        raise GraphError(132018, details=f"buttons: there is no button at index {sorted(stray)[0]}")
    return [
        _button(button, index=index, given=given.get(str(index)))
        for index, button in enumerate(buttons)
    ]


def _button(
    button: dict[str, Any], *, index: int, given: Mapping[str, Any] | None
) -> dict[str, Any]:
    kind, text = str(button.get("type", "")).upper(), str(button.get("text", ""))
    sub_type = str((given or {}).get("sub_type", kind)).upper()
    if sub_type != kind:
        raise GraphError(
            132012, details=f"buttons: index {index} is of type {kind}, received {sub_type}"
        )
    parameter: Mapping[str, Any] = next(iter(_parameters(given)), {})
    match kind:
        case "QUICK_REPLY":
            payload = str(parameter.get("payload") or text)
            return {"kind": "reply", "answer": "button", "text": text, "id": payload}
        case "URL":
            return {"kind": "url", "text": text, "url": _url(button, parameter, index=index)}
        case "PHONE_NUMBER":
            return {"kind": "phone", "text": text, "phone": str(button.get("phone_number", ""))}
        case "COPY_CODE":
            code = parameter.get("coupon_code")
            if not isinstance(code, str) or not code:
                raise _needs_parameter("copy_code", index)
            return {"kind": "copy", "text": text or "Copy offer code", "code": code}
        case "FLOW":
            return {"kind": "flow", "text": text, "id": ""}
        case _:
            return {"kind": "other", "text": text or kind.replace("_", " ").capitalize()}


def _url(button: dict[str, Any], parameter: Mapping[str, Any], *, index: int) -> str:
    url = str(button.get("url", ""))
    if not PLACEHOLDER.search(url):
        if parameter:
            raise GraphError(
                132018,
                details=f"buttons: Button at index {index} of type Url does not require parameters",
            )
        return url
    if not parameter.get("text"):
        raise _needs_parameter("Url", index)
    suffix = _parameter_text(parameter, part="buttons")
    return PLACEHOLDER.sub(lambda match: suffix, url)


def _needs_parameter(kind: str, index: int) -> GraphError:
    return GraphError(
        131008, details=f"buttons: Button at index {index} of type {kind} requires a parameter"
    )


def _cards(
    approved: list[dict[str, Any]], given: Mapping[str, Any] | None, *, named: bool
) -> list[Pieces]:
    sent = objects((given or {}).get("cards"), name="cards")
    if len(sent) != len(approved):
        raise GraphError(
            132012, details=f"carousel: expected {len(approved)} cards, received {len(sent)}"
        )
    return [
        _card(
            card.get("components", []),
            objects(values.get("components"), name="components"),
            named=named,
        )
        for card, values in zip(approved, sent, strict=True)
    ]


def _card(
    approved: list[dict[str, Any]], components: list[Mapping[str, Any]], *, named: bool
) -> Pieces:
    parts = {str(each.get("type", "")).upper(): each for each in approved}
    given = {str(each.get("type", "")).lower(): each for each in components}
    body = str(parts.get("BODY", {}).get("text", ""))
    return {
        **_header(parts.get("HEADER"), given.get("header"), named=named),
        "body": _filled(body, _parameters(given.get("body")), part="card body", named=named),
        "buttons": _buttons(parts.get("BUTTONS"), components),
    }
