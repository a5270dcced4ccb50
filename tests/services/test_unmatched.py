"""Statuses that came before their message was known."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories, webhook_bodies
from tests.concurrency import on_postgresql
from tests.factories import NOW
from tests.services.test_statuses import accept, apply, calling
from whatsapp_notify.models import Message, UnmatchedStatus
from whatsapp_notify.services import senders, sweep, unmatched

pytestmark = pytest.mark.django_db(transaction=True)


def stranger(word: str = "delivered", wamid: str = "wamid.LATER", **fields: Any) -> dict[str, Any]:
    return webhook_bodies.status(None, word, wamid=wamid, seconds=5, **fields)


class TestUnmatched:
    def test_f56_one_stranger_costs_the_others_nothing(self) -> None:
        messages = [accept(message) for message in calling(8)]
        news = [webhook_bodies.status(message, "delivered", seconds=3) for message in messages]

        moved = apply(*news[:4], stranger(), *news[4:])

        assert moved == 8
        assert UnmatchedStatus.objects.get().provider_message_id == "wamid.LATER"

    def test_f56_is_joined_when_the_answer_tells_the_id(self) -> None:
        apply(stranger("sent"), stranger("delivered"))
        [message] = calling()

        accept(message, wamid="wamid.LATER")

        message.refresh_from_db()
        assert message.state == "delivered"
        assert message.timeline.filter(kind__in=["sent", "delivered"]).count() == 2
        assert not UnmatchedStatus.objects.filter(matched_at__isnull=True).exists()

    def test_f56_is_joined_when_another_status_tells_the_id(self) -> None:
        apply(stranger("failed", code=131026))
        [message] = calling()

        apply(webhook_bodies.status(message, "sent", wamid="wamid.LATER", seconds=2))

        message.refresh_from_db()
        assert (message.state, message.error_code) == ("failed", 131026)

    def test_f56_is_joined_by_the_sweep_when_both_crossed(self) -> None:
        apply(stranger())
        message = accept(calling()[0])
        Message.objects.filter(pk=message.pk).update(provider_message_id="wamid.LATER")

        swept = sweep.sweep(now=NOW + timedelta(minutes=2))

        message.refresh_from_db()
        assert (swept.matched, message.state) == (1, "delivered")

    def test_a_failure_that_waited_takes_effect(self) -> None:
        apply(stranger("failed", code=131042))
        [message] = calling()

        accept(message, wamid="wamid.LATER")

        assert senders.current().circuit_code == 131042

    def test_f53_the_same_stranger_twice_is_kept_once(self) -> None:
        apply(stranger(), stranger())
        apply(stranger())

        assert UnmatchedStatus.objects.count() == 1

    def test_keeps_strangers_for_longer_than_meta_repeats(self) -> None:
        apply(stranger())

        unmatched.match_all(now=NOW + timedelta(days=7, hours=23))
        assert UnmatchedStatus.objects.count() == 1
        unmatched.match_all(now=NOW + timedelta(days=8, hours=1))

        assert UnmatchedStatus.objects.count() == 0

    def test_nothing_to_look_for_is_no_query(self, django_assert_num_queries: Any) -> None:
        factories.topic()

        with django_assert_num_queries(0):
            found = unmatched.match(provider_message_ids=[None, ""], now=NOW)

        assert found.found == 0

    @on_postgresql
    def test_does_not_read_the_strangers_of_the_last_days(self) -> None:
        """Another tool writes under the same business account, and its statuses come here."""
        rows = 20_000
        UnmatchedStatus.objects.bulk_create(
            UnmatchedStatus(
                provider_message_id=f"wamid.{number * 7919 % rows}",
                status="sent",
                at=NOW,
                received_at=NOW - timedelta(days=7) * number / rows,
            )
            for number in range(rows)
        )
        pattern = factories.queued()
        Message.objects.bulk_create(
            factories.draft(
                pattern.contact, is_pending=False, state="sent", provider_message_id=f"wamid.M{n}"
            )
            for n in range(2000)
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE whatsapp_notify_unmatchedstatus, whatsapp_notify_message")

        with CaptureQueriesContext(connection) as queries:
            assert unmatched.match_all(now=NOW) == 0

        asked = [q["sql"] for q in queries.captured_queries if "received_at" in q["sql"]]
        assert [sql.split()[0] for sql in asked] == ["DELETE", "SELECT"]
        for sql in asked:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}")
                assert "wn_unmatched_received_idx" in str(cursor.fetchall())
