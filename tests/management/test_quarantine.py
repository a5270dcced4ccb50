"""whatsapp_quarantine"""

from io import StringIO
from typing import Any

import pytest
from django.core.management import load_command_class
from django.utils import timezone

from tests import chat_shop, factories, webhook_day
from tests.management.conftest import Run
from whatsapp_notify.models import InboundMessage, Message, UnreadWebhook
from whatsapp_notify.services import arrivals

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
    assert numbers(said) == ["1", "0", "0", "0", "0", "0"]


def test_dry_run_counts_the_same_and_touches_nothing(run: Run) -> None:
    factories.queued(now=timezone.now())

    said = run("whatsapp_quarantine", "--dry-run")

    assert said.startswith("Would be put aside:\n")
    assert numbers(said) == ["1", "0", "0", "0", "0", "0"]
    assert Message.objects.get().state == "queued"


def test_finds_nothing_the_second_time(run: Run) -> None:
    factories.queued(now=timezone.now())
    run("whatsapp_quarantine")

    assert numbers(run("whatsapp_quarantine")) == ["0", "0", "0", "0", "0", "0"]


class TestWhatCustomersWrote:
    @pytest.fixture(autouse=True)
    def waiting(self, settings: Any) -> None:
        """An errand that is due, and two webhooks that nobody has read, one of them never will."""
        chat_shop.open_shop(settings)
        chat_shop.write(chat_shop.customer(), "order A99999")
        stop = webhook_day.said("358457311111", "STOP", minute=1)
        for body in (webhook_day.tell(messages=[stop]), b"{"):
            arrivals.record(body=body, now=timezone.now())

    def test_is_read_without_an_answer_and_counted(self, run: Run) -> None:
        said = run("whatsapp_quarantine")

        assert said.splitlines() == [
            "Put aside:",
            "  messages that waited           0",
            "  messages that were being sent  0",
            "  shop events                    0",
            "  answers, left to a person      1",
            "Webhooks that waited, read without an answer: 2",
            "Cannot be read, see the quarantine in the admin: 1",
            "Planned for later, and left: 0",
        ]
        assert InboundMessage.objects.filter(handled_as="opt_out").exists()
        assert not InboundMessage.objects.exclude(errand="").exists()
        assert not UnreadWebhook.objects.exists()
        assert not Message.objects.exists()

    def test_dry_run_counts_the_same_and_touches_nothing(self, run: Run) -> None:
        said = run("whatsapp_quarantine", "--dry-run")

        assert numbers(said) == ["0", "0", "0", "1", "2", "1", "0"]
        assert "to be read without an answer: 2" in said
        assert UnreadWebhook.objects.count() == 2
        assert InboundMessage.objects.get().errand == "order"

    def test_is_read_once(self, run: Run) -> None:
        run("whatsapp_quarantine")

        assert numbers(run("whatsapp_quarantine")) == ["0", "0", "0", "0", "0", "0"]


def test_tells_when_to_use_it() -> None:
    command = load_command_class("whatsapp_notify", "whatsapp_quarantine")
    written = StringIO()
    command.create_parser("manage.py", "whatsapp_quarantine").print_help(written)

    assert "restored from a backup" in written.getvalue()
    assert "before the first worker starts" in " ".join(written.getvalue().split())


def test_says_nothing_when_asked_to_be_silent(run: Run) -> None:
    assert run("whatsapp_quarantine", verbosity=0) == ""
