"""Calls that left and whose answer did not come whole: in doubt, and never made again."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from tests.cloud_api.scripted_server import Exchange, http
from tests.crowd import crowd
from tests.factories import NOW
from tests.graph import Call, Fate, Graph, accept, deliver, running
from whatsapp_notify.models import Message
from whatsapp_notify.services import sweep

pytestmark = pytest.mark.django_db(transaction=True)


def reset(graph: Graph, call: Call, exchange: Exchange) -> None:
    graph.take(call)
    exchange.reset()


def close(graph: Graph, call: Call, exchange: Exchange) -> None:
    graph.take(call)
    exchange.close()


def half_a_body(graph: Graph, call: Call, exchange: Exchange) -> None:
    graph.take(call)
    exchange.send(http(200, call.answer())[:-10])
    exchange.close()


def nothing(graph: Graph, call: Call, exchange: Exchange) -> None:
    graph.take(call)
    exchange.wait()


def drips(graph: Graph, call: Call, exchange: Exchange) -> None:
    graph.take(call)
    exchange.drip(http(200, call.answer()), pause_seconds=0.1)


def says(data: bytes, *, is_taken: bool = True) -> Fate:
    """An answer that proves nothing."""

    def fate(graph: Graph, call: Call, exchange: Exchange) -> None:
        if is_taken:
            graph.take(call)
        exchange.send(data)

    return fate


ERROR_2 = json.dumps({"error": {"message": "Service temporarily unavailable", "code": 2}}).encode()
HTML = "text/html"
FATES: dict[str, tuple[Fate, str]] = {
    "reset": (reset, "connection_lost"),
    "end of file": (close, "connection_lost"),
    "half a body": (half_a_body, "connection_lost"),
    "garbage": (says(b"\x00\xff garbage \r\n\r\n"), "connection_lost"),
    "200 with garbage": (says(http(200, b"\x80{{{")), "not_json"),
    "200 with a page": (says(http(200, b"<html>Hello</html>", content_type=HTML)), "not_json"),
    "200 without messages": (says(http(200, b"{}")), "no_message_id"),
    "200 without an id": (says(http(200, b'{"messages":[{}]}')), "no_message_id"),
    "500 after accepting": (says(http(500, ERROR_2)), "server_error"),
    "500 before accepting": (says(http(500, ERROR_2), is_taken=False), "server_error"),
    "502 page after accepting": (
        says(http(502, b"<html>Bad gateway</html>", content_type=HTML)),
        "server_error",
    ),
    "503 page before accepting": (
        says(http(503, b"<html>Later</html>", content_type=HTML), is_taken=False),
        "server_error",
    ),
}


ACCEPTED = ("accepted", "", False, False)
LATER = timedelta(hours=23)


def states(messages: Sequence[Message]) -> list[tuple[str, str, bool, bool]]:
    rows = Message.objects.filter(pk__in=[message.pk for message in messages]).order_by("id")
    return list(rows.values_list("state", "reason", "is_pending", "needs_attention"))


def play(fate: Fate, reason: str, graph: Graph, position: int, *, told: str) -> None:
    """This will lose one of three answers, and let Graph be well afterwards."""
    graph.calls.clear()
    messages = [factories.queued() for _each in range(3)]
    graph.fates[messages[position].pk] = fate
    expected = [ACCEPTED] * 3
    expected[position] = ("in_doubt", reason, False, True)

    deliver()

    assert (told, states(messages)) == (told, expected)
    graph.heal()
    deliver(at=NOW + LATER)
    sweep.sweep(now=NOW + LATER)
    assert (told, states(messages)) == (told, expected)
    assert (told, [call.message_id for call in graph.calls]) == (told, [m.pk for m in messages])


class TestOneOfThree:
    def test_f36_f42_is_in_doubt_for_good_and_the_others_arrive(self, settings: Any) -> None:
        for name, (fate, reason) in FATES.items():
            with running(settings, CONCURRENCY=1) as graph:
                for position in range(3):
                    play(fate, reason, graph, position, told=f"{name}, message {position}")
            assert (name, max(graph.copies().values())) == (name, 1)

    @pytest.mark.parametrize("fate", [nothing, drips])
    def test_f36_f37_ends_at_the_deadline_in_doubt_and_the_others_arrive(
        self, settings: Any, fate: Fate
    ) -> None:
        messages = [factories.queued() for _each in range(7)]
        with running(settings, CALL_DEADLINE_SECONDS=1.5) as graph:
            for position in (0, 3, 6):
                graph.fates[messages[position].pk] = fate

            deliver()
            graph.heal()
            deliver(at=NOW + timedelta(hours=1))

        lost = ("in_doubt", "timed_out", False, True)
        assert states(messages) == [lost, *[ACCEPTED] * 2, lost, *[ACCEPTED] * 2, lost]
        assert graph.copies() == {message.pk: 1 for message in messages}

    def test_f38_a_connection_that_graph_has_closed_meanwhile_costs_nothing(
        self, settings: Any
    ) -> None:
        def accept_and_hang_up(graph: Graph, call: Call, exchange: Exchange) -> None:
            accept(graph, call, exchange)
            exchange.close()

        messages = [factories.queued() for _each in range(3)]
        with running(settings, CONCURRENCY=1) as graph:
            graph.fate = accept_and_hang_up

            deliver()

        assert states(messages) == [ACCEPTED] * 3
        assert graph.copies() == {message.pk: 1 for message in messages}


class TestCutAnswers:
    @pytest.mark.parametrize("has_length", [True, False], ids=["length", "until it closes"])
    def test_f36_at_each_byte_is_a_doubt_and_no_second_call(
        self, settings: Any, has_length: bool
    ) -> None:
        size = len(whole_answer(0, has_length=has_length))
        messages = crowd(size + 1)
        kept = {message.pk: number for number, message in enumerate(messages)}

        def cut(graph: Graph, call: Call, exchange: Exchange) -> None:
            graph.take(call)
            count = kept[call.message_id]
            exchange.send(whole_answer(count, has_length=has_length)[:count])
            exchange.close()

        with running(settings, CONCURRENCY=8) as graph:
            graph.fate = cut
            deliver()
            graph.heal()
            deliver(at=NOW + timedelta(hours=1))
            sweep.sweep(now=NOW + timedelta(hours=1))

        found = [state for state, *_rest in states(messages)]
        assert found == ["in_doubt"] * size + ["accepted"]
        assert graph.copies() == dict.fromkeys(kept, 1)
        assert len(graph.calls) == len(kept)


def whole_answer(number: int, *, has_length: bool) -> bytes:
    """An answer of Graph's, as long for each number."""
    digits = f"358457{number:06d}"
    body = {
        "messaging_product": "whatsapp",
        "contacts": [{"input": f"+{digits}", "wa_id": digits}],
        "messages": [{"id": f"wamid.{number:06d}", "message_status": "accepted"}],
    }
    return http(200, json.dumps(body).encode(), has_length=has_length)
