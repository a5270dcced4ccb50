"""``POST /simulator/control/``: the functions of ``control`` for another process.

The body is ``{"action": name, ...}``, the bearer token that of the simulator. The answer is JSON
with ``"ok": true``, or HTTP 400 with ``{"ok": false, "error": code}``.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from . import conf, control, control_values, customers
from .control_acts import ACTS
from .control_rarities import RARITIES
from .control_values import Answer, BadCommand, Values
from .errors import GraphError
from .fates import Fate
from .graph.gateway import bearer_token
from .models import AcceptedMessage, ChatMessage, OutboxWebhook, SimulatedCustomer


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


def _set_fate(values: Values) -> Answer:
    fate = control_values.text(values, "fate")
    if fate not in Fate.values:
        raise BadCommand("unknown_fate")
    customers.set_fate(control_values.person(values), fate=Fate(fate))
    return {}


def _chat(values: Values) -> Answer:
    person, now = control_values.person(values), timezone.now()
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
    if "phone" in values or "user_id" in values:
        rows = rows.filter(wa_id=control_values.person(values).wa_id)
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
        control_values.text(values, "name"),
        control_values.text(values, "status"),
        language=control_values.text(values, "language", default="") or None,
        reason=control_values.text(values, "reason", default="NONE"),
    )
    return {"changed": changed}


def _template_category(values: Values) -> Answer:
    changed = control.set_template_category(
        control_values.text(values, "name"),
        control_values.text(values, "category"),
        language=control_values.text(values, "language", default="") or None,
    )
    return {"changed": changed}


def _template_quality(values: Values) -> Answer:
    changed = control.set_template_quality(
        control_values.text(values, "name"),
        control_values.text(values, "quality"),
        language=control_values.text(values, "language", default="") or None,
    )
    return {"changed": changed}


def _fail_next_calls(values: Values) -> Answer:
    control.fail_next_calls(
        int(control_values.number(values, "code")),
        calls=int(control_values.number(values, "calls", default=1)),
        by_webhook=values.get("by_webhook") is True,
    )
    return {}


def _webhook(values: Values) -> Answer:
    value = values.get("value")
    if not isinstance(value, dict):
        raise BadCommand("missing_value")
    control.send_webhook(control_values.text(values, "field"), value)
    return {}


def _reset(values: Values) -> Answer:
    control.reset()
    return {}


#: Action and the function that runs it.
COMMANDS: Final[Mapping[str, Callable[[Values], Answer]]] = {
    **ACTS,
    **RARITIES,
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
