"""Webhooks of older versions, which were marked where they stand, and back."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.factories import NOW, webhook_states
from whatsapp_notify.models import UnreadWebhook, WebhookEvent

BEFORE = ("whatsapp_notify", "0015_new_number")
AFTER = ("whatsapp_notify", "0016_webhooks_written_once")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def migrate() -> Iterator[Any]:
    def to(target: tuple[str, str]) -> Any:
        executor = MigrationExecutor(connection)
        executor.migrate([target])
        return MigrationExecutor(connection).loader.project_state([target]).apps

    yield to
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_each_stays_what_it_was(migrate: Any) -> None:
    webhooks = migrate(BEFORE).get_model("whatsapp_notify", "WebhookEvent").objects
    read = {"state": "processed", "is_pending": False, "attempts": 1, "processed_at": NOW}
    tried_at = NOW - timedelta(minutes=1)
    for number, fields in enumerate(
        (
            {},
            {"attempts": 2, "processed_at": tried_at},
            read,
            {**read, "state": "quarantined", "problem": "no JSON"},
            {**read, "problem": "dropped by staff"},
        )
    ):
        webhooks.create(digest=b"%d" % number, body=b"{}" * number, received_at=NOW, **fields)

    migrate(AFTER)

    assert webhook_states() == ["waiting", "waiting", "processed", "quarantined", "processed"]
    dropped = WebhookEvent.objects.latest("pk")
    assert (dropped.is_dropped, dropped.problem) == (True, "dropped by staff")
    waiting = UnreadWebhook.objects.order_by("pk").values_list("size", "attempts", "tried_at")
    assert list(waiting) == [(0, 0, None), (2, 2, tried_at)]

    webhooks = migrate(BEFORE).get_model("whatsapp_notify", "WebhookEvent").objects.order_by("pk")

    assert list(webhooks.values_list("state", "is_pending", "attempts", "processed_at")) == [
        ("pending", True, 0, None),
        ("pending", True, 2, tried_at),
        ("processed", False, 1, NOW),
        ("quarantined", False, 1, NOW),
        ("processed", False, 1, NOW),
    ]
