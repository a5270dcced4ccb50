"""Numbers with a fixed fate: what Graph answers, and which webhooks follow."""

import base64
import json
from datetime import timedelta
from typing import Any

import phonenumbers
import pytest
from django.utils import timezone

from tests.simulator.conftest import ORDINARY, SETTINGS, Caller, Shop
from whatsapp_notify.simulator import control, identities
from whatsapp_notify.simulator.fates import FATES, Fate, fate_of
from whatsapp_notify.simulator.models import (
    AcceptedMessage,
    ChatMessage,
    OutboxWebhook,
    SimulatedCustomer,
)


def number_of(fate: Fate) -> str:
    return next(row.phone for row in FATES if row.fate == fate)


def names(shop: Shop) -> list[str]:
    return [status["status"] for status in shop.statuses]


class TestTable:
    def test_has_every_fate_once(self) -> None:
        assert sorted(row.fate for row in FATES) == sorted(Fate.values)

    @pytest.mark.parametrize("row", [row for row in FATES if row.phone], ids=lambda row: row.phone)
    def test_has_numbers_that_a_shop_accepts(self, row: Any) -> None:
        number = phonenumbers.parse(row.phone)

        assert phonenumbers.is_valid_number(number)
        assert phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE

    def test_leaves_other_numbers_ordinary(self) -> None:
        assert fate_of("358457390100") == Fate.NORMAL


class TestUserId:
    def test_never_shows_the_number(self) -> None:
        user_id = identities.user_id_of("358457390100")

        assert user_id.startswith("FI.")
        assert user_id[3:].isdigit()
        assert "457390100" not in user_id
        assert user_id == identities.user_id_of("358457390100")


class TestNewNumber:
    @pytest.mark.parametrize(
        ("like", "region"),
        [
            ("358457390190", "FI"),
            ("15550783881", "US"),
            ("46701234567", "SE"),
            ("79161234567", "RU"),
        ],
    )
    def test_could_be_a_number_of_the_country(self, like: str, region: str) -> None:
        number = phonenumbers.parse(f"+{identities.new_number(like=like)}")

        assert phonenumbers.is_valid_number(number)
        assert phonenumbers.region_code_for_number(number) == region

    @pytest.mark.parametrize("like", ["", "999123456789"])
    def test_is_nobodys_where_the_country_is_unknown(self, like: str) -> None:
        assert len(identities.new_number(like=like).removeprefix("999")) == 10


class TestStatuses:
    """One row per fate: the statuses that the shop hears of a utility template."""

    @pytest.mark.parametrize(
        ("fate", "expected"),
        [
            (Fate.READER, ["sent", "delivered", "read"]),
            (Fate.NO_RECEIPTS, ["sent", "delivered"]),
            (Fate.NOT_ON_WHATSAPP, ["failed"]),
            (Fate.STOPPED_MARKETING, ["sent", "delivered"]),
            (Fate.MARKETING_CAP, ["sent", "delivered"]),
            (Fate.SERVER_ERROR, ["sent", "delivered"]),
            (Fate.NO_ANSWER, ["sent", "delivered"]),
            (Fate.HELD, ["sent", "delivered"]),
            (Fate.HIDDEN_NUMBER, ["sent", "delivered"]),
            (Fate.DUPLICATED, ["sent", "sent", "delivered", "delivered"]),
            (Fate.DISORDERED, ["read", "delivered", "sent"]),
            (Fate.DELAYED, ["sent", "delivered"]),
            (Fate.BATCHED, ["sent", "delivered"]),
        ],
    )
    def test_follow_the_fate(
        self, graph: Caller, shop: Shop, fate: Fate, expected: list[str]
    ) -> None:
        graph.send_template(number_of(fate))

        shop.receive()

        assert names(shop) == expected
        assert AcceptedMessage.objects.count() == 1

    @pytest.mark.parametrize(
        ("fate", "code"),
        [
            (Fate.NOT_ON_WHATSAPP, 131026),
            (Fate.STOPPED_MARKETING, 131050),
            (Fate.MARKETING_CAP, 131049),
        ],
    )
    def test_tell_why_marketing_failed(
        self, graph: Caller, shop: Shop, fate: Fate, code: int
    ) -> None:
        response = graph.send_template(number_of(fate), name="spring_sale", components=[])

        shop.receive()

        assert response.status_code == 200
        assert [status["errors"][0]["code"] for status in shop.statuses] == [code]

    def test_hold_marketing_back_from_america(self, graph: Caller, shop: Shop) -> None:
        graph.send_template("+12015550123", name="spring_sale", components=[])

        shop.receive()

        assert shop.statuses[0]["errors"][0]["code"] == 131049

    def test_fail_free_form_outside_the_window(self, graph: Caller, shop: Shop) -> None:
        response = graph.send()

        shop.receive()

        assert response.status_code == 200
        assert shop.statuses[0]["errors"][0]["code"] == 131047

    @pytest.mark.parametrize(("hours", "expected"), [(23, ["sent", "delivered"]), (25, ["failed"])])
    def test_know_how_long_the_window_is(
        self, graph: Caller, shop: Shop, hours: int, expected: list[str]
    ) -> None:
        customer = control.customer(ORDINARY)
        customer.last_wrote_at = timezone.now() - timedelta(hours=hours)
        customer.save()
        graph.send()

        shop.receive()

        assert names(shop) == expected

    def test_come_only_when_due(self, graph: Caller, shop: Shop) -> None:
        graph.send_template()

        shop.receive(after_seconds=0.5)
        early = names(shop)
        shop.receive(after_seconds=1.5)

        assert early == []
        assert names(shop) == ["sent"]

    def test_tell_read_when_the_chat_is_opened(self, graph: Caller, shop: Shop) -> None:
        graph.send_template()
        ChatMessage.objects.update(delivered_at=timezone.now())

        opened = control.read(control.customer(ORDINARY))
        again = control.read(control.customer(ORDINARY))
        shop.receive()

        assert (opened, again) == (1, 0)
        assert names(shop).count("read") == 1

    def test_keep_read_from_the_shop_without_receipts(self, graph: Caller, shop: Shop) -> None:
        phone = number_of(Fate.NO_RECEIPTS)
        graph.send_template(phone)
        ChatMessage.objects.update(delivered_at=timezone.now())

        opened = control.read(control.customer(phone))
        shop.receive()

        assert opened == 1
        assert "read" not in names(shop)


class TestRefusals:
    def test_throttled_number_takes_the_third_call(self, graph: Caller) -> None:
        phone = number_of(Fate.THROTTLED)

        responses = [graph.send_template(phone) for _ in range(4)]

        assert [response.status_code for response in responses] == [400, 400, 200, 200]
        assert responses[0].json()["error"]["code"] == 130429
        assert AcceptedMessage.objects.count() == 2

    def test_limited_pair_takes_the_message_after_a_pause(self, graph: Caller) -> None:
        phone = number_of(Fate.PAIR_LIMITED)

        first, second = graph.send_template(phone), graph.send_template(phone)
        waited = timezone.now() - timedelta(seconds=7)
        SimulatedCustomer.objects.update(refused_since=waited)
        third, fourth = graph.send_template(phone), graph.send_template(phone)

        codes = [response.status_code for response in (first, second, third, fourth)]
        assert codes == [400, 400, 200, 400]
        assert first.json()["error"]["code"] == 131056
        assert AcceptedMessage.objects.count() == 1


class TestSpoiltAnswers:
    def test_server_error_comes_after_accepting(self, graph: Caller) -> None:
        response = graph.send_template(number_of(Fate.SERVER_ERROR))

        assert response.status_code == 500
        assert response.json()["error"]["code"] == 131000
        assert AcceptedMessage.objects.count() == 1

    def test_silence_comes_after_accepting(self, graph: Caller) -> None:
        response: Any = graph.send_template(number_of(Fate.NO_ANSWER))

        assert b"".join(response.streaming_content) == b""
        assert response["Content-Length"] == "512"
        assert AcceptedMessage.objects.count() == 1

    def test_proxy_page_comes_instead_of_accepting(self, graph: Caller) -> None:
        response = graph.send_template(number_of(Fate.HTML_ERROR))

        assert response.status_code == 502
        assert response["Content-Type"].startswith("text/html")
        assert not AcceptedMessage.objects.exists()

    def test_held_message_says_so(self, graph: Caller, shop: Shop) -> None:
        response = graph.send_template(number_of(Fate.HELD))

        shop.receive(after_seconds=4)

        [message] = response.json()["messages"]
        assert message["message_status"] == "held_for_quality_assessment"
        assert shop.statuses == []


class TestWebhookFaults:
    def test_hidden_number_is_in_no_webhook(self, graph: Caller, shop: Shop) -> None:
        phone = number_of(Fate.HIDDEN_NUMBER)
        customer = control.customer(phone)
        graph.send_template(phone)
        control.reply(customer, "Hello")
        control.stop_marketing(customer)

        shop.receive()

        digits = phone.removeprefix("+")
        for value in shop.values:
            assert digits not in json.dumps(value)
            for element in (*value.get("messages", ()), *value.get("statuses", ())):
                raw = base64.b64decode(element["id"].removeprefix("wamid."))
                assert digits.encode() not in raw
            assert value["contacts"][0]["user_id"] == customer.user_id
            assert "wa_id" not in value["contacts"][0]
        assert "recipient_id" not in shop.statuses[0]
        assert "from" not in shop.messages[0]
        assert shop.messages[0]["from_user_id"] == customer.user_id

    def test_delayed_webhooks_come_late(self, graph: Caller, shop: Shop) -> None:
        graph.send_template(number_of(Fate.DELAYED))

        shop.receive(after_seconds=15)

        assert shop.statuses == []

    def test_disordered_webhooks_keep_their_true_times(self, graph: Caller, shop: Shop) -> None:
        graph.send_template(number_of(Fate.DISORDERED))

        shop.receive()

        times = [int(status["timestamp"]) for status in shop.statuses]
        assert times == sorted(times, reverse=True)
        assert len(set(times)) == 3

    def test_batched_webhooks_share_a_body(self, graph: Caller, shop: Shop) -> None:
        for _ in range(3):
            graph.send_template(number_of(Fate.BATCHED))

        delivered = shop.receive()

        assert len(shop.bodies) == 1
        assert len(shop.statuses) == 6
        assert delivered == 6
        assert not OutboxWebhook.objects.waiting().exists()

    def test_duplicated_webhooks_are_equal(self, graph: Caller, shop: Shop) -> None:
        graph.send_template(number_of(Fate.DUPLICATED))

        shop.receive()

        assert len(shop.bodies) == 4
        assert len(set(shop.bodies)) == 2


class TestScriptedErrors:
    def test_refuse_the_next_calls_only(self, graph: Caller) -> None:
        control.fail_next_calls(131042, calls=2)

        responses = [graph.send_template() for _ in range(3)]

        assert [response.status_code for response in responses] == [400, 400, 200]
        assert responses[0].json()["error"]["code"] == 131042
        assert AcceptedMessage.objects.count() == 1

    def test_are_told_by_webhook_when_asked(self, graph: Caller, shop: Shop) -> None:
        control.fail_next_calls(130472, by_webhook=True)

        response = graph.send_template()
        shop.receive()

        assert response.status_code == 200
        assert shop.statuses[0]["errors"][0]["code"] == 130472


def test_settings_change_the_delays(graph: Caller, shop: Shop, simulator_settings: Any) -> None:
    delays = {"sent": 100, "delivered": 200}
    simulator_settings.WHATSAPP_SIMULATOR = {**SETTINGS, "STATUS_DELAYS_SECONDS": delays}
    graph.send_template()

    shop.receive(after_seconds=150)

    assert names(shop) == ["sent"]
