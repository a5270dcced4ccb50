"""The consent ledger and its projection."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from whatsapp_notify import signals
from whatsapp_notify.cloud_api.json_body import clean_text
from whatsapp_notify.domain.policy import Purpose
from whatsapp_notify.models import ConsentRecord, ConsentState, Contact, Topic
from whatsapp_notify.models.automation import Event
from whatsapp_notify.models.set_based import insert_rows, update_rows
from whatsapp_notify.models.topic import Channel
from whatsapp_notify.services import doorbells, events
from whatsapp_notify.services.events import Happening

Action = ConsentRecord.Action


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Proof:
    """What shows later that the customer really did it, and what they were told."""

    source: str
    #: The words exactly as shown or written; empty for a click that says it all.
    wording: str = ""
    language: str = ""
    ip_address: str | None = None
    user_agent: str = ""
    #: User name of the staff member who recorded it.
    recorded_by: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    #: The same act, told twice, has the same key.
    dedupe_key: str = ""

    def __repr__(self) -> str:
        return f"<Proof {self.source}>"


#: The customer's own words on WhatsApp.
_IN_CHAT = frozenset({ConsentRecord.Source.KEYWORD, ConsentRecord.Source.BUTTON})

#: What a record writes on the state that it decides.
_DECIDED = ("is_granted", "record_id", "changed_at")


def grant(
    *, contact: Contact, topics: Iterable[Topic], proof: Proof, occurred_at: datetime, now: datetime
) -> list[ConsentRecord]:
    """This will add one record a topic and let the newest record of each topic decide.

    The first consent to promotions makes the customer join: ``customer.joined`` is recorded.
    Call it inside the shop's transaction, so that order and consent are kept together.
    """
    return _record(contact, topics, Action.GRANT, proof, occurred_at, now)


def withdraw(
    *,
    contact: Contact,
    proof: Proof,
    occurred_at: datetime,
    now: datetime,
    topics: Iterable[Topic] | None = None,
) -> list[ConsentRecord]:
    """This will withdraw consent; without ``topics`` to all that the shop sends by itself.

    No call to the contact starts after this has been committed; see Note [The last look] of
    ``claims``.
    """
    if topics is None:
        topics = Topic.objects.exclude(purpose=Purpose.SERVICE).order_by("id")
    return _record(contact, topics, Action.WITHDRAW, proof, occurred_at, now)


def stop_marketing(*, contact: Contact, proof: Proof, occurred_at: datetime, now: datetime) -> None:
    """This will keep WhatsApp's own stop: promotions are withdrawn here as well.

    The ledger keeps it even where a later resume is known already: that one lifts WhatsApp's
    stop alone.
    """
    with transaction.atomic():
        row = _lock(contact)
        # Told once more, it is not extended to topics that have come since.
        if not is_recorded(contact=row, dedupe_key=proof.dedupe_key):
            _record(row, promotion_topics(), Action.WITHDRAW, proof, occurred_at, now)
        is_known = row.marketing_stopped_at == row.marketing_changed_at == occurred_at
        if not is_known and _is_news(row, occurred_at, or_equal=True):
            row.marketing_stopped_at = row.marketing_changed_at = occurred_at
            row.consent_revision = F("consent_revision") + 1
            row.save(
                update_fields=["marketing_stopped_at", "marketing_changed_at", "consent_revision"]
            )


def resume_marketing(*, contact: Contact, occurred_at: datetime) -> None:
    """This will lift WhatsApp's own stop. Consent withdrawn from the shop stays withdrawn."""
    with transaction.atomic():
        row = _lock(contact)
        if not _is_news(row, occurred_at, or_equal=False):
            return
        row.marketing_stopped_at, row.marketing_changed_at = None, occurred_at
        row.save(update_fields=["marketing_stopped_at", "marketing_changed_at"])


def is_recorded(*, contact: Contact, dedupe_key: str) -> bool:
    """This will tell whether an act of the contact is in the ledger, for any topic."""
    if not dedupe_key:
        return False
    records = ConsentRecord.objects.filter(contact=contact)
    return records.filter(dedupe_key__startswith=f"{dedupe_key}:").exists()


def is_decided_by(*, records: Iterable[ConsentRecord]) -> bool:
    """This will tell whether one of the records is what stands now, and not a newer one."""
    return ConsentState.objects.filter(record__in=list(records)).exists()


def has_stopped_in_chat(*, contact: Contact) -> bool:
    """This will tell whether the contact has ended everything by a message of their own."""
    states = ConsentState.objects.filter(contact=contact, channel=Channel.WHATSAPP)
    states = states.exclude(topic__purpose=Purpose.SERVICE)
    found = list(states.values_list("is_granted", "record__source"))
    return bool(found) and all(
        not is_granted and source in _IN_CHAT for is_granted, source in found
    )


def offered_topics() -> list[Topic]:
    """This will return the topics that customers can choose, most useful first."""
    rank = {Purpose.DELIVERY: 0, Purpose.SURVEY: 1, Purpose.PROMOTION: 2}
    topics = Topic.objects.filter(is_offered=True).exclude(purpose=Purpose.SERVICE)
    return sorted(topics, key=lambda topic: (rank.get(Purpose(topic.purpose), 9), topic.pk))


def promotion_topics() -> list[Topic]:
    """This will return the topics that are promotions."""
    return list(Topic.objects.filter(purpose=Purpose.PROMOTION).order_by("id"))


def _is_news(contact: Contact, occurred_at: datetime, *, or_equal: bool) -> bool:
    known = contact.marketing_changed_at
    return known is None or occurred_at > known or (or_equal and occurred_at == known)


def _lock(contact: Contact) -> Contact:
    # The same row that the sender's gate holds: whoever commits first, decides.
    return Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)


def _record(
    contact: Contact,
    topics: Iterable[Topic],
    action: str,
    proof: Proof,
    occurred_at: datetime,
    now: datetime,
) -> list[ConsentRecord]:
    with transaction.atomic():
        row = _lock(contact)
        once = list({topic.pk: topic for topic in topics}.values())
        records = _append(row, once, action, proof, occurred_at)
        deciding = _project(row, records)
        if deciding:
            # See Note [The last look] of ``claims``.
            Contact.objects.filter(pk=row.pk).update(consent_revision=F("consent_revision") + 1)
        for record in records:
            doorbells.ring(signals.consent_changed, sender=ConsentRecord, record_id=record.pk)
        if action == Action.GRANT:
            _join(row, deciding, occurred_at, now)
        return records


def _append(
    contact: Contact,
    topics: Sequence[Topic],
    action: str,
    proof: Proof,
    occurred_at: datetime,
) -> list[ConsentRecord]:
    """This will add one record a topic, but none for an act that is in the ledger."""
    keys = {
        topic.pk: f"{proof.dedupe_key}:{topic.pk}:{action}" if proof.dedupe_key else None
        for topic in topics
    }
    told = [key for key in keys.values() if key]
    rows = ConsentRecord.objects.filter(dedupe_key__in=told)
    known = set(rows.values_list("dedupe_key", flat=True)) if told else set()
    records = [
        ConsentRecord(
            contact=contact,
            topic=topic,
            channel=Channel.WHATSAPP,
            action=action,
            lawful_basis=topic.lawful_basis,
            source=proof.source,
            wording=proof.wording,
            wording_version=wording_version(proof.wording),
            language=proof.language,
            occurred_at=occurred_at,
            ip_address=proof.ip_address,
            user_agent=clean_text(proof.user_agent)[:300],
            recorded_by=proof.recorded_by,
            evidence=dict(proof.evidence),
            dedupe_key=keys[topic.pk],
        )
        for topic in topics
        if keys[topic.pk] not in known
    ]
    return ConsentRecord.objects.bulk_create(records)


def wording_version(wording: str) -> str:
    """This will return a short name of the words: the same words, the same version."""
    return hashlib.sha256(wording.encode()).hexdigest()[:16] if wording else ""


def _project(contact: Contact, records: Sequence[ConsentRecord]) -> list[ConsentRecord]:
    """This will let each record decide unless a newer one stands; a tie is a withdrawal.

    The contact is held, so that nobody else writes these states meanwhile.

    Returns:
        Those that decide.
    """
    states = (
        {
            state.topic_id: state
            for state in ConsentState.objects.filter(
                contact=contact,
                channel=Channel.WHATSAPP,
                topic__in=[each.topic_id for each in records],
            )
        }
        if records
        else {}
    )
    deciding = [
        record
        for record in records
        if record.topic_id not in states or not _is_overtaken(record, states[record.topic_id])
    ]
    decided = [
        {
            "contact_id": contact.pk,
            "topic_id": record.topic_id,
            "channel": str(record.channel),
            "is_granted": record.action == Action.GRANT,
            "record_id": record.pk,
            "changed_at": record.occurred_at,
        }
        for record in deciding
    ]
    insert_rows(model=ConsentState, rows=[row for row in decided if row["topic_id"] not in states])
    update_rows(
        model=ConsentState,
        rows=[
            {"id": states[row["topic_id"]].pk} | {name: row[name] for name in _DECIDED}
            for row in decided
            if row["topic_id"] in states
        ],
    )
    return deciding


def _is_overtaken(record: ConsentRecord, state: ConsentState) -> bool:
    if record.occurred_at == state.changed_at:
        return record.action == Action.GRANT and not state.is_granted
    return record.occurred_at < state.changed_at


def _join(
    contact: Contact, records: Iterable[ConsentRecord], occurred_at: datetime, now: datetime
) -> None:
    if any(record.topic.purpose == Purpose.PROMOTION for record in records):
        joined = Happening(
            name=Event.CUSTOMER_JOINED,
            key=f"{Event.CUSTOMER_JOINED}:{contact.pk}",
            contact_id=contact.pk,
            occurred_at=occurred_at,
        )
        events.record(joined, now=now)
