"""What customers write: kept first, then routed."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce, Greatest

from whatsapp_notify import conf, signals
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.cloud_api.webhooks.preferences import PreferenceChange
from whatsapp_notify.models import (
    ConsentRecord,
    Contact,
    Conversation,
    DeliveryEvent,
    InboundMessage,
    Lead,
    Message,
    Sender,
)
from whatsapp_notify.services import (
    consent,
    consent_words,
    contacts,
    doorbells,
    inbound_media,
    routing,
    senders,
    shared_reads,
    timeline,
    together,
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

#: What the router writes on the row.
_ROUTED = ("handled_as", "route", "errand", "errand_due_at")

#: Meta's clock counts whole seconds, so that an answer may seem older than its question.
_SECOND = timedelta(seconds=1)


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
    row = InboundMessage(
        provider_message_id=message.provider_message_id[:200],
        contact=contact,
        sender=_sender_of(message.phone_number_id),
        kind=message.kind[:30],
        text=_text_of(message.content),
        content=_content_json(message),
        answers=answered if answered and answered.contact == contact else None,
        sent_at=message.sent_at,
        received_at=now,
    )
    if together.is_open():
        # Where another process is faster, all is undone, and this one done again for itself.
        row.save(force_insert=True)
    else:
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            return None  # another process has been faster, or only the end of the id differs
    _keep_lead(row, message)
    if message.kind not in routing.NOTICES and not message.group_id:
        _open_window(row, message, now)
        if not _is_taken_back(message.content):
            _mark_replied(row, now)
        _clear_unreachable(contact, now)
    if isinstance(message.content, contents.Media):
        inbound_media.note(inbound=row, content=message.content, now=now)
    routing.route(row=row, message=message, now=now)
    row.save(update_fields=[*_ROUTED, *(["content"] if "understood" in row.content else [])])
    if row.errand:
        doorbells.ring(signals.errands_due, sender=InboundMessage)
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
    if row is None or message.group_id or message.kind in routing.NOTICES:
        return
    verdict = consent_words.read(row=row, message=message)
    if not verdict.is_opt_out:
        return
    if not verdict.is_exact and row.handled_as != HandledAs.OPT_OUT:
        return
    if consent.is_recorded(contact=row.contact, dedupe_key=f"inbound:{row.pk}"):
        return
    row.handled_as = consent_words.obey(row=row, message=message, verdict=verdict, now=now)
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


def _contact_of(message: wire.InboundMessage, now: datetime) -> Contact:
    content = message.content
    if isinstance(content, contents.System) and content.kind in routing.CHANGES_OF_NUMBER:
        return contacts.by_person(person=routing.old_person(message, content), now=now)
    answered = _answered(message)
    return contacts.by_person(
        person=message.person,
        now=now,
        # In a group, somebody else may answer what we wrote.
        answered=answered.contact if answered and not message.group_id else None,
    )


def _sender_of(phone_number_id: str) -> Sender | None:
    if phone_number_id == conf.load().PHONE_NUMBER_ID:
        return shared_reads.once("sender", senders.current)
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


def _keep_lead(row: InboundMessage, message: wire.InboundMessage) -> None:
    """This will keep by which ad or post the customer came."""
    referral = message.referral
    if referral is None:
        return
    Lead.objects.create(
        contact=row.contact,
        inbound=row,
        source_type=referral.source_type[:20],
        source_id=referral.source_id[:100],
        source_url=referral.source_url[:1000],
        headline=referral.headline[:300],
        click_id=referral.click_id[:300],
        came_at=row.sent_at,
    )


def _open_window(row: InboundMessage, message: wire.InboundMessage, now: datetime) -> None:
    """This will open the service window, or prolong it; older news never shorten it."""
    sender = row.sender
    if sender is None:
        return
    until = row.sent_at + SERVICE_WINDOW
    conversation, is_new = Conversation.objects.get_or_create(
        contact=row.contact,
        sender=sender,
        defaults={
            "last_inbound_at": row.sent_at,
            "last_message_at": row.sent_at,
            "window_expires_at": until,
        },
    )
    row.keep_conversation(conversation)
    if not is_new:
        # The greatest of nothing is nothing: times that are not there yet are filled.
        Conversation.objects.filter(pk=conversation.pk).update(
            window_expires_at=_latest("window_expires_at", until),
            last_inbound_at=_latest("last_inbound_at", row.sent_at),
            last_message_at=_latest("last_message_at", row.sent_at),
        )
    if message.referral is not None:
        until = row.sent_at + ENTRY_POINT_WINDOW
        Conversation.objects.filter(pk=conversation.pk).update(
            entry_point_expires_at=_latest("entry_point_expires_at", until)
        )


def _latest(column: str, moment: datetime) -> Greatest:
    return Greatest(Coalesce(column, moment), moment)


def _mark_replied(row: InboundMessage, now: datetime) -> None:
    message = row.answers
    if message is None:
        message = (
            Message.objects.filter(contact=row.contact, called_at__lt=row.sent_at + _SECOND)
            .order_by("-called_at", "-id")
            .only("replied_at")
            .first()
        )
    if message is None or (message.replied_at and message.replied_at <= row.sent_at):
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
