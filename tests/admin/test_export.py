"""CSV files: what goes in comes out, and nothing in them runs."""

import csv
import io
from datetime import datetime

import pytest

from tests.admin import factories as make
from whatsapp_notify.models import ConsentRecord
from whatsapp_notify.services import export

DANGEROUS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]


class TestCell:
    @pytest.mark.parametrize("sign", DANGEROUS)
    @pytest.mark.parametrize("before", ["", " ", "'", "''", " '"])
    def test_begins_with_an_apostrophe_where_a_formula_might(self, sign: str, before: str) -> None:
        value = f"{before}{sign}cmd|' /C calc'!A0"

        assert export.cell(value) == f"'{value}"

    @pytest.mark.parametrize("value", ["Customer One", "a=b", "'t Hart", "", "A-1", "2026-11-03"])
    def test_leaves_other_text_as_it_is(self, value: str) -> None:
        assert export.cell(value) == value

    def test_keeps_a_phone_readable(self) -> None:
        assert export.cell("+4930123456") == "'+4930123456"

    def test_drops_control_characters(self) -> None:
        assert export.cell("a\x00\x1bb") == "ab"

    def test_writes_nothing_for_none(self) -> None:
        assert export.cell(None) == ""


@pytest.mark.django_db
class TestConsentRecords:
    @pytest.mark.parametrize(
        "wording",
        [f"{sign}1+1" for sign in DANGEROUS] + ['say "yes", please', "line\nbreak", "a;b"],
    )
    def test_comes_back_as_it_was(self, wording: str, now: datetime) -> None:
        record = make.make_consent(make.make_contact(), make.make_topic(), at=now, wording=wording)

        lines = export.consent_records(rows=ConsentRecord.objects.all(), full_phones=False)
        text = "".join(lines).removeprefix("\ufeff")
        (row,) = csv.DictReader(io.StringIO(text, newline=""))

        written = row["wording"]
        assert not written.startswith(tuple(DANGEROUS))
        assert (written.removeprefix("'") if written != wording else written) == wording
        assert row["record"] == str(record.pk)

    @pytest.mark.parametrize(
        ("full_phones", "phone"), [(False, "'+358 40 *** **67"), (True, "'+358401234567")]
    )
    def test_masks_phones(self, full_phones: bool, phone: str, now: datetime) -> None:
        make.make_consent(make.make_contact(), make.make_topic(), at=now)

        lines = list(
            export.consent_records(rows=ConsentRecord.objects.all(), full_phones=full_phones)
        )

        assert f'"{phone}"' in lines[1]

    def test_number_of_queries_does_not_grow_with_rows(
        self, now: datetime, django_assert_num_queries: object
    ) -> None:
        topic = make.make_topic()
        for number in range(30):
            make.make_consent(make.make_contact(f"+35840{1000000 + number}"), topic, at=now)

        with django_assert_num_queries(2):  # type: ignore[operator]
            lines = list(export.consent_records(rows=ConsentRecord.objects.all(), full_phones=True))

        assert len(lines) == 31
