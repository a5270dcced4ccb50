"""What Meta tells about templates, numbers and the account."""

import itertools
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from tests import factories
from tests.factories import NOW
from whatsapp_notify import conf, signals
from whatsapp_notify.backends import locmem
from whatsapp_notify.cloud_api.webhooks import notices as wire
from whatsapp_notify.cloud_api.webhooks.reading import Problem
from whatsapp_notify.models import Message, Sender, Template
from whatsapp_notify.services import delivery, notices, senders

pytestmark = pytest.mark.django_db

BASE: dict[str, Any] = {"business_account_id": "1", "field": "some_field", "raw": {}}


Announced = Callable[[wire.Notice], list[tuple[str, str]]]


@pytest.fixture
def announced(django_capture_on_commit_callbacks: Any) -> Announced:
    """Takes note, and returns what was announced to the shop after the commit."""

    def take_and_listen(notice: wire.Notice) -> list[tuple[str, str]]:
        heard: list[tuple[str, str]] = []

        def listen(reason: str, detail: str, **_rest: Any) -> None:
            heard.append((reason, detail))

        signals.attention_needed.connect(listen)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                take(notice)
        finally:
            signals.attention_needed.disconnect(listen)
        return heard

    return take_and_listen


def take(notice: wire.Notice, *, at: Any = NOW) -> None:
    notices.take_note(notice, now=at)


def status(event: str, template: Template, **fields: Any) -> wire.TemplateStatusChange:
    return wire.TemplateStatusChange(
        **{
            **BASE,
            "event": event,
            "template_id": "1",
            "name": template.name,
            "language": template.language,
            **fields,
        }
    )


def category(template: Template, new: str, **fields: Any) -> wire.TemplateCategoryChange:
    return wire.TemplateCategoryChange(
        **BASE,
        template_id="1",
        name=template.name,
        language=template.language,
        new_category=new,
        **fields,
    )


def account(**fields: Any) -> wire.AccountUpdate:
    known = {**BASE, "business_account_id": conf.load().BUSINESS_ACCOUNT_ID}
    return wire.AccountUpdate(**{**known, "event": "DISABLED_UPDATE", **fields})


class TestTemplateStatus:
    @pytest.mark.parametrize(
        "event", ["PAUSED", "REJECTED", "DISABLED", "STATUS_OF_TOMORROW_XXXXXX"]
    )
    def test_is_kept_and_told(self, event: str, announced: Announced) -> None:
        template = factories.template()

        heard = announced(status(event, template, reason="ABUSIVE_CONTENT"))

        template.refresh_from_db()
        assert template.status == event[:20]
        assert template.rejected_reason == "ABUSIVE_CONTENT"
        assert heard == [("template", f"order_shipped en: {event}")]

    @pytest.mark.parametrize("event", ["APPROVED", "REINSTATED", "UNARCHIVED"])
    def test_approved_template_may_be_sent_again(self, event: str, announced: Announced) -> None:
        template = factories.template(
            status="PAUSED", stopped_at=NOW, stopped_code=132015, rejected_reason="BAD"
        )

        assert announced(status(event, template)) == []

        template.refresh_from_db()
        assert template.is_sendable
        assert (template.stopped_code, template.rejected_reason) == (None, "")

    def test_approved_template_wakes_what_waits_for_it(self) -> None:
        template = factories.template("template_orders")
        waiting = factories.queued()
        other = factories.queued(template=factories.template("another"))
        Message.objects.update(reason="template", due_at=NOW + timedelta(minutes=15))

        take(status("APPROVED", template))

        waiting.refresh_from_db()
        other.refresh_from_db()
        assert waiting.due_at == NOW
        assert other.due_at == NOW + timedelta(minutes=15)

    def test_f54_the_latest_counts_whatever_comes_last(self, announced: Announced) -> None:
        template = factories.template(status="PAUSED")
        paused, approved = (NOW - timedelta(hours=each) for each in (3, 1))

        take(status("APPROVED", template, happened_at=approved))
        heard = announced(status("PAUSED", template, happened_at=paused))

        template.refresh_from_db()
        assert template.is_sendable
        assert heard == []

        take(status("PAUSED", template, happened_at=NOW))

        template.refresh_from_db()
        assert not template.is_sendable

    def test_what_was_told_before_a_sync_is_old(self) -> None:
        template = factories.template(status="APPROVED", synced_at=NOW)

        take(status("PAUSED", template, happened_at=NOW - timedelta(hours=2)))

        template.refresh_from_db()
        assert template.is_sendable

    def test_of_one_second_the_last_that_came_counts(self) -> None:
        template = factories.template(status="PENDING")

        for word in ("PENDING", "APPROVED"):
            take(status(word, template, happened_at=NOW))

        template.refresh_from_db()
        assert template.is_sendable

    def test_flag_is_a_warning_alone(self, announced: Announced) -> None:
        template = factories.template()

        heard = announced(status("FLAGGED", template))

        template.refresh_from_db()
        assert template.is_sendable
        assert heard == [("template_flagged", template.name)]

    def test_other_language_is_another_template(self) -> None:
        finnish = factories.template(language="fi")

        take(status("PAUSED", factories.template()))

        finnish.refresh_from_db()
        assert finnish.is_sendable

    def test_unknown_template_makes_no_row(self) -> None:
        take(status("APPROVED", Template(name="unknown", language="en")))

        assert not Template.objects.exists()


class TestTemplateQuality:
    def test_is_kept(self) -> None:
        template = factories.template()

        take(
            wire.TemplateQualityChange(
                **BASE, template_id="1", name=template.name, language="en", new_quality="YELLOW"
            )
        )

        template.refresh_from_db()
        assert template.quality == "YELLOW"


class TestTemplateCategory:
    def test_f79_announcement_changes_nothing_yet(self, announced: Announced) -> None:
        template = factories.template()

        heard = announced(category(template, "UTILITY", correct_category="MARKETING"))

        template.refresh_from_db()
        assert template.category == "UTILITY"
        assert heard == [("template_category_soon", f"{template.name}: MARKETING")]

    @pytest.mark.parametrize("word", ["MARKETING", "marketing"])
    def test_f79_change_is_kept_and_told(self, word: str, announced: Announced) -> None:
        template = factories.template()

        heard = announced(category(template, word))

        template.refresh_from_db()
        assert template.category == "MARKETING"
        assert heard == [("template_category", f"{template.name}: {word}")]

    @pytest.mark.django_db(transaction=True)
    def test_f79_message_that_waits_is_judged_by_the_new_category(self) -> None:
        message = factories.queued()

        take(category(Template.objects.get(name=message.template_name), "MARKETING"))
        ticks = itertools.count()
        delivery.deliver(clock=lambda: NOW + timedelta(milliseconds=100) * next(ticks))

        message.refresh_from_db()
        assert (message.state, message.reason) == ("blocked", "category")
        assert locmem.outbox == []


class TestLimit:
    @pytest.mark.parametrize(
        "notice",
        [
            wire.PhoneNumberQualityChange(**BASE, event="ONBOARDING", limit="TIER_2K"),
            wire.BusinessCapabilityChange(**BASE, limit="TIER_2K"),
        ],
        ids=["number", "account"],
    )
    def test_is_kept_at_the_numbers_of_the_account(self, notice: wire.Notice) -> None:
        ours = Sender.objects.create(phone_number_id="1", business_account_id="1")
        other = Sender.objects.create(phone_number_id="2", business_account_id="2")

        take(notice)

        ours.refresh_from_db()
        other.refresh_from_db()
        assert (ours.messaging_limit, other.messaging_limit) == ("TIER_2K", "")

    def test_that_is_not_told_changes_nothing(self) -> None:
        Sender.objects.create(
            phone_number_id="1", business_account_id="1", messaging_limit="TIER_2K"
        )

        take(wire.BusinessCapabilityChange(**BASE))

        assert Sender.objects.get().messaging_limit == "TIER_2K"


class TestAccount:
    def test_ban_opens_the_circuit_until_a_person_closes_it(self, announced: Announced) -> None:
        sender = senders.current()

        heard = announced(account(ban_state="DISABLE"))

        sender.refresh_from_db()
        assert (sender.circuit_opened_at, sender.circuit_code) == (NOW, 368)
        assert sender.circuit_probe_at is None
        assert heard == [("account", "DISABLED_UPDATE"), ("sender_circuit", "code 368")]

    def test_ban_of_another_account_is_not_ours(self) -> None:
        sender = senders.current()

        take(account(ban_state="DISABLE", business_account_id="another"))

        sender.refresh_from_db()
        assert sender.circuit_opened_at is None

    def test_f54_a_ban_that_is_over_stops_nothing_when_it_comes_late(self) -> None:
        sender = senders.current()
        banned, reinstated = (NOW - timedelta(hours=each) for each in (3, 1))

        take(account(ban_state="REINSTATE", happened_at=reinstated))
        take(account(ban_state="DISABLE", happened_at=banned))

        sender.refresh_from_db()
        assert sender.circuit_opened_at is None

    def test_a_ban_that_is_read_once_more_stops_nothing_that_a_person_has_resumed(self) -> None:
        sender = senders.current()
        take(account(ban_state="DISABLE", happened_at=NOW))
        sender.refresh_from_db()
        senders.close_circuit(sender=sender, now=NOW)

        take(account(ban_state="DISABLE", happened_at=NOW))

        sender.refresh_from_db()
        assert sender.circuit_opened_at is None

    def test_reinstated_account_sends_again(self) -> None:
        sender = senders.current()
        take(account(ban_state="DISABLE"))

        take(account(ban_state="REINSTATE"))

        sender.refresh_from_db()
        assert sender.circuit_opened_at is None

    def test_reinstated_account_still_waits_for_the_unpaid_bill(self) -> None:
        sender = senders.current()
        with transaction.atomic():
            senders.open_circuit(sender=senders.lock(sender_id=sender.pk), code=131042, now=NOW)

        take(account(ban_state="DISABLE"))
        take(account(ban_state="REINSTATE"))

        sender.refresh_from_db()
        assert (sender.circuit_opened_at, sender.circuit_code) == (NOW, 131042)

    @pytest.mark.parametrize(
        "fields",
        [
            {"ban_state": "SCHEDULE_FOR_DISABLE"},
            {"event": "ACCOUNT_VIOLATION", "violation_type": "SPAM"},
            {
                "event": "ACCOUNT_RESTRICTION",
                "restrictions": (wire.Restriction(kind="RESTRICTED_BIZ_INITIATED_MESSAGING"),),
            },
            {"event": "ACCOUNT_DELETED"},
        ],
        ids=["scheduled-ban", "violation", "restriction", "deleted"],
    )
    def test_trouble_is_told(self, fields: dict[str, Any], announced: Announced) -> None:
        sender = senders.current()

        heard = announced(account(**fields))

        sender.refresh_from_db()
        assert sender.circuit_opened_at is None
        assert heard == [("account", fields.get("event", "DISABLED_UPDATE"))]

    def test_price_tier_is_no_trouble(self, announced: Announced) -> None:
        assert announced(account(event="VOLUME_BASED_PRICING_TIER_UPDATE")) == []


class TestOtherNotices:
    @pytest.mark.parametrize(
        ("notice", "heard"),
        [
            (
                wire.AccountAlert(
                    **BASE, severity="CRITICAL", alert_type="LIMIT", alert_status="ACTIVE"
                ),
                [("account_alert", "LIMIT ACTIVE")],
            ),
            (wire.AccountAlert(**BASE, severity="INFORMATIONAL", alert_type="LIMIT"), []),
            (
                wire.ValueErrorNotice(**BASE, errors=(Problem(code=130429), Problem(code=None))),
                [("provider_error", "codes 130429, None")],
            ),
            (wire.AccountReview(**BASE, decision="APPROVED"), []),
            (wire.UnknownChange(**BASE), []),
        ],
        ids=["alert", "information", "error", "review", "unknown"],
    )
    def test_what_a_person_should_know_is_told(
        self, notice: wire.Notice, heard: list[tuple[str, str]], announced: Announced
    ) -> None:
        assert announced(notice) == heard

    def test_all_else_is_logged_by_its_field_alone(self, caplog: pytest.LogCaptureFixture) -> None:
        notice = wire.UnknownChange(**{**BASE, "raw": {"phone": "+358457390100"}})

        with caplog.at_level(logging.INFO):
            take(notice)

        assert [record.field for record in caplog.records] == ["some_field"]  # type: ignore[attr-defined]
        assert "358457390100" not in caplog.text
