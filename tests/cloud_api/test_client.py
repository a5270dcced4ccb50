"""The client against servers that misbehave in every way we can name."""

import gc
import json
import logging
import os
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from requests.adapters import HTTPAdapter

from tests.cloud_api.scripted_server import Exchange, ScriptedServer, http
from whatsapp_notify.cloud_api import transport
from whatsapp_notify.cloud_api.client import GraphClient
from whatsapp_notify.cloud_api.exceptions import (
    GraphError,
    GraphUnavailable,
    MediaTooLarge,
    UntrustedAddress,
)
from whatsapp_notify.domain.receipts import Accepted, Action, Refused, Unknown, UnknownReason

TOKEN = "canary-of-the-access-token"
BODY_CANARY = "canary-of-the-body"
MESSAGE = b'{"messaging_product":"whatsapp","to":"+16505551234"}'
CERTIFICATE = Path(__file__).parent / "loopback.pem"
ACCEPTED = json.dumps(
    {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+16505551234", "wa_id": "16505551234"}],
        "messages": [{"id": "wamid.HBgL", "message_status": "accepted"}],
    }
).encode()


def make_client(url: str, **options: object) -> GraphClient:
    defaults: dict[str, object] = {
        "base_url": url,
        "version": "v25.0",
        "access_token": TOKEN,
        "phone_number_id": "1000",
        "business_account_id": "2000",
        "connect_timeout_seconds": 2.0,
        "deadline_seconds": 5.0,
    }
    return GraphClient(**{**defaults, **options})  # type: ignore[arg-type]


def answer(data: bytes, *, then_close: bool = False):
    def script(exchange: Exchange) -> None:
        exchange.send(data)
        if then_close:
            exchange.close()

    return script


def error_body(code: int, **extra: object) -> bytes:
    return json.dumps(
        {"error": {"message": f"(#{code}) No", "code": code, "fbtrace_id": "Az8", **extra}}
    ).encode()


def interim(status: int) -> bytes:
    return f"HTTP/1.1 {status} Wait\r\nLink: </style.css>; rel=preload\r\n\r\n".encode()


@pytest.fixture
def secure_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def closed_port() -> Iterator[int]:
    # Bound but not listening: nobody else gets it, and nobody answers.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


class TestSendMessage:
    def test_accepts_and_sends_exactly_these_bytes_with_the_token(self):
        with ScriptedServer(answer(http(200, ACCEPTED))) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert receipt == Accepted(provider_message_id="wamid.HBgL", wa_id="16505551234")
        [request] = server.requests
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v25.0/1000/messages HTTP/1.1\r\n")
        assert f"Authorization: Bearer {TOKEN}".encode() in head
        assert b"Content-Type: application/json" in head
        assert b"Accept-Encoding: identity" in head
        assert body == MESSAGE

    def test_uses_one_connection_for_calls_in_a_row(self):
        with ScriptedServer(answer(http(200, ACCEPTED))) as server:
            client = make_client(server.url)
            for _ in range(5):
                assert isinstance(client.send_message(body=MESSAGE), Accepted)

        assert server.connections == 1
        assert len(server.requests) == 5

    def test_reads_chunked_answers(self):
        chunked = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            b"\r\n" + f"{len(ACCEPTED):x}\r\n".encode() + ACCEPTED + b"\r\n0\r\n\r\n"
        )
        with ScriptedServer(answer(chunked)) as server:
            client = make_client(server.url)
            receipts = [client.send_message(body=MESSAGE) for _ in range(2)]

        assert all(isinstance(receipt, Accepted) for receipt in receipts)
        assert server.connections == 1

    def test_ignores_proxies_and_passwords_of_the_environment(self, monkeypatch, tmp_path):
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password other\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")

        with ScriptedServer(answer(http(200, ACCEPTED))) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert isinstance(receipt, Accepted)
        assert f"Bearer {TOKEN}".encode() in server.requests[0]

    @pytest.mark.parametrize(
        ("status", "is_held"),
        [
            ("accepted", False),
            ("held_for_quality_assessment", True),
            ("paused", True),
            (None, False),
        ],
    )
    def test_f49_held_is_accepted(self, status, is_held):
        body = json.dumps({"messages": [{"id": "wamid.1", "message_status": status}]}).encode()
        with ScriptedServer(answer(http(200, body))) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert receipt == Accepted(provider_message_id="wamid.1", is_held=is_held)

    def test_tells_the_user_id_even_where_it_stands_as_wa_id(self):
        body = b'{"contacts":[{"wa_id":"US.13491208655302741918"}],"messages":[{"id":"wamid.1"}]}'
        with ScriptedServer(answer(http(200, body))) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert receipt == Accepted(provider_message_id="wamid.1", user_id="US.13491208655302741918")


class TestNotSent:
    def test_f35_connection_refused(self, closed_port):
        receipt = make_client(f"http://127.0.0.1:{closed_port}").send_message(body=MESSAGE)

        assert receipt == Refused(action=Action.RETRY, detail="No connection; nothing was sent.")

    def test_f35_name_that_does_not_resolve(self, monkeypatch):
        def fail(*args: object, **kwargs: object):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(transport.socket, "getaddrinfo", fail)
        receipt = make_client("https://graph.invalid").send_message(body=MESSAGE)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.RETRY

    def test_f35_connect_timeout(self):
        # A listener whose queue is full answers no more SYNs.
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            waiting = []
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
                waiting.append(filler)
            client = make_client(
                f"http://127.0.0.1:{listener.getsockname()[1]}", connect_timeout_seconds=0.2
            )
            receipt = client.send_message(body=MESSAGE)
            for filler in waiting:
                filler.close()

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.RETRY

    def test_f35_certificate_of_nobody(self, secure_context):
        with ScriptedServer(answer(http(200, ACCEPTED)), context=secure_context) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.RETRY
        assert server.requests == []

    @pytest.mark.parametrize("garbage", [b"", b"HTTP/1.1 400 Bad\r\n\r\n", b"\x15\x03\x01"])
    def test_f35_no_tls_at_the_other_end(self, garbage):
        def on_connect(connection: socket.socket, stopping: threading.Event) -> bool:
            connection.recv(65536)
            connection.sendall(garbage)
            return False

        with ScriptedServer(answer(b""), on_connect=on_connect) as server:
            url = server.url.replace("http:", "https:")
            receipt = make_client(url).send_message(body=MESSAGE)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.RETRY

    def test_f35_handshake_that_never_ends_is_cut_at_the_deadline(self):
        def on_connect(connection: socket.socket, stopping: threading.Event) -> bool:
            # Byte by byte, so that no socket timeout ever strikes.
            for byte in b"\x16\x03\x03\x40\x00\x02" + b"\x00" * 600:
                connection.sendall(bytes([byte]))
                if stopping.wait(0.05):
                    break
            return False

        with ScriptedServer(answer(b""), on_connect=on_connect) as server:
            client = make_client(server.url.replace("http:", "https:"), deadline_seconds=0.4)
            began = time.monotonic()
            receipt = client.send_message(body=MESSAGE)
            took = time.monotonic() - began

        assert isinstance(receipt, Refused)
        assert took < 3

    def test_f35_no_thread_for_the_watchdog(self, monkeypatch):
        def refuse(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with ScriptedServer(answer(http(200, ACCEPTED))) as server:
            client = make_client(server.url)
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", refuse)
                refused = [client.send_message(body=MESSAGE) for _ in range(2)]
                connections = server.connections
            watched = list(client._watchdog._calls)
            receipt = client.send_message(body=MESSAGE)

        assert (
            refused == [Refused(action=Action.RETRY, detail="No connection; nothing was sent.")] * 2
        )
        assert connections == 0
        assert watched == []
        assert isinstance(receipt, Accepted)

    def test_f18_resolver_that_outlasts_the_deadline(self, monkeypatch):
        resolve = socket.getaddrinfo

        def slowly(*args: object, **kwargs: object):
            time.sleep(0.2)
            return resolve(*args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(transport.socket, "getaddrinfo", slowly)
        with ScriptedServer(answer(http(200, ACCEPTED))) as server:
            receipt = make_client(server.url, deadline_seconds=0.1).send_message(body=MESSAGE)

        assert isinstance(receipt, Refused)
        assert server.connections == 0

    def test_f18_nothing_is_written_after_the_deadline(self, monkeypatch):
        class Frozen:
            """A clock that jumps as soon as the connection stands, like a stopped process."""

            offset = 0.0

            @classmethod
            def monotonic(cls) -> float:
                return time.monotonic() + cls.offset

        connect = transport._OwnedConnection.connect

        def freeze(connection: transport._OwnedConnection) -> None:
            connect(connection)
            Frozen.offset = 3600.0

        monkeypatch.setattr(transport, "time", Frozen)
        monkeypatch.setattr(transport._OwnedConnection, "connect", freeze)
        with ScriptedServer(answer(http(200, ACCEPTED))) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)
            time.sleep(0.1)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.RETRY
        assert server.connections == 1
        assert server.received_bytes == 0


class TestUnknown:
    def test_f36_cut_at_every_byte(self):
        whole = http(200, ACCEPTED)
        lengths = iter(range(len(whole) + 1))

        def script(exchange: Exchange) -> None:
            exchange.send(whole[: next(lengths)])
            exchange.close()

        with ScriptedServer(script) as server:
            client = make_client(server.url)
            receipts = [client.send_message(body=MESSAGE) for _ in range(len(whole) + 1)]

        assert isinstance(receipts[-1], Accepted)
        assert {type(receipt) for receipt in receipts[:-1]} == {Unknown}
        assert len(server.requests) == len(whole) + 1

    def test_f36_cut_at_every_byte_without_a_length(self):
        whole = http(200, ACCEPTED, has_length=False)
        lengths = iter(range(len(whole) + 1))

        def script(exchange: Exchange) -> None:
            exchange.send(whole[: next(lengths)])
            exchange.close()

        with ScriptedServer(script) as server:
            client = make_client(server.url)
            receipts = [client.send_message(body=MESSAGE) for _ in range(len(whole) + 1)]

        assert isinstance(receipts[-1], Accepted)
        assert {type(receipt) for receipt in receipts[:-1]} == {Unknown}

    def test_f36_refusal_cut_at_every_byte_of_its_body_is_no_refusal(self):
        body = error_body(131008)
        whole = http(400, body, has_length=False)
        starts = iter(range(len(whole) - len(body), len(whole)))

        def script(exchange: Exchange) -> None:
            exchange.send(whole[: next(starts)])
            exchange.close()

        with ScriptedServer(script) as server:
            client = make_client(server.url)
            receipts = [client.send_message(body=MESSAGE) for _ in range(len(body))]

        assert {type(receipt) for receipt in receipts} == {Unknown}

    @pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n", http(200, ACCEPTED)[:-1]])
    def test_f36_reset_after_the_request(self, sent):
        def script(exchange: Exchange) -> None:
            exchange.send(sent)
            exchange.reset()

        with ScriptedServer(script) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert receipt == Unknown(reason=UnknownReason.CONNECTION_LOST)
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", UnknownReason.NOT_JSON),
            (b"<html>Welcome to the hotel</html>", UnknownReason.NOT_JSON),
            (b"[]", UnknownReason.NOT_JSON),
            (b"\xff", UnknownReason.NOT_JSON),
            (b"[" * 100_000, UnknownReason.NOT_JSON),
            (b'{"messages":[{"id":1e400}]}', UnknownReason.NOT_JSON),
            (b"{}", UnknownReason.NO_MESSAGE_ID),
            (b'{"messages":[]}', UnknownReason.NO_MESSAGE_ID),
            (b'{"messages":{}}', UnknownReason.NO_MESSAGE_ID),
            (b'{"messages":[{}]}', UnknownReason.NO_MESSAGE_ID),
            (b'{"messages":[{"id":""}]}', UnknownReason.NO_MESSAGE_ID),
            (b'{"messages":[{"id":7}]}', UnknownReason.NO_MESSAGE_ID),
            (b'{"success":true}', UnknownReason.NO_MESSAGE_ID),
            (error_body(131008), UnknownReason.NO_MESSAGE_ID),
        ],
    )
    def test_f36_success_without_message_id(self, body, reason):
        with ScriptedServer(answer(http(200, body))) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert receipt == Unknown(reason=reason, http_status=200)

    @pytest.mark.parametrize(
        "garbage",
        [
            b"\x00" * 64 + b"\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.0\r\n",
            b"HTTP/9.9 999 ?\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
            b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 500 + b"\r\n",
            b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nSet-Cookie: \xff=\x01; expires=no\r\nContent-Length: 2\r\n\r\n{}",
        ],
    )
    def test_f36_garbage_is_never_an_exception(self, garbage):
        with ScriptedServer(answer(garbage, then_close=True)) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert isinstance(receipt, Unknown)

    def test_f36_read_timeout(self):
        with ScriptedServer(lambda exchange: exchange.wait()) as server:
            client = make_client(server.url, deadline_seconds=0.3)
            began = time.monotonic()
            receipt = client.send_message(body=MESSAGE)
            took = time.monotonic() - began

        assert receipt == Unknown(reason=UnknownReason.TIMED_OUT)
        assert took < 3

    @pytest.mark.parametrize("has_length", [True, False])
    @pytest.mark.parametrize("is_secure", [True, False])
    def test_f37_dripping_server_ends_by_the_deadline(self, has_length, is_secure, secure_context):
        data = http(200, ACCEPTED, has_length=has_length)
        script = lambda exchange: exchange.drip(data, pause_seconds=0.05)  # noqa: E731
        context = secure_context if is_secure else None
        with ScriptedServer(script, context=context) as server:
            client = make_client(server.url, deadline_seconds=0.5)
            client._session.verify = str(CERTIFICATE)
            began = time.monotonic()
            receipt = client.send_message(body=MESSAGE)
            took = time.monotonic() - began

        assert receipt == Unknown(reason=UnknownReason.TIMED_OUT)
        assert 0.4 < took < 3

    def test_f37_dripping_body_ends_by_the_deadline(self):
        def script(exchange: Exchange) -> None:
            head, separator, body = http(200, ACCEPTED, has_length=False).partition(b"\r\n\r\n")
            exchange.send(head + separator)
            exchange.drip(body, pause_seconds=0.05)

        with ScriptedServer(script) as server:
            client = make_client(server.url, deadline_seconds=0.4)
            began = time.monotonic()
            receipt = client.send_message(body=MESSAGE)
            took = time.monotonic() - began

        assert receipt == Unknown(reason=UnknownReason.TIMED_OUT)
        assert took < 3

    def test_endless_answer_is_cut(self):
        def script(exchange: Exchange) -> None:
            exchange.send(http(200, b"", has_length=False))
            for _ in range(400):
                exchange.send(b" " * 65536)
            exchange.close()

        with ScriptedServer(script) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert receipt == Unknown(reason=UnknownReason.NOT_JSON, http_status=200)

    @pytest.mark.parametrize("body", [b"", b"<html>", error_body(131000), error_body(999999)])
    def test_f42_server_error_after_accept(self, body):
        with ScriptedServer(answer(http(500, body))) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert isinstance(receipt, Unknown)
        assert receipt.reason is UnknownReason.SERVER_ERROR
        assert receipt.http_status == 500


class TestInterimAnswers:
    @pytest.mark.parametrize(
        "before",
        [
            interim(100),
            interim(102),
            interim(103),
            interim(104),
            interim(199),
            interim(102) + interim(100) + interim(103),
        ],
    )
    @pytest.mark.parametrize("pause", [0.0, 0.05], ids=["together", "apart"])
    def test_f36_the_answer_that_follows_counts(self, before, pause):
        def script(exchange: Exchange) -> None:
            exchange.send(before + (b"" if pause else http(200, ACCEPTED)))
            if pause:
                exchange.wait(pause)
                exchange.send(http(200, ACCEPTED))

        with ScriptedServer(script) as server:
            client = make_client(server.url)
            receipts = [client.send_message(body=MESSAGE) for _ in range(3)]

        assert [type(receipt) for receipt in receipts] == [Accepted] * 3
        assert len(server.requests) == 3
        assert server.connections == 1

    def test_a_refusal_that_follows_counts(self):
        with ScriptedServer(answer(interim(103) + http(400, error_body(131008)))) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert isinstance(receipt, Refused)
        assert receipt.code == 131008

    def test_f36_cut_at_every_byte(self):
        whole = interim(103) + http(200, ACCEPTED)
        lengths = iter(range(len(whole) + 1))

        def script(exchange: Exchange) -> None:
            exchange.send(whole[: next(lengths)])
            exchange.close()

        with ScriptedServer(script) as server:
            client = make_client(server.url)
            receipts = [client.send_message(body=MESSAGE) for _ in range(len(whole) + 1)]

        assert isinstance(receipts[-1], Accepted)
        assert {type(receipt) for receipt in receipts[:-1]} == {Unknown}

    @pytest.mark.parametrize("status", [100, 102])
    def test_f36_an_endless_row_is_in_doubt(self, status):
        def script(exchange: Exchange) -> None:
            while True:
                exchange.send(interim(status) * 100)

        with ScriptedServer(script) as server:
            client = make_client(server.url, deadline_seconds=1.0)
            began = time.monotonic()
            receipt = client.send_message(body=MESSAGE)
            took = time.monotonic() - began

        assert isinstance(receipt, Unknown)
        assert took < 4

    @pytest.mark.parametrize("status", [100, 102])
    def test_f37_a_row_that_drips_ends_by_the_deadline(self, status):
        script = lambda exchange: exchange.drip(interim(status) * 50, pause_seconds=0.01)  # noqa: E731
        with ScriptedServer(script) as server:
            client = make_client(server.url, deadline_seconds=0.4)
            began = time.monotonic()
            receipt = client.send_message(body=MESSAGE)
            took = time.monotonic() - began

        assert receipt == Unknown(reason=UnknownReason.TIMED_OUT)
        assert took < 3

    def test_f36_a_protocol_that_nobody_asked_for_is_in_doubt(self):
        switched = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"
        with ScriptedServer(answer(switched + http(200, ACCEPTED))) as server:
            client = make_client(server.url)
            receipts = [client.send_message(body=MESSAGE) for _ in range(2)]

        assert receipts == [Unknown(reason=UnknownReason.NOT_JSON, http_status=101)] * 2
        assert server.connections == 2


class TestRefused:
    def test_f40_throttle_with_code_detail_and_trace(self):
        body = error_body(130429, error_data={"details": "Rate limit hit for +1 650 555 1234"})
        with ScriptedServer(answer(http(400, body))) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert receipt == Refused(
            action=Action.SLOW_DOWN,
            code=130429,
            http_status=400,
            detail="Rate limit hit for [...]",
            trace_id="Az8",
        )

    def test_f51_redirect_is_not_followed(self):
        with ScriptedServer(answer(http(200, ACCEPTED))) as other:
            to_other = http(302, b"", headers=f"Location: {other.url}/v25.0/1000/messages\r\n")
            with ScriptedServer(answer(to_other)) as server:
                receipt = make_client(server.url).send_message(body=MESSAGE)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.STOP_SENDER
        assert len(server.requests) == 1
        assert other.connections == 0

    @pytest.mark.parametrize("location", [b"http://[::1", b"\xff\xfe", b"", b"javascript:x"])
    @pytest.mark.parametrize("status", [301, 303, 307, 308])
    def test_f51_redirect_to_nowhere_is_no_exception(self, status, location):
        data = http(status, b"", headers="Location: HERE\r\n").replace(b"HERE", location)
        with ScriptedServer(answer(data)) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.STOP_SENDER

    @pytest.mark.parametrize("status", [401, 403, 404, 407, 451])
    def test_f51_page_of_a_proxy(self, status):
        data = http(status, b"<html>Blocked by policy</html>", content_type="text/html")
        with ScriptedServer(answer(data)) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.STOP_SENDER
        assert receipt.code is None

    def test_f52_unknown_code_comes_to_a_persons_eyes(self):
        with ScriptedServer(answer(http(400, error_body(999999)))) as server:
            receipt = make_client(server.url).send_message(body=MESSAGE)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.DROP
        assert receipt.is_unknown_code


class TestConnections:
    def test_f38_idle_socket_closed_by_the_server_is_not_used(self):
        with ScriptedServer(answer(http(200, ACCEPTED), then_close=True)) as server:
            client = make_client(server.url)
            receipts = []
            for _ in range(10):
                receipts.append(client.send_message(body=MESSAGE))
                time.sleep(0.01)

        assert all(isinstance(receipt, Accepted) for receipt in receipts)
        assert len(server.requests) == 10

    def test_f38_connection_that_rested_too_long_is_opened_anew(self):
        with ScriptedServer(answer(http(200, ACCEPTED))) as server:
            client = make_client(server.url, idle_seconds=0.05)
            client.send_message(body=MESSAGE)
            client.send_message(body=MESSAGE)
            before_the_rest = server.connections
            time.sleep(0.1)
            receipt = client.send_message(body=MESSAGE)

        assert before_the_rest == 1
        assert isinstance(receipt, Accepted)
        assert server.connections == 2

    def test_f38_rested_tls_connection_is_opened_anew(self, secure_context):
        with ScriptedServer(answer(http(200, ACCEPTED)), context=secure_context) as server:
            client = make_client(server.url, idle_seconds=0.05)
            client._session.verify = str(CERTIFICATE)
            client.send_message(body=MESSAGE)
            time.sleep(0.1)
            receipt = client.send_message(body=MESSAGE)

        assert isinstance(receipt, Accepted)
        assert server.connections == 2

    def test_f39_the_library_repeats_nothing(self):
        with ScriptedServer(lambda exchange: exchange.reset()) as server:
            client = make_client(server.url)
            receipt = client.send_message(body=MESSAGE)

        assert isinstance(receipt, Unknown)
        assert len(server.requests) == 1
        assert server.connections == 1
        for adapter in client._session.adapters.values():
            assert isinstance(adapter, HTTPAdapter)
            assert adapter.max_retries.total == 0
            assert adapter.max_retries.read is False

    def test_f39_a_retrying_adapter_is_refused(self, monkeypatch):
        original = HTTPAdapter.__init__

        def with_retries(self: HTTPAdapter, *args: object, **kwargs: object) -> None:
            original(self, *args, **{**kwargs, "max_retries": 3})  # type: ignore[arg-type]

        monkeypatch.setattr(HTTPAdapter, "__init__", with_retries)

        with pytest.raises(RuntimeError, match="repeat"):
            make_client("http://127.0.0.1:1")

    def test_many_threads_share_one_client(self):
        def script(exchange: Exchange) -> None:
            number = json.loads(exchange.request.partition(b"\r\n\r\n")[2])["number"]
            exchange.send(http(200, json.dumps({"messages": [{"id": f"wamid.{number}"}]}).encode()))

        with ScriptedServer(script) as server:
            client = make_client(server.url, pool_size=64)
            with ThreadPoolExecutor(64) as pool:
                receipts = list(
                    pool.map(
                        lambda number: client.send_message(body=b'{"number":%d}' % number),
                        range(640),
                    )
                )

        assert [receipt.provider_message_id for receipt in receipts] == [
            f"wamid.{number}" for number in range(640)
        ]
        assert server.connections <= 64

    def test_f37_slow_calls_do_not_harm_quick_ones_on_the_same_client(self):
        def script(exchange: Exchange) -> None:
            if b'"slow"' in exchange.request:
                exchange.drip(http(200, ACCEPTED), pause_seconds=0.05)
                exchange.close()
            else:
                exchange.send(http(200, ACCEPTED))

        with ScriptedServer(script) as server:
            client = make_client(server.url, deadline_seconds=1.5)
            with ThreadPoolExecutor(32) as pool:
                bodies = [b'{"slow"}' if index % 4 == 0 else MESSAGE for index in range(160)]
                receipts = list(pool.map(lambda body: client.send_message(body=body), bodies))

        for body, receipt in zip(bodies, receipts, strict=True):
            expected = Unknown if body == b'{"slow"}' else Accepted
            assert isinstance(receipt, expected)

    def test_watchdog_thread_ends_when_nothing_is_left_to_watch(self):
        with ScriptedServer(answer(http(200, ACCEPTED))) as server:
            client = make_client(server.url, deadline_seconds=0.1)
            client.send_message(body=MESSAGE)
            thread = client._watchdog._thread
            if thread is not None:
                thread.join(timeout=20)

        assert client._watchdog._thread is None

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_forked_process_opens_its_own_connection(self):
        with ScriptedServer(answer(http(200, ACCEPTED))) as server:
            client = make_client(server.url)
            client.send_message(body=MESSAGE)
            child_id = os.fork()
            if child_id == 0:
                is_accepted = isinstance(client.send_message(body=MESSAGE), Accepted)
                os._exit(0 if is_accepted else 1)
            _, status = os.waitpid(child_id, 0)
            receipt = client.send_message(body=MESSAGE)

        assert os.waitstatus_to_exitcode(status) == 0
        assert isinstance(receipt, Accepted)
        assert server.connections == 2


class TestSecrets:
    def test_token_is_in_no_repr(self):
        client = make_client("https://graph.facebook.com")

        assert TOKEN not in repr(client)
        assert TOKEN not in repr(vars(client))
        assert TOKEN not in repr(client._headers)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            http(302, b""),
            http(200, b"garbage"),
            http(500, b"<html>"),
            http(400, error_body(1)),
        ],
    )
    def test_token_and_body_are_in_no_exception(self, data):
        with ScriptedServer(answer(data, then_close=True)) as server:
            client = make_client(server.url)
            with pytest.raises((GraphError, GraphUnavailable)) as caught:
                client.post(path="1000/settings", data={"text": BODY_CANARY})

        shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
        assert TOKEN not in shown
        assert BODY_CANARY not in shown
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None

    def test_token_is_in_no_log(self, caplog):
        caplog.set_level(logging.DEBUG)
        with ScriptedServer(answer(http(200, b'{"data":{"is_valid":true}}'))) as server:
            data = make_client(server.url).debug_token()

        assert data == {"is_valid": True}
        assert f"input_token={TOKEN}".encode() in server.requests[0]
        assert "127.0.0.1" in caplog.text
        assert TOKEN not in caplog.text

    @pytest.mark.parametrize(
        "options",
        [
            {"access_token": ""},
            {"access_token": " "},
            {"access_token": "a\r\nX-Injected: 1"},
            {"access_token": "\u00e9"},
            {"phone_number_id": ""},
            {"phone_number_id": "1/../2"},
            {"business_account_id": "2?x"},
            {"version": "25"},
            {"version": "v25.0/x"},
            {"base_url": "ftp://graph.facebook.com"},
            {"base_url": "graph.facebook.com"},
            {"base_url": "https://user:pass@graph.facebook.com"},
        ],
    )
    def test_settings_that_cannot_work_are_refused_at_once(self, options):
        with pytest.raises(ValueError, match=r"(base URL|version|access token|ids)") as caught:
            make_client(**{"url": "https://graph.facebook.com", **options})

        assert options.get("access_token", "?").strip() not in str(caught.value).split()


class TestManagement:
    def test_lists_templates_over_pages_by_cursor_alone(self):
        def script(exchange: Exchange) -> None:
            is_first = b"after=" not in exchange.request
            paging = {"cursors": {"after": "A B"}, "next": "https://evil.invalid/?access_token=x"}
            data = {"data": [{"name": "one" if is_first else "two"}]}
            if is_first:
                data["paging"] = paging  # type: ignore[assignment]
            exchange.send(http(200, json.dumps(data).encode()))

        with ScriptedServer(script) as server:
            templates = make_client(server.url).list_templates()

        assert templates == [{"name": "one"}, {"name": "two"}]
        assert server.requests[0].startswith(b"GET /v25.0/2000/message_templates?fields=id%2Cname")
        assert b"after=A+B" in server.requests[1]

    def test_reads_the_list_anew_after_a_bad_cursor(self):
        answers = iter(
            [
                http(
                    200, b'{"data":[{"name":"one"}],"paging":{"cursors":{"after":"A"},"next":"x"}}'
                ),
                http(400, error_body(131059)),
                http(200, b'{"data":[{"name":"one"},{"name":"two"}]}'),
            ]
        )
        with ScriptedServer(lambda exchange: exchange.send(next(answers))) as server:
            templates = make_client(server.url).list_templates()

        assert templates == [{"name": "one"}, {"name": "two"}]

    def test_list_that_does_not_move_on_ends(self):
        page = b'{"data":[{"name":"one"}],"paging":{"cursors":{"after":"A"},"next":"x"}}'
        with ScriptedServer(answer(http(200, page))) as server:
            make_client(server.url).list_templates()

        assert len(server.requests) == 2

    def test_refusal_carries_code_status_and_trace(self):
        body = error_body(190, error_data="Session has expired", is_transient=True)
        with (
            ScriptedServer(answer(http(401, body))) as server,
            pytest.raises(GraphError) as caught,
        ):
            make_client(server.url).phone_number()

        error = caught.value
        assert (error.code, error.http_status, error.trace_id) == (190, 401, "Az8")
        assert (error.detail, error.is_transient) == ("Session has expired", True)

    def test_timeout_is_unavailable(self):
        with (
            ScriptedServer(lambda exchange: exchange.wait()) as server,
            pytest.raises(GraphUnavailable, match="timed_out"),
        ):
            make_client(server.url, deadline_seconds=0.2).create_template(definition={})

    def test_posts_the_definition_of_a_template(self):
        with ScriptedServer(answer(http(200, b'{"id":"7","status":"PENDING"}'))) as server:
            created = make_client(server.url).create_template(definition={"name": "näin"})

        assert created == {"id": "7", "status": "PENDING"}
        assert server.requests[0].endswith('{"name":"näin"}'.encode())

    def test_deletes_one_language_and_never_all(self):
        with ScriptedServer(answer(http(200, b'{"success":true}'))) as server:
            client = make_client(server.url)
            client.delete_template(name="old", template_id="7")
            with pytest.raises(ValueError, match="all languages"):
                client.delete_template(name="old", template_id="")

        assert len(server.requests) == 1
        assert server.requests[0].startswith(
            b"DELETE /v25.0/2000/message_templates?name=old&hsm_id=7 "
        )

    @pytest.mark.parametrize("path", ["", "../debug", "a//b", "a?b", "a#b", "..", "a b"])
    def test_odd_paths_are_refused(self, path):
        with pytest.raises(ValueError, match="path"):
            make_client("http://127.0.0.1:1").get(path=path)

    def test_reads_and_changes_the_profile(self):
        with ScriptedServer(answer(http(200, b'{"data":[{"about":"Shop"}]}'))) as server:
            client = make_client(server.url)
            profile = client.business_profile()
            client.update_business_profile(profile={"about": "New"})
            client.subscribe_app()
            client.mark_read(provider_message_id="wamid.1", is_typing=True)

        assert profile == {"about": "Shop"}
        assert b'"messaging_product":"whatsapp"' in server.requests[1]
        assert server.requests[2].startswith(b"POST /v25.0/2000/subscribed_apps ")
        assert b'"typing_indicator":{"type":"text"}' in server.requests[3]


class TestMedia:
    def test_uploads(self):
        with ScriptedServer(answer(http(200, b'{"id":"99"}'))) as server:
            media_id = make_client(server.url).upload_media(
                content=b"%PDF", mime_type="application/pdf", filename="invoice.pdf"
            )

        assert media_id == "99"
        [request] = server.requests
        assert b"Content-Type: multipart/form-data; boundary=" in request
        assert b'name="messaging_product"\r\n\r\nwhatsapp\r\n' in request
        assert b'filename="invoice.pdf"\r\nContent-Type: application/pdf\r\n\r\n%PDF' in request

    def test_gives_an_upload_a_deadline_of_its_own(self, monkeypatch):
        monkeypatch.setattr("whatsapp_notify.cloud_api.client.UPLOAD_DEADLINE_SECONDS", 0.3)
        with ScriptedServer(lambda exchange: exchange.wait()) as server:
            began = time.monotonic()
            with pytest.raises(GraphUnavailable):
                make_client(server.url, deadline_seconds=20.0).upload_media(
                    content=b"%PDF", mime_type="application/pdf", filename="file.pdf"
                )
            assert time.monotonic() - began < 5

    def test_says_where_a_file_is(self):
        with ScriptedServer(
            answer(http(200, b'{"url":"https://a.example/f","id":"77"}'))
        ) as server:
            node = make_client(server.url).get_media(media_id="77")

        assert node["url"] == "https://a.example/f"
        assert server.requests[0].startswith(b"GET /v25.0/77?phone_number_id=1000 ")

    def test_downloads_from_our_own_graph_chunk_after_chunk(self):
        body = os.urandom(300_000)
        with ScriptedServer(answer(http(200, body, content_type="image/jpeg"))) as server:
            chunks = download(server, max_bytes=300_000)

        assert b"".join(chunks) == body
        assert max(map(len, chunks)) <= 64 * 1024
        assert b"Authorization: Bearer " + TOKEN.encode() in server.requests[0]

    def test_an_interim_answer_is_not_the_file(self):
        file = interim(103) + http(200, b"x" * 100, content_type="image/jpeg")
        with ScriptedServer(answer(file)) as server:
            assert b"".join(download(server)) == b"x" * 100

    @pytest.mark.parametrize("has_length", [True, False], ids=["announced", "not announced"])
    def test_reads_no_more_of_too_large_a_file_than_is_allowed(self, has_length):
        taken = []
        data = http(200, b"x" * 300_000, content_type="image/jpeg", has_length=has_length)
        with (
            ScriptedServer(answer(data, then_close=True)) as server,
            pytest.raises(MediaTooLarge),
        ):
            make_client(server.url).download_media(
                url=f"{server.url}/file", max_bytes=100_000, write=taken.append
            )

        assert sum(map(len, taken)) <= 100_000

    def test_half_a_file_is_no_file(self):
        half = http(200, b"x" * 1000, content_type="image/jpeg").replace(b": 1000", b": 2000")
        with (
            ScriptedServer(answer(half, then_close=True)) as server,
            pytest.raises(GraphUnavailable, match="No whole answer"),
        ):
            download(server)

    @pytest.mark.parametrize("status", [206, 302, 401, 404, 500])
    def test_what_is_no_success_is_no_file(self, status):
        taken = []
        page = http(status, b"a page", headers="Location: /elsewhere\r\n")
        with (
            ScriptedServer(answer(page)) as server,
            pytest.raises(GraphUnavailable, match=f"HTTP {status}"),
        ):
            make_client(server.url).download_media(
                url=f"{server.url}/file", max_bytes=1000, write=taken.append
            )

        assert taken == []
        assert len(server.requests) == 1

    def test_a_file_that_drips_ends_at_its_own_deadline(self, monkeypatch):
        monkeypatch.setattr("whatsapp_notify.cloud_api.client.MEDIA_DEADLINE_SECONDS", 0.4)
        head, body = http(200, b"x" * 100).split(b"\r\n\r\n")

        def script(exchange: Exchange) -> None:
            exchange.send(head + b"\r\n\r\n")
            exchange.drip(body, pause_seconds=0.05)

        began = time.monotonic()
        with ScriptedServer(script) as server, pytest.raises(GraphUnavailable, match="timed_out"):
            download(server)

        assert time.monotonic() - began < 3

    def test_a_file_may_take_longer_than_a_call(self):
        head, body = http(200, b"x" * 8).split(b"\r\n\r\n")

        def script(exchange: Exchange) -> None:
            exchange.send(head + b"\r\n\r\n")
            exchange.drip(body, pause_seconds=0.1)

        with ScriptedServer(script) as server:
            client = make_client(server.url, deadline_seconds=0.4, connect_timeout_seconds=0.3)
            chunks: list[bytes] = []
            client.download_media(url=f"{server.url}/f", max_bytes=99, write=chunks.append)

        assert b"".join(chunks) == b"x" * 8

    def test_a_full_disk_is_not_the_networks_fault(self):
        def write(chunk: bytes) -> None:
            raise OSError(28, "No space left on device")

        with (
            ScriptedServer(answer(http(200, b"x" * 1000))) as server,
            pytest.raises(OSError, match="No space left"),
        ):
            make_client(server.url).download_media(
                url=f"{server.url}/file", max_bytes=1000, write=write
            )

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "http://lookaside.fbsbx.com/x",
            "https://lookaside.fbsbx.com.evil.invalid/x",
            "https://lookaside.fbsbx.com@evil.invalid/x",
            "https://user:pass@lookaside.fbsbx.com/x",
            "https://lookaside.fbsbx.com:8443/x",
            "http://169.254.169.254/latest",
            "http://127.0.0.1:1/x",
            "http://[::ffff:127.0.0.1]/x",
            "https://[::1",
            "file:///etc/passwd",
            "//lookaside.fbsbx.com/x",
        ],
    )
    def test_asks_nothing_of_any_other_host(self, url):
        with (
            ScriptedServer(answer(http(200, b"never asked"))) as server,
            pytest.raises(UntrustedAddress),
        ):
            make_client(server.url).download_media(url=url, max_bytes=10, write=print)

        assert server.connections == 0


def download(server: ScriptedServer, *, max_bytes: int = 1_000_000) -> list[bytes]:
    chunks: list[bytes] = []
    make_client(server.url).download_media(
        url=f"{server.url}/file", max_bytes=max_bytes, write=chunks.append
    )
    return chunks


@pytest.fixture(autouse=True)
def collect_sockets() -> Iterator[None]:
    # Clients are dropped, not closed, in most tests; their sockets go with them.
    yield
    gc.collect()
