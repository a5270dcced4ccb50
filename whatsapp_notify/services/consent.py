"""The consent ledger and its projection.

# Note [A stop outlasts the topics of its day]
A stop is written for each topic that is there. Topics come later, by a form, a fixture or a
migration of the shop, and on other grounds than consent they would need no record. So an act
about everything carries ``{"everything": true}`` as evidence, and while the last of these is a
stop, the gate refuses what has no record of its own. A start is everything that the shop
offers, said in the chat; a box ticked in the shop speaks of itself alone.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from whatsapp_notify import signals
from whatsapp_notify.domain.confirmation import Wait
from whatsapp_notify.domain.policy import Purpose
from whatsapp_notify.domain.storable import storable
from whatsapp_notify.models import ConsentRecord, ConsentState, Contact, Topic
from whatsapp_notify.models.automation import Event
from whatsapp_notify.models.set_based import insert_rows, update_rows
from whatsapp_notify.models.topic import Channel
from whatsapp_notify.services import confirmations, doorbells, events
from whatsapp_notify.services.events import Happening

Action = ConsentRecord.Action

#: Evidence of an act about all that the shop sends by itself.
_EVERYTHING = "everything"


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


def grant(
    *, contact: Contact, topics: Iterable[Topic], proof: Proof, occurred_at: datetime, now: datetime
) -> list[ConsentRecord]:
    """This will add one record a topic and let the newest record of each topic decide.

    The first consent to promotions makes the customer join: ``customer.joined`` is recorded.
    What has to be confirmed in the chat has no effect yet: the customer is asked, once.
    Call it inside the shop's transaction, so that order and consent are kept together.
    """
    proofs = [(topic, proof) for topic in topics]
    return grant_each(contact=contact, proofs=proofs, occurred_at=occurred_at, now=now)


def grant_each(
    *,
    contact: Contact,
    proofs: Iterable[tuple[Topic, Proof]],
    occurred_at: datetime,
    now: datetime,
) -> list[ConsentRecord]:
    """This will do as ``grant`` where each topic was agreed to in words of its own.

    What has to be confirmed in the chat is asked about with one question for all of it.
    """
    given = list(proofs)
    if _is_start(given):
        given = _about_everything(given)
    return _record(contact, given, Action.GRANT, occurred_at, now)


def withdraw(
    *,
    contact: Contact,
    proof: Proof,
    occurred_at: datetime,
    now: datetime,
    topics: Iterable[Topic] | None = None,
) -> list[ConsentRecord]:
    """This will withdraw consent; without ``topics`` to all that the shop sends by itself.

    Who withdraws from all of it gets nothing of topics that are added later either; see Note
    [A stop outlasts the topics of its day]. No call to the contact starts after this has been
    committed; see Note [The last look] of ``claims``.
    """
    everything = list(Topic.objects.exclude(purpose=Purpose.SERVICE).order_by("id"))
    named = everything if topics is None else list(topics)
    proofs = [(topic, proof) for topic in named]
    if topics is None or _are_all(named, everything):
        proofs = _about_everything(proofs)
    return _record(contact, proofs, Action.WITHDRAW, occurred_at, now)


def ask_anew(*, contact: Contact, now: datetime) -> None:
    """This will let consent that has to be confirmed wait anew, for the contact's new number.

    The number was only typed in the shop: by mistake, or it is that of somebody who gets a
    present. Whoever has it has agreed to nothing, and is asked before anything else is sent.
    """
    with transaction.atomic():
        row = _lock(contact)
        proof = Proof(source=ConsentRecord.Source.NEW_NUMBER, language=row.language)
        topics = confirmations.to_be_asked_anew(contact=row, now=now)
        if topics:
            _record(row, [(topic, proof) for topic in topics], Action.GRANT, now, now)


def withdraw_from_all(
    *,
    people: Sequence[Contact],
    proof: Proof,
    occurred_at: datetime,
    now: datetime,
    topics: Iterable[Topic] | None = None,
    of: Contact | None = None,
) -> list[list[ConsentRecord]]:
    """This will withdraw consent of each contact that a person may be, as ``withdraw``.

    Needs a transaction. The key of the proof gets the contact's id, but for the contact ``of``.

    Args:
        people: In the order of their ids: see Note [Locks are taken in one order] of ``claims``.

    Returns:
        The records of each, in order.
    """
    asked = None if topics is None else list(topics)
    return [
        withdraw(
            contact=contact,
            topics=asked,
            proof=proof if of is not None and contact.pk == of.pk else _proof_of(proof, contact),
            occurred_at=occurred_at,
            now=now,
        )
        for contact in people
    ]


def hold(*, people: Sequence[Contact]) -> None:
    """This will hold contacts, in the order in which they are given. Needs a transaction."""
    for contact in people:
        _lock(contact)


def stop_marketing(*, contact: Contact, proof: Proof, occurred_at: datetime, now: datetime) -> None:
    """This will keep WhatsApp's own stop: promotions are withdrawn here as well.

    The ledger keeps it even where a later resume is known already: that one lifts WhatsApp's
    stop alone.
    """
    with transaction.atomic():
        row = _lock(contact)
        # Told once more, it is not extended to topics that have come since.
        if not is_recorded(contact=row, dedupe_key=proof.dedupe_key):
            proofs = [(topic, proof) for topic in promotion_topics()]
            _record(row, proofs, Action.WITHDRAW, occurred_at, now)
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


def is_in_force(*, contact: Contact, topics: Iterable[Topic]) -> bool:
    """This will tell whether consent to one of the topics stands, and waits for nothing."""
    states = ConsentState.objects.filter(contact=contact, topic__in=list(topics))
    return states.filter(is_granted=True, confirm_by=None).exists()


def has_stopped_in_chat(*, contact: Contact) -> bool:
    """This will tell whether the contact has ended everything by a message of their own."""
    states = ConsentState.objects.filter(contact=contact, channel=Channel.WHATSAPP)
    states = states.exclude(topic__purpose=Purpose.SERVICE)
    found = list(states.values_list("is_granted", "record__source"))
    return bool(found) and all(
        not is_granted and source in confirmations.IN_CHAT for is_granted, source in found
    )


def offered_topics() -> list[Topic]:
    """This will return the topics that customers can choose, most useful first."""
    rank = {Purpose.DELIVERY: 0, Purpose.SURVEY: 1, Purpose.PROMOTION: 2}
    topics = Topic.objects.filter(is_offered=True).exclude(purpose=Purpose.SERVICE)
    return sorted(topics, key=lambda topic: (rank.get(Purpose(topic.purpose), 9), topic.pk))


def promotion_topics() -> list[Topic]:
    """This will return the topics that are promotions."""
    return list(Topic.objects.filter(purpose=Purpose.PROMOTION).order_by("id"))


def _proof_of(proof: Proof, contact: Contact) -> Proof:
    if not proof.dedupe_key:
        return proof
    return replace(proof, dedupe_key=f"{proof.dedupe_key}:{contact.pk}")


def _is_news(contact: Contact, occurred_at: datetime, *, or_equal: bool) -> bool:
    known = contact.marketing_changed_at
    return known is None or occurred_at > known or (or_equal and occurred_at == known)


def _lock(contact: Contact) -> Contact:
    # The same row that the sender's gate holds: whoever commits first, decides.
    return Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Taken:
    """One record, and what it changed of where the contact stands."""

    record: ConsentRecord
    state: ConsentState
    is_changed: bool
    #: The confirmation that it waits for, if it does.
    wait: Wait | None

    @property
    def is_in_force(self) -> bool:
        return self.is_changed and self.state.is_granted and self.state.confirm_by is None


def _record(
    contact: Contact,
    proofs: Iterable[tuple[Topic, Proof]],
    action: str,
    occurred_at: datetime,
    now: datetime,
) -> list[ConsentRecord]:
    with transaction.atomic():
        row = _lock(contact)
        taken = _project(row, _append(row, proofs, action, occurred_at, now))
        records = [each.record for each in taken]
        stopped_at = _everything_stopped_at(row, records)
        if stopped_at != row.everything_stopped_at or any(each.is_changed for each in taken):
            # See Note [The last look] of ``claims``.
            Contact.objects.filter(pk=row.pk).update(
                consent_revision=F("consent_revision") + 1, everything_stopped_at=stopped_at
            )
        for record in records:
            doorbells.ring(signals.consent_changed, sender=ConsentRecord, record_id=record.pk)
        if action == Action.GRANT:
            _join(row, [each.record for each in taken if each.is_in_force], occurred_at, now)
            _ask(row, taken, now)
        return records


def _are_all(topics: Sequence[Topic], everything: Sequence[Topic]) -> bool:
    """This will tell whether these are all that the shop sends by itself.

    Where that is promotions only, nothing is said of the order news that may come one day.
    """
    has_more = any(topic.purpose != Purpose.PROMOTION for topic in topics)
    return has_more and {topic.pk for topic in topics} >= {topic.pk for topic in everything}


def _is_start(proofs: Sequence[tuple[Topic, Proof]]) -> bool:
    """This will tell whether consent is given to all that is offered, in the chat."""
    if not all(proof.source in confirmations.IN_CHAT for _topic, proof in proofs):
        return False
    offered = {topic.pk for topic in offered_topics()}
    return bool(offered) and {topic.pk for topic, _proof in proofs} >= offered


def _about_everything(proofs: Iterable[tuple[Topic, Proof]]) -> list[tuple[Topic, Proof]]:
    """This will say in the proofs that the act was about all that the shop sends by itself."""
    return [
        (topic, replace(proof, evidence={**proof.evidence, _EVERYTHING: True}))
        for topic, proof in proofs
    ]


def _everything_stopped_at(contact: Contact, records: Sequence[ConsentRecord]) -> datetime | None:
    """This will tell since when everything is stopped, with the records of one act.

    The newest act about everything decides, in whatever order they are told; a tie is a stop.
    """
    known = contact.everything_stopped_at
    if not any(record.evidence.get(_EVERYTHING) for record in records):
        return known
    at = records[0].occurred_at
    if records[0].action == Action.GRANT:
        return known if known is None or at <= known else None
    starts = ConsentRecord.objects.filter(
        contact=contact, action=Action.GRANT, occurred_at__gt=at, evidence__everything=True
    )
    return known if starts.exists() else max(known or at, at)


def _append(
    contact: Contact,
    proofs: Iterable[tuple[Topic, Proof]],
    action: str,
    occurred_at: datetime,
    now: datetime,
) -> list[ConsentRecord]:
    """This will add one record a topic to the ledger; none for an act that is there."""
    told: dict[str, tuple[Topic, Proof]] = {}
    for topic, proof in proofs:
        told.setdefault(f"{proof.dedupe_key}:{topic.pk}:{action}", (topic, proof))
    keys = [key for key, (_topic, proof) in told.items() if proof.dedupe_key]
    rows = ConsentRecord.objects.filter(dedupe_key__in=keys)
    known = frozenset(rows.values_list("dedupe_key", flat=True)) if keys else frozenset()
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
            user_agent=storable(proof.user_agent)[:300],
            recorded_by=proof.recorded_by,
            evidence=_evidence(contact, topic, action, proof, now),
            dedupe_key=key if proof.dedupe_key else None,
        )
        for key, (topic, proof) in told.items()
        if key not in known
    ]
    return ConsentRecord.objects.bulk_create(records)


def _evidence(
    contact: Contact, topic: Topic, action: str, proof: Proof, now: datetime
) -> dict[str, Any]:
    evidence = dict(proof.evidence)
    if confirmations.is_needed(topic=topic, action=action, source=proof.source):
        confirm_by = confirmations.deadline(
            contact=contact, topic=topic, source=proof.source, now=now
        )
        evidence["confirm_by"] = confirm_by.isoformat()
    return evidence


def wording_version(wording: str) -> str:
    """This will return a short name of the words: the same words, the same version."""
    return hashlib.sha256(wording.encode()).hexdigest()[:16] if wording else ""


def _project(contact: Contact, records: Sequence[ConsentRecord]) -> list[_Taken]:
    """This will let each record decide unless a newer one stands; a tie is a withdrawal.

    The records are of different topics. The contact is held, so that nobody else writes these
    states meanwhile.
    """
    topic_ids = [record.topic_id for record in records]
    rows = ConsentState.objects.filter(
        contact=contact, channel=Channel.WHATSAPP, topic__in=topic_ids
    )
    states = {row.topic_id: row for row in rows} if records else {}
    taken = [
        _stand(
            record,
            states.get(record.topic_id)
            or ConsentState(contact=contact, topic=record.topic, channel=record.channel),
        )
        for record in records
    ]
    changed = [each.state for each in taken if each.is_changed]
    insert_rows(
        model=ConsentState,
        rows=[_columns(state) for state in changed if state.pk is None],
    )
    update_rows(
        model=ConsentState,
        rows=[{"id": state.pk} | _columns(state) for state in changed if state.pk is not None],
    )
    return taken


def _stand(record: ConsentRecord, state: ConsentState) -> _Taken:
    """This will say on a state, without saving it, where the contact stands with a record.

    Whether the consent waits for a confirmation can be changed by an older record as well: a
    tap that is told late; and by a new number, which decides nothing else. See Note [A wait is
    read from the ledger] of ``confirmations``.
    """
    waited_until = state.confirm_by
    decides = state.pk is None or not _is_overtaken(record, state)
    if record.source == ConsentRecord.Source.NEW_NUMBER:
        decides = False  # nobody agreed to anything: an opt-out that is told late is no older
    if decides:
        state.is_granted = record.action == Action.GRANT
        state.record, state.changed_at = record, record.occurred_at
    wait = None
    if waited_until is not None or record.topic.confirmation_days:
        wait = confirmations.wait_of(record=record)
        state.confirm_by = wait.until if wait is not None else None
    return _Taken(
        record=record,
        state=state,
        is_changed=decides or state.confirm_by != waited_until,
        wait=wait,
    )


def _columns(state: ConsentState) -> dict[str, Any]:
    return {
        "contact_id": state.contact_id,
        "topic_id": state.topic_id,
        "channel": str(state.channel),
        "is_granted": state.is_granted,
        "record_id": state.record_id,
        "changed_at": state.changed_at,
        "confirm_by": state.confirm_by,
    }


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


def _ask(contact: Contact, taken: Sequence[_Taken], now: datetime) -> None:
    """This will tell that consent waits, so that its customer is asked: once, about all of it."""
    waits = [(each.record.topic, each.wait) for each in taken if each.wait is not None]
    topics = confirmations.unasked(contact=contact, waits=waits, now=now)
    if not topics:
        return
    first = next(each.record for each in taken if each.record.topic in topics)
    unconfirmed = Happening(
        name=Event.CONSENT_UNCONFIRMED,
        key=f"{Event.CONSENT_UNCONFIRMED}:{first.pk}",
        contact_id=contact.pk,
        occurred_at=now,
        data={confirmations.TOPIC_KEYS: " ".join(topic.key for topic in topics)},
    )
    events.record(unconfirmed, now=now)
