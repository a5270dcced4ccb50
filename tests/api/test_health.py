"""GET /whatsapp/api/v1/health/"""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser, Permission
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError
from django.urls import reverse
from rest_framework.test import APIClient

from tests import factories, shop
from tests.admin import factories as make
from whatsapp_notify.models import Heartbeat, Message
from whatsapp_notify.services import health

pytestmark = pytest.mark.django_db

URL = "/whatsapp/api/v1/health/"


@pytest.fixture(autouse=True)
def frozen_clock() -> Iterator[None]:
    cache.clear()
    with time_machine.travel(factories.NOW, tick=False):
        yield


@pytest.fixture(autouse=True)
def at_work() -> None:
    for name in ("worker", "beat", "webhook"):
        Heartbeat.objects.create(name=name, at=factories.NOW)


def client(*permissions: str, **fields: Any) -> APIClient:
    user = shop.user(**fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    found = APIClient()
    found.force_authenticate(user)
    return found


class TestPermissions:
    def test_the_address_is_the_promised_one(self) -> None:
        assert reverse("whatsapp_notify:api-health") == URL

    def test_needs_that_of_the_overview(self) -> None:
        assert (
            client("view_message", "view_consentrecord", is_staff=True).get(URL).status_code == 403
        )

    def test_opens_with_that_of_the_overview(self) -> None:
        assert client("view_overview").get(URL).status_code == 200

    def test_nobody_is_let_in_without_a_login(self) -> None:
        found = APIClient()
        found.force_authenticate(AnonymousUser())

        answer = found.get(URL)

        assert answer.status_code in {401, 403}
        assert "items" not in answer.json()

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_only_tells(self, method: str) -> None:
        assert getattr(client(is_superuser=True), method)(URL).status_code == 405


class TestGet:
    @pytest.fixture
    def api(self) -> APIClient:
        return client("view_overview")

    def test_tells_what_the_command_tells(self, api: APIClient) -> None:
        answer = api.get(URL)

        told = answer.json()
        expected = health.look(now=factories.NOW).as_dict()
        assert told["items"] == expected["items"]
        assert told["state"] == expected["state"] == "ok"
        assert answer.headers["Cache-Control"] == "no-store"

    def test_goes_on_with_200_while_something_only_needs_attention(self, api: APIClient) -> None:
        make.make_webhook(at=factories.NOW, is_quarantined=True)

        answer = api.get(URL)

        assert (answer.status_code, answer.json()["state"]) == (200, "warn")

    def test_is_503_when_it_is_bad(self, api: APIClient) -> None:
        Heartbeat.objects.filter(name="worker").delete()

        answer = api.get(URL)

        assert (answer.status_code, answer.json()["state"]) == (503, "bad")
        worker = next(each for each in answer.json()["items"] if each["state"] == "bad")
        assert (worker["name"], worker["value"]) == ("worker_age_seconds", None)
        assert "Start it" in worker["sentence"]

    @pytest.mark.parametrize(
        "fault", [OperationalError, InterfaceError, ProgrammingError, DatabaseError]
    )
    def test_is_503_when_the_database_cannot_be_read(
        self, fault: type[Exception], api: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(**options: Any) -> None:
            raise fault("canary")

        monkeypatch.setattr(health, "look", broken)

        answer = api.get(URL)

        assert (answer.status_code, answer.json()["items"][0]["name"]) == (503, "database")
        assert "canary" not in answer.content.decode()

    def test_names_nobody(self, api: APIClient) -> None:
        contact = factories.contact(phone="+358457390177", first_name="Canary")
        make.make_message(contact, at=factories.NOW, state="failed", needs_attention=True)

        told = api.get(URL).content.decode().lower()

        assert Message.objects.count() == 1
        assert "canary" not in told
        assert "457390177" not in told
