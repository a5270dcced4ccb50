"""A Graph API over real sockets that misbehaves as told, and remembers what it has taken."""

import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.cloud_api.scripted_server import Exchange, ScriptedServer, http
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.backends.base import Backend
from whatsapp_notify.backends.cloud_api import CloudApiBackend
from whatsapp_notify.domain import opaque
from whatsapp_notify.services import delivery


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Call:
    """One request, as Graph reads it."""

    message_id: int
    attempt: int
    template: str

    def answer(self) -> bytes:
        """What a healthy Graph says."""
        wamid = f"wamid.{self.message_id}.{self.attempt}"
        return json.dumps({"messages": [{"id": wamid, "message_status": "accepted"}]}).encode()


#: What happens to a call; ``Graph.take`` and ``Exchange`` are its tools.
Fate = Callable[["Graph", Call, Exchange], None]


class Graph:
    """Accepts everything, except where ``fates`` has one for the message's id.

    ``accepted`` is the ledger: what was taken, in its order, whether or not it was answered.
    """

    def __init__(self, *, context: ssl.SSLContext | None = None) -> None:
        self.fates: dict[int, Fate] = {}
        #: For every message that has no fate of its own.
        self.fate: Fate | None = None
        self.calls: list[Call] = []
        self.accepted: list[Call] = []
        self._lock = threading.Lock()
        self.server = ScriptedServer(self._serve, context=context)

    def take(self, call: Call) -> None:
        """This will write a message into the ledger."""
        with self._lock:
            self.accepted.append(call)

    def heal(self) -> None:
        """This will end all misfortune."""
        self.fates.clear()
        self.fate = None

    def copies(self) -> Counter[int]:
        """This will count how often each message was taken."""
        return Counter(call.message_id for call in self.accepted)

    def _serve(self, exchange: Exchange) -> None:
        body = json.loads(exchange.request.partition(b"\r\n\r\n")[2])
        ours = opaque.decode(body["biz_opaque_callback_data"])
        assert ours is not None
        name = body.get("template", {}).get("name", "")
        call = Call(message_id=ours.message_id, attempt=ours.attempt, template=name)
        with self._lock:
            self.calls.append(call)
            fate = self.fates.get(call.message_id, self.fate)
        (fate or accept)(self, call, exchange)


def accept(graph: Graph, call: Call, exchange: Exchange) -> None:
    """What usually happens."""
    graph.take(call)
    exchange.send(http(200, call.answer()))


def refuse(code: int, *, status: int = 400) -> Fate:
    """Graph's own refusal, with this code."""
    body = json.dumps(
        {"error": {"message": f"(#{code}) No", "code": code, "fbtrace_id": "Az8"}}
    ).encode()
    return lambda graph, call, exchange: exchange.send(http(status, body))


@contextmanager
def alarms() -> Iterator[list[str]]:
    """The reasons for which a person is called meanwhile."""
    heard: list[str] = []

    def hear(*, reason: str, **rest: Any) -> None:
        heard.append(reason)

    signals.attention_needed.connect(hear)
    try:
        yield heard
    finally:
        signals.attention_needed.disconnect(hear)


class NoWaiting(threading.Event):
    """Ends a run where it would wait: the clock of a test does not go on by itself."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


def deliver(
    *, at: datetime = NOW, backend: Backend | None = None, at_most: int | None = None
) -> delivery.Delivered:
    """One run at one moment, through the real client."""
    return delivery.deliver(
        clock=lambda: at,
        backend=backend or CloudApiBackend(),
        stop=NoWaiting(),
        at_most=at_most,
    )


@contextmanager
def running(
    settings: Any, *, context: ssl.SSLContext | None = None, **changes: Any
) -> Iterator[Graph]:
    """A Graph that the shop's settings point to; the pace is out of the way."""
    graph = Graph(context=context)
    with graph.server as server:
        settings.WHATSAPP_NOTIFY = {
            **settings.WHATSAPP_NOTIFY,
            "GRAPH_URL": server.url,
            "MESSAGES_PER_SECOND": 10_000,
            "CAP_PROMOTIONS": 0,
            **changes,
        }
        yield graph
