"""Health: each figure, each limit, and nobody's name."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests import factories, shop
from tests.admin import factories as make
from tests.factories import NOW
from whatsapp_notify.models import Heartbeat, Installation, Message
from whatsapp_notify.services import health
from whatsapp_notify.services.health import Item, Level
from whatsapp_notify.services.health_rules import COUNTED, RULES, Rule

pytestmark = pytest.mark.django_db

PHONE = "+358457390177"


def ago(seconds: float) -> Any:
    return NOW - timedelta(seconds=seconds)


@pytest.fixture
def at_work() -> None:
    """All parts run, and nothing waits."""
    for name in ("worker", "beat", "webhook"):
        Heartbeat.objects.create(name=name, at=NOW)


def item(name: str) -> Item:
    return next(each for each in health.look(now=NOW).items if each.name == name)


def message(**fields: Any) -> Message:
    contact = make.make_contact("")
    number = Message.objects.count()
    return make.make_message(contact, at=fields.pop("at", NOW), number=number, **fields)


def due(seconds: float, **fields: Any) -> None:
    message(state="queued", is_pending=True, due_at=ago(seconds), **fields)


def accepted(seconds: float) -> None:
    make.make_line(message(), "accepted", at=ago(seconds))


def seen(name: str, seconds: float) -> None:
    Heartbeat.objects.update_or_create(name=name, defaults={"at": ago(seconds)})


def asking(state: str, count: int = 1) -> None:
    for _number in range(count):
        message(state=state, needs_attention=True, called_at=NOW)


#: name, how it comes about, value, state.
CASES: list[tuple[str, Callable[[], Any], int | None, str]] = [
    ("worker_age_seconds", lambda: seen("worker", 120), 120, "ok"),
    ("worker_age_seconds", lambda: seen("worker", 121), 121, "warn"),
    ("worker_age_seconds", lambda: seen("worker", 601), 601, "bad"),
    ("worker_age_seconds", lambda: Heartbeat.objects.all().delete(), None, "bad"),
    ("beat_age_seconds", lambda: seen("beat", 120), 120, "ok"),
    ("beat_age_seconds", lambda: seen("beat", 121), 121, "warn"),
    ("beat_age_seconds", lambda: seen("beat", 601), 601, "bad"),
    ("beat_age_seconds", lambda: Heartbeat.objects.all().delete(), None, "bad"),
    ("deployment_lock", lambda: _installed("tests"), 0, "ok"),
    ("deployment_lock", lambda: _installed("another"), 1, "bad"),
    ("queue_age_seconds", lambda: due(-3600), 0, "ok"),
    ("queue_age_seconds", lambda: due(60), 60, "ok"),
    ("queue_age_seconds", lambda: (due(61, priority=30), due(5, priority=0)), 61, "warn"),
    ("queue_age_seconds", lambda: due(601), 601, "bad"),
    ("queue_length", lambda: due(-1), 0, "ok"),
    ("queue_length", lambda: (due(1, priority=0), due(1, priority=30)), 2, "ok"),
    ("calls_overdue", lambda: _call(-59), 0, "ok"),
    ("calls_overdue", lambda: _call(-61), 1, "warn"),
    ("in_doubt", lambda: message(state="in_doubt"), 0, "ok"),
    ("in_doubt", lambda: asking("in_doubt"), 1, "warn"),
    ("in_doubt", lambda: asking("in_doubt", 101), 101, "bad"),
    ("unknown", lambda: message(state="unknown"), 0, "ok"),
    ("unknown", lambda: asking("unknown"), 1, "warn"),
    ("failed_unseen", lambda: message(state="failed"), 0, "ok"),
    ("failed_unseen", lambda: asking("failed"), 1, "warn"),
    ("failed_unseen", lambda: message(state="failed", needs_attention=True, reason="unreadable"),
     1, "warn"),
    ("events_age_seconds", lambda: _event(300), 300, "ok"),
    ("events_age_seconds", lambda: _event(301), 301, "warn"),
    ("events_age_seconds", lambda: _event(3601), 3601, "bad"),
    ("events_failed", lambda: make.make_event(at=NOW, state="processed"), 0, "ok"),
    ("events_failed", lambda: make.make_event(at=NOW, state="failed"), 1, "warn"),
    ("webhooks_waiting", lambda: make.make_webhook(at=NOW, is_unread=True), 1, "ok"),
    ("webhooks_age_seconds", lambda: make.make_webhook(at=ago(60), is_unread=True), 60, "ok"),
    ("webhooks_age_seconds", lambda: make.make_webhook(at=ago(61), is_unread=True), 61, "warn"),
    ("webhooks_age_seconds", lambda: make.make_webhook(at=ago(601), is_unread=True), 601, "bad"),
    ("webhooks_quarantined", lambda: _quarantined("processed"), 0, "ok"),
    ("webhooks_quarantined", lambda: _quarantined("quarantined"), 1, "warn"),
    ("webhook_silence_seconds", lambda: (seen("webhook", 9999), None)[0], 0, "ok"),
    ("webhook_silence_seconds", lambda: (seen("webhook", 9999), accepted(600)), 600, "ok"),
    ("webhook_silence_seconds", lambda: (seen("webhook", 9999), accepted(601)), 601, "warn"),
    ("webhook_silence_seconds",
     lambda: (seen("webhook", 9999), accepted(3601), accepted(1)), 3601, "bad"),
    ("webhook_silence_seconds", lambda: (seen("webhook", 900), accepted(895)), 0, "ok"),
    ("webhook_silence_seconds",
     lambda: (Heartbeat.objects.all().delete(), accepted(3601)), 3601, "bad"),
    ("templates_stopped", lambda: make.make_template(), 0, "ok"),
    ("templates_stopped", lambda: make.make_template(stopped_at=NOW), 1, "warn"),
    ("sender_circuit", lambda: make.make_sender(), 0, "ok"),
    ("sender_circuit", lambda: make.make_sender(circuit_opened_at=NOW), 1, "bad"),
    ("sender_red_button", lambda: make.make_sender(), 0, "ok"),
    ("sender_red_button", lambda: make.make_sender(stopped_at=NOW), 1, "warn"),
]  # fmt: skip


def _installed(deployment: str) -> None:
    Installation.objects.update_or_create(
        pk=1,
        defaults={"instance": "0a1b2c3d", "deployment": deployment, "installed_at": NOW},
    )


def _call(seconds: int) -> None:
    message(state="calling", call_expires_at=NOW + timedelta(seconds=seconds))


def _event(seconds: int) -> None:
    row = make.make_event(at=NOW)
    type(row).objects.filter(pk=row.pk).update(recorded_at=ago(seconds))


def _quarantined(state: str) -> None:
    make.make_webhook(at=NOW, is_quarantined=state == "quarantined")


class TestLook:
    @pytest.fixture(autouse=True)
    def configured(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(DEPLOYMENT="tests")

    @pytest.mark.parametrize(
        ("name", "happens", "value", "state"),
        CASES,
        ids=[f"{name}-{value}-{state}" for name, _happens, value, state in CASES],
    )
    def test_tells_each_figure_beside_its_limits(
        self, name: str, happens: Callable[[], Any], value: int | None, state: str, at_work: None
    ) -> None:
        happens()

        found = item(name)

        assert (found.value, str(found.state)) == (value, state)
        rule = RULES[name]
        assert found.sentence == str(rule.well if state == "ok" else rule.ill)
        assert (found.warn_above, found.bad_above) == (rule.warn_above, rule.bad_above)

    def test_each_rule_has_its_cases(self) -> None:
        told = {name for name, _happens, _value, state in CASES if state != "ok"}

        # Lengths of thousands of rows are judged below.
        assert set(RULES) - told == {"queue_length", "webhooks_waiting"}

    def test_is_well_when_all_is(self, at_work: None) -> None:
        found = health.look(now=NOW)

        assert [each for each in found.items if each.state is not Level.OK] == []
        assert (found.state, found.exit_code) == (Level.OK, 0)

    @pytest.mark.parametrize(
        ("happens", "state", "exit_code"),
        [
            (lambda: asking("unknown"), "warn", 1),
            (lambda: due(601), "bad", 2),
            (lambda: (asking("unknown"), due(601)), "bad", 2),
        ],
    )
    def test_is_as_well_as_its_worst_part(
        self, happens: Callable[[], Any], state: str, exit_code: int, at_work: None
    ) -> None:
        happens()

        found = health.look(now=NOW)

        assert (str(found.state), found.exit_code) == (state, exit_code)

    def test_counts_no_further_than_needed(
        self, at_work: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health, "COUNTED", 2)
        for number in range(5):
            due(1)
            make.make_webhook(number, at=NOW, is_unread=True)

        assert item("queue_length").value == 3
        assert item("webhooks_waiting").value == 3

    def test_tells_senders_apart(self, at_work: None) -> None:
        rows = [make.make_sender(phone_number_id=f"1{n}") for n in range(2)]

        found = [each for each in health.look(now=NOW).items if each.name == "sender_circuit"]

        assert [each.subject for each in found] == [f"sender {row.pk}" for row in rows]

    def test_names_nobody(self, at_work: None) -> None:
        contact = factories.contact(phone=PHONE, first_name="Canary")
        make.make_message(
            contact,
            at=ago(9999),
            state="failed",
            needs_attention=True,
            error_detail="canary",
            provider_message_id="wamid.canary",
        )
        make.make_webhook(at=NOW, is_quarantined=True, body=b"canary", problem="canary")
        make.make_event(at=NOW, state="failed", note="canary")

        told = json.dumps(health.look(now=NOW).as_dict()).lower()

        assert "canary" not in told
        assert "457390177" not in told

    def test_changes_nothing_not_even_an_installation(self) -> None:
        health.look(now=NOW)

        assert not Installation.objects.exists()
        assert not Heartbeat.objects.exists()

    def test_asks_as_often_for_much_as_for_nothing(self, django_assert_num_queries: Any) -> None:
        for number in range(20):
            due(5)
            asking("failed")
            make.make_webhook(number, at=NOW, is_unread=True)
            make.make_event(number, at=NOW)
            accepted(5)

        with django_assert_num_queries(18):
            health.look(now=NOW)


class TestRule:
    @pytest.mark.parametrize(
        ("value", "state"),
        [(0, "ok"), (COUNTED, "ok"), (COUNTED + 1, "warn")],
    )
    def test_of_the_queue(self, value: int, state: str) -> None:
        assert str(RULES["queue_length"].judge(value)) == state

    @pytest.mark.parametrize(
        ("value", "state"),
        [(1000, "ok"), (1001, "warn"), (COUNTED, "warn"), (COUNTED + 1, "bad")],
    )
    def test_of_waiting_webhooks(self, value: int, state: str) -> None:
        assert str(RULES["webhooks_waiting"].judge(value)) == state

    @pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
    def test_has_a_limit_that_can_be_crossed(self, rule: Rule) -> None:
        limits = [each for each in (rule.warn_above, rule.bad_above) if each is not None]

        assert limits == sorted(limits)
        assert rule.judge(limits[0]) is Level.OK
        assert rule.judge(limits[-1] + 1) is not Level.OK
        assert str(rule.well) != str(rule.ill)


class TestUnreachable:
    def test_is_bad(self) -> None:
        assert health.unreachable(now=NOW).exit_code == 2
