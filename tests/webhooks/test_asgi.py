"""The webhook before Django under an event loop: the same answers as the view's."""

import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from django.conf import settings as django_settings
from django.db import InterfaceError, OperationalError

from tests.concurrency import in_a_loop
from whatsapp_notify.cloud_api.signature import sign
from whatsapp_notify.models import WebhookEvent
from whatsapp_notify.services import arrivals
from whatsapp_notify.webhooks.asgi import WebhookFirst
from whatsapp_notify.webhooks.receiving import MAX_BYTES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("brief_connections")]

BODY = b'{"object":"whatsapp_business_account","entry":[]}'
PATH = "/whatsapp/webhook/"


def headers(**changes: str) -> list[tuple[bytes, bytes]]:
    secret = django_settings.WHATSAPP_NOTIFY["APP_SECRET"] or "another"
    told = {
        "content_length": str(len(BODY)),
        "x_hub_signature_256": sign(BODY, secret),
        **changes,
    }
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in told.items()]


def pieces(*bodies: bytes) -> list[dict[str, Any]]:
    last = len(bodies) - 1
    return [
        {"type": "http.request", "body": body, "more_body": number < last}
        for number, body in enumerate(bodies)
    ]


def post(
    *, told: Iterable[dict[str, Any]] | None = None, **changes: Any
) -> tuple[list[int | str], int]:
    """The statuses of the answers, "shop" where Django was asked, and how much was read."""
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers(), **changes}
    messages: Iterator[dict[str, Any]] = iter(pieces(BODY) if told is None else told)
    answers: list[int | str] = []
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return next(messages)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    async def shop(scope: Any, receive: Any, send: Any) -> None:
        answers.append("shop")

    in_a_loop(WebhookFirst(shop)(scope, receive, send))
    return answers, read


class TestWebhookFirst:
    @pytest.mark.parametrize(
        "told", [pieces(BODY), pieces(BODY[:9], BODY[9:], b"")], ids=["at once", "in pieces"]
    )
    def test_keeps_a_signed_body(self, told: list[dict[str, Any]]) -> None:
        assert post(told=told) == ([200], len(told))
        assert bytes(WebhookEvent.objects.get().body) == BODY

    def test_answers_where_the_shop_is_mounted(self, settings: Any) -> None:
        mounted = f"/mounted{PATH}"

        assert post(path=mounted, root_path="/mounted")[0] == [200]
        settings.FORCE_SCRIPT_NAME = "/mounted"
        assert post(path=mounted, root_path="/elsewhere")[0] == [200]

    def test_holds_a_body_in_tiny_pieces_once(self) -> None:
        body, size = b"x" * 300_000, 300_000
        told = (
            {"type": "http.request", "body": body[place : place + 2], "more_body": place + 2 < size}
            for place in range(0, size, 2)
        )
        post()  # the shop's addresses are loaded now
        tracemalloc.start()
        try:
            answers, _read = post(headers=headers(content_length=""), told=told)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert answers == [401]
        assert peak < 10 * size

    def test_needs_no_length(self) -> None:
        assert post(headers=headers()[1:]) == ([200], 1)

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"x_hub_signature_256": "sha256=0"}, 401),
            ({"x_hub_signature_256": ""}, 401),
            ({"content_length": str(MAX_BYTES + 1)}, 413),
        ],
        ids=["signature", "no signature", "too large"],
    )
    def test_f60_refuses_and_writes_nothing(self, changes: dict[str, str], status: int) -> None:
        answers, _read = post(headers=headers(**changes))

        assert answers == [status]
        assert not WebhookEvent.objects.exists()

    @pytest.mark.parametrize("length", ["many", "-1", "9" * 5000])
    def test_a_length_that_is_none_is_not_believed(self, length: str) -> None:
        assert post(headers=headers(content_length=length))[0] == [200]

    def test_reads_no_more_than_may_come(self) -> None:
        endless = pieces(*[b"x" * (1024 * 1024)] * 8)

        assert post(headers=headers(content_length=""), told=endless) == ([413], 4)
        assert not WebhookEvent.objects.exists()

    def test_f61_without_a_secret_it_is_closed(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "APP_SECRET": ""}

        assert post() == ([503], 0)

    def test_f27_where_the_database_keeps_many_waiting_it_is_to_be_posted_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrivals, "_THREADS_AT_MOST", 0)
        monkeypatch.setattr(arrivals, "_WAITING_AT_MOST", 0)

        assert post() == ([503], 1)
        assert not WebhookEvent.objects.exists()

    @pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
    def test_f27_a_database_that_is_away_is_for_meta_to_try_again(
        self, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
    ) -> None:
        monkeypatch.setattr(arrivals, "_insert", Mock(side_effect=fault))

        assert post() == ([503], 1)

    def test_nobody_is_answered_where_the_body_breaks_off(self) -> None:
        told = [
            {"type": "http.request", "body": BODY, "more_body": True},
            {"type": "http.disconnect"},
        ]

        assert post(told=told) == ([], 2)
        assert not WebhookEvent.objects.exists()

    @pytest.mark.parametrize(
        "changes",
        [
            {"method": "GET"},
            {"path": "/"},
            {"path": f"{PATH}more/"},
            {"path": f"/elsewhere{PATH}"},
            {"path": f"/mounted{PATH}", "root_path": "/elsewhere"},
            {"type": "websocket"},
        ],
    )
    def test_leaves_all_else_to_the_shop(self, changes: dict[str, str]) -> None:
        assert post(**changes) == (["shop"], 0)

    def test_a_shop_that_forgot_the_address_goes_on(self, settings: Any) -> None:
        settings.ROOT_URLCONF = "django.contrib.auth.urls"

        assert post() == (["shop"], 0)
