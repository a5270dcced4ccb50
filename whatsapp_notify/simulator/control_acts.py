"""Commands of ``POST /simulator/control/`` that a customer would do with the phone."""

import base64
from collections.abc import Callable, Mapping
from typing import Final

from . import attachments, control, customers, phone_numbers
from .control_values import Answer, BadCommand, Values, message, number, person, text
from .models import ChatMessage


def _told(message: ChatMessage) -> Answer:
    return {"wamid": message.wamid}


def _context(values: Values) -> str:
    return text(values, "context_wamid", default="")


def _add_hidden_customer(values: Values) -> Answer:
    added = control.hidden_customer(
        text(values, "phone", default=""), name=text(values, "name", default="")
    )
    return {"user_id": added.user_id}


def _change_number(values: Values) -> Answer:
    who = person(values)
    try:
        changed = control.change_number(who, text(values, "new_phone", default=""))
    except phone_numbers.NumberTaken as err:
        raise BadCommand("number_taken") from err
    return {**_told(changed), "wa_id": who.wa_id, "user_id": who.user_id}


def _reply(values: Values) -> Answer:
    return _told(control.reply(person(values), text(values, "text"), _context(values)))


def _press(values: Values) -> Answer:
    who = person(values)
    asked = message(values, who)
    if "text" in values:
        texts = [answer["text"] for answer in customers.answers_of(asked)]
        wanted = text(values, "text")
        index = texts.index(wanted) if wanted in texts else -1
    else:
        index = int(number(values, "index", default=0))
    return _told(control.press_button(who, asked, index))


def _react(values: Values) -> Answer:
    who = person(values)
    emoji = text(values, "emoji", default="👍")
    return _told(control.react(who, message(values, who), emoji))


def _location(values: Values) -> Answer:
    place = (number(values, "latitude"), number(values, "longitude"))
    return _told(control.send_location(person(values), *place, _context(values)))


def _share_number(values: Values) -> Answer:
    return _told(control.share_number(person(values), _context(values)))


def _order(values: Values) -> Answer:
    items = values.get("items")
    if not isinstance(items, list) or not items:
        raise BadCommand("missing_items")
    return _told(control.send_order(person(values), items, text(values, "text", default="")))


def _photo(values: Values) -> Answer:
    return _told(control.send_photo(person(values), text(values, "caption", default="")))


def _voice(values: Values) -> Answer:
    return _told(control.send_voice(person(values)))


def _document(values: Values) -> Answer:
    return _told(control.send_document(person(values), text(values, "caption", default="")))


def _media(values: Values) -> Answer:
    attachment = attachments.Attachment(
        data=_content(values),
        mime_type=text(values, "mime_type"),
        filename=text(values, "filename", default=""),
        caption=text(values, "caption", default=""),
        kind=text(values, "kind", default=""),
        is_voice=values.get("voice") is True,
    )
    if attachment.kind and attachment.kind not in attachments.KINDS:
        raise BadCommand("unknown_kind")
    sent = control.send_media(person(values), attachment, _context(values))
    return {**_told(sent), "media_id": sent.pieces["media"]["media_id"]}


def _content(values: Values) -> bytes:
    if "content" not in values:
        raise BadCommand("missing_content")
    try:
        return base64.b64decode(text(values, "content", default=""), validate=True)
    except ValueError as err:
        raise BadCommand("bad_content") from err


def _expire_media(values: Values) -> Answer:
    if not control.expire_media(text(values, "media_id")):
        raise BadCommand("no_such_media")
    return {}


def _fail_downloads(values: Values) -> Answer:
    times = int(number(values, "times", default=1))
    if not 0 <= times <= 1000:
        raise BadCommand("missing_times")
    if not control.fail_downloads(text(values, "media_id"), times):
        raise BadCommand("no_such_media")
    return {}


def _read(values: Values) -> Answer:
    return {"read": control.read(person(values))}


def _stop(values: Values) -> Answer:
    control.stop_marketing(person(values))
    return {}


def _resume(values: Values) -> Answer:
    control.resume_marketing(person(values))
    return {}


#: Action and the function that runs it.
ACTS: Final[Mapping[str, Callable[[Values], Answer]]] = {
    "add_hidden_customer": _add_hidden_customer,
    "change_number": _change_number,
    "reply": _reply,
    "press_button": _press,
    "react": _react,
    "send_location": _location,
    "share_number": _share_number,
    "send_photo": _photo,
    "send_voice": _voice,
    "send_document": _document,
    "media": _media,
    "expire_media": _expire_media,
    "fail_downloads": _fail_downloads,
    "send_order": _order,
    "read": _read,
    "stop_marketing": _stop,
    "resume_marketing": _resume,
}
