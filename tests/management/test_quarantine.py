"""whatsapp_quarantine"""

from io import StringIO

import pytest
from django.core.management import load_command_class
from django.utils import timezone

from tests import factories
from tests.management.conftest import Run
from whatsapp_notify.models import Message

pytestmark = pytest.mark.django_db(transaction=True)


def numbers(said: str) -> list[str]:
    return [line.split()[-1] for line in said.splitlines()[1:]]


def test_puts_aside_and_counts(run: Run) -> None:
    message = factories.queued(now=timezone.now())

    said = run("whatsapp_quarantine")

    message.refresh_from_db()
    assert (message.state, message.reason) == ("unknown", "quarantined")
    assert message.timeline.get(kind="unknown").actor == "whatsapp_quarantine"
    assert said.startswith("Put aside:\n")
    assert numbers(said) == ["1", "0", "0", "0"]


def test_dry_run_counts_the_same_and_touches_nothing(run: Run) -> None:
    factories.queued(now=timezone.now())

    said = run("whatsapp_quarantine", "--dry-run")

    assert said.startswith("Would be put aside:\n")
    assert numbers(said) == ["1", "0", "0", "0"]
    assert Message.objects.get().state == "queued"


def test_finds_nothing_the_second_time(run: Run) -> None:
    factories.queued(now=timezone.now())
    run("whatsapp_quarantine")

    assert numbers(run("whatsapp_quarantine")) == ["0", "0", "0", "0"]


def test_tells_when_to_use_it() -> None:
    command = load_command_class("whatsapp_notify", "whatsapp_quarantine")
    written = StringIO()
    command.create_parser("manage.py", "whatsapp_quarantine").print_help(written)

    assert "restored from a backup" in written.getvalue()
    assert "before the first worker starts" in " ".join(written.getvalue().split())


def test_says_nothing_when_asked_to_be_silent(run: Run) -> None:
    assert run("whatsapp_quarantine", verbosity=0) == ""
