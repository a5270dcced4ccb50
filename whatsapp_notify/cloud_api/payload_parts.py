"""The components of a template send: header, body and buttons."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from whatsapp_notify.domain.content import (
    BodyParameter,
    ButtonParameter,
    CurrencyParameter,
    DateTimeParameter,
    HeaderParameter,
    LocationParameter,
    MediaParameter,
    TextParameter,
)

MAX_HEADER_LENGTH = 60
MAX_BODY_LENGTH = 1024
MAX_URL_LENGTH = 2000
MAX_COUPON_LENGTH = 20
MAX_SECTIONS = 10
MAX_PRODUCTS = 30

_MEDIA = frozenset({"image", "video", "document"})
_NAME = re.compile(r"[a-z0-9_]{1,512}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_DEGREES = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,20})?")
_COUPON = re.compile(r"[0-9A-Za-z]+")
_LINK = re.compile(r"https?://[^\s]+")
#: Graph answers HTTP 400 to these in a value.
_FORBIDDEN = re.compile(r"[\n\r\t]| {5}")


def header(parameter: HeaderParameter) -> dict[str, Any]:
    """This will write the header component.

    Raises:
        ValueError: The value breaks a limit.
    """
    match parameter:
        case TextParameter():
            value = _text(parameter, limit=MAX_HEADER_LENGTH)
        case MediaParameter():
            value = {"type": parameter.media, parameter.media: _media(parameter)}
        case LocationParameter():
            value = {"type": "location", "location": _location(parameter)}
    return {"type": "header", "parameters": [value]}


def body_component(parameters: Sequence[BodyParameter]) -> dict[str, Any]:
    """This will write the body component, positional values in their order.

    Raises:
        ValueError: A value breaks a limit, or only some of the values are named.
    """
    names = [parameter.name for parameter in parameters]
    if any(names) and (not all(names) or len(set(names)) < len(names)):
        raise ValueError("Either all values of a body have a name of their own, or none has.")
    values = [_body_value(parameter) for parameter in parameters]
    return {"type": "body", "parameters": values}


def button_component(button: ButtonParameter, *, is_in_card: bool) -> dict[str, Any]:
    """This will write one button.

    Raises:
        ValueError: The kind is not known, or the value breaks a limit.
    """
    if button.kind not in _BUTTONS:
        raise ValueError("This kind of button is not known.")
    sub_type, has_text_index, to_parameter = _BUTTONS[button.kind]
    # Meta's examples write some indexes as strings and, in cards, all as numbers; so do we.
    index: int | str = button.index
    if has_text_index and not is_in_card:
        index = str(button.index)
    return {
        "type": "button",
        "sub_type": sub_type,
        "index": index,
        "parameters": [to_parameter(button)],
    }


def _body_value(parameter: BodyParameter) -> dict[str, Any]:
    match parameter:
        case TextParameter():
            return _text(parameter, limit=MAX_BODY_LENGTH)
        case CurrencyParameter():
            _check_text(parameter.fallback, limit=MAX_BODY_LENGTH)
            if not _CURRENCY.fullmatch(parameter.code):
                raise ValueError("The currency is no code of three capital letters.")
            currency = {
                "fallback_value": parameter.fallback,
                "code": parameter.code,
                "amount_1000": parameter.amount_1000,
            }
            return {"type": "currency", **_named(parameter.name), "currency": currency}
        case DateTimeParameter():
            _check_text(parameter.fallback, limit=MAX_BODY_LENGTH)
            moment = {"fallback_value": parameter.fallback}
            return {"type": "date_time", **_named(parameter.name), "date_time": moment}


def _text(parameter: TextParameter, *, limit: int) -> dict[str, Any]:
    _check_text(parameter.text, limit=limit)
    return {"type": "text", **_named(parameter.name), "text": parameter.text}


def _named(name: str) -> dict[str, str]:
    if not name:
        return {}
    if not _NAME.fullmatch(name):
        raise ValueError("The name of a value is made of a-z, 0-9 and _.")
    return {"parameter_name": name}


def _check_text(text: str, *, limit: int) -> None:
    if not text.strip():
        raise ValueError("A value of the template is empty.")
    if len(text) > limit:
        raise ValueError(f"A value of the template is longer than {limit} characters.")
    if _FORBIDDEN.search(text):
        raise ValueError("A value holds a line break, a tab or more than four spaces in a row.")


def _media(parameter: MediaParameter) -> dict[str, str]:
    if parameter.media not in _MEDIA:
        raise ValueError("A header shows an image, a video or a document.")
    if bool(parameter.media_id) == bool(parameter.link):
        raise ValueError("A file has either a media id or a link.")
    if parameter.link and not _LINK.fullmatch(parameter.link):
        raise ValueError("The link of a file does not start with https://.")
    source = {"id": parameter.media_id} if parameter.media_id else {"link": parameter.link}
    if parameter.media == "document" and parameter.filename:
        source["filename"] = parameter.filename
    return source


def location(*, latitude: str, longitude: str) -> dict[str, str]:
    """This will write a point on the map.

    Raises:
        ValueError: These are no degrees.
    """
    for degrees, limit in ((latitude, 90), (longitude, 180)):
        if not _DEGREES.fullmatch(degrees) or abs(float(degrees)) > limit:
            raise ValueError("The place is given in degrees, such as 60.17 and 24.94.")
    return {"latitude": latitude, "longitude": longitude}


def _location(parameter: LocationParameter) -> dict[str, str]:
    place = location(latitude=parameter.latitude, longitude=parameter.longitude)
    return place | {"name": parameter.name, "address": parameter.address}


def _url(button: ButtonParameter) -> dict[str, Any]:
    if not button.value or len(button.value) > MAX_URL_LENGTH:
        raise ValueError(f"The end of an address is 1 to {MAX_URL_LENGTH} characters long.")
    if any(character.isspace() for character in button.value):
        raise ValueError("The end of an address holds no blanks.")
    return {"type": "text", "text": button.value}


def _quick_reply(button: ButtonParameter) -> dict[str, Any]:
    if not button.value:
        raise ValueError("A quick reply needs a payload.")
    return {"type": "payload", "payload": button.value}


def _copy_code(button: ButtonParameter) -> dict[str, Any]:
    if not _COUPON.fullmatch(button.value) or len(button.value) > MAX_COUPON_LENGTH:
        raise ValueError(f"A coupon code is 1 to {MAX_COUPON_LENGTH} letters and digits.")
    return {"type": "coupon_code", "coupon_code": button.value}


def _catalog(button: ButtonParameter) -> dict[str, Any]:
    action = {"thumbnail_product_retailer_id": button.value} if button.value else {}
    return {"type": "action", "action": action}


def _products(button: ButtonParameter) -> dict[str, Any]:
    count = sum(len(products) for _title, products in button.sections)
    if not 1 <= len(button.sections) <= MAX_SECTIONS or not 1 <= count <= MAX_PRODUCTS:
        raise ValueError(f"1 to {MAX_PRODUCTS} products stand in 1 to {MAX_SECTIONS} sections.")
    sections = [
        {"title": title, "product_items": [{"product_retailer_id": item} for item in products]}
        for title, products in button.sections
    ]
    parameter = _catalog(button)
    parameter["action"]["sections"] = sections
    return parameter


def _flow(button: ButtonParameter) -> dict[str, Any]:
    action: dict[str, Any] = {"flow_token": button.value} if button.value else {}
    if button.data:
        action["flow_action_data"] = dict(button.data)
    return {"type": "action", "action": action}


#: kind: (sub_type on the wire, index written as a string, parameter).
_BUTTONS: dict[str, tuple[str, bool, Callable[[ButtonParameter], dict[str, Any]]]] = {
    "url": ("url", True, _url),
    "quick_reply": ("quick_reply", True, _quick_reply),
    "copy_code": ("copy_code", False, _copy_code),
    "catalog": ("CATALOG", False, _catalog),
    "mpm": ("mpm", False, _products),
    "flow": ("flow", True, _flow),
}
