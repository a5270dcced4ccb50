"""Values and templates that do not fit each other: found here, before Meta has to refuse."""

from datetime import timedelta
from typing import Any

import pytest

from tests import factories, shop
from tests.factories import NOW
from tests.graph import alarms, deliver, refuse, running
from tests.services.test_templates import at_meta, sync
from whatsapp_notify.models import DeliveryEvent, Message, ShopEvent, Template
from whatsapp_notify.models.automation import Event
from whatsapp_notify.services import events
from whatsapp_notify.services.events import Happening

pytestmark = pytest.mark.django_db(transaction=True)


def body(text: str) -> list[dict[str, Any]]:
    return [{"type": "BODY", "text": text}]


class TestPlanning:
    @pytest.mark.parametrize(
        ("parameters", "told"),
        [({}, "body.1"), ({"body.1": "{first_name}", "body.2": "{first_name}"}, "body.2")],
        ids=["one too few", "one too many"],
    )
    def test_f50_a_wrong_count_never_reaches_the_outbox(
        self, settings: Any, parameters: dict[str, str], told: str
    ) -> None:
        with running(settings, ADAPTER="tests.shop.OrderAdapter", WATCH=[]) as graph:
            shop.automation(parameters=parameters)
            order = shop.order()
            events.record(
                Happening(
                    name=Event.ORDER_SHIPPED,
                    key="k1",
                    occurred_at=NOW,
                    subject_label=order._meta.label_lower,
                    subject_pk=str(order.pk),
                ),
                now=NOW,
            )
            events.process(now=NOW)
            deliver()

        event = ShopEvent.objects.get(key="k1")
        assert event.state == "failed"
        assert told in event.note
        assert graph.calls == []
        assert not Message.objects.exists()


class TestTemplateThatChanged:
    def test_f50_what_does_not_fit_has_failed_and_the_rest_flows(self, settings: Any) -> None:
        old = factories.queued()
        name = old.template_name
        with running(settings) as graph, alarms() as heard:
            sync(at_meta(name, components=body("Hello {{1}}, {{2}} comes.")))
            deliver()

            old.refresh_from_db()
            assert (old.state, old.reason) == ("failed", "parameters")
            assert old.needs_attention
            assert old.timeline.filter(kind="failed", reason="parameters").exists()
            assert (graph.calls, heard) == ([], ["template"])

            Template.objects.update(components=body("Hello {{1}}."))
            new = factories.queued()
            deliver()

        assert [call.message_id for call in graph.accepted] == [new.pk]
        assert Template.objects.get().stopped_at is None

    def test_f50_other_words_keep_nobody_from_leaving(self, settings: Any) -> None:
        waiting = factories.queued()
        with running(settings) as graph:
            found = sync(at_meta(waiting.template_name, components=body("Good day {{1}}!")))
            deliver()

        assert found.changed == 1
        assert [call.message_id for call in graph.accepted] == [waiting.pk]

    @pytest.mark.parametrize("code", [132000, 132012])
    def test_f50_a_change_that_is_only_told_by_a_refusal_stops_the_template_once(
        self, settings: Any, code: int
    ) -> None:
        waiting = [factories.queued() for _each in range(3)]
        with running(settings, CONCURRENCY=1) as graph, alarms() as heard:
            graph.fate = refuse(code)
            for hours in (0, 1, 5):
                deliver(at=NOW + timedelta(hours=hours))
            assert len(graph.calls) == 1
            assert Template.objects.get().stopped_code == code

            # The repair: a person synchronises, and what was planned before cannot leave.
            graph.heal()
            sync(at_meta(waiting[0].template_name, components=body("Hello.")))
            deliver(at=NOW + timedelta(hours=6))

        assert set(Message.objects.values_list("state", "reason", "error_code")) == {
            ("failed", "parameters", None)
        }
        # What Meta said of the one call stays in its timeline.
        assert DeliveryEvent.objects.filter(error_code=code).count() == 1
        assert len(graph.calls) == 1
        assert heard == ["template", "template"]
