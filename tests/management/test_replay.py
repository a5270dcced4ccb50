"""whatsapp_replay: what a person types, and what they are told."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import OperationalError

from tests import factories, webhook_bodies, webhook_day
from tests.factories import NOW
from tests.management.conftest import Run
from whatsapp_notify.models import InboundMessage, Message, UnreadWebhook, WebhookEvent
from whatsapp_notify.services import arrivals, replay

pytestmark = pytest.mark.django_db(transaction=True)

TOMORROW = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def tomorrow() -> Any:
    with time_machine.travel(TOMORROW, tick=False):
        yield


@pytest.fixture
def lost() -> Message:
    """A message of ours that is told to be read, and an answer; both were lost."""
    [message] = webhook_day.sent(factories.queued())
    for body in (
        webhook_bodies.body(statuses=[webhook_bodies.status(message, "read", seconds=60)]),
        webhook_day.tell(messages=[webhook_day.said(message.contact, "STOP", minute=2)]),
        b"{",
    ):
        arrivals.record(body=body, now=NOW + timedelta(minutes=5))
    UnreadWebhook.objects.all().delete()
    return message


class TestReplay:
    def test_brings_back_and_says_what(self, run: Run, lost: Message) -> None:
        said = run("whatsapp_replay", "--since=2026-11-23")

        lost.refresh_from_db()
        assert lost.state == "read"
        assert InboundMessage.objects.get().handled_as == "opt_out"
        assert said.splitlines() == [
            "Webhooks read: 3",
            "Brought back:",
            "  statuses            1",
            "  messages moved      1",
            "  customers' messages 1",
            "  consent records     1",
            "  survey answers      0",
            "Cannot be read, see the quarantine in the admin: 1",
        ]

    def test_says_when_nothing_is_missing(self, run: Run, lost: Message) -> None:
        run("whatsapp_replay", "--since=2026-11-23")

        said = run("whatsapp_replay", "--since=2026-11-23")

        assert said.splitlines() == ["Webhooks read: 2", "Nothing is missing."]

    def test_dry_run_changes_nothing(self, run: Run, lost: Message) -> None:
        said = run("whatsapp_replay", "--since=2026-11-23", "--dry-run")

        lost.refresh_from_db()
        assert "Would be brought back:" in said
        assert "  messages moved      1" in said
        assert lost.state == "accepted"
        assert not InboundMessage.objects.exists()
        assert not WebhookEvent.objects.filter(is_quarantined=True).exists()

    def test_until_ends_the_time(self, run: Run, lost: Message) -> None:
        said = run("whatsapp_replay", "--since=2026-11-23T09:00Z", "--until=2026-11-23T10:05Z")

        assert said.splitlines() == ["Webhooks read: 0", "Nothing is missing."]

    @pytest.mark.parametrize(("words", "count"), [((), 2), (("--quarantined",), 3)])
    def test_quarantine_is_read_where_that_is_asked(
        self, run: Run, lost: Message, words: tuple[str, ...], count: int
    ) -> None:
        WebhookEvent.objects.filter(body=b"{").update(is_quarantined=True)

        said = run("whatsapp_replay", "--since=2026-11-23", *words)

        assert f"Webhooks read: {count}" in said

    def test_is_silent_when_told_so(self, run: Run, lost: Message) -> None:
        assert run("whatsapp_replay", "--since=2026-11-23", verbosity=0) == ""

    def test_shows_progress_on_a_terminal_alone(self, lost: Message) -> None:
        class Terminal(StringIO):
            def isatty(self) -> bool:
                return True

        terminal = Terminal()

        call_command("whatsapp_replay", "--since=2026-11-23", stdout=terminal)

        assert terminal.getvalue().startswith("\r3 of 3\nWebhooks read: 3\n")


class TestErrors:
    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["--since=yesterday"], "no such time: yesterday; write 2026-11-20"),
            (["--since=2026-02-30"], "no such time: 2026-02-30"),
            (["--since=2026-11-20T25:00"], "no such time"),
            (["--since="], "no such time"),
            (["--since=2026-11-25"], "has not come yet"),
            (["--since=2026-11-23", "--until=2027-01-01"], "has not come yet"),
            (["--since=2026-11-23", "--until=2026-11-23"], "not after the beginning"),
            (["--since=2026-10-01"], "kept for 30 days"),
            ([], "--since"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_tells_what_is_wrong(self, run: Run, words: list[str], told: str) -> None:
        with pytest.raises(CommandError, match=told):
            run("whatsapp_replay", *words)

    def test_names_the_oldest_time_that_it_can_read(self, run: Run) -> None:
        with pytest.raises(CommandError, match=r"before 2026-10-25 10:00 UTC is gone"):
            run("whatsapp_replay", "--since=2026-10-01")

    def test_a_busy_database_is_told(self, run: Run, lost: Message, monkeypatch: Any) -> None:
        def busy(**options: Any) -> None:
            raise OperationalError("database is locked")

        monkeypatch.setattr(replay, "replay", busy)

        with pytest.raises(CommandError, match="run it again"):
            run("whatsapp_replay", "--since=2026-11-23")

    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2026-11-20", datetime(2026, 11, 19, 22, tzinfo=UTC)),
            ("2026-11-20T14:30", datetime(2026, 11, 20, 12, 30, tzinfo=UTC)),
            ("2026-11-20 14:30:15", datetime(2026, 11, 20, 12, 30, 15, tzinfo=UTC)),
            ("2026-11-20T14:30Z", datetime(2026, 11, 20, 14, 30, tzinfo=UTC)),
            ("2026-11-20T14:30+05:00", datetime(2026, 11, 20, 9, 30, tzinfo=UTC)),
        ],
    )
    def test_times_are_those_of_the_shop(
        self, run: Run, monkeypatch: Any, text: str, moment: datetime
    ) -> None:
        seen: list[datetime] = []
        span = replay.span

        def look(*, since: datetime, until: Any, now: datetime) -> Any:
            seen.append(since)
            return span(since=since, until=until, now=now)

        monkeypatch.setattr(replay, "span", look)

        run("whatsapp_replay", f"--since={text}")

        assert seen == [moment]
