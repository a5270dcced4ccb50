"""A whole story, with all that goes wrong in it, and nobody's name in any log."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from celery import current_app
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from tests import factories, shop, webhook_bodies
from tests.cloud_api.scripted_server import Exchange, ScriptedServer, http
from whatsapp_notify import tasks
from whatsapp_notify.cloud_api.signature import sign
from whatsapp_notify.cloud_api.webhooks.notices import UnknownChange
from whatsapp_notify.domain.receipts import Outgoing, Receipt
from whatsapp_notify.models import Contact, Message, ShopEvent, WebhookEvent
from whatsapp_notify.services import (
    delivery,
    events,
    faults,
    inbound,
    notices,
    receipts,
    senders,
    statuses,
    sweep,
    webhooks,
)

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "+358457390142"
NAME = "Canarina"
TEXT = "canary words of a customer"
TOKEN = "canary-of-the-access-token"
SECRET = "canary-of-the-app-secret"
WAMID = "wamid.CANARY"
STAFF = "canary-of-the-staff"
#: What no line of a log may hold, in whatever spelling.
CANARIES = ("457390142", "457 390 142", "canar", "wamid", "Q0FOQVJZ")

_ROW = f"Key (value)=({PHONE}) of {NAME} already exists; {WAMID}: {TEXT}"

#: Written by logging itself into each record, or by pytest.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class Told:
    """All that was logged: messages, arguments, extra data and tracebacks."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def records(self) -> list[logging.LogRecord]:
        return self._caplog.records

    def text(self) -> str:
        """This will return each record with all that a formatter could reach."""
        form = logging.Formatter("%(name)s %(levelname)s %(message)s")
        return "\n".join(
            f"{form.format(record)} {record.args!r} "
            f"{ {key: value for key, value in vars(record).items() if key not in _OWN}!r}"
            for record in self.records
        )


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    caplog.set_level(logging.DEBUG)
    return Told(caplog)


@pytest.fixture(autouse=True)
def frozen_clock() -> Iterator[None]:
    with time_machine.travel(factories.NOW, tick=False):
        yield


def configure(settings: Any, **changes: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(
        ACCESS_TOKEN=TOKEN,
        APP_SECRET=SECRET,
        **{"BACKEND": "whatsapp_notify.backends.cloud_api.CloudApiBackend", **changes},
    )


def with_words(*args: Any, **kwargs: Any) -> Any:
    """Breaks as PostgreSQL does: with a row in its words."""
    # A trace shows this line, so that what it says stands elsewhere.
    raise IntegrityError(_ROW)


def deliver() -> None:
    delivery.deliver(clock=timezone.now)


def post(body: bytes) -> None:
    answer = Client().post(
        "/whatsapp/webhook/",
        data=body,
        content_type="application/json",
        headers={"X-Hub-Signature-256": sign(body, SECRET)},
    )
    assert answer.status_code == 200


class Graph:
    """Answers call after call with the next of these; refusals quote what they were sent."""

    ANSWERS = (
        http(200, json.dumps({"messages": [{"id": WAMID}], "contacts": [{}]}).encode()),
        http(
            400,
            json.dumps(
                {"error": {"code": 131026, "message": f"{PHONE} {TEXT}", "fbtrace_id": "Trace"}}
            ).encode(),
        ),
        http(200, f"<html>{PHONE} {TEXT}</html>".encode()),
        http(500, f"{PHONE} {TEXT}".encode()),
    )

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, exchange: Exchange) -> None:
        exchange.send(self.ANSWERS[self.count % len(self.ANSWERS)])
        self.count += 1


class TestStory:
    def test_of_messages_failures_webhooks_and_an_opt_out_names_nobody(
        self, told: Told, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contact = factories.contact(phone=PHONE, first_name=NAME, consents=("orders", "offers"))
        graph = Graph()
        with ScriptedServer(graph) as server:
            configure(settings, GRAPH_URL=server.url)
            self._send(contact)
            self._hear(monkeypatch)
            self._break(contact, monkeypatch)
            self._decide(contact)

        assert graph.count >= len(Graph.ANSWERS)
        assert {each.state for each in Message.objects.all()} >= {"failed", "in_doubt", "delivered"}
        assert {each.state for each in ShopEvent.objects.all()} >= {"failed", "processed"}
        assert WebhookEvent.objects.filter(is_quarantined=True).exists()
        # The story has been heard at all, down to what the HTTP library says.
        heard = {record.name for record in told.records}
        assert heard >= {
            "urllib3.connectionpool",
            "celery.app.trace",
            *(
                f"whatsapp_notify.{name}"
                for name in (
                    "receivers.shop", "services.calls", "services.claims", "services.delivery",
                    "services.events", "services.notices", "services.senders",
                    "services.webhooks",
                )
            ),
        }  # fmt: skip
        text = told.text().lower()
        assert [canary for canary in CANARIES if canary.lower() in text] == []

    def _send(self, contact: Contact) -> None:
        shop.automation(parameters={"body.1": "{first_name}"})
        order = shop.order(phone=PHONE, first_name=NAME)
        events.record(
            events.Happening(
                name="order.shipped",
                key="story:1",
                occurred_at=factories.NOW,
                subject_label="demo_shop.order",
                subject_pk=str(order.pk),
                data={"words": TEXT},
            ),
            now=factories.NOW,
        )
        events.process(now=factories.NOW)
        deliver()
        for _number in Graph.ANSWERS[1:]:
            factories.queued(factories.contact(first_name=NAME), now=factories.NOW)
            deliver()

    def _hear(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sent = Message.objects.get(provider_message_id=WAMID)
        post(webhook_bodies.body(statuses=[webhook_bodies.status(sent, "delivered")]))
        post(webhook_bodies.body(statuses=[webhook_bodies.status(wamid=f"{WAMID}.ELSE")]))
        post(webhook_bodies.body(messages=[{"from": PHONE, "text": TEXT, "id": WAMID}]))
        post(f'{{"object": "{PHONE} {TEXT}'.encode())
        post(_notice())
        webhooks.process(now=factories.NOW)
        for module, name, body in (
            (
                statuses,
                "apply",
                webhook_bodies.body(statuses=[webhook_bodies.status(sent, "read")]),
            ),
            (
                inbound,
                "receive",
                webhook_bodies.body(
                    messages=[webhook_bodies.text(TEXT, wamid=f"{WAMID}.2", wa_id=PHONE[1:])]
                ),
            ),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(module, name, with_words)
                post(body)
                webhooks.process(now=factories.NOW)
        post(
            webhook_bodies.body(
                messages=[webhook_bodies.text("STOP", wamid=f"{WAMID}.3", wa_id=PHONE[1:])]
            )
        )
        webhooks.process(now=factories.NOW)
        sweep.sweep(now=factories.NOW)

    def _break(self, contact: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(shop.OrderAdapter, "get_order", with_words)
            order = shop.order(phone=PHONE, first_name=NAME)
            events.record(
                events.Happening(
                    name="order.shipped",
                    key="story:2",
                    occurred_at=factories.NOW,
                    subject_label="demo_shop.order",
                    subject_pk=str(order.pk),
                ),
                now=factories.NOW,
            )
            for minutes in (0, 2, 15):
                with time_machine.travel(
                    factories.NOW + timezone.timedelta(minutes=minutes), tick=False
                ):
                    events.process(now=timezone.now())
        with monkeypatch.context() as patch:
            patch.setattr(events, "record", with_words)
            shop.order(phone=PHONE, first_name=NAME)
        for broken in ("send", "judge", "record"):
            factories.queued(factories.contact(first_name=NAME), now=factories.NOW)
            with monkeypatch.context() as patch:
                _BREAK[broken](patch)
                deliver()
        with monkeypatch.context() as patch:
            patch.setattr(webhooks, "process", with_words)
            assert tasks.process_webhooks.apply().failed()

    def _decide(self, contact: Contact) -> None:
        senders.stop(sender=senders.current(), actor=STAFF, now=factories.NOW)
        senders.release(sender=senders.current(), actor=STAFF, now=factories.NOW)
        senders.open_circuit(sender=senders.current(), code=190, now=factories.NOW)
        senders.resume(sender=senders.current(), actor=STAFF, now=factories.NOW)
        client = Client()
        client.force_login(User.objects.create_superuser(STAFF))
        failed = Message.objects.filter(state="failed", needs_attention=True).earliest("pk")
        page = "/admin/whatsapp_notify/overview/attention/"
        assert NAME in client.get(page).content.decode()
        client.post(
            f"{page}failed/",
            {
                "action": "seen",
                "_selected_action": failed.pk,
                "confirmed": "yes",
                "shown": f"{failed.pk}:{failed.attempt}",
            },
        )
        failed.refresh_from_db()
        assert not failed.needs_attention


def _notice() -> bytes:
    """A notice of which nothing is to be done."""
    value = {
        "entity_type": "BUSINESS",
        "entity_id": "1",
        "alert_severity": "INFORMATIONAL",
        "alert_status": "NONE",
        "alert_type": "OBA_APPROVED",
        "alert_description": f"{TEXT} {PHONE}",
    }
    entry = {"id": "1", "changes": [{"field": "account_alerts", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


class _Broken:
    def send(self, outgoing: Outgoing) -> Receipt:
        raise with_words()


_BREAK: dict[str, Any] = {
    "send": lambda patch: patch.setattr("whatsapp_notify.backends.load", _Broken),
    "judge": lambda patch: patch.setattr("whatsapp_notify.services.claims._judge", with_words),
    "record": lambda patch: patch.setattr(receipts, "record", with_words),
}


class TestControlCharacters:
    """F95: what comes from outside neither begins a line of its own nor moves the cursor."""

    HOSTILE = f"a\r\nERROR forged\x1b[2J\x85\u2028{chr(0)}"

    def test_f95_are_escaped_in_the_words_of_faults(self) -> None:
        hostile = self.HOSTILE.replace(chr(0), "")
        fault = type(f"Fault{hostile}", (Exception,), {})
        code = compile("raise fault", f"/tmp/{hostile}.py", "exec")
        try:
            exec(code, {"fault": fault})
        except Exception as err:  # noqa: BLE001  # a class of its own
            text = faults.trace(err)

        lines = text.split("\n")
        assert all(line.startswith("  ") for line in lines[:-1])
        assert all(line.isprintable() for line in lines)
        assert "\\r\\nERROR forged\\x1b[2J\\x85\\u2028" in lines[-1]

    def test_f95_are_escaped_in_what_webhooks_name(self, told: Told) -> None:
        base = {"business_account_id": "1", "phone_number_id": "", "display_phone_number": ""}
        notice = UnknownChange(**base, field=self.HOSTILE, happened_at=None, raw={})

        notices.take_note(notice, now=factories.NOW)

        (record,) = [each for each in told.records if each.message == "Notice kept"]
        assert record.field.startswith("a\\r\\nERROR forged\\x1b[2J")  # type: ignore[attr-defined]
        assert _is_harmless(record)

    def test_f95_are_in_no_other_line_of_a_log_either(
        self, told: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # No database of ours holds a NUL.
        name = self.HOSTILE.replace(chr(0), "")
        senders.stop(sender=senders.current(), actor=name, now=factories.NOW)
        senders.release(sender=senders.current(), actor=name, now=factories.NOW)
        with monkeypatch.context() as patch:
            patch.setattr(events, "record", with_words)
            shop.order(first_name=name)

        ours = [each for each in told.records if each.name.startswith("whatsapp_notify.")]
        assert len(ours) >= 3
        assert all(_is_harmless(each) for each in ours)

    @pytest.mark.parametrize("text", ["", "a", "ä – €", "Ааа", "a b", "{name}%s"])
    def test_leave_other_text_alone(self, text: str) -> None:
        assert faults.printable(text) == text


def _is_harmless(record: logging.LogRecord) -> bool:
    data = [str(value) for key, value in vars(record).items() if key not in _OWN]
    message = record.getMessage()
    # Lines of a trace are ours, and each begins with two blanks.
    first, *trace = message.split("\n")
    is_trace = all(re.match(r"  \S|    ", line) for line in trace[:-1])
    return is_trace and all(text.isprintable() for text in [first, *trace, *data])


class TestTask:
    def test_that_breaks_says_where_and_not_what(
        self, told: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(webhooks, "process", with_words)

        result = tasks.process_webhooks.apply()

        assert isinstance(result.result, tasks.TaskFailed)
        assert result.result.__context__ is None
        assert "IntegrityError" in told.text()
        assert "with_words" in told.text()
        assert PHONE not in told.text()
        assert PHONE not in result.traceback

    def test_is_without_words_whichever_it_is(self) -> None:
        ours = {
            name: task
            for name, task in current_app.tasks.items()
            if name.startswith("whatsapp_notify.")
        }

        assert len(ours) >= 7
        assert [name for name, task in ours.items() if not isinstance(task, tasks._Task)] == []
