"""The webhook's door under attack and by accident: poison, floods, lies, and two secrets."""

import contextlib
import gc
import io
import json
import socket
import tracemalloc
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import factories, webhook_bodies, webhook_day
from tests.factories import NOW
from tests.webhooks.test_views import (
    ADDRESS,
    BODY,
    LIMIT,
    OLD_SECRET,
    SECRET,
    configure,
    post,
    raw,
    sign,
)
from tests.webhooks.test_views import WRONG as WRONG_HEADERS
from whatsapp_notify.models import InboundMessage, WebhookEvent
from whatsapp_notify.services import overview, webhooks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    configure(settings, APP_SECRET=SECRET, VERIFY_TOKEN="verify-me")


def spoilt(old: bytes, new: bytes) -> bytes:
    """A body of a customer's message with something else in it."""
    body = webhook_day.tell(messages=[webhook_day.said("358457311111", "@@", minute=1)])
    assert old in body
    return body.replace(old, new, 1)


#: What no parser or database takes -> the word for it in the quarantine.
POISON: dict[str, tuple[bytes, str]] = {
    "malformed": (BODY[:-1], "not_json"),
    "empty": (b"", "not_json"),
    "a list": (b"[]", "not_an_object"),
    "a number": (b"7", "not_an_object"),
    "huge integer": (spoilt(b'"1', b"9" * 5000 + b', "x": "1'), "number_out_of_range"),
    "negative huge integer": (b'{"a": -' + b"9" * 200 + b"}", "number_out_of_range"),
    "100,000 levels": (b"[" * 100_000 + b"]" * 100_000, "too_deep"),
    "100,000 open levels": (b'{"a":' * 100_000, "too_deep|not_json"),
    "65 levels": (b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", "too_deep"),
    "NaN": (spoilt(b'"@@"', b"NaN"), "number_out_of_range"),
    "Infinity": (b'{"a": Infinity}', "number_out_of_range"),
    "1e400": (b'{"a": 1e400}', "number_out_of_range"),
    "raw NUL": (spoilt(b"@@", b"a\x00b"), "not_json"),
    "raw surrogate": (spoilt(b"@@", b"\xed\xa0\x80"), "not_utf8"),
    "invalid UTF-8": (spoilt(b"@@", b"\xff\xfe"), "not_utf8"),
    "cut in a character": ('{"a": "ä'.encode()[:-1], "not_utf8"),
    "UTF-16": (BODY.decode().encode("utf-16"), "not_utf8"),
}

#: What looks like poison and can be read -> the words that are kept.
READABLE: dict[str, tuple[bytes, str]] = {
    "escaped NUL": (spoilt(b"@@", b"a\\u0000b"), "a\ufffdb"),
    "lone high surrogate": (spoilt(b"@@", b"\\ud800"), "\ufffd"),
    "lone low surrogate": (spoilt(b"@@", b"\\udc00x"), "\ufffdx"),
    "pair": (spoilt(b"@@", b"\\ud83d\\ude00"), "\U0001f600"),
    "swapped pair": (spoilt(b"@@", b"\\ude00\\ud83d"), "\ufffd\ufffd"),
    "key twice": (spoilt(b'"body": "@@"', b'"body": "first", "body": "second"'), "second"),
    "kind twice": (
        spoilt(b'"messaging_product"', b'"messages": 7, "messaging_product"'), "@@",
    ),
}  # fmt: skip


@pytest.fixture
def owner() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("owner", password="x"))
    return client


class TestPoison:
    @pytest.mark.parametrize(("body", "problem"), POISON.values(), ids=POISON.keys())
    def test_f59_signed_is_kept_answered_well_put_aside_and_visible(
        self, body: bytes, problem: str, owner: Client
    ) -> None:
        good = webhook_day.tell(messages=[webhook_day.said("358457311111", "hello", minute=2)])

        assert [post(each, sign(each)).status_code for each in (body, good)] == [200, 200]
        webhooks.process(now=NOW)

        event = WebhookEvent.objects.order_by("id")[0]
        assert bytes(event.body) == body
        assert factories.webhook_states() == ["quarantined", "processed"]
        assert any(word in event.problem for word in problem.split("|"))
        assert InboundMessage.objects.get().text == "hello"
        assert overview.overview(now=NOW).quarantined == 1
        page = owner.get(f"/admin/whatsapp_notify/webhookevent/{event.pk}/change/")
        assert page.status_code == 200
        assert event.problem in page.content.decode()

    @pytest.mark.parametrize(("body", "text"), READABLE.values(), ids=READABLE.keys())
    def test_f59_what_only_looks_like_poison_is_read(self, body: bytes, text: str) -> None:
        assert post(body, sign(body)).status_code == 200
        webhooks.process(now=NOW)

        assert factories.webhook_states() == ["processed"]
        assert InboundMessage.objects.get().text == text

    @pytest.mark.parametrize(
        "body", [body for body, _told in (*POISON.values(), *READABLE.values())], ids=len
    )
    def test_f59_unsigned_is_401_without_a_query(self, body: bytes) -> None:
        with CaptureQueriesContext(connection) as seen:
            answers = [post(body, header).status_code for header in (None, sign(body + b" "))]

        assert answers == [401, 401]
        assert len(seen) == 0


_DIGEST = sign(BODY).removeprefix("sha256=")
MORE_WRONG = {
    "tab within": f"sha256=\t{_DIGEST}",
    "digest twice": f"sha256={_DIGEST}{_DIGEST}",
    "prefix twice": f"sha256=sha256={_DIGEST}",
    "two values, both good": f"sha256={_DIGEST}, sha256={_DIGEST}",
    "good value behind a wrong one": f"sha256={'f' * 64},sha256={_DIGEST}",
    "semicolon": f"sha256={_DIGEST};",
    "name of a parameter": f"v1=sha256={_DIGEST}",
    "timestamp scheme": f"t=1,v1={_DIGEST}",
    "bytes literal": f"b'sha256={_DIGEST}'",
    "hex prefix": f"sha256=0x{_DIGEST}",
    "colons": "sha256=" + ":".join(_DIGEST[i : i + 2] for i in range(0, 64, 2)),
    "sha512": f"sha512={_DIGEST}{_DIGEST}",
    "capitals here and there": f"sha256={_DIGEST.title()}",
    "full-width digits": "sha256=" + _DIGEST.translate({48 + n: 0xFF10 + n for n in range(10)}),
    "percent": f"sha256=%{_DIGEST[1:]}",
    "none in words": "sha256=None",
    "line break": f"sha256={_DIGEST}\n",
}


class TestSignature:
    @pytest.mark.parametrize("header", MORE_WRONG.values(), ids=MORE_WRONG.keys())
    def test_f60_a_wrong_header_is_401_and_writes_nothing(self, header: str) -> None:
        with CaptureQueriesContext(connection) as seen:
            status = raw(io.BytesIO(BODY), header=header, CONTENT_LENGTH=str(len(BODY)))

        assert status == 401
        assert len(seen) == 0

    def test_f60_forty_headers_are_tried(self) -> None:
        assert len(WRONG_HEADERS) + len(MORE_WRONG) >= 40

    def test_f63_a_rotation_in_mid_stream_rejects_nothing(self, settings: Any) -> None:
        """The shop takes both, Meta changes over, the shop forgets the old one."""
        answers = []
        for number in range(60):
            if number == 10:
                configure(settings, APP_SECRET=[OLD_SECRET, SECRET])
            if number == 50:
                configure(settings, APP_SECRET=SECRET)
            elif number == 0:
                configure(settings, APP_SECRET=OLD_SECRET)
            body = json.dumps({"number": number}).encode()
            answers.append(
                post(body, sign(body, OLD_SECRET if number < 30 else SECRET)).status_code
            )

        assert answers == [200] * 60
        assert WebhookEvent.objects.count() == 60


class TestFlood:
    def test_f68_five_thousand_forged_posts_write_nothing_and_leave_nothing_behind(self) -> None:
        def forge(number: int) -> int:
            body = BODY + b" " * (1 + number % 2000)
            return raw(io.BytesIO(body), header=sign(BODY), CONTENT_LENGTH=str(len(body) + 1))

        forge(1)
        tracemalloc.start()
        try:
            before, _peak = tracemalloc.get_traced_memory()
            with CaptureQueriesContext(connection) as seen:
                answers = {forge(number) for number in range(1, 5001)}
            gc.collect()
            after, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert answers == {401}
        assert len(seen) == 0
        assert not WebhookEvent.objects.exists()
        assert after - before < 1_000_000
        assert peak - before < 5_000_000

    def test_f68_forged_giants_need_the_memory_of_one(self) -> None:
        giant = b"x" * LIMIT

        tracemalloc.start()
        try:
            before, _peak = tracemalloc.get_traced_memory()
            answers = {
                raw(io.BytesIO(giant), header="sha256=0", CONTENT_LENGTH=str(LIMIT))
                for _each in range(20)
            }
            gc.collect()
            after, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert answers == {401}
        assert after - before < 1_000_000
        # Its chunks, and the body that they are joined to, beside the stream of the test.
        assert peak - before < 4 * LIMIT

    def test_f68_without_a_header_a_body_that_never_ends_is_cut_off(self) -> None:
        class Endless(io.BytesIO):
            taken = 0

            def read(self, size: int | None = -1) -> bytes:
                self.taken += size or 0
                return b"x" * (size or 0)

        stream = Endless()

        assert raw(stream, header="", **{"wsgi.input_terminated": True}) == 413
        assert stream.taken <= LIMIT + 2 * 64 * 1024


class TestBrokenOff:
    @pytest.mark.parametrize("fault", [OSError, ValueError])
    def test_f58_chunks_that_are_none_are_the_senders_fault(self, fault: type[Exception]) -> None:
        """Each web server has its own exception for them, not all of them of the system's."""

        class Broken(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise fault

        assert raw(Broken(), header=sign(BODY), **{"wsgi.input_terminated": True}) == 400
        assert not WebhookEvent.objects.exists()


class TestWire:
    """Bytes on a real connection, for what no client library would send."""

    def say(self, live_server: Any, *parts: bytes) -> bytes:
        """The status; nothing where the server hung up on what it had not read."""
        where = urlsplit(live_server.url)
        answer = b""
        with (
            contextlib.suppress(ConnectionError),
            socket.create_connection((where.hostname, where.port), timeout=20) as wire,
        ):
            for part in parts:
                wire.sendall(part)
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_WR)
            while chunk := wire.recv(65536):
                answer += chunk
        return answer.partition(b"\r\n")[0].partition(b" ")[2][:3]

    def head(self, *lines: str, body: bytes = BODY) -> bytes:
        names = (
            f"POST {ADDRESS} HTTP/1.1", "Host: localhost", "Content-Type: application/json",
            f"X-Hub-Signature-256: {sign(body)}", "Connection: close", *lines,
        )  # fmt: skip
        return "\r\n".join((*names, "", "")).encode()

    def test_f58_three_mebibytes_go_through(self, live_server: Any) -> None:
        body = b" " * LIMIT

        answer = self.say(live_server, self.head(f"Content-Length: {LIMIT}", body=body), body)

        assert answer == b"200"
        assert WebhookEvent.objects.count() == 1

    def test_f58_one_byte_more_is_refused_before_it_is_sent(self, live_server: Any) -> None:
        answer = self.say(live_server, self.head(f"Content-Length: {LIMIT + 1}"))

        assert answer == b"413"

    @pytest.mark.parametrize(
        ("lines", "sent"),
        [
            (("Content-Length: 5",), BODY),
            ((f"Content-Length: {len(BODY) + 7}",), BODY[:-3]),
            (("Content-Length: -1",), BODY),
            (("Content-Length: 0",), b""),
            ((), BODY),
            (("Transfer-Encoding: chunked",), b'5\r\n{"a":\r\n'),
        ],
        ids=["too small", "broken off", "negative", "zero", "missing", "chunks broken off"],
    )
    def test_f58_lies_about_the_length_write_nothing(
        self, live_server: Any, lines: tuple[str, ...], sent: bytes
    ) -> None:
        answer = self.say(live_server, self.head(*lines), sent)

        assert answer in {b"400", b"401", b""}
        assert not WebhookEvent.objects.exists()

    def test_f60_two_signature_headers_are_none(self, live_server: Any) -> None:
        lines = (f"Content-Length: {len(BODY)}", f"X-Hub-Signature-256: {sign(BODY)}")

        assert self.say(live_server, self.head(*lines), BODY) == b"401"
        assert not WebhookEvent.objects.exists()


class TestBodies:
    def test_f62_one_message_in_many_bytes_is_one_message(self) -> None:
        """Escaped, spaced and slashed in other ways; each signed over its own bytes."""
        element = webhook_day.said("358457311111", "käännös / €  😀", minute=1)
        data = json.loads(webhook_day.tell(messages=[element]))
        forms = [
            json.dumps(data).encode(),
            json.dumps(data, ensure_ascii=False).encode(),
            json.dumps(data, separators=(",", ":")).encode(),
            json.dumps(data, indent=2).encode(),
            json.dumps(data).replace("/", "\\/").encode(),
            json.dumps(data, sort_keys=True).encode(),
        ]

        assert {post(form, sign(form)).status_code for form in forms} == {200}
        wrong = [post(form, sign(forms[0])).status_code for form in forms[1:]]
        webhooks.process(now=NOW)

        assert set(wrong) == {401}
        assert factories.webhook_states() == ["processed"] * len(forms)
        assert InboundMessage.objects.get().text == "käännös / €  😀"

    def test_f53_one_body_posted_with_other_headers_is_kept_once(self) -> None:
        body = webhook_bodies.body(messages=[webhook_bodies.text("hello")])
        agents = ("facebookexternalua", "curl", "")

        answers = {
            post(
                body, sign(body), HTTP_USER_AGENT=agent, HTTP_X_FORWARDED_FOR="192.0.2.1"
            ).status_code
            for agent in agents
        }

        assert answers == {200}
        assert WebhookEvent.objects.count() == 1
