"""Graph changes its mind in the middle of a batch: who stops, who goes on, who is told."""

from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from tests.cloud_api.scripted_server import Exchange
from tests.crowd import crowd
from tests.factories import NOW
from tests.graph import Call, Fate, Graph, accept, alarms, deliver, refuse, running
from whatsapp_notify.cloud_api.webhooks import notices as wire
from whatsapp_notify.models import Message, Template
from whatsapp_notify.services import notices, senders

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 3


def after(count: int, then: Fate) -> Fate:
    """Well for so many calls, and then no more."""

    def fate(graph: Graph, call: Call, exchange: Exchange) -> None:
        (accept if len(graph.calls) <= count else then)(graph, call, exchange)

    return fate


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Message.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


class TestNumber:
    @pytest.mark.parametrize(("code", "status"), [(190, 401), (200, 403)])
    def test_f43_waits_with_one_alarm_and_resumes_by_itself(
        self, settings: Any, code: int, status: int
    ) -> None:
        messages = crowd(12)
        hurried = messages[-1]
        Message.objects.filter(pk=hurried.pk).update(expires_at=NOW + timedelta(minutes=5))
        with running(settings, CONCURRENCY=AT_ONCE) as graph, alarms() as heard:
            graph.fate = after(5, refuse(code, status=status))

            deliver()

            refused = len(graph.calls) - len(graph.accepted)
            assert len(graph.accepted) == 5
            assert 1 <= refused <= AT_ONCE
            assert states() == {"accepted": 5, "queued": 7}
            assert senders.current().circuit_code == code

            for half_minutes in range(1, 21):
                deliver(at=NOW + timedelta(seconds=30 * half_minutes))
            probes = len(graph.calls) - len(graph.accepted) - refused
            assert 1 <= probes <= 10
            assert heard == ["sender_circuit"]

            graph.heal()
            for minutes in (12, 14, 16):
                deliver(at=NOW + timedelta(minutes=minutes))

        # Nobody has touched anything: the number has found out by itself.
        assert senders.current().circuit_opened_at is None
        assert states() == {"accepted": 11, "expired": 1}
        assert Message.objects.get(state="expired").pk == hurried.pk
        assert set(graph.copies().values()) == {1}
        assert heard == ["sender_circuit"]
        assert set(Message.objects.values_list("failures", flat=True)) == {0}

    @pytest.mark.parametrize("code", [131042, 131048])
    def test_f44_waits_with_its_reason_until_a_person_resumes(
        self, settings: Any, code: int
    ) -> None:
        crowd(9)
        with running(settings, CONCURRENCY=AT_ONCE) as graph, alarms() as heard:
            graph.fate = after(4, refuse(code))
            deliver()
            graph.heal()
            calls = len(graph.calls)
            for hours in (1, 5, 23):
                deliver(at=NOW + timedelta(hours=hours))

            assert len(graph.calls) == calls
            assert senders.current().circuit_code == code
            assert states() == {"accepted": 4, "queued": 5}

            at = NOW + timedelta(hours=24)
            senders.resume(sender=senders.current(), actor="owner", now=at)
            deliver(at=at)

        assert states() == {"accepted": 9}
        assert set(graph.copies().values()) == {1}
        assert heard == ["sender_circuit"]


def told(event: str, template: Template, *, at: Any) -> None:
    """Meta's webhook about a template."""
    notice = wire.TemplateStatusChange(
        business_account_id="1",
        field="message_template_status_update",
        raw={},
        event=event,
        template_id="1",
        name=template.name,
        language=template.language,
    )
    notices.take_note(notice, now=at)


class TestTemplate:
    @pytest.mark.parametrize("is_told_first", [True, False], ids=["webhook first", "answer first"])
    def test_f45_waits_while_the_others_flow_until_meta_approves_it(
        self, settings: Any, is_told_first: bool
    ) -> None:
        broken = factories.template("broken")
        waiting = [factories.queued(template=broken) for _each in range(4)]
        others = [factories.queued() for _each in range(4)]
        with running(settings, CONCURRENCY=1) as graph, alarms() as heard:
            graph.fate = lambda graph, call, exchange: (
                refuse(132015) if call.template == "broken" and len(graph.calls) > 1 else accept
            )(graph, call, exchange)
            if is_told_first:
                deliver(at_most=1)
                told("PAUSED", broken, at=NOW)
            deliver()
            if not is_told_first:
                told("PAUSED", broken, at=NOW)
            for hours in (1, 3):
                deliver(at=NOW + timedelta(hours=hours))

            calls = [call for call in graph.calls if call.template == "broken"]
            assert len(calls) == (1 if is_told_first else 2)
            assert set(reasons(waiting[1:])) == {("queued", "template", 0)}
            assert set(reasons([waiting[0], *others])) == {("accepted", "", 0)}
            assert heard == (["template"] if is_told_first else ["template", "template"])

            graph.heal()
            at = NOW + timedelta(hours=4)
            told("APPROVED", broken, at=at)
            deliver(at=at)

        assert states() == {"accepted": 8}
        assert set(graph.copies().values()) == {1}


def reasons(messages: list[Message]) -> list[tuple[str, str, int]]:
    rows = Message.objects.filter(pk__in=[message.pk for message in messages])
    return list(rows.values_list("state", "reason", "failures"))
