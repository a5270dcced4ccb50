"""The server that never forgets, without which nothing is proved."""

from __future__ import annotations

import http.client
import json
import random
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories import NOW
from tests.torture import graph, ledger
from tests.torture.graph import Script
from tests.torture.ledger import Call, Graph
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.domain import opaque


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Graph]:
    with ledger.running(tmp_path) as running:
        yield running


def own_id(message_id: int = 1, attempt: int = 1) -> str:
    return opaque.encode(instance="abc", message_id=message_id, token="t", attempt=attempt)


def connect(server: Graph) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)


def post(server: Graph, **changes: Any) -> tuple[int, bytes]:
    connection = connect(server)
    payload = {"to": "+358457300001", "biz_opaque_callback_data": own_id(), **changes}
    connection.request("POST", "/v26.0/1/messages", json.dumps(payload))
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


def call(message_id: int, *, accepted: bool = True) -> Call:
    return Call(
        opaque=own_id(message_id),
        to="+358457300001",
        template="order_shipped",
        wamid=f"wamid.{message_id}",
        accepted=accepted,
        outcome="accepted",
        at=0.0,
    )


class TestServer:
    def test_answers_as_graph_does(self, server: Graph) -> None:
        status, body = post(server)

        assert status == 200
        assert json.loads(body)["messages"][0]["id"] == server.calls()[0].wamid

    @pytest.mark.parametrize(
        ("outcome", "status", "is_accepted"),
        [
            (graph.GARBAGE, 200, True),
            (graph.SLOW, 200, True),
            (graph.LATE, 200, True),
            (graph.BROKEN_AFTER, 500, True),
            (graph.BROKEN, 500, False),
            (graph.THROTTLED, 400, False),
            (graph.REFUSED, 400, False),
        ],
    )
    def test_keeps_apart_what_it_says_and_what_it_has_done(
        self, server: Graph, outcome: str, status: int, is_accepted: bool
    ) -> None:
        server.follow(Script(weights={outcome: 1}, seconds=0))

        answered, _body = post(server)

        assert answered == status
        assert [each.accepted for each in server.calls()] == [is_accepted]

    @pytest.mark.parametrize("outcome", [graph.CUT, graph.HALF])
    def test_accepts_and_does_not_get_to_say_so(self, server: Graph, outcome: str) -> None:
        server.follow(Script(weights={outcome: 1}))

        with pytest.raises((OSError, http.client.HTTPException)):
            post(server)

        assert [each.accepted for each in server.calls()] == [True]

    def test_f19_accepts_what_a_dead_caller_has_sent(self, server: Graph) -> None:
        server.follow(Script(weights={graph.LATE: 1}, seconds=0.1))
        connection = connect(server)
        payload = {"to": "+358457300001", "biz_opaque_callback_data": own_id()}
        connection.request("POST", "/v26.0/1/messages", json.dumps(payload))
        assert isinstance(connection.sock, socket.socket)
        connection.sock.close()
        connection.close()

        server.settle()

        assert [each.accepted for each in server.calls()] == [True]

    def test_forgets_nothing_when_its_script_changes(self, server: Graph) -> None:
        post(server)
        server.follow(Script(weights={graph.REFUSED: 1}))
        post(server, biz_opaque_callback_data=own_id(2))

        assert [each.accepted for each in server.calls()] == [True, False]


class TestScript:
    def test_draws_the_same_lots_for_the_same_seed(self) -> None:
        script = Script(seed=5, weights=dict.fromkeys(graph.OUTCOMES, 1))

        drawn = [script.outcome(own_id(number)) for number in range(1, 300)]

        assert drawn == [script.outcome(own_id(number)) for number in range(1, 300)]
        assert set(drawn) == set(graph.OUTCOMES)

    def test_other_attempts_have_lots_of_their_own(self) -> None:
        script = Script(weights={graph.CUT: 1}, later={graph.ACCEPTED: 1})

        assert script.outcome(own_id(attempt=1)) == graph.CUT
        assert script.outcome(own_id(attempt=2)) == graph.ACCEPTED


class TestWebhooks:
    def test_tell_all_of_what_was_accepted_and_nothing_else(self) -> None:
        calls = [call(1), call(2, accepted=False), call(3)]

        bodies = ledger.webhooks(calls, now=NOW, rng=random.Random(1))

        told = Counter(
            (status.provider_message_id, status.status, status.opaque_id)
            for body in bodies
            for status in wire.parse(body).statuses
        )
        expected = {
            (each.wamid, word, each.opaque)
            for each in (calls[0], calls[2])
            for word in ledger.WORDS
        }
        assert set(told) == expected
        assert max(told.values()) > 1
