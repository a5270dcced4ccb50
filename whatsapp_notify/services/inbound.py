"""What customers write: kept first, then routed."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from whatsapp_notify import conf, signals
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.cloud_api.webhooks.preferences import PreferenceChange
from whatsapp_notify.exceptions import WhatsAppNotifyError
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
from whatsapp_notify.models.set_based import update_rows
from whatsapp_notify.services import (
    consent,
    consent_words,
    contacts,
    conversations,
    doorbells,
    inbound_media,
    last_calls,
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
_ROUTED = ("handled_as", "route", "errand", "errand_due_at", "content")


#: The times of a conversation that a message prolongs.
_MOMENTS = ("last_inbound_at", "last_message_at", "window_expires_at", "entry_point_expires_at")


class OnePersonTwice(WhatsAppNotifyError):
    """Messages that were taken for those of different people are of one, by two spellings."""


def receive(message: wire.InboundMessage, *, now: datetime) -> InboundMessage | None:
    """This will keep one message of a customer and act on it: see ``receive_all``.

    Returns:
        The row, or None when it is known already.
    """
    return receive_all([message], now=now)[0]


def receive_all(
    messages: Sequence[wire.InboundMessage], *, now: datetime
) -> Sequence[InboundMessage | None]:
    """This will keep messages of different people and act on them. Needs a transaction.

    Works without any phone number. The same message twice is one message: nothing is done
    the second time. Group messages are kept for staff and never understood as an order to
    stop or start, as they do not speak for one person to one shop.

    Returns:
        The rows, in order; None for what is known already.

    Raises:
        OnePersonTwice: Only of several; they are to be done one by one.
        contacts.Entangled: Likewise.
        django.db.IntegrityError: Only of several; another process has been faster.
    """
    known = _known(messages)
    fresh = [each for each in messages if each.provider_message_id[:200] not in known]
    rows = _insert(_rows(fresh, now))
    arrived = sorted(zip(rows, fresh, strict=False), key=lambda each: each[0].contact_id)
    together.about(rows)
    for row, message in arrived:
        _keep_lead(row, message)
    speaking = [each for each in arrived if _speaks(each[1])]
    _open_windows(speaking)
    _mark_replied([row for row, message in speaking if not _is_taken_back(message.content)], now)
    # By contact, as whoever holds several contacts holds them by their ids: see ``claims``.
    for row, message in arrived:
        if _speaks(message):
            _clear_unreachable(row, now)
        if isinstance(message.content, contents.Media):
            inbound_media.note(inbound=row, content=message.content, now=now)
        routing.route(row=row, message=message, now=now)
    _keep_routes(rows)
    by_id = {row.provider_message_id: row for row in rows}
    return [by_id.get(each.provider_message_id[:200]) for each in messages]


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
    if row is None or message.group_id or routing.is_mere_notice(row=row, message=message):
        return
    _keep_told(row, message, _answered([message]).get(_quoted_id(message)))
    verdict = consent_words.read(row=row, message=message)
    if not verdict.is_opt_out:
        return
    if not verdict.is_exact and row.handled_as != HandledAs.OPT_OUT:
        return
    # Told once more, it may name ids that are somebody else's by now.
    missing = consent_words.not_recorded(row=row, at=row.received_at)
    if not missing:
        return
    row.handled_as = consent_words.obey(
        row=row, message=message, verdict=verdict, now=now, people=missing
    )
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


def _known(messages: Sequence[wire.InboundMessage]) -> frozenset[str]:
    """This will return which of the messages are kept already."""
    ids = [each.provider_message_id[:200] for each in messages]
    rows = InboundMessage.objects.filter(provider_message_id__in=ids)
    return frozenset(rows.values_list("provider_message_id", flat=True))


def _rows(messages: Sequence[wire.InboundMessage], now: datetime) -> list[InboundMessage]:
    answered = _answered(messages)
    quoted = [answered.get(_quoted_id(each)) for each in messages]
    people = [_person_of(*each) for each in zip(messages, quoted, strict=True)]
    owners = contacts.by_persons(people=people, now=now)
    if len({each.pk for each in owners}) < len(owners):
        raise OnePersonTwice(OnePersonTwice.__doc__)
    rows = [
        InboundMessage(
            provider_message_id=message.provider_message_id[:200],
            contact=contact,
            sender=_sender_of(message.phone_number_id),
            kind=message.kind[:30],
            text=_text_of(message.content),
            content=_content_json(message),
            answers=quote if quote and quote.contact == contact else None,
            sent_at=message.sent_at,
            received_at=now,
        )
        for message, quote, contact in zip(messages, quoted, owners, strict=True)
    ]
    for row, message, quote in zip(rows, messages, quoted, strict=True):
        _keep_told(row, message, quote)
    return rows


def _keep_told(row: InboundMessage, message: wire.InboundMessage, quoted: Message | None) -> None:
    # In a group, somebody else may quote what we wrote.
    row.keep_told(person=message.person, quoted=None if message.group_id else quoted)


def _insert(rows: Sequence[InboundMessage]) -> Sequence[InboundMessage]:
    """This will insert the rows; of one alone nothing where another process has been faster."""
    if together.is_open():
        return InboundMessage.objects.bulk_create(rows)
    try:
        with transaction.atomic():
            return InboundMessage.objects.bulk_create(rows)
    except IntegrityError:
        return []  # another process has been faster, or only the end of the id differs


def _keep_routes(rows: Sequence[InboundMessage]) -> None:
    """This will keep what the router has written on the rows, and ring for what is to be done."""
    update_rows(
        model=InboundMessage,
        rows=[{"id": row.pk} | {name: getattr(row, name) for name in _ROUTED} for row in rows],
    )
    if any(row.errand for row in rows):
        doorbells.ring(signals.errands_due, sender=InboundMessage)
    for row in rows:
        doorbells.ring(signals.message_received, sender=InboundMessage, inbound_id=row.pk)


def _speaks(message: wire.InboundMessage) -> bool:
    """This will tell whether somebody speaks to us alone: then the window is open."""
    return message.kind not in routing.NOTICES and not message.group_id


def _person_of(
    message: wire.InboundMessage, quoted: Message | None
) -> tuple[wire.Person, Contact | None]:
    """This will return who wrote a message, and whom we wrote the one to that it answers."""
    content = message.content
    if isinstance(content, contents.System) and content.kind in routing.CHANGES_OF_NUMBER:
        return routing.old_person(message, content), None
    # In a group, somebody else may answer what we wrote.
    return message.person, quoted.contact if quoted and not message.group_id else None


def _sender_of(phone_number_id: str) -> Sender | None:
    if phone_number_id == conf.load().PHONE_NUMBER_ID:
        return shared_reads.once("sender", senders.current)
    return Sender.objects.filter(phone_number_id=phone_number_id).first()


def _answered(messages: Sequence[wire.InboundMessage]) -> Mapping[str, Message]:
    """This will find the messages of ours that customers answered or reacted to, by their ids."""
    ids = {_quoted_id(each) for each in messages} - {""}
    if not ids:
        return {}
    found = Message.objects.filter(provider_message_id__in=ids).select_related("contact")
    return {str(each.provider_message_id): each for each in found.order_by("-pk")}


def _quoted_id(message: wire.InboundMessage) -> str:
    if isinstance(message.content, contents.Reaction):
        return message.content.provider_message_id
    return message.context.provider_message_id if message.context else ""


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
        case contents.Edit(content=new) if new is not None:
            return _text_of(new)
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


def _open_windows(arrived: Sequence[tuple[InboundMessage, wire.InboundMessage]]) -> None:
    """This will open service windows, or prolong them; older news never shorten one.

    Holds the conversations: who answers cannot change until the messages are routed.
    """
    ours = [(row, message) for row, message in arrived if row.sender_id is not None]
    if not ours:
        return
    found = dict(conversations.hold([row for row, _message in ours]))
    missing = [row for row, _message in ours if row.pk not in found]
    if missing:
        chats = [Conversation(contact=row.contact, sender=row.sender) for row in missing]
        Conversation.objects.bulk_create(chats, ignore_conflicts=True)
        found |= conversations.hold(missing)
    for row, message in ours:
        _prolong(found[row.pk], row.sent_at, came_by_ad=message.referral is not None)
    update_rows(
        model=Conversation,
        rows=[
            {"id": each.pk} | {name: getattr(each, name) for name in _MOMENTS}
            for each in found.values()
        ],
    )


def _prolong(conversation: Conversation, sent_at: datetime, *, came_by_ad: bool) -> None:
    told = {
        "last_inbound_at": sent_at,
        "last_message_at": sent_at,
        "window_expires_at": sent_at + SERVICE_WINDOW,
    }
    if came_by_ad:
        told["entry_point_expires_at"] = sent_at + ENTRY_POINT_WINDOW
    for name, moment in told.items():
        known = getattr(conversation, name)
        setattr(conversation, name, max(known, moment) if known else moment)


def _mark_replied(rows: Sequence[InboundMessage], now: datetime) -> None:
    """This will note on what customers answered that they did; the first reply counts."""
    last = last_calls.before(
        rows=[row for row in rows if row.answers is None],
        of=last_calls.seen().only("replied_at"),
    )
    answered = [(row.answers or last.get(row.pk), row.sent_at) for row in rows]
    told = {each.pk: (each, sent_at) for each, sent_at in answered if each is not None}
    # Messages by id, before any contact is held: see Note [Locks are taken in one order].
    first = update_rows(
        model=Message,
        rows=[
            {"id": pk, "replied_at": sent_at}
            for pk, (each, sent_at) in sorted(told.items())
            if each.replied_at is None
        ],
        only_where={"replied_at": [None]},
        in_order=True,
    )
    for pk, (each, sent_at) in sorted(told.items()):
        # The first reply counts, whichever is told first.
        if pk not in first and (each.replied_at is None or each.replied_at > sent_at):
            later = Message.objects.filter(pk=pk, replied_at__gt=sent_at)
            later.update(replied_at=sent_at)
    timeline.write(
        [
            timeline.line(message_id=pk, kind=DeliveryEvent.Kind.REPLIED, at=told[pk][1], now=now)
            for pk in sorted(first)
        ]
    )


def _clear_unreachable(row: InboundMessage, now: datetime) -> None:
    contact = row.contact
    # What was found out later stands: see Note [A replay brings back and begins nothing].
    if contact.unreachable_since is not None and contact.unreachable_since <= now:
        # It may be a stop, for all of them: see Note [Locks are taken in one order] of ``claims``.
        consent.hold(people=consent_words.whole_person(row=row, at=now))
        Contact.objects.filter(pk=contact.pk).update(unreachable_since=None)
