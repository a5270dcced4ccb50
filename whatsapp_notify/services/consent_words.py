"""Stop and start as customers write them, and what is done about it."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from whatsapp_notify import signals
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import Person, contents
from whatsapp_notify.domain import confirmation, replies, understanding
from whatsapp_notify.domain.understanding import Meaning, Verdict
from whatsapp_notify.models import ConsentRecord, Contact, InboundMessage, Message, Topic
from whatsapp_notify.services import (
    answers,
    confirmations,
    consent,
    contacts,
    doorbells,
    opt_out_breaker,
    promotion_pauses,
    together,
)
from whatsapp_notify.services.consent import Proof

HandledAs = InboundMessage.HandledAs

#: A customer whose words are unclear is not asked about again for so long.
_ASKED_FOR = timedelta(days=1)


def read(*, row: InboundMessage, message: wire.InboundMessage) -> Verdict:
    """This will tell what a message says about our messages; sentences only in free words."""
    match message.content:
        case contents.Text() if (verdict := _read_answer(row)) is not None:
            return verdict
        case contents.Text() | contents.Media():
            return understanding.understand(row.text)
        case contents.ButtonTap(payload=payload) | contents.ButtonReply(reply_id=payload):
            keyword = replies.read_payload(payload)
            if keyword is not None:
                return Verdict(meaning=Meaning(keyword), rule="button", is_exact=True)
    return understanding.read_keyword(row.text)


def decide(*, row: InboundMessage, message: wire.InboundMessage) -> Verdict:
    """This will read a message, keep how it was understood beside it, and apply the breaker.

    What the breaker holds back is unclear. Does not save the row.
    """
    verdict = read(row=row, message=message)
    if verdict.meaning is Meaning.NOTHING:
        return verdict
    is_held = (
        verdict.is_opt_out and not verdict.is_exact and opt_out_breaker.is_open(at=row.sent_at)
    )
    if is_held:
        verdict = dataclasses.replace(verdict, meaning=Meaning.UNCLEAR)
    _keep_reason(row, verdict, is_held=is_held)
    return verdict


def ask_a_person(*, row: InboundMessage, verdict: Verdict, now: datetime) -> None:
    """This will let promotions rest for words that may ask for an end, and tell of them.

    Told once a day for each customer; not at all for what the breaker holds, which has rung.
    """
    for contact in whole_person(row=row, at=now):
        promotion_pauses.pause(contact=contact, reason=Contact.PauseReason.OPT_OUT_UNCLEAR, now=now)
    if row.content["understood"]["is_held"]:
        return
    asked = InboundMessage.objects.filter(
        contact_id=row.contact_id,
        sent_at__gt=row.sent_at - _ASKED_FOR,
        content__understood__as=str(Meaning.UNCLEAR),
    )
    if not asked.exclude(pk=row.pk).exists():
        detail = f"inbound message #{row.pk}: {verdict.rule}"
        doorbells.ring(signals.attention_needed, reason="opt_out_unclear", detail=detail)


def whole_person(*, row: InboundMessage, at: datetime) -> Sequence[Contact]:
    """This will return all contacts that the writer may be, in the order of their ids.

    WhatsApp shows a message to whom it was sent only, so who quotes one is whom we wrote to.
    """

    def read(rows: Sequence[InboundMessage]) -> Mapping[int, Sequence[Contact]]:
        people = [(each.kept_person or Person(), _known_as(each)) for each in rows]
        found = contacts.all_of_people(people=people, at=at)
        return {each.pk: several for each, several in zip(rows, found, strict=True)}

    return together.each("whole_person", row, read) or [row.contact]


def not_recorded(*, row: InboundMessage, at: datetime) -> Sequence[Contact]:
    """This will return the contacts that the writer was then and whose ledger lacks the message."""
    return [
        contact
        for contact in whole_person(row=row, at=at)
        if not consent.is_recorded(contact=contact, dedupe_key=_dedupe_key(row))
    ]


def obey(
    *,
    row: InboundMessage,
    message: wire.InboundMessage,
    verdict: Verdict,
    now: datetime,
    people: Sequence[Contact] | None = None,
) -> str:
    """This will give or withdraw consent as the customer asks, and confirm what stands.

    Confirmed to everybody, also to those who talk with the staff: who stops must know that it
    worked.

    Args:
        people: From which contacts it is withdrawn; all that the person may be, if not told.

    Returns:
        How the message was handled; for a person where a yes is said to nobody knows what.
    """
    is_button = isinstance(message.content, contents.ButtonTap | contents.ButtonReply)
    proof = Proof(
        source=ConsentRecord.Source.BUTTON if is_button else ConsentRecord.Source.KEYWORD,
        wording=row.text,
        language=row.contact.language,
        evidence={"inbound_id": row.pk} | ({} if verdict.is_exact else {"rule": verdict.rule}),
        dedupe_key=_dedupe_key(row),
    )
    if verdict.is_opt_out and not verdict.is_exact:
        _let_breaker_count(row)
    if verdict.is_opt_out:
        several = people if people is not None else whole_person(row=row, at=now)
        _WITHDRAWALS[verdict.meaning](row, several, proof, now)
        return HandledAs.OPT_OUT
    if verdict.meaning is Meaning.CONFIRM:
        return _confirm(row, proof, now)
    _opt_in(row, proof, now)
    return HandledAs.OPT_IN


def _read_answer(row: InboundMessage) -> Verdict | None:
    """This will read "yes" and "no" in answer to the question whether consent is confirmed.

    In answer to its bubble whenever that is; without that only as the next words after it, and
    while it waits.
    """
    is_yes = confirmation.read_answer(row.text)
    if is_yes is None:
        return None
    question = confirmations.question_of(inbound=row)
    if question is None:
        return None
    if row.quoted is None and not confirmations.is_open(question=question, at=row.sent_at):
        return None
    meaning = Meaning.CONFIRM if is_yes else Meaning.DECLINE
    return Verdict(meaning=meaning, rule="answer to the question", is_exact=True)


def _let_breaker_count(row: InboundMessage) -> None:
    """This will save at once what the router saves for several messages at their end.

    The next of them may be one too many; see ``opt_out_breaker``.
    """
    row.handled_as = HandledAs.OPT_OUT
    row.save(update_fields=["handled_as", "content"])


def _keep_reason(row: InboundMessage, verdict: Verdict, *, is_held: bool) -> None:
    row.content = {
        **row.content,
        "understood": {
            "as": str(verdict.meaning),
            "rule": verdict.rule,
            "is_exact": verdict.is_exact,
            "is_held": is_held,
        },
    }


def _dedupe_key(row: InboundMessage) -> str:
    return f"inbound:{row.pk}"


def _known_as(row: InboundMessage) -> Sequence[Contact]:
    quoted = row.quoted.contact if row.quoted is not None else row.contact
    return [row.contact] if quoted.is_erased else [row.contact, quoted]


def _opt_out(row: InboundMessage, people: Sequence[Contact], proof: Proof, now: datetime) -> None:
    """This will withdraw everything, and confirm it unless that was done before.

    An old stop that a newer start has overtaken is kept, but not confirmed: it would be a lie.
    """
    is_known = all(consent.has_stopped_in_chat(contact=each) for each in people)
    stands = _withdraw(people, None, proof, occurred_at=min(row.sent_at, now), now=now)
    if stands and not is_known:
        answers.confirm_opt_out(inbound=row, now=now)


def _opt_out_of_promotions(
    row: InboundMessage, people: Sequence[Contact], proof: Proof, now: datetime
) -> None:
    """This will withdraw promotions only, and confirm it if that is what stands."""
    topics = consent.promotion_topics()
    if _withdraw(people, topics, proof, occurred_at=min(row.sent_at, now), now=now):
        answers.confirm_end_of_promotions(inbound=row, now=now)


def _decline(row: InboundMessage, people: Sequence[Contact], proof: Proof, now: datetime) -> None:
    """This will withdraw consent to what the question asked about, and to nothing else.

    Where the question is lost, to promotions.
    """
    question = confirmations.last_question(inbound=row)
    topics = (
        confirmations.topics_of(question=question)
        if question is not None
        else consent.promotion_topics()
    )
    occurred_at = _answered_at(row, question, now)
    if _withdraw(people, topics, _answering(proof, question), occurred_at=occurred_at, now=now):
        answers.confirm_no(inbound=row, now=now)


_WITHDRAWALS = {
    Meaning.OPT_OUT: _opt_out,
    Meaning.OPT_OUT_PROMOTIONS: _opt_out_of_promotions,
    Meaning.DECLINE: _decline,
}


def _withdraw(
    people: Sequence[Contact],
    topics: Sequence[Topic] | None,
    proof: Proof,
    *,
    occurred_at: datetime,
    now: datetime,
) -> bool:
    """This will withdraw consent of each contact, and tell whether that is what stands of all."""
    kept = consent.withdraw_from_all(
        people=people, topics=topics, proof=proof, occurred_at=occurred_at, now=now
    )
    return all(consent.is_decided_by(records=records) for records in kept)


def _opt_in(row: InboundMessage, proof: Proof, now: datetime) -> None:
    """This will give consent to what the shop offers, and confirm it if that is what stands.

    Who asks for messages in so many words also lets promotions go on that have rested.
    """
    records = consent.grant(
        contact=row.contact,
        topics=consent.offered_topics(),
        proof=proof,
        # A grant with a time to come would outlast a stop of the next moment.
        occurred_at=min(row.sent_at, now),
        now=now,
    )
    if consent.is_decided_by(records=records):
        promotion_pauses.lift(contact=row.contact)
        answers.confirm_opt_in(inbound=row, now=now)


def _confirm(row: InboundMessage, proof: Proof, now: datetime) -> str:
    """This will give consent to what the question asked about, and confirm it if it stands.

    It counts for the contact that was asked, whoever the writer is known as. Where the question
    is lost, or went to somebody whose number has moved since, nothing is given.
    """
    question = confirmations.last_question(inbound=row)
    if question is None or not _is_whom_we_asked(row, question):
        return HandledAs.PERSON
    topics = confirmations.topics_of(question=question)
    consent.grant(
        contact=question.contact,
        topics=topics,
        proof=_answering(proof, question),
        occurred_at=_answered_at(row, question, now),
        now=now,
    )
    if consent.is_in_force(contact=question.contact, topics=topics):
        answers.confirm_opt_in(inbound=row, now=now)
    return HandledAs.OPT_IN


def _is_whom_we_asked(row: InboundMessage, question: Message) -> bool:
    if question.contact_id == row.contact_id:
        return True
    asked = question.contact
    return not asked.is_erased and contacts.is_still(
        contact=asked,
        person=row.kept_person or Person(),
        since=question.called_at or question.created_at,
    )


def _answering(proof: Proof, question: Message | None) -> Proof:
    if question is None:
        return proof
    return dataclasses.replace(proof, evidence={**proof.evidence, "question_id": question.pk})


def _answered_at(row: InboundMessage, question: Message | None, now: datetime) -> datetime:
    """This will date an answer after its question: WhatsApp's clock counts whole seconds."""
    asked_at = question.called_at if question is not None else None
    return min(max(row.sent_at, asked_at or row.sent_at), now)
