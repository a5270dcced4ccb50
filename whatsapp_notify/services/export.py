"""CSV files for people with spreadsheets: safe against formulas, streamed row by row."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Prefetch, QuerySet

from whatsapp_notify.models import ConsentRecord, Contact, Identity, Message, Participation

#: Spreadsheets run a cell that begins with one of these, full-width forms included. An
#: apostrophe in front shows the rest as text; apostrophes that stand there already count as
#: one more, so that no two values look alike.
#: Source: OWASP ASVS 5.0, 1.2.10, and CWE-1236, read 2026-11.
_FORMULA = re.compile(r"[\s']*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

#: Excel reads a file as UTF-8 only behind this mark.
_BYTE_ORDER_MARK = "\ufeff"
_CHUNK = 500

_CONSENT_COLUMNS = (
    "record", "contact", "first_name", "phone", "topic", "channel", "action", "lawful_basis",
    "source", "occurred_at", "recorded_at", "wording", "wording_version", "language",
    "ip_address", "user_agent", "recorded_by", "evidence",
)  # fmt: skip
_MESSAGE_COLUMNS = (
    "message", "contact", "phone", "topic", "automation", "event", "order", "template",
    "language", "state", "reason", "error_code", "attempts", "planned_at", "due_at", "sent_at",
    "delivered_at", "read_at", "failed_at", "replied_at",
)  # fmt: skip
_PARTICIPATION_COLUMNS = (
    "participant", "campaign", "contact", "first_name", "phone", "first_at", "last_at", "entries",
    "seconds",
)  # fmt: skip


def cell(value: Any) -> str:
    """This will write a value as a cell that no spreadsheet takes for a formula."""
    text = _CONTROL.sub("", "" if value is None else str(value))
    return f"'{text}" if _FORMULA.match(text) else text


def consent_records(*, rows: QuerySet[ConsentRecord], full_phones: bool) -> Iterator[str]:
    """This will write consent records with their proof, a header first."""
    rows = _with_identities(rows.select_related("contact", "topic"))
    return _lines(
        _CONSENT_COLUMNS,
        (_consent_cells(row, full_phones) for row in rows.iterator(chunk_size=_CHUNK)),
    )


def messages(*, rows: QuerySet[Message], full_phones: bool) -> Iterator[str]:
    """This will write the delivery log without what the messages say, a header first."""
    rows = _with_identities(
        rows.select_related("contact", "topic", "automation").defer(
            "content", "preview", "checks", "pricing"
        )
    )
    return _lines(
        _MESSAGE_COLUMNS,
        (_message_cells(row, full_phones) for row in rows.iterator(chunk_size=_CHUNK)),
    )


def participations(*, rows: QuerySet[Participation], full_phones: bool) -> Iterator[str]:
    """This will write participants of interactive campaigns, a header first."""
    rows = _with_identities(rows.select_related("contact", "campaign"))
    return _lines(
        _PARTICIPATION_COLUMNS,
        (_participation_cells(row, full_phones) for row in rows.iterator(chunk_size=_CHUNK)),
    )


class _Echo:
    """Gives back what the CSV writer writes, instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def _lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield _BYTE_ORDER_MARK + str(writer.writerow(columns))
    for row in rows:
        yield str(writer.writerow([cell(value) for value in row]))


def _with_identities(rows: QuerySet[Any]) -> QuerySet[Any]:
    current = Identity.objects.filter(ended_at__isnull=True).order_by("id")
    # Lookups of the caller's own would clash with this one.
    return rows.prefetch_related(None).prefetch_related(
        Prefetch("contact__identities", queryset=current)
    )


def _phone(contact: Contact, full_phones: bool) -> str:
    for identity in contact.identities.all():
        if identity.kind == Identity.Kind.PHONE:
            return identity.value if full_phones else identity.masked_value
    return ""


def _moment(value: Any) -> str:
    return value.isoformat(timespec="seconds") if value else ""


def _consent_cells(row: ConsentRecord, full_phones: bool) -> Sequence[Any]:
    evidence = ", ".join(f"{key}: {value}" for key, value in row.evidence.items())
    return (
        row.pk, row.contact_id, row.contact.first_name, _phone(row.contact, full_phones),
        row.topic.key, row.channel, row.action, row.lawful_basis, row.source,
        _moment(row.occurred_at), _moment(row.recorded_at), row.wording, row.wording_version,
        row.language, row.ip_address, row.user_agent, row.recorded_by, evidence,
    )  # fmt: skip


def _message_cells(row: Message, full_phones: bool) -> Sequence[Any]:
    return (
        row.pk, row.contact_id, _phone(row.contact, full_phones), row.topic.key,
        row.automation.name if row.automation else "", row.event_name, row.order_ref,
        row.template_name, row.template_language, row.state, row.reason, row.error_code,
        row.attempt, _moment(row.created_at), _moment(row.due_at), _moment(row.sent_at),
        _moment(row.delivered_at), _moment(row.read_at), _moment(row.failed_at),
        _moment(row.replied_at),
    )  # fmt: skip


def _participation_cells(row: Participation, full_phones: bool) -> Sequence[Any]:
    return (
        row.pk, row.campaign.name, row.contact_id, row.contact.first_name,
        _phone(row.contact, full_phones), _moment(row.first_at), _moment(row.last_at),
        row.entry_count, row.spent_seconds,
    )  # fmt: skip
