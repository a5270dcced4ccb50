"""A simulator with known settings, a caller with the right token, and a shop that listens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from whatsapp_notify.cloud_api.webhooks.inbound import InboundMessage
from whatsapp_notify.cloud_api.webhooks.parser import parse
from whatsapp_notify.simulator import courier, message_templates

NUMBER_ID = "106540352242922"
ACCOUNT_ID = "102290129340398"
TOKEN = "the-token"
APP_SECRET = "the-secret"
ORDINARY = "+358457390100"

SETTINGS: dict[str, Any] = {
    "WEBHOOK_URL": "http://shop.test/whatsapp/webhook/",
    "APP_SECRET": APP_SECRET,
    "ACCESS_TOKEN": TOKEN,
    "PHONE_NUMBER_ID": NUMBER_ID,
    "BUSINESS_ACCOUNT_ID": ACCOUNT_ID,
    "DISPLAY_PHONE_NUMBER": "+358 45 739 0190",
    "BUSINESS_NAME": "Test shop",
    "STATUS_DELAYS_SECONDS": {"sent": 1, "delivered": 2, "read": 3},
    "NO_ANSWER_SECONDS": 0,
    "ALLOW_WITHOUT_DEBUG": True,
}

ORDER_SHIPPED = {
    "name": "order_shipped",
    "language": "en",
    "category": "UTILITY",
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
        {
            "type": "BODY",
            "text": "Hello {{1}}, it comes on *{{2}}*. Thank you!",
            "example": {"body_text": [["Customer", "Friday"]]},
        },
        {"type": "FOOTER", "text": "Test shop"},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "Change the day"},
                {"type": "URL", "text": "Track", "url": "https://shop.test/t/{{1}}"},
            ],
        },
    ],
}

SPRING_SALE = {
    "name": "spring_sale",
    "language": "en",
    "category": "MARKETING",
    "components": [{"type": "BODY", "text": "Everything is cheaper today."}],
}


def shipped_components(*, body: tuple[str, ...] = ("Customer", "Friday")) -> list[dict[str, Any]]:
    """Parameters that fit ORDER_SHIPPED."""
    return [
        {"type": "header", "parameters": [{"type": "text", "text": "1042"}]},
        {"type": "body", "parameters": [{"type": "text", "text": text} for text in body]},
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": "0",
            "parameters": [{"type": "payload", "payload": "change:1042"}],
        },
        {
            "type": "button",
            "sub_type": "url",
            "index": "1",
            "parameters": [{"type": "text", "text": "abc"}],
        },
    ]


@pytest.fixture(autouse=True)
def simulator_settings(settings: Any) -> Any:
    """Settings of the simulator, changed by tests with ``settings.WHATSAPP_SIMULATOR = ...``."""
    settings.WHATSAPP_SIMULATOR = SETTINGS
    return settings


@dataclass(frozen=True)
class Caller:
    """Calls Graph as a shop does."""

    client: Client
    token: str = TOKEN

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def post(self, name: str, values: Any, *, node_id: str, version: str = "v25.0") -> HttpResponse:
        """POST JSON to an address of Graph."""
        url = reverse(f"whatsapp_simulator:{name}", kwargs={"version": version, "node_id": node_id})
        body = values if isinstance(values, bytes | str) else json.dumps(values)
        return self.client.post(url, body, content_type="application/json", headers=self._headers())

    def get(self, name: str, /, *, node_id: str, **query: str) -> HttpResponse:
        """GET an address of Graph."""
        url = reverse(f"whatsapp_simulator:{name}", kwargs={"version": "v25.0", "node_id": node_id})
        return self.client.get(url, query, headers=self._headers())

    def control(self, action: str, **values: Any) -> Any:
        """Give a command to the control address; returns the JSON of the answer."""
        url = reverse("whatsapp_simulator:control")
        body = json.dumps({"action": action, **values})
        return self.client.post(
            url, body, content_type="application/json", headers=self._headers()
        ).json()

    def send(self, to: str = ORDINARY, **message: Any) -> HttpResponse:
        """Send a message; a text when nothing is said."""
        values = {
            "messaging_product": "whatsapp",
            "to": to,
            "type": "text",
            "text": {"body": "Hello"},
            **message,
        }
        return self.post("messages", values, node_id=NUMBER_ID)

    def send_template(
        self,
        to: str = ORDINARY,
        *,
        name: str = "order_shipped",
        components: list[dict[str, Any]] | None = None,
        language: str = "en",
        **message: Any,
    ) -> HttpResponse:
        """Send a template."""
        parts = shipped_components() if components is None else components
        template = {"name": name, "language": {"code": language}, "components": parts}
        return self.send(to, type="template", template=template, **message)


@pytest.fixture
def graph(db: None, client: Client) -> Caller:
    """A caller with the right token, and two templates approved."""
    message_templates.create(ORDER_SHIPPED)
    message_templates.create(SPRING_SALE)
    _forget_webhooks()
    return Caller(client)


def _forget_webhooks() -> None:
    from whatsapp_notify.simulator.models import OutboxWebhook

    OutboxWebhook.objects.all().delete()


@dataclass
class Shop:
    """The shop's webhook address, without a network."""

    #: Answers in turn; 200 when used up. An exception is raised.
    answers: list[int | Exception] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Take one webhook."""
        assert url == SETTINGS["WEBHOOK_URL"]
        self.bodies.append(body)
        self.headers.append(headers)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer

    def receive(self, *, after_seconds: float = 60) -> int:
        """Let the courier deliver what is due by then."""
        return courier.deliver_due(self.at(after_seconds), transport=self)

    def at(self, after_seconds: float) -> datetime:
        """A moment some seconds from now."""
        return timezone.now() + timedelta(seconds=after_seconds)

    @property
    def values(self) -> list[dict[str, Any]]:
        """``value`` of each change of each body, in order."""
        return [
            change["value"]
            for body in self.bodies
            for entry in json.loads(body)["entry"]
            for change in entry["changes"]
        ]

    @property
    def statuses(self) -> list[dict[str, Any]]:
        """All statuses received, in order."""
        return [status for value in self.values for status in value.get("statuses", [])]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All messages received, in order."""
        return [message for value in self.values for message in value.get("messages", [])]

    @property
    def read(self) -> list[InboundMessage]:
        """All messages received, as the shop reads them; none may be malformed."""
        parsed = [parse(body) for body in self.bodies]
        assert not [bad for each in parsed for bad in each.malformed]
        return [message for each in parsed for message in each.messages]


@pytest.fixture
def shop() -> Shop:
    """A shop that answers 200."""
    return Shop()


def no_connection() -> Exception:
    """What the transport raises when the shop is not running."""
    return requests.ConnectionError()
