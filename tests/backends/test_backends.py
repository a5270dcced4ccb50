"""Channels: values in, receipts out, and no fault of the network as an exception."""

import socket
import threading
from typing import Any

import pytest

from tests import shop
from tests.cloud_api.scripted_server import ScriptedServer, http
from whatsapp_notify import backends
from whatsapp_notify.backends import locmem
from whatsapp_notify.backends.base import Backend
from whatsapp_notify.backends.cloud_api import CloudApiBackend, graph_client
from whatsapp_notify.backends.console import ConsoleBackend
from whatsapp_notify.backends.locmem import LocmemBackend
from whatsapp_notify.domain.content import TemplateContent, TextContent, TextParameter
from whatsapp_notify.domain.receipts import (
    Accepted,
    Action,
    NotUploaded,
    Outgoing,
    Receipt,
    Refused,
    Uploaded,
)

PHONE = "+358457390100"


def outgoing(**fields: Any) -> Outgoing:
    return Outgoing(
        **{
            "message_id": 7,
            "attempt": 1,
            "phone": PHONE,
            "user_id": "",
            "content": TextContent(body="A secret word"),
            "opaque_id": "wn1.instance.7.token.1",
            **fields,
        }
    )


class Closing(Backend):
    """Counts how often it was closed."""

    closed = 0

    def close(self) -> None:
        type(self).closed += 1


class TestUpload:
    def upload(self, backend: Backend) -> Uploaded | NotUploaded:
        return backend.upload(content=b"%PDF", mime_type="application/pdf", filename="file.pdf")

    def cloud(self, settings: Any, url: str) -> CloudApiBackend:
        settings.WHATSAPP_NOTIFY = shop.configured(GRAPH_URL=url)
        return CloudApiBackend()

    def test_gives_the_id_of_the_provider(self, settings: Any) -> None:
        with ScriptedServer(lambda each: each.send(http(200, b'{"id":"99"}'))) as server:
            found = self.upload(self.cloud(settings, server.url))

        assert found == Uploaded(media_id="99")
        assert b"%PDF" in server.requests[0]

    def test_says_with_which_code_it_was_refused(self, settings: Any) -> None:
        body = b'{"error":{"code":131053,"message":"too large"}}'
        with ScriptedServer(lambda each: each.send(http(400, body))) as server:
            assert self.upload(self.cloud(settings, server.url)) == NotUploaded(code=131053)

    @pytest.mark.parametrize("body", [b"<html>", b"{}"], ids=["no answer of Graph's", "no id"])
    def test_knows_no_code_without_an_answer(self, body: bytes, settings: Any) -> None:
        with ScriptedServer(lambda each: each.send(http(502, body))) as server:
            assert self.upload(self.cloud(settings, server.url)) == NotUploaded()

    def test_knows_no_code_without_a_connection(self, settings: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            port = nobody.getsockname()[1]

        assert self.upload(self.cloud(settings, f"http://127.0.0.1:{port}")) == NotUploaded()

    def test_of_locmem_keeps_it_and_answers_as_told(self) -> None:
        assert isinstance(self.upload(LocmemBackend()), Uploaded)
        locmem.answer_upload_with(lambda content: NotUploaded(code=1))

        assert self.upload(LocmemBackend()) == NotUploaded(code=1)
        assert locmem.uploads == [(b"%PDF", "application/pdf", "file.pdf")] * 2

    def test_of_the_console_tells_size_and_type_alone(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert isinstance(self.upload(ConsoleBackend()), Uploaded)
        assert capsys.readouterr().out == "file of 4 bytes, application/pdf\n"

    def test_is_not_there_where_nobody_wrote_it(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(BACKEND=f"{__name__}.Closing")

        assert self.upload(backends.load()) == NotUploaded()
        assert not backends.takes_files()

    @pytest.mark.parametrize(
        "name", ["locmem.LocmemBackend", "console.ConsoleBackend", "cloud_api.CloudApiBackend"]
    )
    def test_is_told_of_without_making_a_backend(self, name: str, settings: Any) -> None:
        backend = f"whatsapp_notify.backends.{name}"
        settings.WHATSAPP_NOTIFY = shop.configured(BACKEND=backend, ACCESS_TOKEN="")

        assert backends.takes_files()


class TestLoad:
    def test_is_one_for_the_process(self) -> None:
        assert backends.load() is backends.load()

    def test_is_the_configured_one(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(
            BACKEND="whatsapp_notify.backends.console.ConsoleBackend"
        )

        assert isinstance(backends.load(), ConsoleBackend)

    def test_is_closed_when_the_settings_change(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(BACKEND=f"{__name__}.Closing")
        backends.load()
        before = Closing.closed

        settings.WHATSAPP_NOTIFY = shop.configured(
            BACKEND="whatsapp_notify.backends.locmem.LocmemBackend"
        )

        assert Closing.closed == before + 1
        assert isinstance(backends.load(), LocmemBackend)

    def test_other_settings_leave_it_alone(self, settings: Any) -> None:
        backend = backends.load()

        settings.LANGUAGE_CODE = "fi"

        assert backends.load() is backend

    def test_unknown_backend_is_named(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(BACKEND="no_such_module.Backend")

        with pytest.raises(ImportError, match="no_such_module"):
            backends.load()


class TestBackend:
    def test_of_nothing_sends_nothing(self) -> None:
        with pytest.raises(NotImplementedError):
            Backend().send(outgoing())

    def test_needs_no_close(self) -> None:
        assert Backend().close() is None  # type: ignore[func-returns-value]


class TestLocmemBackend:
    def test_keeps_what_it_is_given_and_accepts(self) -> None:
        message = outgoing()

        receipt = LocmemBackend().send(message)

        assert locmem.outbox == [message]
        assert isinstance(receipt, Accepted)

    def test_gives_each_message_an_id_of_its_own(self) -> None:
        backend = LocmemBackend()

        ids = {backend.send(outgoing()).provider_message_id for _each in range(50)}  # type: ignore[union-attr]

        assert len(ids) == 50

    def test_answers_what_a_test_asks_for(self) -> None:
        refused = Refused(action=Action.DROP, code=131009)
        locmem.answer_with(lambda message: refused if message.message_id == 7 else None)

        assert LocmemBackend().send(outgoing()) is refused
        assert isinstance(LocmemBackend().send(outgoing(message_id=8)), Accepted)

    def test_reset_forgets_mail_and_script(self) -> None:
        locmem.answer_with(lambda message: Refused(action=Action.DROP))
        LocmemBackend().send(outgoing())

        locmem.reset()

        assert locmem.outbox == []
        assert isinstance(LocmemBackend().send(outgoing()), Accepted)

    def test_serves_many_calls_at_once(self) -> None:
        backend = LocmemBackend()
        threads = [
            threading.Thread(target=lambda: [backend.send(outgoing()) for _each in range(50)])
            for _thread in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

        assert len(locmem.outbox) == 400


class TestConsoleBackend:
    def test_prints_id_masked_number_and_kind(self, capsys: pytest.CaptureFixture[str]) -> None:
        receipt = ConsoleBackend().send(outgoing())

        assert isinstance(receipt, Accepted)
        assert capsys.readouterr().out == "message #7 to +358 45 *** **00: text\n"

    def test_names_the_template_but_no_values(self, capsys: pytest.CaptureFixture[str]) -> None:
        content = TemplateContent(
            name="order_shipped", language="en", body=(TextParameter(text="A secret word"),)
        )

        ConsoleBackend().send(outgoing(content=content, phone="", user_id="FI.123"))

        assert capsys.readouterr().out == "message #7 to user id: order_shipped\n"


class TestCloudApiBackend:
    @pytest.fixture
    def dead_address(self, settings: Any) -> None:
        """An address where nobody listens."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings.WHATSAPP_NOTIFY = shop.configured(
            GRAPH_URL=f"http://127.0.0.1:{port}", CONNECT_TIMEOUT_SECONDS=1
        )

    @pytest.mark.usefixtures("dead_address")
    def test_no_connection_is_a_refusal_that_is_tried_again(self) -> None:
        backend = CloudApiBackend()

        receipt = backend.send(outgoing())
        backend.close()

        assert isinstance(receipt, Refused)
        assert receipt.code is None
        assert receipt.action is Action.RETRY

    @pytest.mark.usefixtures("dead_address")
    @pytest.mark.parametrize(
        "fields",
        [
            {"phone": "", "user_id": ""},
            {"content": TextContent(body="")},
            {"content": TextContent(body="x" * 5000)},
        ],
        ids=["nobody", "empty", "too-long"],
    )
    def test_f93_what_cannot_be_put_on_the_wire_is_dropped_before_any_call(
        self, fields: dict[str, Any]
    ) -> None:
        backend = CloudApiBackend()

        receipt = backend.send(outgoing(**fields))
        backend.close()

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.DROP
        assert PHONE.lstrip("+") not in receipt.detail

    def test_client_is_made_from_the_settings(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(
            PHONE_NUMBER_ID="11", BUSINESS_ACCOUNT_ID="22", ACCESS_TOKEN="very-secret"
        )

        client = graph_client()
        client.close()

        assert (client.phone_number_id, client.business_account_id) == ("11", "22")
        assert "very-secret" not in repr(client)


@pytest.mark.django_db(transaction=True)
class TestWithSimulator:
    """Against the Graph of the simulator, over HTTP."""

    @pytest.fixture
    def backend(self, live_server: Any, settings: Any) -> Any:
        settings.WHATSAPP_NOTIFY = shop.configured(GRAPH_URL=f"{live_server.url}/simulator/graph")
        backend = CloudApiBackend()
        yield backend
        backend.close()

    def test_unknown_template_is_refused_and_stops_the_template(self, backend: Backend) -> None:
        receipt: Receipt = backend.send(
            outgoing(content=TemplateContent(name="unknown", language="en"))
        )

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.STOP_TEMPLATE
        assert receipt.code == 132001

    def test_wrong_token_stops_the_number(self, live_server: Any, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(
            GRAPH_URL=f"{live_server.url}/simulator/graph", ACCESS_TOKEN="wrong"
        )
        backend = CloudApiBackend()

        receipt = backend.send(outgoing())
        backend.close()

        assert isinstance(receipt, Refused)
        assert (receipt.action, receipt.code) == (Action.STOP_SENDER, 190)
