"""What the shop says by itself: one paid message for each message of a customer, or none.

# Note [Each answer earns its price]
Since October 2026 an answer inside the service window costs money. So all that is to be said
to one message is one message; who talks with a member of the staff gets none; and so does who
has got many within an hour, after being told once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef

from whatsapp_notify import conf
from whatsapp_notify.domain import opening
from whatsapp_notify.models import AutomaticReply, Conversation, Enquiry, InboundMessage, Message
from whatsapp_notify.models.set_based import among
from whatsapp_notify.services import (
    answer_words,
    answers,
    consent,
    conversations,
    opening_hours,
    together,
)

Kind = AutomaticReply.Kind

#: Name under which greetings are kept back; see Note [Several messages in one transaction].
GREETED = "greeted"

#: An answer to something written so long ago would only puzzle.
_TOO_LATE = timedelta(hours=1)
_HOUR = timedelta(hours=1)


def reply(
    *,
    inbound: InboundMessage,
    parts: Sequence[str],
    now: datetime,
    is_for_person: bool = False,
    buttons: Sequence[str] = (),
) -> str:
    """This will answer a message with all that is to be said, as one. Needs a transaction.

    ``parts`` is the answer itself, empty where there is none. Before it comes the greeting, if
    this is the first contact; with ``is_for_person`` after it that a person will answer, or that
    the shop is closed, once for each time that it is.

    Returns:
        Why nothing was said ("with_person", "too_late", "opted_out", "limit"), "nothing" where
        there was nothing to say, else "said".
    """
    conversation = conversations.of_inbound(inbound=inbound)
    if conversation is None or conversation.mode == Conversation.Mode.PERSON:
        return "with_person"
    if inbound.sent_at < now - _TOO_LATE:
        return "too_late"
    if _has_stopped_since(inbound):
        return "opted_out"
    if _is_too_much(inbound, conversation, now):
        return "limit"
    said = [
        *_greeting(inbound, conversation, now),
        *parts,
        *(_what_comes(inbound, conversation, now) if is_for_person else ()),
    ]
    body = "\n\n".join(filter(None, said))
    if not body:
        return "nothing"
    answers.reply(inbound=inbound, body=body, buttons=buttons, now=now)
    return "said"


def _has_stopped_since(inbound: InboundMessage) -> bool:
    """This will tell whether a stop, confirmed as the end, came before the worker's answer."""
    if not inbound.errand:
        return False  # answered with its own arrival, so that nothing came between
    is_overtaken = together.each("stopped_since", inbound, _stopped_since)
    return bool(is_overtaken) and consent.has_stopped_in_chat(contact=inbound.contact)


def _stopped_since(rows: Sequence[InboundMessage]) -> Mapping[int, bool]:
    """This will tell who has written a stop after each message."""
    newer = InboundMessage.objects.filter(
        contact_id=OuterRef("contact_id"),
        pk__gt=OuterRef("pk"),
        handled_as=InboundMessage.HandledAs.OPT_OUT,
    )
    asked = InboundMessage.objects.filter(among("pk", [row.pk for row in rows]))
    return dict(asked.values_list("pk", Exists(newer)))


def _greeting(inbound: InboundMessage, conversation: Conversation, now: datetime) -> list[str]:
    if conversation.greeted_at is not None:
        return []
    if not together.defer(GREETED, conversation.pk):
        note_greeted([conversation.pk], now=now)
    if together.each("wrote_before", inbound, _wrote_before):
        return []  # known from before there were greetings
    return [answer_words.of_kind(kind=Kind.GREETING, contact=inbound.contact, now=now)]


def note_greeted(conversation_ids: Sequence[int], *, now: datetime) -> None:
    """This will keep that customers have been greeted, or need not be."""
    Conversation.objects.filter(among("pk", conversation_ids)).update(greeted_at=now)


def _wrote_before(rows: Sequence[InboundMessage]) -> Mapping[int, bool]:
    """This will tell who has written to the same number of ours before."""
    earlier = InboundMessage.objects.filter(
        contact_id=OuterRef("contact_id"), sender_id=OuterRef("sender_id"), pk__lt=OuterRef("pk")
    )
    asked = InboundMessage.objects.filter(among("pk", [row.pk for row in rows]))
    return dict(asked.values_list("pk", Exists(earlier)))


def _said_lately(rows: Sequence[InboundMessage], now: datetime) -> Mapping[int, int]:
    """This will count the replies of the last hour to each customer."""
    said = Message.objects.filter(
        among("contact_id", [row.contact_id for row in rows]),
        key__startswith=answers.REPLY_KEY,
        created_at__gt=now - _HOUR,
    )
    counts = dict(said.values_list("contact_id").annotate(Count("id")))
    return {row.pk: counts.get(row.contact_id, 0) for row in rows}


def _what_comes(inbound: InboundMessage, conversation: Conversation, now: datetime) -> list[str]:
    since = opening.closed_since(opening_hours.current(), now=now)
    if since is None:
        if conversation.waiting_since is not None:
            return []  # told when the wait began
        return [answer_words.of_kind(kind=Kind.HANDED_OVER, contact=inbound.contact, now=now)]
    if conversation.away_told_at is not None and conversation.away_told_at >= since:
        return []
    Conversation.objects.filter(pk=conversation.pk).update(away_told_at=now)
    return [answer_words.of_kind(kind=Kind.AWAY, contact=inbound.contact, now=now)]


def _is_too_much(inbound: InboundMessage, conversation: Conversation, now: datetime) -> bool:
    limit = conf.load().AUTOMATIC_REPLIES_PER_HOUR
    if not limit:
        return True
    said = together.each("said_lately", inbound, lambda rows: _said_lately(rows, now))
    if (said or 0) < limit:
        return False
    told_at = conversation.flood_told_at
    if told_at is None or told_at <= now - _HOUR:
        Conversation.objects.filter(pk=conversation.pk).update(flood_told_at=now)
        body = answer_words.of_kind(kind=Kind.FLOOD, contact=inbound.contact, now=now)
        if body:
            answers.reply(inbound=inbound, body=body, now=now)
        conversations.call_person(inbound=inbound, reason=Enquiry.Reason.FLOOD, now=now)
    return True
