"""Evidence that nobody changes: not by the ORM, and not by SQL."""

from typing import Any

import pytest
from django.core import serializers
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from tests import factories
from whatsapp_notify.exceptions import AppendOnlyError
from whatsapp_notify.models import ConsentRecord, DeliveryEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def record() -> ConsentRecord:
    factories.contact()
    return ConsentRecord.objects.get()


def sql(statement: str, *params: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table=ConsentRecord._meta.db_table), params)


class TestConsentRecord:
    def test_f78_saved_record_is_not_saved_again(self, record: ConsentRecord) -> None:
        record.wording = "Something else."

        with pytest.raises(AppendOnlyError):
            record.save()

    def test_f78_record_is_not_deleted(self, record: ConsentRecord) -> None:
        with pytest.raises(AppendOnlyError):
            record.delete()

        assert ConsentRecord.objects.exists()

    @pytest.mark.parametrize(
        "change",
        [
            lambda rows: rows.update(wording="Something else."),
            lambda rows: rows.delete(),
            lambda rows: rows.bulk_update(list(rows), ["wording"]),
            lambda rows: rows.bulk_create(
                list(rows),
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=["wording"],
            ),
            lambda rows: rows.update_or_create(defaults={"wording": "Something else."}),
        ],
        ids=["update", "delete", "bulk-update", "upsert", "update-or-create"],
    )
    def test_f78_set_of_records_is_not_changed(self, record: ConsentRecord, change: Any) -> None:
        with pytest.raises(AppendOnlyError):
            change(ConsentRecord.objects.all())

        assert ConsentRecord.objects.get().wording == record.wording

    def test_f78_new_object_does_not_take_the_place_of_an_old_one(
        self, record: ConsentRecord
    ) -> None:
        forged = ConsentRecord.objects.get()
        forged._state.adding = True
        forged.action = ConsentRecord.Action.WITHDRAW

        with pytest.raises(IntegrityError), transaction.atomic():
            forged.save()

        assert ConsentRecord.objects.get().action == record.action

    def test_f78_person_with_records_is_not_deleted(self, record: ConsentRecord) -> None:
        with pytest.raises(models.ProtectedError):
            record.contact.delete()

    @pytest.mark.parametrize("column", ["wording", "action", "source"])
    def test_f78_sql_changes_no_column(self, record: ConsentRecord, column: str) -> None:
        with pytest.raises(DatabaseError, match="append-only"):
            sql(f"UPDATE {{table}} SET {column} = %s", "x")

        assert ConsentRecord.objects.get().wording == record.wording

    def test_f78_default_manager_of_django_changes_nothing(self, record: ConsentRecord) -> None:
        rows = models.QuerySet(ConsentRecord)

        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            rows.update(wording="Something else.")

    def test_f78_sql_moves_no_act_to_another_time(self, record: ConsentRecord) -> None:
        with pytest.raises(DatabaseError, match="append-only"):
            sql("UPDATE {table} SET occurred_at = recorded_at")

    def test_f78_fixture_does_not_write_over_a_record(self, record: ConsentRecord) -> None:
        (item,) = serializers.deserialize("json", serializers.serialize("json", [record]))

        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            item.save()

    @pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="Django empties tables with DELETE on SQLite; there the model refuses",
    )
    def test_f78_sql_deletes_no_record(self, record: ConsentRecord) -> None:
        with pytest.raises(DatabaseError, match="append-only"):
            sql("DELETE FROM {table}")

    def test_same_act_twice_is_refused_by_the_database(self, record: ConsentRecord) -> None:
        fields = {
            "contact": record.contact,
            "topic": record.topic,
            "action": "grant",
            "source": "staff",
            "lawful_basis": "consent",
            "occurred_at": record.occurred_at,
            "dedupe_key": "told",
        }
        ConsentRecord.objects.create(**fields)

        with pytest.raises(IntegrityError), transaction.atomic():
            ConsentRecord.objects.create(**fields)

    def test_shows_no_person(self, record: ConsentRecord) -> None:
        assert str(record) == (
            f"#{record.pk} grant topic {record.topic_id} contact #{record.contact_id}"
        )


class TestDeliveryEvent:
    def test_line_of_the_log_is_not_overwritten(self) -> None:
        factories.queued()
        line = DeliveryEvent.objects.first()
        assert line is not None
        line._state.adding = True
        line.reason = "something else"

        with pytest.raises(IntegrityError), transaction.atomic():
            line.save()

        assert not DeliveryEvent.objects.filter(reason="something else").exists()
