"""``POST /simulator/control/``: the functions of ``control`` for another process.

The body is ``{"action": name, ...}``, the bearer token that of the simulator. The answer is JSON
with ``"ok": true``, or HTTP 400 with ``{"ok": false, "error": code}``.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from . import conf, control, customers
from .errors import GraphError
from .fates import Fate
from .graph.gateway import bearer_token
from .models import AcceptedMessage, ChatMessage, OutboxWebhook, SimulatedCustomer

Values = Mapping[str, Any]
Answer = dict[str, Any]


class BadCommand(Exception):
    """The command is not understood; the argument is a code for the caller."""


@csrf_exempt
@login_not_required
@transaction.non_atomic_requests
@require_POST
def control_view(request: HttpRequest) -> HttpResponse:
    """Run one command and answer with its outcome."""
    if not conf.is_enabled():
        raise Http404
    expected = conf.get_settings().access_token
    if not expected or not constant_time_compare(bearer_token(request), expected):
        return JsonResponse({"ok": False, "error": "unauthorized"}, status=401)
    try:
        answer = _run(request.body)
    except BadCommand as error:
        return JsonResponse({"ok": False, "error": str(error)}, status=400)
    except GraphError as error:
        return JsonResponse({"ok": False, "error": "bad_phone", "code": error.code}, status=400)
    except customers.NothingToPress:
        return JsonResponse({"ok": False, "error": "nothing_to_press"}, status=400)
    return JsonResponse({"ok": True, **answer})


def _run(body: bytes) -> Answer:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise BadCommand("bad_json") from err
    if not isinstance(values, dict):
        raise BadCommand("bad_json")
    command = COMMANDS.get(str(values.get("action")))
    if command is None:
        raise BadCommand("unknown_action")
    return command(values)


def _text(values: Values, name: str, *, default: str | None = None) -> str:
    value = values.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise BadCommand(f"missing_{name}")
    return value


def _number(values: Values, name: str, *, default: float | None = None) -> float:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadCommand(f"missing_{name}")
    return value


def _person(values: Values) -> SimulatedCustomer:
    return control.customer(_text(values, "phone"), name=_text(values, "name", default=""))


def _message(values: Values, person: SimulatedCustomer) -> ChatMessage:
    """The message named by ``wamid``, else the last that has reached the customer."""
    wamid = _text(values, "wamid", default="")
    rows = person.messages.filter(direction=ChatMessage.Direction.TO_CUSTOMER)
    if wamid:
        found = rows.filter(wamid=wamid).first()
    else:
        arrived = rows.filter(delivered_at__lte=timezone.now()).exclude(kind="reaction")
        found = arrived.order_by("-delivered_at", "-id").first()
    if found is None:
        raise BadCommand("no_such_message")
    return found


def _told(message: ChatMessage) -> Answer:
    return {"wamid": message.wamid}


def _reply(values: Values) -> Answer:
    context = _text(values, "context_wamid", default="")
    return _told(control.reply(_person(values), _text(values, "text"), context))


def _press(values: Values) -> Answer:
    person = _person(values)
    message = _message(values, person)
    if "text" in values:
        texts = [answer["text"] for answer in customers.answers_of(message)]
        wanted = _text(values, "text")
        index = texts.index(wanted) if wanted in texts else -1
    else:
        index = int(_number(values, "index", default=0))
    return _told(control.press_button(person, message, index))


def _react(values: Values) -> Answer:
    person = _person(values)
    emoji = _text(values, "emoji", default="👍")
    return _told(control.react(person, _message(values, person), emoji))


def _location(values: Values) -> Answer:
    place = (_number(values, "latitude"), _number(values, "longitude"))
    return _told(control.send_location(_person(values), *place))


def _order(values: Values) -> Answer:
    items = values.get("items")
    if not isinstance(items, list) or not items:
        raise BadCommand("missing_items")
    text = _text(values, "text", default="")
    return _told(control.send_order(_person(values), items, text))


def _photo(values: Values) -> Answer:
    return _told(control.send_photo(_person(values), _text(values, "caption", default="")))


def _read(values: Values) -> Answer:
    return {"read": control.read(_person(values))}


def _stop(values: Values) -> Answer:
    control.stop_marketing(_person(values))
    return {}


def _resume(values: Values) -> Answer:
    control.resume_marketing(_person(values))
    return {}


def _set_fate(values: Values) -> Answer:
    fate = _text(values, "fate")
    if fate not in Fate.values:
        raise BadCommand("unknown_fate")
    customers.set_fate(_person(values), fate=Fate(fate))
    return {}


def _chat(values: Values) -> Answer:
    person, now = _person(values), timezone.now()
    return {
        "customer": _described(person, now=now),
        "messages": [_row(message, now=now) for message in control.messages(person)],
    }


def _described(person: SimulatedCustomer, *, now: datetime) -> Answer:
    return {
        "wa_id": person.wa_id,
        "user_id": person.user_id,
        "name": person.name,
        "fate": person.fate,
        "stopped_marketing": person.stopped_marketing,
        "is_window_open": person.is_window_open(now=now),
    }


def _row(message: ChatMessage, *, now: datetime) -> Answer:
    return {
        "wamid": message.wamid,
        "direction": message.direction,
        "kind": message.kind,
        "pieces": message.pieces,
        "text": message.pieces.get("body", ""),
        "answers": [answer["text"] for answer in customers.answers_of(message)],
        "template": message.content.get("template", {}).get("name", ""),
        "category": message.category,
        "status": message.status_at(now).value,
        "error_code": message.error_code,
        "context_wamid": message.context_wamid,
        "reaction": message.reaction,
        "created_at": message.created_at.isoformat(),
    }


def _ledger(values: Values) -> Answer:
    rows = AcceptedMessage.objects.order_by("id")
    if "phone" in values:
        rows = rows.filter(wa_id=_person(values).wa_id)
    return {
        "messages": [
            {
                "wamid": row.wamid,
                "recipient": row.recipient,
                "opaque_callback_data": row.opaque_callback_data,
                "payload": row.payload,
                "accepted_at": row.accepted_at.isoformat(),
            }
            for row in rows
        ]
    }


def _waiting(values: Values) -> Answer:
    rows = OutboxWebhook.objects
    return {
        "waiting": rows.waiting().count(),
        "delivered": rows.filter(delivered_at__isnull=False).count(),
        "given_up": rows.filter(gave_up_at__isnull=False).count(),
    }


def _template_status(values: Values) -> Answer:
    changed = control.set_template_status(
        _text(values, "name"),
        _text(values, "status"),
        language=_text(values, "language", default="") or None,
        reason=_text(values, "reason", default="NONE"),
    )
    return {"changed": changed}


def _template_category(values: Values) -> Answer:
    changed = control.set_template_category(
        _text(values, "name"),
        _text(values, "category"),
        language=_text(values, "language", default="") or None,
    )
    return {"changed": changed}


def _template_quality(values: Values) -> Answer:
    changed = control.set_template_quality(
        _text(values, "name"),
        _text(values, "quality"),
        language=_text(values, "language", default="") or None,
    )
    return {"changed": changed}


def _fail_next_calls(values: Values) -> Answer:
    control.fail_next_calls(
        int(_number(values, "code")),
        calls=int(_number(values, "calls", default=1)),
        by_webhook=values.get("by_webhook") is True,
    )
    return {}


def _webhook(values: Values) -> Answer:
    value = values.get("value")
    if not isinstance(value, dict):
        raise BadCommand("missing_value")
    control.send_webhook(_text(values, "field"), value)
    return {}


def _reset(values: Values) -> Answer:
    control.reset()
    return {}


#: Action and the function that runs it.
COMMANDS: Final[Mapping[str, Callable[[Values], Answer]]] = {
    "reply": _reply,
    "press_button": _press,
    "react": _react,
    "send_location": _location,
    "send_photo": _photo,
    "send_order": _order,
    "read": _read,
    "stop_marketing": _stop,
    "resume_marketing": _resume,
    "set_fate": _set_fate,
    "chat": _chat,
    "ledger": _ledger,
    "webhooks": _waiting,
    "template_status": _template_status,
    "template_category": _template_category,
    "template_quality": _template_quality,
    "fail_next_calls": _fail_next_calls,
    "webhook": _webhook,
    "reset": _reset,
}
