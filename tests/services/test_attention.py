"""What waits for a person: counted, the oldest first, and cheap to find."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from tests.admin import factories as make
from tests.factories import NOW
from whatsapp_notify.models import Contact, Message, UnmatchedStatus
from whatsapp_notify.services import attention
from whatsapp_notify.services.attention import Group, Kind

pytestmark = pytest.mark.django_db

ASKS = {"needs_attention": True}


@pytest.fixture
def contact() -> Contact:
    return make.make_contact()


def found(kind: Kind) -> Group:
    return next(group for group in attention.all_groups() if group.kind == kind)


def message(contact: Contact, number: int, state: str, **fields: Any) -> Message:
    at = fields.pop("at", NOW)
    return make.make_message(contact, at=at, number=number, state=state, **{**ASKS, **fields})


class TestAttention:
    def test_is_empty_where_nothing_waits(self, contact: Contact) -> None:
        make.make_message(contact, at=NOW)
        make.make_sender()
        make.make_template()
        make.make_event(at=NOW, state="processed")
        make.make_webhook(at=NOW)

        assert attention.attention().groups == []

    @pytest.mark.parametrize(
        ("kind", "fields"),
        [
            (Kind.IN_DOUBT, {"state": "in_doubt"}),
            (Kind.UNKNOWN, {"state": "unknown"}),
            (Kind.FAILED, {"state": "failed", "reason": "gave_up"}),
            (Kind.UNREADABLE, {"state": "failed", "reason": "unreadable"}),
        ],
    )
    def test_tells_messages_apart(
        self, kind: Kind, fields: dict[str, str], contact: Contact
    ) -> None:
        row = make.make_message(contact, at=NOW, **ASKS, **fields)
        make.make_message(contact, at=NOW, number=2, **fields)

        (group,) = attention.attention().groups

        assert (group.kind, group.count, list(group.ids)) == (kind, 1, [row.pk])
        assert not group.is_more

    @pytest.mark.parametrize(
        ("kind", "make_row"),
        [
            (Kind.WEBHOOKS, lambda: make.make_webhook(at=NOW, is_quarantined=True)),
            (Kind.EVENTS, lambda: make.make_event(at=NOW, state="failed")),
            (Kind.TEMPLATES, lambda: make.make_template(stopped_at=NOW)),
            (Kind.TEMPLATES, lambda: make.make_template(status="PAUSED", synced_at=NOW)),
            (Kind.SENDERS, lambda: make.make_sender(stopped_at=NOW)),
            (Kind.SENDERS, lambda: make.make_sender(circuit_opened_at=NOW)),
        ],
        ids=["webhook", "event", "stopped", "paused", "red-button", "circuit"],
    )
    def test_finds_what_else_waits(self, kind: Kind, make_row: Callable[[], Any]) -> None:
        row = make_row()

        (group,) = attention.attention().groups

        assert (group.kind, group.count, list(group.ids)) == (kind, 1, [row.pk])
        assert group.oldest_at == NOW

    def test_shows_the_oldest_first_and_counts_all(self, contact: Contact) -> None:
        rows = [
            message(contact, number, "unknown", called_at=NOW - timedelta(hours=number))
            for number in range(attention.SHOWN + 3)
        ]

        group = found(Kind.UNKNOWN)

        assert group.count == len(rows)
        assert list(group.ids) == [row.pk for row in rows[: attention.SHOWN]]
        assert group.oldest_at == NOW - timedelta(hours=len(rows) - 1)

    def test_counts_a_crowd_only_so_far(
        self, contact: Contact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(attention, "MESSAGES_LOOKED_AT", 3)
        monkeypatch.setattr(attention, "WEBHOOKS_COUNTED", 3)
        for number in range(4):
            message(contact, number, "failed")
            make.make_webhook(number, at=NOW, is_quarantined=True)

        assert (found(Kind.FAILED).count, found(Kind.FAILED).is_more) == (3, True)
        assert (found(Kind.WEBHOOKS).count, found(Kind.WEBHOOKS).is_more) == (3, True)

    def test_counts_parked_statuses_without_asking_for_anything(self) -> None:
        for number, matched_at in enumerate([None, None, NOW]):
            UnmatchedStatus.objects.create(
                provider_message_id=f"wamid.{number}",
                status="sent",
                at=NOW,
                received_at=NOW,
                matched_at=matched_at,
            )

        assert attention.attention().parked_statuses == 2
        assert attention.attention().groups == []

    def test_asks_as_often_for_many_as_for_one(
        self, contact: Contact, django_assert_num_queries: Any
    ) -> None:
        for number in range(30):
            message(contact, number, ("in_doubt", "unknown", "failed")[number % 3])
            make.make_webhook(number, at=NOW, is_quarantined=True)
            make.make_event(number, at=NOW, state="failed")

        with django_assert_num_queries(6):
            attention.attention()


class TestIdsOf:
    def test_finds_the_oldest_rows_of_one_kind(self, contact: Contact) -> None:
        rows = [message(contact, n, ("unknown", "failed")[n % 2]) for n in range(8)]

        assert attention.ids_of(kind=Kind.FAILED, at_most=3) == [
            rows[1].pk,
            rows[3].pk,
            rows[5].pk,
        ]

    @pytest.mark.parametrize("kind", list(Kind))
    def test_knows_each_kind(self, kind: Kind, contact: Contact) -> None:
        rows = {
            Kind.IN_DOUBT: message(contact, 1, "in_doubt"),
            Kind.UNKNOWN: message(contact, 2, "unknown"),
            Kind.UNREADABLE: message(contact, 3, "failed", reason="unreadable"),
            Kind.FAILED: message(contact, 4, "failed"),
            Kind.WEBHOOKS: make.make_webhook(at=NOW, is_quarantined=True),
            Kind.EVENTS: make.make_event(at=NOW, state="failed"),
            Kind.TEMPLATES: factories.template(stopped_at=NOW),
            Kind.SENDERS: make.make_sender(stopped_at=NOW),
        }

        assert attention.ids_of(kind=kind, at_most=10) == [rows[kind].pk]
