"""What customers write: kept first, then understood by one table of handlers."""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest

from whatsapp_notify import conf, signals
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.cloud_api.webhooks.preferences import PreferenceChange
from whatsapp_notify.domain import replies, understanding
from whatsapp_notify.domain.understanding import Meaning, Verdict
from whatsapp_notify.models import (
    ConsentRecord,
    Contact,
    Conversation,
    DeliveryEvent,
    InboundMessage,
    Message,
    Sender,
)
from whatsapp_notify.services import (
    answers,
    consent,
    contacts,
    doorbells,
    opt_out_breaker,
    senders,
    surveys,
    timeline,
)
from whatsapp_notify.services.consent import Proof

HandledAs = InboundMessage.HandledAs

#: Free text is allowed for so long after the customer's last message.
#: Source: WhatsApp Cloud API, "Send messages", read 2026-11.
SERVICE_WINDOW = timedelta(hours=24)

#: After an ad, Meta counts 72 hours from our first answer. We count from the customer's
#: message, so that what we take for free is free.
#: Source: WhatsApp Cloud API, "Pricing", read 2026-11.
ENTRY_POINT_WINDOW = timedelta(hours=72)

#: Of the kinds of system messages only these give somebody other ids.
_CHANGES_OF_NUMBER = frozenset({"user_changed_number", "user_changed_user_id"})

#: Meta's clock counts whole seconds, so that an answer may seem older than its question.
_SECOND = timedelta(seconds=1)

#: A customer whose words are unclear is not asked about again for so long.
_ASKED_FOR = timedelta(days=1)

#: Kinds that WhatsApp sends by itself: they open no window and are no reply.
_NOTICES = frozenset({"system", "revoke", "edit", "unsupported"})


def receive(message: wire.InboundMessage, *, now: datetime) -> InboundMessage | None:
    """This will keep one message of a customer and act on it. Needs a transaction.

    Works without any phone number. The same message twice is one message: nothing is done
    the second time. Group messages are kept for staff and never understood as an order to
    stop or start, as they do not speak for one person to one shop.

    Returns:
        The row, or None when it is known already.
    """
    if InboundMessage.objects.filter(provider_message_id=message.provider_message_id).exists():
        return None
    contact = _contact_of(message, now)
    answered = _answered(message)
    row, is_new = InboundMessage.objects.get_or_create(
        provider_message_id=message.provider_message_id[:200],
        defaults={
            "contact": contact,
            "sender": _sender_of(message.phone_number_id),
            "kind": message.kind[:30],
            "text": _text_of(message.content),
            "content": _content_json(message),
            "answers": answered if answered and answered.contact == contact else None,
            "sent_at": message.sent_at,
            "received_at": now,
        },
    )
    if not is_new:
        return None
    if message.kind not in _NOTICES and not message.group_id:
        _open_window(row, message, now)
        if not _is_taken_back(message.content):
            _mark_replied(row, now)
        _clear_unreachable(contact, now)
    row.handled_as = _route(row, message, now)
    row.save(update_fields=["handled_as", *(["content"] if "understood" in row.content else [])])
    doorbells.ring(signals.message_received, sender=InboundMessage, inbound_id=row.pk)
    return row


def withdraw_again(message: wire.InboundMessage, *, now: datetime) -> None:
    """This will bring back what a message withdrew that is kept, but its withdrawal not.

    The ledger has lost it, or an older version did not understand the word. Only withdrawals:
    what is given again by mistake does more harm than what is missing. Of sentences only those
    that were understood as withdrawals when they came: the others are with a person. Needs a
    transaction.
    """
    row = (
        InboundMessage.objects.select_related("contact")
        .filter(provider_message_id=message.provider_message_id[:200])
        .first()
    )
    if row is None or message.group_id or message.kind in _NOTICES:
        return
    verdict = _understood(row, message)
    if not verdict.is_opt_out:
        return
    if not verdict.is_exact and row.handled_as != HandledAs.OPT_OUT:
        return
    if consent.is_recorded(contact=row.contact, dedupe_key=f"inbound:{row.pk}"):
        return
    row.handled_as = _obey(row, message, verdict, now)
    row.save(update_fields=["handled_as"])


def change_preference(change: PreferenceChange, *, now: datetime) -> None:
    """This will act on WhatsApp's own stop and resume. Needs a transaction.

    A stop withdraws promotions in the shop too. A resume lifts only WhatsApp's stop: consent
    that was withdrawn from the shop stays withdrawn.
    """
    if change.category != "marketing_messages":
        return
    known = contacts.by_person(person=change.person, now=now)
    occurred_at = min(change.changed_at, now)
    if change.value == "resume":
        consent.resume_marketing(contact=known, occurred_at=occurred_at)
    if change.value != "stop":
        return
    for contact in contacts.all_of_person(person=change.person, contact=known, at=now):
        consent.stop_marketing(
            contact=contact,
            proof=Proof(
                source=ConsentRecord.Source.PROVIDER,
                wording=change.detail,
                dedupe_key=f"preference:{contact.pk}:{int(change.changed_at.timestamp())}",
            ),
            occurred_at=occurred_at,
            now=now,
        )


def _route(row: InboundMessage, message: wire.InboundMessage, now: datetime) -> str:
    """This will let the first handler that understands the message act on it."""
    if message.group_id:
        return HandledAs.KEPT
    for handle in _HANDLERS:
        handled_as = handle(row, message, now)
        if handled_as is not None:
            return handled_as
    return HandledAs.KEPT


def _notice(row: InboundMessage, message: wire.InboundMessage, now: datetime) -> str | None:
    content = message.content
    if isinstance(content, contents.System) and content.kind in _CHANGES_OF_NUMBER:
        contacts.change_number(
            person=_old_person(message, content),
            new=wire.Person(
                wa_id=content.wa_id,
                user_id=content.user_id,
                parent_user_id=content.parent_user_id,
            ),
            now=now,
        )
    return HandledAs.NOTICE if message.kind in _NOTICES else None


def _understood(row: InboundMessage, message: wire.InboundMessage) -> Verdict:
    """This will tell what a message says about our messages; sentences only in free words."""
    match message.content:
        case contents.Text() | contents.Media():
            return understanding.understand(row.text)
        case contents.ButtonTap(payload=payload) | contents.ButtonReply(reply_id=payload):
            keyword = replies.read_payload(payload)
            if keyword is not None:
                return Verdict(meaning=Meaning(keyword), rule="button", is_exact=True)
    return understanding.read_keyword(row.text)


def _consent_word(row: InboundMessage, message: wire.InboundMessage, now: datetime) -> str | None:
    verdict = _understood(row, message)
    if verdict.meaning is Meaning.NOTHING:
        return None
    if verdict.is_opt_out and not verdict.is_exact and opt_out_breaker.is_open(at=row.sent_at):
        # Nobody is told of each: the breaker has rung.
        _keep_reason(row, dataclasses.replace(verdict, meaning=Meaning.UNCLEAR), held=True)
        return None
    _keep_reason(row, verdict)
    if verdict.meaning is Meaning.UNCLEAR:
        _ask_a_person(row, verdict)
        return None
    return _obey(row, message, verdict, now)


def _keep_reason(row: InboundMessage, verdict: Verdict, *, held: bool = False) -> None:
    """This will keep how the message was understood, and by which rule, beside its content."""
    row.content = {
        **row.content,
        "understood": {
            "as": str(verdict.meaning),
            "rule": verdict.rule,
            "is_exact": verdict.is_exact,
            "is_held": held,
        },
    }


def _ask_a_person(row: InboundMessage, verdict: Verdict) -> None:
    """This will ring for a message that may ask for an end, once a day for each customer."""
    asked = InboundMessage.objects.filter(
        contact_id=row.contact_id,
        sent_at__gt=row.sent_at - _ASKED_FOR,
        content__understood__as=str(Meaning.UNCLEAR),
    )
    if not asked.exclude(pk=row.pk).exists():
        detail = f"inbound message #{row.pk}: {verdict.rule}"
        doorbells.ring(signals.attention_needed, reason="opt_out_unclear", detail=detail)


def _obey(
    row: InboundMessage, message: wire.InboundMessage, verdict: Verdict, now: datetime
) -> str:
    """This will give or withdraw consent as the customer asks."""
    is_button = isinstance(message.content, contents.ButtonTap | contents.ButtonReply)
    proof = Proof(
        source=ConsentRecord.Source.BUTTON if is_button else ConsentRecord.Source.KEYWORD,
        wording=row.text,
        language=row.contact.language,
        evidence={"inbound_id": row.pk} | ({} if verdict.is_exact else {"rule": verdict.rule}),
        dedupe_key=f"inbound:{row.pk}",
    )
    match verdict.meaning:
        case Meaning.OPT_OUT:
            _opt_out(row, message.person, proof, now)
            return HandledAs.OPT_OUT
        case Meaning.OPT_OUT_PROMOTIONS:
            _opt_out_of_promotions(row, proof, now)
            return HandledAs.OPT_OUT
    _opt_in(row, proof, now)
    return HandledAs.OPT_IN


def _opt_out(row: InboundMessage, person: wire.Person, proof: Proof, now: datetime) -> None:
    """This will withdraw everything, and confirm it unless that was done before.

    An old stop that a newer start has overtaken is kept, but not confirmed: it would be a lie.
    """
    is_known = consent.has_stopped_in_chat(contact=row.contact)
    for contact in contacts.all_of_person(person=person, contact=row.contact, at=now):
        key = f"{proof.dedupe_key}:{contact.pk}"
        records = consent.withdraw(
            contact=contact,
            proof=dataclasses.replace(proof, dedupe_key=key),
            occurred_at=min(row.sent_at, now),
            now=now,
        )
        if contact == row.contact and not is_known and consent.is_decided_by(records=records):
            answers.confirm_opt_out(inbound=row, now=now)


def _opt_out_of_promotions(row: InboundMessage, proof: Proof, now: datetime) -> None:
    """This will withdraw promotions only, and confirm it if that is what stands."""
    records = consent.withdraw(
        contact=row.contact,
        topics=consent.promotion_topics(),
        proof=proof,
        occurred_at=min(row.sent_at, now),
        now=now,
    )
    if consent.is_decided_by(records=records):
        answers.confirm_end_of_promotions(inbound=row, now=now)


def _opt_in(row: InboundMessage, proof: Proof, now: datetime) -> None:
    """This will give consent to what the shop offers, and confirm it if that is what stands."""
    records = consent.grant(
        contact=row.contact,
        topics=consent.offered_topics(),
        proof=proof,
        # A grant with a time to come would outlast a stop of the next moment.
        occurred_at=min(row.sent_at, now),
        now=now,
    )
    if consent.is_decided_by(records=records):
        answers.confirm_opt_in(inbound=row, now=now)


def _survey_answer(row: InboundMessage, message: wire.InboundMessage, now: datetime) -> str | None:
    if not isinstance(message.content, contents.Text):
        return None
    answer = surveys.read_answer(inbound=row, now=now)
    if answer is None:
        return None
    answers.thank_for_answer(inbound=row, now=now)
    return HandledAs.SURVEY_ANSWER


#: In this order; the first that understands the message acts alone.
_HANDLERS: tuple[Callable[[InboundMessage, wire.InboundMessage, datetime], str | None], ...] = (
    _notice,
    _consent_word,
    _survey_answer,
)


def _contact_of(message: wire.InboundMessage, now: datetime) -> Contact:
    content = message.content
    if isinstance(content, contents.System) and content.kind in _CHANGES_OF_NUMBER:
        return contacts.by_person(person=_old_person(message, content), now=now)
    answered = _answered(message)
    return contacts.by_person(
        person=message.person,
        now=now,
        # In a group, somebody else may answer what we wrote.
        answered=answered.contact if answered and not message.group_id else None,
    )


def _old_person(message: wire.InboundMessage, content: contents.System) -> wire.Person:
    """This will say who somebody was before the number changed."""
    user_id = content.previous_user_id or message.person.user_id
    return wire.Person(
        wa_id=content.previous_wa_id, user_id=user_id if user_id != content.user_id else ""
    )


def _sender_of(phone_number_id: str) -> Sender | None:
    if phone_number_id == conf.load().PHONE_NUMBER_ID:
        return senders.current()
    return Sender.objects.filter(phone_number_id=phone_number_id).first()


def _answered(message: wire.InboundMessage) -> Message | None:
    """This will find the message that the customer answered or reacted to."""
    provider_message_id = message.context.provider_message_id if message.context else ""
    if isinstance(message.content, contents.Reaction):
        provider_message_id = message.content.provider_message_id
    if not provider_message_id:
        return None
    found = Message.objects.filter(provider_message_id=provider_message_id)
    return found.select_related("contact").first()


def _is_taken_back(content: contents.Content) -> bool:
    return isinstance(content, contents.Reaction) and content.is_removal


def _text_of(content: contents.Content) -> str:
    match content:
        case contents.Text(body=body):
            return body
        case contents.ButtonTap(label=label):
            return label
        case contents.ButtonReply(title=title) | contents.ListReply(title=title):
            return title
        case contents.Media(caption=caption):
            return caption
        case contents.Reaction(emoji=emoji):
            return emoji
        case contents.Order(text=text):
            return text
    return ""


def _content_json(message: wire.InboundMessage) -> dict[str, Any]:
    data = {"content": dataclasses.asdict(message.content)}
    if message.referral is not None:
        data["referral"] = dataclasses.asdict(message.referral)
    if message.group_id:
        data["group_id"] = message.group_id  # type: ignore[assignment]
    return data


def _open_window(row: InboundMessage, message: wire.InboundMessage, now: datetime) -> None:
    """This will open the service window, or prolong it; older news never shorten it."""
    sender = row.sender
    if sender is None:
        return
    until = row.sent_at + SERVICE_WINDOW
    conversation, is_new = Conversation.objects.get_or_create(
        contact=row.contact,
        sender=sender,
        defaults={"last_inbound_at": row.sent_at, "window_expires_at": until},
    )
    if not is_new:
        # Times that are not there yet are filled first: the greatest of nothing is nothing.
        Conversation.objects.filter(pk=conversation.pk, window_expires_at__isnull=True).update(
            window_expires_at=until, last_inbound_at=row.sent_at
        )
        Conversation.objects.filter(pk=conversation.pk).update(
            window_expires_at=Greatest(F("window_expires_at"), until),
            last_inbound_at=Greatest(F("last_inbound_at"), row.sent_at),
        )
    if message.referral is not None:
        until = row.sent_at + ENTRY_POINT_WINDOW
        Conversation.objects.filter(pk=conversation.pk).update(
            entry_point_expires_at=Greatest(Coalesce("entry_point_expires_at", until), until)
        )


def _mark_replied(row: InboundMessage, now: datetime) -> None:
    message = row.answers
    if message is None:
        message = (
            Message.objects.filter(contact=row.contact, called_at__lt=row.sent_at + _SECOND)
            .order_by("-called_at", "-id")
            .first()
        )
    if message is None:
        return
    # The first reply counts, whichever is told first.
    later = Q(replied_at__isnull=True) | Q(replied_at__gt=row.sent_at)
    Message.objects.filter(later, pk=message.pk).update(replied_at=row.sent_at)
    if message.replied_at is not None:
        return
    timeline.write(
        [
            timeline.line(
                message_id=message.pk, kind=DeliveryEvent.Kind.REPLIED, at=row.sent_at, now=now
            )
        ]
    )


def _clear_unreachable(contact: Contact, now: datetime) -> None:
    # What was found out later stands: see Note [A replay brings back and begins nothing].
    if contact.unreachable_since is not None and contact.unreachable_since <= now:
        Contact.objects.filter(pk=contact.pk).update(unreachable_since=None)
