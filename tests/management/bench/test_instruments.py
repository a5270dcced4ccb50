"""What the bench measures with: it must read, count and write rightly before it may be quick."""

import json
from array import array
from pathlib import Path

import pytest
from django.test import RequestFactory
from django.utils import timezone

from tests import factories
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.signature import is_valid
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.management.bench import bodies, listening, load, planning, seeding
from whatsapp_notify.management.bench.costs import spread
from whatsapp_notify.management.bench.graph_stub import fullest_second, per_second
from whatsapp_notify.management.bench.http import Connection, content_length, request
from whatsapp_notify.models import InboundMessage, Message, WebhookEvent
from whatsapp_notify.services import arrivals, claims, webhooks
from whatsapp_notify.webhooks.views import WebhookView


class TestConnection:
    class Heard(Connection):
        def __init__(self) -> None:
            super().__init__()
            self.bodies: list[bytes] = []

        def message_received(self, head: bytes, body: bytes) -> None:
            self.bodies.append(body)

    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_cuts_messages_wherever_the_packets_end(self, size: int) -> None:
        heard = self.Heard()
        data = b"".join(request(path="/", host="here", body=body) for body in (b"one", b"", b"two"))

        for start in range(0, len(data), size):
            packet = data[start : start + size]
            heard.get_buffer(-1)[: len(packet)] = packet
            heard.buffer_updated(len(packet))

        assert heard.bodies == [b"one", b"", b"two"]

    @pytest.mark.parametrize(
        ("head", "length"),
        [
            (b"POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n", 12),
            (b"POST / HTTP/1.1\r\ncontent-length:7\r\n\r\n", 7),
            (b"HTTP/1.1 200 OK\r\n\r\n", 0),
        ],
    )
    def test_reads_the_length(self, head: bytes, length: int) -> None:
        assert content_length(head) == length


class TestRates:
    @pytest.mark.parametrize(
        ("times", "most"),
        [([], 0), ([5.0], 1), ([0.0, 0.5, 1.0, 1.4], 3), ([0.0, 0.999, 1.0, 2.0], 2)],
    )
    def test_finds_the_fullest_second_wherever_it_begins(
        self, times: list[float], most: int
    ) -> None:
        assert fullest_second(array("d", times)) == most

    def test_counts_whole_seconds_since_the_first(self) -> None:
        assert per_second(array("d", [10.2, 10.9, 11.3, 13.2])) == [2, 1, 0, 1]


class TestSpread:
    def test_shows_the_median_between_the_least_and_the_most(self) -> None:
        assert spread([3.0, 1.0, 2.0], digits=1) == "2.0 (1.0 to 3.0)"


class TestBodies:
    def test_writes_what_the_wire_reads_and_the_signature_holds(self) -> None:
        element = bodies.status(
            wamid="wamid.1", word="sent", at=1_764_000_000.5, digits="358457390100", opaque_id="x"
        )
        body = bodies.body([element, element])

        header = bodies.signature_header(body, secret="s").split(b": ")[1].strip().decode()

        assert [status.status for status in wire.parse(body).statuses] == ["sent", "sent"]
        assert is_valid(body=body, header=header, secrets=["s"])

    def test_writes_what_a_customer_says_in_any_letters(self) -> None:
        words = 'Missä "tilaus"? 👍'

        body = bodies.text(wamid="wamid.1", digits="358457390100", at=1_764_000_000, words=words)

        (message,) = wire.parse(body).messages
        assert message.content == contents.Text(body=words)
        assert message.person.wa_id == "358457390100"

    def test_a_file_of_requests_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        file = tmp_path / "requests"

        load.write_requests(file, iter([b"one", b"", b"three"]))

        assert list(load.requests_in(file)) == [b"one", b"", b"three"]


@pytest.mark.django_db(transaction=True)
class TestRows:
    def test_customers_are_answered_in_the_shop_s_words(self) -> None:
        now = timezone.now()
        seeding.customers(count=len(listening.TEXTS), now=now)
        listening.words()
        first = seeding.first_customer()
        for number, text in enumerate(listening.TEXTS):
            digits = seeding.phone(first + number).lstrip("+")
            body = bodies.text(
                wamid=f"wamid.{number}", digits=digits, at=now.timestamp(), words=text
            )
            arrivals.record(body=body, now=now)

        webhooks.process(now=now)

        handled = set(InboundMessage.objects.values_list("handled_as", flat=True))
        assert handled == {"keyword", "person", "kept", "survey", "opt_out"}
        assert set(factories.webhook_states()) == {"processed"}

    def test_the_gate_lets_the_seeded_messages_out(self) -> None:
        now = timezone.now()
        seeding.customers(count=3, now=now)
        seeding.outbox(count=3, now=now)

        assert len(claims.claim(limit=10, now=now).calls) == 3

    def test_planning_makes_a_message_of_each_event(self) -> None:
        assert planning.plan(events_count=2).rows == 2
        assert planning.enqueue(messages=2).rows == 2
        assert Message.objects.count() == 4

    def test_its_webhooks_are_taken_by_the_real_view(self, settings) -> None:
        body = bodies.body([])
        secret = settings.WHATSAPP_NOTIFY["APP_SECRET"]
        header = bodies.signature_header(body, secret=secret).split(b": ")[1].strip().decode()
        post = RequestFactory().post(
            "/", body, content_type="application/json", HTTP_X_HUB_SIGNATURE_256=header
        )

        assert WebhookView.as_view()(post).status_code == 200
        assert json.loads(bytes(WebhookEvent.objects.get().body))["entry"]
