"""Calls of which no byte has left: made again by themselves, and never taken for doubtful."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import factories
from tests.cloud_api.scripted_server import Exchange, ScriptedServer, http
from tests.factories import NOW
from tests.graph import Call, Graph, accept, deliver, running
from whatsapp_notify.backends.cloud_api import CloudApiBackend
from whatsapp_notify.models import Message
from whatsapp_notify.services import senders

pytestmark = pytest.mark.django_db(transaction=True)

CERTIFICATES = Path(__file__).parent.parent / "cloud_api"
#: More than all pauses between the tries of one message.
LATER = [timedelta(minutes=20 * step) for step in range(1, 4)]

Port = Callable[[], int]


class Way:
    """The way to Graph: after ``lets_through`` connections it leads to ``elsewhere``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, graph: Graph) -> None:
        self.elsewhere: Port | None = None
        self.lets_through = 0
        self._port = graph.server.port
        self._resolve = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def _look_up(self, host: str, port: int, **options: Any) -> Any:
        if self.elsewhere is None or self.lets_through:
            self.lets_through = max(0, self.lets_through - 1)
            return self._resolve(host, self._port, **options)
        return self._resolve(host, self.elsewhere(), **options)


@contextmanager
def nobody_listens() -> Iterator[Port]:
    # Bound and not listening: nobody else gets the port, and nobody answers.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield lambda: held.getsockname()[1]


@contextmanager
def no_such_name() -> Iterator[Port]:
    def fail() -> int:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    yield fail


@contextmanager
def certificate_of_a_stranger() -> Iterator[Port]:
    def answer(exchange: Exchange) -> None:
        exchange.send(http(200, b'{"messages":[{"id":"wamid.stolen"}]}'))

    with ScriptedServer(answer, context=tls("stranger.pem")) as stranger:
        yield lambda: stranger.port
    assert stranger.requests == []


def tls(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / name)
    return context


def backend() -> CloudApiBackend:
    """The real one; it trusts the certificate of the suite's own Graph, and no other."""
    real = CloudApiBackend()
    real._client._session.verify = str(CERTIFICATES / "loopback.pem")
    return real


def accept_and_hang_up(graph: Graph, call: Call, exchange: Exchange) -> None:
    """So that each call needs a connection of its own."""
    accept(graph, call, exchange)
    exchange.close()


def rows(messages: list[Message]) -> list[tuple[str, str, int]]:
    found = Message.objects.filter(pk__in=[message.pk for message in messages]).order_by("id")
    return list(found.values_list("state", "reason", "failures"))


@pytest.mark.parametrize("fault", [nobody_listens, no_such_name, certificate_of_a_stranger])
def test_f35_waits_for_the_way_to_graph_and_arrives_once(
    settings: Any, monkeypatch: pytest.MonkeyPatch, fault: Callable[[], Any]
) -> None:
    with running(settings, CONCURRENCY=1, context=tls("loopback.pem")) as graph, fault() as port:
        graph.fate = accept_and_hang_up
        way = Way(monkeypatch, graph=graph)
        for position in range(3):
            messages = [factories.queued() for _each in range(3)]
            way.elsewhere, way.lets_through = port, position

            deliver(backend=backend())

            waits = [("queued", "retry", 1)] * (3 - position)
            assert rows(messages) == [("accepted", "", 0)] * position + waits
            assert senders.current().circuit_opened_at is None
            way.elsewhere = None
            for later in LATER:
                deliver(at=NOW + later, backend=backend())
            assert {state for state, *_rest in rows(messages)} == {"accepted"}

    assert set(graph.copies().values()) == {1}
    assert len(graph.calls) == 9
