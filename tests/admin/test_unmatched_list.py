"""Statuses without a message: a list that another tool may fill with a million rows."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from whatsapp_notify.models import UnmatchedStatus

LIST = "/admin/whatsapp_notify/unmatchedstatus/"


@pytest.fixture
def rows(db: None, now: datetime) -> dict[str, UnmatchedStatus]:
    return {
        word: UnmatchedStatus.objects.create(
            provider_message_id="wamid.1",
            status=word,
            at=now,
            received_at=now - timedelta(days=days),
        )
        for word, days in (("sent", 5), ("read", 0))
    }


@pytest.mark.parametrize("query", ["", "?status=sent"])
def test_does_not_ask_the_table_which_statuses_there_are(
    query: str, rows: dict[str, UnmatchedStatus], owner: Client
) -> None:
    with CaptureQueriesContext(connection) as queries:
        html = owner.get(LIST + query).content.decode()

    assert "?status=delivered" in html
    assert not [each["sql"] for each in queries.captured_queries if "DISTINCT" in each["sql"]]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["read", "sent"]),
        ("?status=sent", ["sent"]),
        ("?status=delivered", []),
        ("?last_days=1", ["read"]),
    ],
)
def test_finds_by_status_and_by_date(
    query: str, shown: list[str], rows: dict[str, UnmatchedStatus], owner: Client
) -> None:
    found = owner.get(LIST + query).context["cl"].result_list

    assert [row.status for row in found] == shown
