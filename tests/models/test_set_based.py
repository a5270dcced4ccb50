"""Many rows in one statement, the same on both databases as row by row."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, IntegrityError, connection, models, transaction

from tests import factories
from tests.concurrency import on_postgresql
from tests.factories import NOW
from whatsapp_notify.models import (
    ConsentState,
    Contact,
    DeliveryEvent,
    Message,
    Rate,
    ShopEvent,
    UnmatchedStatus,
    set_based,
)
from whatsapp_notify.models.set_based import among, insert_rows, look_up_by_key, update_rows

pytestmark = pytest.mark.django_db

TEXTS = [
    "", "plain", "O'Brien", 'say "hello"', "100 %", "%s %(name)s %%", "a\\b\\n", "a\nb\tc",
    "{order._secret}", "$.state", "Привет, öäå €", "😀", "null", "true", "123", "1e3", "0012",
    '{"a": 1}', "[1]", "--; DROP TABLE", "\u2028",
    "NULL", "a,b", "{a,b}", '"', "\\", '\\"', '"\\', " ",
]  # fmt: skip


def status(**fields: Any) -> dict[str, Any]:
    return {
        "provider_message_id": "wamid.1", "status": "sent", "at": NOW, "received_at": NOW,
        **fields,
    }  # fmt: skip


class TestUpdateRows:
    def test_writes_each_row_its_own_values(self) -> None:
        first, second, third = (factories.queued() for _each in range(3))

        updated = update_rows(
            model=Message,
            rows=[
                {"id": first.pk, "reason": "one", "attempt": 1},
                {"id": second.pk, "reason": "two", "attempt": 2},
            ],
        )

        assert updated == {first.pk, second.pk}
        found = Message.objects.order_by("id").values_list("reason", "attempt")
        assert list(found) == [("one", 1), ("two", 2), ("", 0)]
        assert third.reason == ""

    @pytest.mark.parametrize("text", TEXTS, ids=ascii)
    def test_keeps_every_text_as_it_is(self, text: str) -> None:
        message = factories.queued()

        update_rows(model=Message, rows=[{"id": message.pk, "error_detail": text}])

        message.refresh_from_db()
        assert message.error_detail == text

    def test_keeps_the_texts_of_many_rows_apart(self) -> None:
        rows = [{"id": factories.queued().pk, "error_detail": text} for text in TEXTS]

        update_rows(model=Message, rows=rows)

        stored = dict(Message.objects.values_list("id", "error_detail"))
        assert stored == {row["id"]: row["error_detail"] for row in rows}

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("call_expires_at", NOW),
            ("call_expires_at", NOW.replace(microsecond=123456)),
            ("call_expires_at", datetime(1, 1, 2, tzinfo=UTC)),
            ("call_expires_at", datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC)),
            ("call_expires_at", None),
            ("is_pending", True),
            ("is_pending", False),
            ("error_code", None),
            ("error_code", -(2**31)),
            ("error_code", 2**31 - 1),
            ("provider_message_id", None),
            ("pricing", None),
            ("pricing", {}),
            ("pricing", {"a": [1, None, True, "x", {"b": "'%s'"}], "c": 0.1}),
            ("pricing", []),
            ("pricing", [[]]),
            ("pricing", "a string"),
            ("pricing", "null"),
            ("pricing", 12),
            ("pricing", True),
            ("checks", [["due", "passed", {"due_at": "2026"}]]),
        ],
        ids=repr,
    )
    def test_stores_what_the_orm_stores(self, column: str, value: Any) -> None:
        ours, theirs = factories.queued(), factories.queued()

        update_rows(model=Message, rows=[{"id": ours.pk, column: value}])
        Message.objects.filter(pk=theirs.pk).update(**{column: value})

        stored = [self.stored(row, column) for row in (ours, theirs)]
        assert stored[0] == stored[1]
        ours.refresh_from_db()
        assert getattr(ours, column) == value

    def stored(self, row: Message, column: str) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT "{column}" FROM whatsapp_notify_message WHERE id = %s', [row.pk]
            )
            value = cursor.fetchone()[0]
        is_json = isinstance(Message._meta.get_field(column), models.JSONField)
        return json.loads(value) if is_json and isinstance(value, str) else value

    @pytest.mark.parametrize("day", [None, date(2000, 2, 29), date(1, 1, 1)], ids=str)
    def test_stores_dates(self, day: date | None) -> None:
        person = factories.contact()

        update_rows(model=Contact, rows=[{"id": person.pk, "birth_date": day}])

        person.refresh_from_db()
        assert person.birth_date == day

    def test_compares_before_it_swaps(self) -> None:
        queued, gone = factories.queued(), factories.queued()
        Message.objects.filter(pk=gone.pk).update(state="cancelled")
        rows = [{"id": pk, "state": "calling"} for pk in (queued.pk, gone.pk, 10**15)]

        updated = update_rows(model=Message, rows=rows, only_where={"state": ["queued"]})

        assert updated == {queued.pk}
        gone.refresh_from_db()
        assert gone.state == "cancelled"

    def test_takes_several_allowed_values(self) -> None:
        messages = [factories.queued() for _each in range(3)]
        for message, state in zip(messages, ("queued", "in_doubt", "read"), strict=True):
            Message.objects.filter(pk=message.pk).update(state=state)

        updated = update_rows(
            model=Message,
            rows=[{"id": message.pk, "reason": "x"} for message in messages],
            only_where={"state": ["queued", "in_doubt"]},
        )

        assert updated == {messages[0].pk, messages[1].pk}

    def test_no_rows_are_no_statement(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            assert update_rows(model=Message, rows=[]) == frozenset()
            assert insert_rows(model=Message, rows=[]) == 0

    def test_ten_thousand_rows_are_one_statement(self, django_assert_num_queries: Any) -> None:
        insert_rows(
            model=UnmatchedStatus,
            rows=[status(provider_message_id=f"wamid.{number}") for number in range(10_000)],
        )
        ids = list(UnmatchedStatus.objects.values_list("id", flat=True))

        with django_assert_num_queries(1):
            updated = update_rows(
                model=UnmatchedStatus,
                rows=[{"id": pk, "matched_at": NOW + timedelta(seconds=pk % 60)} for pk in ids],
            )

        assert len(updated) == 10_000
        sample = UnmatchedStatus.objects.get(pk=ids[4321])
        assert sample.matched_at == NOW + timedelta(seconds=ids[4321] % 60)

    def test_a_clash_of_unique_keys_is_an_error(self) -> None:
        first, second = factories.queued(), factories.queued()
        rows = [{"id": pk, "provider_message_id": "wamid.SAME"} for pk in (first.pk, second.pk)]

        with pytest.raises(IntegrityError), transaction.atomic():
            update_rows(model=Message, rows=rows)

    @on_postgresql
    def test_a_text_that_is_too_long_is_an_error_not_cut(self) -> None:
        message = factories.queued()

        with pytest.raises(DataError), transaction.atomic():
            update_rows(model=Message, rows=[{"id": message.pk, "trace_id": "x" * 61}])

    @pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"], ids=["nul", "surrogate"])
    def test_what_no_database_stores_is_replaced(self, text: str) -> None:
        message = factories.queued()

        update_rows(model=Message, rows=[{"id": message.pk, "error_detail": text}])

        message.refresh_from_db()
        assert message.error_detail == "a\ufffdb"

    def test_an_unknown_column_is_an_error(self) -> None:
        with pytest.raises(KeyError, match="colour"):
            update_rows(model=Message, rows=[{"id": 1, "colour": "red"}])


class TestLookUpByKey:
    @on_postgresql
    def test_holds_until_the_transaction_ends(self) -> None:
        """Other transactions of the shop plan as they like."""

        def allowed() -> tuple[str, ...]:
            with connection.cursor() as cursor:
                names = ("enable_hashjoin", "enable_mergejoin", "enable_nestloop")
                cursor.execute(
                    "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)
                )
                return tuple(cursor.fetchone())

        with transaction.atomic():
            look_up_by_key()
            within = allowed()
            transaction.set_rollback(True)

        assert within == ("off", "off", "on")
        assert allowed() == ("on", "on", "on")


class TestAmong:
    def test_finds_by_the_key_and_by_a_reference(self) -> None:
        first, second, _third = (factories.queued() for _ in range(3))

        by_key = Message.objects.filter(among("pk", [first.pk, second.pk]))
        by_reference = Message.objects.filter(among("contact_id", [second.contact_id]))

        assert set(by_key) == {first, second}
        assert set(by_reference) == {second}
        assert not Message.objects.filter(among("pk", [])).exists()


class TestInsertRows:
    def test_fills_what_is_not_named_with_the_models_defaults(self) -> None:
        insert_rows(model=UnmatchedStatus, rows=[status()])

        row = UnmatchedStatus.objects.get()
        assert (row.payload, row.matched_at) == ({}, None)
        assert row.at == NOW

    def test_leaves_out_what_is_there_and_what_comes_twice(self) -> None:
        insert_rows(model=UnmatchedStatus, rows=[status()])

        count = insert_rows(
            model=UnmatchedStatus, rows=[status(), status(status="read"), status(status="read")]
        )

        assert count == 1
        assert UnmatchedStatus.objects.count() == 2

    def test_f05_a_clash_leaves_the_transaction_whole(self) -> None:
        insert_rows(model=UnmatchedStatus, rows=[status()])

        with transaction.atomic():
            assert insert_rows(model=UnmatchedStatus, rows=[status()]) == 0
            assert UnmatchedStatus.objects.count() == 1

    def test_writes_references_of_all_kinds(self) -> None:
        message = factories.queued()
        state = ConsentState.objects.get(contact=message.contact)
        ConsentState.objects.all().delete()

        insert_rows(
            model=ConsentState,
            rows=[
                {
                    "contact_id": state.contact_id, "topic_id": state.topic_id,
                    "channel": "whatsapp", "is_granted": False, "record_id": state.record_id,
                    "changed_at": NOW,
                }
            ],
        )  # fmt: skip

        row = ConsentState.objects.get()
        assert (row.contact, row.record, row.is_granted) == (message.contact, state.record, False)

    def test_a_reference_may_be_missing(self) -> None:
        insert_rows(
            model=ShopEvent,
            rows=[{"name": "a", "key": "k", "occurred_at": NOW, "recorded_at": NOW}],
        )

        assert ShopEvent.objects.get().contact is None

    def test_sees_a_unique_key_that_holds_for_some_rows_only(self) -> None:
        message = factories.queued()
        line = {
            "message_id": message.pk, "kind": "sent", "at": NOW, "recorded_at": NOW, "attempt": 1,
        }  # fmt: skip

        inserted = insert_rows(
            model=DeliveryEvent,
            rows=[line, line, {**line, "kind": "refused"}, {**line, "kind": "refused"}],
        )

        assert inserted == 3


class TestKindsOfValues:
    def test_amounts_keep_their_digits(self) -> None:
        rows = [
            {"country": country, "amount": amount}
            for country, amount in (("FI", Decimal("0.055600")), ("SE", Decimal("9999.123456")))
        ]
        same = {"category": "utility", "currency": "EUR", "effective_from": date(2026, 10, 1)}

        insert_rows(model=Rate, rows=rows, same=same)

        amounts = dict(Rate.objects.values_list("country", "amount"))
        assert amounts == {row["country"]: row["amount"] for row in rows}

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has a type for it")
    def test_keys_of_users_may_be_uuids(self) -> None:
        key = UUID("12345678-1234-5678-1234-567812345678")

        write = set_based._json_writer(connection, models.UUIDField())

        assert [write(key), write(None)] == [key.hex, None]
