"""The webhook's door: size, signature, secret - then one INSERT."""

import gzip
import io
import time
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from django.http import UnreadablePostError
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from whatsapp_notify.cloud_api import signature
from whatsapp_notify.models import WebhookEvent
from whatsapp_notify.webhooks import receiving, views

pytestmark = pytest.mark.django_db(transaction=True)

SECRET, OLD_SECRET = "the-app-secret", "the-old-secret"
BODY = b'{"object": "whatsapp_business_account", "entry": []}'
ADDRESS = "/whatsapp/webhook/"
LIMIT = 3 * 1024 * 1024


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    configure(settings, APP_SECRET=SECRET, VERIFY_TOKEN="verify-me")


def configure(settings: Any, **changes: Any) -> None:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, **changes}


def sign(body: bytes, secret: str = SECRET) -> str:
    return signature.sign(body, secret)


def post(body: bytes = BODY, header: str | None = "", **extra: Any) -> Any:
    headers = {} if header is None else {"X-Hub-Signature-256": header or sign(body)}
    return Client(enforce_csrf_checks=True).post(
        ADDRESS, data=body, content_type="application/json", headers=headers, **extra
    )


class Stream(io.BytesIO):
    """Counts what was taken out of it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(size)
        self.taken += len(chunk)
        return chunk


def raw(stream: io.BytesIO, *, header: str, **environ: Any) -> int:
    """One call as a WSGI server makes it, for what the test client would put right."""
    request = WSGIRequest(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": ADDRESS,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "HTTP_X_HUB_SIGNATURE_256": header,
            "wsgi.input": stream,
            **environ,
        }
    )
    return int(views.WebhookView.as_view()(request).status_code)


class TestPost:
    def test_keeps_the_bytes_as_they_came(self) -> None:
        response = post()

        assert (response.status_code, response.content) == (200, b"")
        assert bytes(WebhookEvent.objects.get().body) == BODY
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Type"] == "text/plain"

    def test_stands_at_the_address_of_the_contract(self) -> None:
        assert reverse("whatsapp_notify:webhook") == ADDRESS

    def test_f53_the_same_post_again_is_welcome_and_kept_once(self) -> None:
        assert [post().status_code for _each in range(5)] == [200] * 5
        assert WebhookEvent.objects.count() == 1

    @pytest.mark.parametrize(
        "body",
        [
            '{"a": "käännös €"}'.encode(),
            b'{"a": "caf\\u00e9 \\ud83d\\ude00"}',
            b'{"a": "https:\\/\\/example.com"}',
            b'{ "a" :  1 }\n',
        ],
        ids=["raw-utf8", "escaped", "slashes", "spaces"],
    )
    def test_f62_the_signature_is_of_the_bytes_not_of_their_meaning(self, body: bytes) -> None:
        assert post(body).status_code == 200
        assert bytes(WebhookEvent.objects.get().body) == body

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"\x00", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}', b"9" * 5000],
        ids=["empty", "broken", "nul", "no-utf8", "deep", "nan", "huge-int"],
    )
    def test_f59_signed_junk_is_kept_and_answered_well(self, body: bytes) -> None:
        assert post(body, sign(body)).status_code == 200
        assert bytes(WebhookEvent.objects.get().body) == body

    @pytest.mark.parametrize("body", [b"{", b"\x00", b"[" * 100_000])
    def test_f59_unsigned_junk_is_not_kept(self, body: bytes) -> None:
        assert post(body, "sha256=00").status_code == 401
        assert not WebhookEvent.objects.exists()

    def test_f63_both_secrets_count_while_one_is_being_replaced(self, settings: Any) -> None:
        configure(settings, APP_SECRET=[SECRET, OLD_SECRET])

        assert post(BODY, sign(BODY)).status_code == 200
        assert post(BODY + b" ", sign(BODY + b" ", OLD_SECRET)).status_code == 200
        configure(settings, APP_SECRET=[SECRET])
        assert post(BODY + b"  ", sign(BODY + b"  ", OLD_SECRET)).status_code == 401


_GOOD = sign(BODY)
_DIGEST = _GOOD.removeprefix("sha256=")
WRONG = {
    "missing": None,
    "blank": " ",
    "prefix only": "sha256=",
    "no prefix": _DIGEST,
    "other prefix": f"sha1={_DIGEST}",
    "prefix in capitals": f"SHA256={_DIGEST}",
    "digest in capitals": f"sha256={_DIGEST.upper()}",
    "space before": f"sha256= {_DIGEST}",
    "space within": f"sha256={_DIGEST[:32]} {_DIGEST[32:]}",
    "one digit short": _GOOD[:-1],
    "one digit long": f"{_GOOD}0",
    "last digit": _GOOD[:-1] + ("0" if _GOOD[-1] != "0" else "1"),
    "twice": f"{_GOOD},{_GOOD}",
    "twice, second wrong": f"sha256={'0' * 64}, {_GOOD}",
    "of other bytes": sign(BODY + b" "),
    "of other secret": sign(BODY, "another"),
    "zeros": f"sha256={'0' * 64}",
    "non-ascii": "sha256=\xe9\xe9",
    "non-ascii digits": "sha256=" + "\u0661" * 64,
    "nul": f"sha256={_DIGEST[:-1]}\x00",
    "very long": "sha256=" + "a" * 100_000,
    "plain secret": SECRET,
    "base64": "sha256=3q2+7w==",
    "quoted": f'"{_GOOD}"',
    "hmac name": f"hmac-sha256={_DIGEST}",
}


class TestSignature:
    @pytest.mark.parametrize("header", WRONG.values(), ids=WRONG.keys())
    def test_f60_a_wrong_signature_is_401_and_writes_nothing(self, header: str | None) -> None:
        with CaptureQueriesContext(connection) as seen:
            response = post(BODY, header)

        assert (response.status_code, response.content) == (401, b"")
        assert len(seen) == 0

    @pytest.mark.parametrize("secret", ["", "   ", [], ["", " "], None, [None]], ids=repr)
    def test_f61_without_a_secret_the_door_is_shut(self, settings: Any, secret: Any) -> None:
        configure(settings, APP_SECRET=secret)

        with CaptureQueriesContext(connection) as seen:
            answers = [post(BODY, header).status_code for header in (None, "sha256=", _GOOD)]

        assert answers == [503] * 3
        assert len(seen) == 0

    def test_f68_a_flood_of_forged_posts_costs_no_query_and_little_time(self) -> None:
        began = time.process_time()
        with CaptureQueriesContext(connection) as seen:
            for _each in range(300):
                assert (
                    raw(io.BytesIO(BODY), header="sha256=0", CONTENT_LENGTH=str(len(BODY))) == 401
                )

        assert len(seen) == 0
        assert (time.process_time() - began) / 300 < 0.005


class TestSize:
    def test_f58_three_mebibytes_are_taken_and_one_more_byte_is_not(self) -> None:
        body = b" " * LIMIT

        assert post(body).status_code == 200
        assert post(body + b" ").status_code == 413
        assert WebhookEvent.objects.count() == 1

    def test_f58_an_announced_giant_is_refused_before_it_is_read(self) -> None:
        stream = Stream(b" " * 100)

        assert raw(stream, header=_GOOD, CONTENT_LENGTH=str(LIMIT + 1)) == 413
        assert stream.taken == 0

    def test_f58_a_giant_in_chunks_is_refused_at_the_limit(self) -> None:
        stream = Stream(b" " * (LIMIT + 5_000_000))

        assert raw(stream, header=_GOOD, **{"wsgi.input_terminated": True}) == 413
        assert stream.taken <= LIMIT + 64 * 1024

    def test_f58_chunks_are_read_where_the_server_ends_them(self) -> None:
        assert raw(io.BytesIO(BODY), header=_GOOD, **{"wsgi.input_terminated": True}) == 200
        assert bytes(WebhookEvent.objects.get().body) == BODY

    @pytest.mark.parametrize(
        ("announced", "status"),
        [("10", 401), ("0", 401), ("-1", 401), ("many", 401), ("", 401), ("1000", 200)],
    )
    def test_f58_a_lying_length_is_never_a_server_error(self, announced: str, status: int) -> None:
        assert raw(io.BytesIO(BODY), header=_GOOD, CONTENT_LENGTH=announced) == status

    def test_f58_a_zipped_bomb_stays_zipped(self) -> None:
        body = gzip.compress(b"0" * 50_000_000)

        assert post(body, sign(body), HTTP_CONTENT_ENCODING="gzip").status_code == 200
        assert bytes(WebhookEvent.objects.get().body) == body

    def test_a_caller_who_hangs_up_is_no_server_error(self) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise UnreadablePostError("gone")

        assert raw(Broken(), header=_GOOD, CONTENT_LENGTH="10") == 400
        assert not WebhookEvent.objects.exists()


class TestSurroundings:
    def test_needs_no_csrf_token_and_no_login(self, settings: Any) -> None:
        settings.MIDDLEWARE = [
            *settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]  # fmt: skip

        assert post().status_code == 200

    def test_writes_outside_of_the_shops_request_transaction(self, monkeypatch: Any) -> None:
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        inside: list[bool] = []
        record = receiving.arrivals.record

        def look(**arguments: Any) -> bool:
            inside.append(connection.in_atomic_block)
            return record(**arguments)

        monkeypatch.setattr(receiving.arrivals, "record", look)

        assert post().status_code == 200
        assert inside == [False]

    @pytest.mark.parametrize("method", ["put", "patch", "delete", "head", "options", "trace"])
    def test_knows_get_and_post_only(self, method: str) -> None:
        assert getattr(Client(), method)(ADDRESS).status_code == 405


class TestDatabaseAway:
    @pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
    def test_f27_is_for_meta_to_try_again_and_is_told(
        self, caplog: pytest.LogCaptureFixture, fault: type[Exception]
    ) -> None:
        def away(*args: Any) -> None:
            raise fault(f"server closed the connection; CONTEXT: {BODY.decode()}")

        with connection.execute_wrapper(away):
            assert post().status_code == 503

        told = [record for record in caplog.records if record.name.endswith("receiving")]
        assert [record.getMessage() for record in told] == [
            "A webhook was refused: the database did not take it"
        ]
        assert "whatsapp_business_account" not in caplog.text
        assert post().status_code == 200

    def test_what_is_wrong_with_us_is_not_called_away(self) -> None:
        def broken(*args: Any) -> None:
            raise ProgrammingError

        with connection.execute_wrapper(broken), pytest.raises(ProgrammingError):
            post()


class TestHandshake:
    QUERY = {
        "hub.mode": "subscribe",
        "hub.verify_token": "verify-me",
        "hub.challenge": "1158201444",
    }

    def ask(self, **changes: Any) -> Any:
        changed = {key.replace("_", ".", 1): value for key, value in changes.items()}
        query = {**self.QUERY, **changed}
        given = {key: value for key, value in query.items() if value is not None}
        return Client().get(ADDRESS, given)

    def test_f66_echoes_the_challenge_as_plain_text(self) -> None:
        response = self.ask()

        assert (response.status_code, response.content) == (200, b"1158201444")
        assert response.headers["Content-Type"] == "text/plain"
        assert response.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize(
        "changes",
        [
            {"hub_verify_token": "wrong"},
            {"hub_verify_token": ""},
            {"hub_verify_token": None},
            {"hub_verify_token": "vérify"},
            {"hub_verify_token": ["verify-me", "wrong"]},
            {"hub_mode": "unsubscribe"},
            {"hub_mode": None},
            {"hub_challenge": None},
            {"hub_challenge": "<script>alert(1)</script>"},
            {"hub_challenge": "1\n"},
            {"hub_challenge": "1" * 65},
        ],
        ids=repr,
    )
    def test_f66_refuses(self, changes: dict[str, Any]) -> None:
        with CaptureQueriesContext(connection) as seen:
            response = self.ask(**changes)

        assert (response.status_code, response.content) == (403, b"")
        assert len(seen) == 0

    @pytest.mark.parametrize("token", ["", " ", None])
    def test_f66_without_a_token_nobody_is_answered(self, settings: Any, token: Any) -> None:
        configure(settings, VERIFY_TOKEN=token)

        for tried in ("", " ", "None"):
            assert self.ask(hub_verify_token=tried).status_code == 403
