"""The usual design, to compare with: a task a message, the ORM's get and save, requests.post.

It keeps no promise of ours: no gate, no ``calling`` before the call, no classification. It is
here so that a ratio can be measured in one run.
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import requests
from celery import shared_task
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from whatsapp_notify import conf
from whatsapp_notify.models import Message

SEND = "whatsapp_notify.bench.send_naively"


@shared_task(name=SEND, ignore_result=True)
def send_naively(message_id: int) -> None:
    """This will send one message."""
    message = Message.objects.select_related("contact").get(pk=message_id)
    identity = message.contact.identities.get(kind="phone", ended_at__isnull=True)
    settings = conf.load()
    message.attempt = 1
    payload = {
        "messaging_product": "whatsapp",
        "to": identity.value,
        "type": "template",
        "template": {
            "name": message.template_name,
            "language": {"code": message.template_language},
            "components": [{"type": "body", "parameters": message.content["body"]}],
        },
        "biz_opaque_callback_data": message.opaque_id(instance="0"),
    }
    answer = requests.post(
        f"{settings.GRAPH_URL}/{settings.GRAPH_VERSION}/{settings.PHONE_NUMBER_ID}/messages",
        headers={"Authorization": f"Bearer {settings.ACCESS_TOKEN}"},
        data=json.dumps(payload, separators=(",", ":")),
        timeout=20,
    )
    message.provider_message_id = answer.json()["messages"][0]["id"]
    message.state, message.is_pending = "accepted", False
    message.accepted_at = timezone.now()
    message.save()


@csrf_exempt
def webhook(request: HttpRequest) -> HttpResponse:
    """This will do all of it in the request: verify, parse, get and save each message."""
    secret = conf.load().app_secrets[0].encode()
    expected = "sha256=" + hmac.new(secret, request.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Hub-Signature-256", "")):
        return HttpResponse(status=401)
    for entry in json.loads(request.body)["entry"]:
        for change in entry["changes"]:
            for status in change["value"].get("statuses", ()):
                _apply(status)
    return HttpResponse(b"", headers={"Content-Length": "0"})


def _apply(status: dict[str, Any]) -> None:
    message = Message.objects.filter(provider_message_id=status["id"]).first()
    if message is not None:
        message.state = status["status"]
        setattr(message, f"{status['status']}_at", timezone.now())
        message.save()


@shared_task(name="whatsapp_notify.bench.ping", ignore_result=True)
def ping(path: str) -> None:
    """This will show that the worker takes tasks."""
    Path(path).touch()
