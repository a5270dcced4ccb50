"""Consent that another system tells us: a checkout elsewhere, an app, a till."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from whatsapp_notify import conf
from whatsapp_notify.domain import phone as phones
from whatsapp_notify.domain.occasions import Customer
from whatsapp_notify.exceptions import WhatsAppNotifyError
from whatsapp_notify.models import ConsentRecord, Contact, Topic
from whatsapp_notify.services import consent, contacts
from whatsapp_notify.services.consent import Proof

Action = ConsentRecord.Action

#: The caller's clock may be so far ahead of ours; such a time is taken for now.
CLOCK_SKEW = timedelta(minutes=1)


class ExternalIdTaken(WhatsAppNotifyError):
    """This external id was used for another act of consent. Give each act an id of its own."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Act:
    """One act of giving or withdrawing; personal, so its ``repr`` shows no value."""

    #: "grant" or "withdraw".
    action: str
    #: As typed; national formats are read in the shop's default region.
    phone: str
    topics: Sequence[Topic]
    #: None for now.
    occurred_at: datetime | None = None
    #: The caller's own id of the act; told twice, it counts once. Empty for none.
    external_id: str = ""
    #: The words exactly as the customer saw them.
    wording: str = ""
    language: str = ""
    first_name: str = ""
    ip_address: str | None = None
    user_agent: str = ""
    #: Who tells it: primary key and name of the API's user.
    caller_id: Any = None
    caller_name: str = ""

    def __repr__(self) -> str:
        return f"<Act {self.action}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What the ledger says about an act; the same when it is told again."""

    occurred_at: datetime
    topic_keys: tuple[str, ...] = field(default=())


def take(act: Act, *, now: datetime) -> Taken:
    """This will add an act to the ledger, in one transaction; effective once committed.

    Somebody whom the shop does not know becomes a contact, for a withdrawal as well: the
    answer tells nobody who is a customer. A withdrawal counts for all contacts that have the
    number, a grant for one.

    Raises:
        domain.phone.InvalidPhone: The phone is none.
        ExternalIdTaken: The id belongs to an act of another person, time, kind or wording.
    """
    try:
        with transaction.atomic():
            return _take(act, now=now)
    except IntegrityError as err:
        # Two callers at the same moment: the other one was first.
        raise ExternalIdTaken(ExternalIdTaken.__doc__) from err


def _take(act: Act, *, now: datetime) -> Taken:
    is_grant = act.action == Action.GRANT
    if not is_grant:
        _hold_all(act)
    customer = Customer(
        phone=act.phone,
        first_name=act.first_name,
        # A customer who agreed in a language wants to be written to in it.
        language=act.language if is_grant else "",
    )
    contact = contacts.resolve(customer=customer, now=now)
    told_before = _told_before(act)
    if told_before:
        return _repeated(act, told_before, contact)
    # A grant with a time to come would outlast a withdrawal of the next moment.
    occurred_at = min(act.occurred_at or now, now)
    proof = Proof(
        source=ConsentRecord.Source.API,
        wording=act.wording,
        language=act.language,
        ip_address=act.ip_address,
        user_agent=act.user_agent,
        recorded_by=act.caller_name[:150],
        evidence={"external_id": act.external_id} if act.external_id else {},
        dedupe_key=_dedupe_key(act),
    )
    if is_grant:
        consent.grant(
            contact=contact, topics=act.topics, proof=proof, occurred_at=occurred_at, now=now
        )
    else:
        consent.withdraw_from_all(
            people=contacts.all_of_contact(contact=contact),
            of=contact,
            topics=act.topics,
            proof=proof,
            occurred_at=occurred_at,
            now=now,
        )
    return Taken(occurred_at=occurred_at, topic_keys=_keys(act.topics))


def _hold_all(act: Act) -> None:
    """This will hold all contacts that the act may be about, before one of them is brought up to
    date: see Note [Locks are taken in one order] of ``claims``.
    """
    phone = phones.parse(act.phone, region=conf.load().DEFAULT_REGION)
    consent.hold(people=contacts.all_of_number(phone=phone))


def _told_before(act: Act) -> Sequence[ConsentRecord]:
    """This will find the records of the same external id, whatever their topics and action."""
    if not act.external_id:
        return ()
    start = _dedupe_key(act)
    possible = [
        f"{start}:{pk}:{action}"
        for pk in Topic.objects.values_list("pk", flat=True)
        for action in (Action.GRANT, Action.WITHDRAW)
    ]
    found = ConsentRecord.objects.filter(dedupe_key__in=possible).select_related("topic")
    return list(found.order_by("id"))


def _repeated(act: Act, records: Sequence[ConsentRecord], contact: Contact) -> Taken:
    first = records[0]
    is_same = (
        first.contact_id == contact.pk
        and first.action == act.action
        and first.wording == act.wording
        and _is_same_time(act.occurred_at, first.occurred_at)
        and {record.topic_id for record in records} == {topic.pk for topic in act.topics}
    )
    if not is_same:
        raise ExternalIdTaken(ExternalIdTaken.__doc__)
    return Taken(occurred_at=first.occurred_at, topic_keys=_keys(act.topics))


def _is_same_time(told: datetime | None, kept: datetime) -> bool:
    return told is None or timedelta(0) <= told - kept <= CLOCK_SKEW


def _keys(topics: Sequence[Topic]) -> tuple[str, ...]:
    return tuple(sorted(topic.key for topic in topics))


def _dedupe_key(act: Act) -> str:
    """This will name the act; short, for the column, and apart for each caller."""
    if not act.external_id:
        return ""
    name = f"{act.caller_id}:{act.external_id}"
    return f"api:{hashlib.sha256(name.encode()).hexdigest()[:40]}"
