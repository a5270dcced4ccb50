"""The database's disk is full: nothing is called that could not be written down first."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from tests.crowd import crowd
from tests.factories import NOW
from tests.graph import deliver, running
from whatsapp_notify.models import DeliveryEvent, Message
from whatsapp_notify.services import claims, sweep

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whatsapp_notify.services.patience.time.sleep", lambda seconds: None)


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's limit is the connection's: made anew, as it grows old, it would have none."""
    connection.ensure_connection()
    monkeypatch.setattr(connection, "close_at", None)


def run_sql(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


class Disk:
    """The space of the database: SQLite's own limit, on PostgreSQL its error by a trigger."""

    def fill(self) -> None:
        if connection.vendor == "sqlite":
            self._leave_no_free_page()
            return
        table = connection.ops.quote_name(DeliveryEvent._meta.db_table)
        run_sql(
            "CREATE OR REPLACE FUNCTION wn_test_full_disk() RETURNS trigger AS $$ BEGIN "
            "RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; "
            "END $$ LANGUAGE plpgsql",
            "CREATE TRIGGER wn_test_full_disk BEFORE INSERT "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION wn_test_full_disk()",
        )

    def free(self) -> None:
        if connection.vendor == "sqlite":
            run_sql("PRAGMA max_page_count = 1073741823")
            return
        table = connection.ops.quote_name(DeliveryEvent._meta.db_table)
        run_sql(
            f"DROP TRIGGER IF EXISTS wn_test_full_disk ON {table}",
            "DROP FUNCTION IF EXISTS wn_test_full_disk()",
        )

    def _leave_no_free_page(self) -> None:
        run_sql("VACUUM", "PRAGMA max_page_count = 1")  # as little as what there is


@contextmanager
def disk() -> Iterator[Disk]:
    found = Disk()
    try:
        yield found
    finally:
        found.free()


def and_then(work: Callable[..., Any], more: Callable[[], None]) -> Callable[..., Any]:
    def both(**arguments: Any) -> Any:
        done = work(**arguments)
        more()
        return done

    return both


def states() -> set[tuple[str, int]]:
    return set(Message.objects.values_list("state", "attempt"))


class TestFullDisk:
    def test_f29_nothing_is_called_and_all_leaves_once_there_is_room(self, settings: Any) -> None:
        # Enough of them, that their new lines do not fit into half-empty pages.
        messages = crowd(50)
        with running(settings) as graph, disk() as space:
            space.fill()
            with pytest.raises(OperationalError, match=r"full|No space"):
                deliver()
            assert graph.calls == []
            assert states() == {("queued", 0)}

            space.free()
            deliver(at=NOW + timedelta(minutes=1))

        assert states() == {("accepted", 1)}
        assert graph.copies() == {message.pk: 1 for message in messages}

    def test_f29_full_during_the_call_leaves_a_doubt_and_no_second_call(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        messages = crowd(50)
        with running(settings) as graph, disk() as space:
            monkeypatch.setattr(claims, "claim", and_then(claims.claim, space.fill))
            with pytest.raises(OperationalError, match=r"full|No space"):
                deliver()
            assert len(graph.accepted) == len(messages)
            assert states() == {("calling", 1)}

            monkeypatch.undo()
            space.free()
            for minutes in (5, 60):
                sweep.sweep(now=NOW + timedelta(minutes=minutes))
                deliver(at=NOW + timedelta(minutes=minutes))

        assert states() == {("in_doubt", 1)}
        assert graph.copies() == {message.pk: 1 for message in messages}
