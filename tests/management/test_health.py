"""whatsapp_health: for cron, Nagios and people."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError, connection
from django.utils import timezone

from tests.admin import factories as make
from whatsapp_notify.models import Heartbeat
from whatsapp_notify.services import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def at_work() -> None:
    for name in ("worker", "beat", "webhook"):
        Heartbeat.objects.create(name=name, at=timezone.now())


def run(*words: str) -> tuple[int, str]:
    """This will return the exit code and what was written."""
    written, code = StringIO(), 0
    try:
        call_command("whatsapp_health", *words, stdout=written)
    except SystemExit as err:
        code = int(str(err.code))
    return code, written.getvalue()


class TestExitCode:
    def test_is_0_when_all_is_well(self, at_work: None) -> None:
        code, words = run()

        assert (code, words.splitlines()[-1]) == (0, "ok")

    def test_is_1_when_something_needs_attention(self, at_work: None) -> None:
        make.make_template(stopped_at=timezone.now())

        code, words = run()

        assert (code, words.splitlines()[-1]) == (1, "warn")
        assert "warn  templates_stopped: 1  [warn above 0]  Templates are stopped." in words

    def test_is_2_when_it_is_broken(self) -> None:
        code, words = run()

        assert (code, words.splitlines()[-1]) == (2, "bad")
        assert "bad   worker_age_seconds: never  [warn above 120, bad above 600]" in words

    @pytest.mark.parametrize(
        "fault", [OperationalError, InterfaceError, ProgrammingError, DatabaseError]
    )
    def test_is_2_when_the_database_cannot_be_read(
        self, fault: type[Exception], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(**options: Any) -> None:
            raise fault("canary")

        monkeypatch.setattr(health, "look", broken)

        code, words = run("--json")

        assert code == 2
        assert json.loads(words)["items"][0]["name"] == "database"
        assert "canary" not in words

    @pytest.mark.django_db(transaction=True)
    def test_is_2_before_migrate(self) -> None:
        with connection.schema_editor() as editor:
            editor.alter_db_table(Heartbeat, Heartbeat._meta.db_table, "not_yet_there")
        try:
            code, words = run()
        finally:
            with connection.schema_editor() as editor:
                editor.alter_db_table(Heartbeat, "not_yet_there", Heartbeat._meta.db_table)

        assert (code, words.splitlines()[-1]) == (2, "bad")
        assert "database: never" in words
        assert "migrate" in words
        assert Heartbeat._meta.db_table not in words


class TestJson:
    def test_is_one_document(self, at_work: None) -> None:
        make.make_sender(circuit_opened_at=timezone.now(), circuit_code=190)

        code, words = run("--json")

        told = json.loads(words)
        assert (code, told["state"]) == (2, "bad")
        assert {"name", "subject", "value", "warn_above", "bad_above", "state", "sentence"} == set(
            told["items"][0]
        )
        circuit = next(each for each in told["items"] if each["name"] == "sender_circuit")
        assert (circuit["value"], circuit["state"]) == (1, "bad")
