"""The ledger: what Graph has accepted stays as it was."""

import json
from typing import Any

import pytest

from tests.simulator.conftest import ORDINARY, Caller
from whatsapp_notify.simulator import control
from whatsapp_notify.simulator.models import (
    AcceptedMessage,
    ChatMessage,
    LedgerIsAppendOnly,
    OutboxWebhook,
    SimulatedCustomer,
)


@pytest.fixture
def accepted(graph: Caller) -> AcceptedMessage:
    graph.send_template(ORDINARY, biz_opaque_callback_data="wn1.x")
    return AcceptedMessage.objects.get()


class TestLedger:
    def test_keeps_the_call_as_it_came(self, accepted: AcceptedMessage) -> None:
        assert accepted.recipient == ORDINARY
        assert accepted.opaque_callback_data == "wn1.x"
        assert accepted.payload["template"]["name"] == "order_shipped"
        assert accepted.wamid == ChatMessage.objects.get().wamid

    @pytest.mark.parametrize(
        "change",
        [
            lambda row: row.save(),
            lambda row: row.delete(),
            lambda row: AcceptedMessage.objects.update(wamid="x"),
            lambda row: AcceptedMessage.objects.filter(pk=row.pk).update(wamid="x"),
            lambda row: AcceptedMessage.objects.all().delete(),
        ],
    )
    def test_refuses_changes(self, accepted: AcceptedMessage, change: Any) -> None:
        with pytest.raises(LedgerIsAppendOnly):
            change(accepted)

        assert AcceptedMessage.objects.get().wamid == accepted.wamid

    def test_never_repeats_a_message_id(self, graph: Caller) -> None:
        for _ in range(20):
            graph.send_template()

        assert len(set(AcceptedMessage.objects.values_list("wamid", flat=True))) == 20

    def test_survives_a_reset(self, accepted: AcceptedMessage) -> None:
        control.fail_next_calls(1)

        control.reset()

        assert AcceptedMessage.objects.count() == 1
        assert not SimulatedCustomer.objects.exists()
        assert not ChatMessage.objects.exists()
        assert not OutboxWebhook.objects.exists()

    def test_names_no_number_in_its_text(self, accepted: AcceptedMessage) -> None:
        shown = json.dumps([str(accepted), repr(accepted), str(ChatMessage.objects.get())])

        assert "358457390100" not in shown
        assert "wamid" not in shown


class TestAcceptPath:
    def test_needs_few_queries(self, graph: Caller, django_assert_max_num_queries: Any) -> None:
        graph.send_template()

        with django_assert_max_num_queries(9):
            graph.send_template()
