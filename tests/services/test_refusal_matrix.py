"""Each refusal of Graph's, to the first, the middle and the last of a batch."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from tests.cloud_api.scripted_server import http
from tests.factories import NOW
from tests.graph import Fate, Graph, alarms, deliver, refuse, running
from whatsapp_notify.models import Message
from whatsapp_notify.services import senders

pytestmark = pytest.mark.django_db(transaction=True)

#: Longer than any pause that a single refusal causes.
LATER = [timedelta(minutes=minutes) for minutes in (2, 40, 25 * 60)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What one refusal does to its message, and to the batch."""

    fate: Fate
    state: str
    reason: str
    code: int | None = None
    failures: int = 0
    alarm: str = ""
    #: The other messages of the batch wait too.
    stops_all: bool = False
    #: How it ends when Graph is well again and nobody has done anything.
    end: str = "accepted"


def page(status: int, *, headers: str = "") -> Fate:
    data = http(status, b"<html>Not Graph</html>", content_type="text/html", headers=headers)
    return lambda graph, call, exchange: exchange.send(data)


def throttle(code: int, status: int = 400) -> Case:
    return Case(
        fate=refuse(code, status=status),
        state="queued",
        reason="slow_down",
        code=code,
        stops_all=True,
    )


def stops_sender(fate: Fate, code: int | None, *, end: str = "accepted") -> Case:
    return Case(
        fate=fate,
        state="queued",
        reason="sender_circuit",
        code=code,
        alarm="sender_circuit",
        stops_all=True,
        end=end,
    )


def stops_template(code: int, status: int = 400) -> Case:
    return Case(
        fate=refuse(code, status=status),
        state="queued",
        reason="template",
        code=code,
        alarm="template",
        end="queued",
    )


def ends(code: int, reason: str, *, alarm: str = "") -> Case:
    return Case(
        fate=refuse(code), state="failed", reason=reason, code=code, alarm=alarm, end="failed"
    )


RETRIED = Case(
    fate=refuse(131016), state="queued", reason="retry", code=131016, failures=1, end="accepted"
)
CASES = {
    "f35 definite and passing": RETRIED,
    "f40 app": throttle(4),
    "f40 account": throttle(80007),
    "f40 number": throttle(130429),
    "f40 with a server's status": throttle(130429, 503),
    "f40 http 429": Case(fate=page(429), state="queued", reason="slow_down", stops_all=True),
    "f41 pair": Case(fate=refuse(131056), state="queued", reason="pair_rate", code=131056),
    "f43 token": stops_sender(refuse(190, status=401), 190),
    "f43 permission": stops_sender(refuse(10, status=403), 10),
    "f43 permission removed": stops_sender(refuse(200, status=403), 200),
    "f44 payment": stops_sender(refuse(131042), 131042, end="queued"),
    "f44 locked": stops_sender(refuse(131031, status=403), 131031, end="queued"),
    "f44 policy": stops_sender(refuse(368, status=403), 368, end="queued"),
    "f44 spam": stops_sender(refuse(131048), 131048, end="queued"),
    "f45 paused": stops_template(132015),
    "f45 disabled": stops_template(132016),
    "f45 missing": stops_template(132001, 404),
    "f46 marketing limit": ends(131049, "later"),
    "f46 experiment": ends(130472, "later"),
    "f48 undeliverable": ends(131026, "stop_recipient"),
    "f48 window": ends(131047, "drop"),
    "f50 count": stops_template(132000),
    "f50 format": stops_template(132012),
    "f51 redirect": stops_sender(page(302, headers="Location: http://127.0.0.1:9/\r\n"), None),
    "f51 page": stops_sender(page(403), None),
    "f52 unknown": ends(999999, "drop", alarm="unknown_code"),
}


def batch() -> list[Message]:
    """Three promotions to three people, each with a template of its own."""
    people = [factories.contact(consents=("offers",)) for _each in range(3)]
    return [
        factories.queued(
            person,
            key="offers",
            template=factories.template(f"of_{person.pk}", category="MARKETING"),
        )
        for person in people
    ]


def row(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


NUMBERS = sorted({name.partition(" ")[0] for name in CASES})


@pytest.mark.parametrize("number", NUMBERS)
def test_f40_to_f52_to_one_of_three(settings: Any, number: str) -> None:
    for name, case in CASES.items():
        if name.startswith(number):
            with running(settings, CONCURRENCY=1) as graph, alarms() as heard:
                for position in range(3):
                    play(case, graph, heard, position, told=f"{name}, message {position}")
            copies = graph.copies()
            lost = [call for call in graph.calls if call.message_id not in copies]
            assert (name, max(copies.values())) == (name, 1)
            assert (name, len(lost)) == (name, 0 if case.end == "accepted" else 3)


def play(case: Case, graph: Graph, heard: list[str], position: int, *, told: str) -> None:
    """This will refuse one of three messages, and let Graph be well afterwards."""
    heard.clear()
    messages = batch()
    refused = messages[position]
    others = [each for each in messages if each is not refused]
    waiting = messages[position + 1 :] if case.stops_all else []
    graph.fates[refused.pk] = case.fate

    deliver()

    found = row(refused)
    assert (told, found.state, found.reason) == (told, case.state, case.reason)
    assert (told, found.error_code, found.failures) == (told, case.code, case.failures)
    assert (told, found.is_pending) == (told, case.state == "queued")
    assert (told, found.needs_attention) == (told, case.state == "failed")
    assert (told, ends_of(others)) == (told, ends_of_waiting(others, waiting))
    assert (told, heard) == (told, [case.alarm] * bool(case.alarm))

    graph.heal()
    for later in LATER:
        deliver(at=NOW + later)

    waiting = waiting if case.end == "queued" else []
    assert (told, row(refused).state) == (told, case.end)
    assert (told, ends_of(others)) == (told, ends_of_waiting(others, waiting))
    assert (told, heard) == (told, [case.alarm] * bool(case.alarm))
    clear_away()


def ends_of(messages: list[Message]) -> list[tuple[str, int]]:
    return [(found.state, found.failures) for found in map(row, messages)]


def ends_of_waiting(messages: list[Message], waiting: list[Message]) -> list[tuple[str, int]]:
    return [("queued" if each in waiting else "accepted", 0) for each in messages]


def clear_away() -> None:
    """This will leave nothing of a case to the next one."""
    senders.close_circuit(sender=senders.current(), now=NOW)
    Message.objects.filter(is_pending=True).update(is_pending=False, state="cancelled")
