"""The webhook before the shop's middleware: the same answers, and nothing else is its own."""

import io
from typing import Any
from unittest.mock import Mock

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection
from django.urls import clear_script_prefix, set_script_prefix

from tests.factories import QUERIES_OF_A_WEBHOOK
from whatsapp_notify.cloud_api.signature import sign
from whatsapp_notify.models import WebhookEvent
from whatsapp_notify.services import arrivals
from whatsapp_notify.webhooks import address
from whatsapp_notify.webhooks.wsgi import WebhookFirst

pytestmark = pytest.mark.django_db

BODY = b'{"object":"whatsapp_business_account","entry":[]}'
PATH = "/whatsapp/webhook/"


@pytest.fixture(autouse=True)
def _kept_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    # It is closed between requests otherwise, and the test's transaction with it.
    monkeypatch.setattr("whatsapp_notify.webhooks.wsgi.close_old_connections", lambda: None)


def environ(**changes: Any) -> dict[str, Any]:
    secret = django_settings.WHATSAPP_NOTIFY["APP_SECRET"] or "another"
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": PATH,
        "CONTENT_LENGTH": str(len(BODY)),
        "HTTP_X_HUB_SIGNATURE_256": sign(BODY, secret),
        "wsgi.input": io.BytesIO(BODY),
        **changes,
    }


def post(**changes: Any) -> str:
    """The status line of the answer, or what the shop's own application said."""
    answered: list[str] = []

    def shop(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return [b"shop"]

    first = WebhookFirst(shop)
    chunks = list(first(environ(**changes), lambda status, headers: answered.append(status)))
    return answered[0] if answered else chunks[0].decode()


class TestWebhookFirst:
    def test_keeps_a_signed_body(self) -> None:
        assert post() == "200 OK"
        assert bytes(WebhookEvent.objects.get().body) == BODY

    def test_answers_where_the_shop_is_mounted(self) -> None:
        address.path.cache_clear()
        set_script_prefix("/mounted/")
        try:
            assert post(SCRIPT_NAME="/mounted") == "200 OK"
        finally:
            clear_script_prefix()

    def test_reads_no_further_than_was_announced(self) -> None:
        assert post(**{"wsgi.input": io.BytesIO(BODY + b"the next request")}) == "200 OK"

    def test_reads_chunks_to_the_end_that_the_server_makes(self) -> None:
        assert post(CONTENT_LENGTH="", **{"wsgi.input_terminated": True}) == "200 OK"

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"HTTP_X_HUB_SIGNATURE_256": "sha256=0"}, "401 Unauthorized"),
            ({"CONTENT_LENGTH": ""}, "401 Unauthorized"),
            ({"CONTENT_LENGTH": "many"}, "401 Unauthorized"),
            ({"CONTENT_LENGTH": "-1"}, "401 Unauthorized"),
            ({"CONTENT_LENGTH": str(4 * 1024 * 1024)}, "413"),
        ],
        ids=["signature", "no length", "no number", "negative", "too large"],
    )
    def test_f60_refuses_and_writes_nothing(self, changes: dict[str, Any], status: str) -> None:
        assert post(**changes).startswith(status)
        assert not WebhookEvent.objects.exists()

    def test_f61_without_a_secret_it_is_closed(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "APP_SECRET": ""}

        assert post(HTTP_X_HUB_SIGNATURE_256="sha256=0") == "503 Service Unavailable"

    def test_f27_a_database_that_is_away_is_for_meta_to_try_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrivals, "record", Mock(side_effect=OperationalError))

        assert post() == "503 Service Unavailable"

    def test_a_body_that_breaks_off_is_no_server_error(self) -> None:
        class Broken(io.BytesIO):
            def read(self, *args: Any) -> bytes:
                raise OSError

        assert post(**{"wsgi.input": Broken()}) == "400 Bad Request"

    @pytest.mark.parametrize(
        "changes",
        [
            {"REQUEST_METHOD": "GET"},
            {"PATH_INFO": "/"},
            {"PATH_INFO": f"{PATH}more/"},
            {"SCRIPT_NAME": "/elsewhere", "PATH_INFO": f"/elsewhere{PATH}"},
        ],
    )
    def test_leaves_all_else_to_the_shop(self, changes: dict[str, Any]) -> None:
        assert post(**changes) == "shop"

    def test_a_shop_that_forgot_the_address_goes_on(self, settings: Any) -> None:
        settings.ROOT_URLCONF = "django.contrib.auth.urls"

        assert post() == "shop"

    def test_makes_one_query(self, django_assert_num_queries: Any) -> None:
        connection.ensure_connection()
        with django_assert_num_queries(QUERIES_OF_A_WEBHOOK):
            post()
