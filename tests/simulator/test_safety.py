"""The simulator is for development: closed without DEBUG, and its settings checked."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.simulator.conftest import NUMBER_ID, SETTINGS, TOKEN
from whatsapp_notify.simulator.checks import check_simulator

CLOSED = {**SETTINGS, "ALLOW_WITHOUT_DEBUG": False}


def ids() -> list[str]:
    return [message.id or "" for message in check_simulator(app_configs=None)]


@pytest.mark.django_db
class TestClosedWithoutDebug:
    @pytest.mark.parametrize(
        ("method", "name", "args"),
        [
            ("get", "phone", []),
            ("get", "numbers", []),
            ("get", "chat", [1]),
            ("get", "feed", [1]),
            ("post", "act", [1]),
            ("post", "add_customer", []),
            ("get", "picture", ["1"]),
            ("post", "control", []),
            ("get", "node", ["v25.0", NUMBER_ID]),
            ("post", "messages", ["v25.0", NUMBER_ID]),
            ("get", "templates", ["v25.0", "1"]),
            ("get", "attachment", []),
            ("get", "debug_token", ["v25.0"]),
        ],
    )
    def test_answers_404_everywhere(
        self, client: Client, simulator_settings: Any, method: str, name: str, args: list[Any]
    ) -> None:
        simulator_settings.DEBUG = False
        simulator_settings.WHATSAPP_SIMULATOR = CLOSED
        url = reverse(f"whatsapp_simulator:{name}", args=args)

        response = getattr(client, method)(url, headers={"authorization": f"Bearer {TOKEN}"})

        assert response.status_code == 404

    def test_opens_with_debug(self, client: Client, simulator_settings: Any) -> None:
        simulator_settings.DEBUG = True
        simulator_settings.WHATSAPP_SIMULATOR = CLOSED

        assert client.get(reverse("whatsapp_simulator:phone")).status_code == 200


class TestChecks:
    def test_are_content_with_good_settings(self) -> None:
        assert ids() == []

    @pytest.mark.parametrize(
        ("debug", "changes", "expected"),
        [
            (False, {"ALLOW_WITHOUT_DEBUG": False}, ["whatsapp_simulator.E002"]),
            (True, {"ALLOW_WITHOUT_DEBUG": False}, []),
            (False, {"ALLOW_WITHOUT_DEBUG": "yes"}, ["whatsapp_simulator.E002"]),
            (True, {"TOKEN": "x"}, ["whatsapp_simulator.E003"]),
            (True, {"webhook_url": "x"}, ["whatsapp_simulator.E003"]),
            (True, {"STATUS_DELAYS_SECONDS": {"played": 1}}, ["whatsapp_simulator.E004"]),
            (True, {"STATUS_DELAYS_SECONDS": 3}, ["whatsapp_simulator.E004"]),
            (True, {"CATALOG": "nowhere.products"}, ["whatsapp_simulator.E005"]),
            (True, {"CATALOG": "tests.simulator.test_safety.CLOSED"}, ["whatsapp_simulator.E005"]),
            (True, {"CATALOG": ["x"]}, ["whatsapp_simulator.E005"]),
            (True, {"CATALOG": ".products"}, ["whatsapp_simulator.E005"]),
            (True, {"CATALOG": ".shop.products"}, ["whatsapp_simulator.E005"]),
            (True, {"CATALOG": "tests.simulator.test_catalog.goods"}, []),
            (True, {"ACCESS_TOKEN": ""}, ["whatsapp_simulator.W001"]),
        ],
    )
    def test_name_what_is_wrong(
        self,
        simulator_settings: Any,
        debug: bool,
        changes: dict[str, Any],
        expected: list[str],
    ) -> None:
        simulator_settings.DEBUG = debug
        simulator_settings.WHATSAPP_SIMULATOR = {**SETTINGS, **changes}

        assert ids() == expected

    def test_refuse_what_is_no_dict(self, simulator_settings: Any) -> None:
        simulator_settings.WHATSAPP_SIMULATOR = ["x"]

        assert ids() == ["whatsapp_simulator.E001"]
