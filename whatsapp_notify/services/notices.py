"""What Meta tells about templates, the number and the account."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from whatsapp_notify import signals
from whatsapp_notify.cloud_api.webhooks import notices as wire
from whatsapp_notify.models import Sender, Template
from whatsapp_notify.services import doorbells, faults, senders, templates

logger = logging.getLogger(__name__)

#: Meta's clock, which tells news, and ours, which tells when we asked, differ by no more.
_CLOCKS = timedelta(minutes=1)


def take_note(notice: wire.Notice, *, now: datetime) -> None:
    """This will bring our copy of Meta's state up to date. Needs a transaction.

    What a person should know of rings ``attention_needed``; all else is logged by its field.
    """
    match notice:
        case wire.TemplateStatusChange():
            _change_status(notice, now)
        case wire.TemplateQualityChange():
            _named(notice.name, notice.language).update(quality=notice.new_quality[:10])
        case wire.TemplateCategoryChange() if notice.is_upcoming:
            _announce("template_category_soon", f"{notice.name}: {notice.correct_category}")
        case wire.TemplateCategoryChange():
            _named(notice.name, notice.language).update(category=notice.new_category.upper()[:20])
            _announce("template_category", f"{notice.name}: {notice.new_category}")
        case wire.PhoneNumberQualityChange() | wire.BusinessCapabilityChange() if notice.limit:
            Sender.objects.filter(business_account_id=notice.business_account_id).update(
                messaging_limit=notice.limit[:20]
            )
        case wire.AccountUpdate():
            _update_account(notice, now)
        case wire.AccountAlert() if notice.severity != "INFORMATIONAL":
            _announce("account_alert", f"{notice.alert_type} {notice.alert_status}")
        case wire.ValueErrorNotice():
            codes = ", ".join(str(problem.code) for problem in notice.errors)
            _announce("provider_error", f"codes {codes}")
        case _:
            logger.info("Notice kept", extra={"field": faults.printable(notice.field)})


def _named(name: str, language: str) -> QuerySet[Template]:
    return Template.objects.filter(name=name, language=language)


def _change_status(notice: wire.TemplateStatusChange, now: datetime) -> None:
    status = "APPROVED" if notice.event in {"REINSTATED", "UNARCHIVED"} else notice.event
    if status == "FLAGGED":
        _announce("template_flagged", notice.name)
        return  # a warning: it can still be sent
    changes: dict[str, object] = {"status": status[:20], "rejected_reason": notice.reason[:200]}
    if status == "APPROVED":
        # Meta itself says that it may be sent again.
        changes |= {**Template.resumed(now=now), "rejected_reason": ""}
    rows = _named(notice.name, notice.language)
    if notice.happened_at is not None:
        is_other = Q(told_at=notice.happened_at) & ~Q(status=status[:20])
        is_news = Q(told_at__isnull=True) | Q(told_at__lt=notice.happened_at) | is_other
        is_news &= Q(synced_at__isnull=True) | Q(synced_at__lt=notice.happened_at + _CLOCKS)
        if not rows.filter(is_news).update(told_at=notice.happened_at) and rows.exists():
            return  # something later has been told already
    rows.update(**changes)
    if status == "APPROVED":
        templates.wake_waiting(name=notice.name, language=notice.language, now=now)
    else:
        _announce("template", f"{notice.name} {notice.language}: {status}")


def _update_account(notice: wire.AccountUpdate, now: datetime) -> None:
    is_ban = notice.ban_state in {"DISABLE", "REINSTATE"}
    told = list(_told_of_a_ban(notice)) if is_ban else []
    if is_ban and not told and _numbers_of(notice).exists():
        return  # something later has been told already
    is_over = notice.event in {"ACCOUNT_DELETED", "ACCOUNT_OFFBOARDED"}
    if notice.ban_state == "REINSTATE":
        for sender in told:
            if not senders.needs_a_person(sender):
                senders.close_circuit(sender=sender, now=now)
    elif notice.ban_state or notice.restrictions or notice.violation_type or is_over:
        _announce("account", notice.event)
    if notice.ban_state == "DISABLE":
        for sender in told:
            senders.open_circuit(sender=sender, code=senders.RESTRICTED, now=now)


def _numbers_of(notice: wire.AccountUpdate) -> QuerySet[Sender]:
    return Sender.objects.filter(business_account_id=notice.business_account_id)


def _told_of_a_ban(notice: wire.AccountUpdate) -> Iterator[Sender]:
    """This will hold the numbers of the account of which nothing later has been told."""
    for sender in _numbers_of(notice).select_for_update(no_key=True):
        if notice.happened_at is not None:
            if sender.ban_told_at is not None and sender.ban_told_at >= notice.happened_at:
                continue
            sender.ban_told_at = notice.happened_at
            sender.save(update_fields=["ban_told_at"])
        yield sender


def _announce(reason: str, detail: str) -> None:
    doorbells.ring(signals.attention_needed, reason=reason, detail=detail)
