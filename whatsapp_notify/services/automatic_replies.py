"""What the shop says by itself: one paid message for each message of a customer, or none.

# Note [Each answer earns its price]
Since October 2026 an answer inside the service window costs money. So all that is to be said
to one message is one message; who talks with a member of the staff gets none; and so does who
has got many within an hour, after being told once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from whatsapp_notify import conf
from whatsapp_notify.domain import opening
from whatsapp_notify.models import AutomaticReply, Conversation, Enquiry, InboundMessage, Message
from whatsapp_notify.services import answer_words, answers, consent, conversations, opening_hours

Kind = AutomaticReply.Kind

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
    newer = InboundMessage.objects.filter(contact_id=inbound.contact_id, pk__gt=inbound.pk)
    is_overtaken = newer.filter(handled_as=InboundMessage.HandledAs.OPT_OUT).exists()
    return is_overtaken and consent.has_stopped_in_chat(contact=inbound.contact)


def _greeting(inbound: InboundMessage, conversation: Conversation, now: datetime) -> list[str]:
    if conversation.greeted_at is not None:
        return []
    Conversation.objects.filter(pk=conversation.pk).update(greeted_at=now)
    earlier = InboundMessage.objects.filter(
        contact_id=inbound.contact_id, sender=inbound.sender, pk__lt=inbound.pk
    )
    if earlier.exists():
        return []  # known from before there were greetings
    return [answer_words.of_kind(kind=Kind.GREETING, contact=inbound.contact, now=now)]


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
    said = Message.objects.filter(
        Q(key__startswith=answers.REPLY_KEY),
        contact_id=inbound.contact_id,
        created_at__gt=now - _HOUR,
    ).count()
    if said < limit:
        return False
    told_at = conversation.flood_told_at
    if told_at is None or told_at <= now - _HOUR:
        Conversation.objects.filter(pk=conversation.pk).update(flood_told_at=now)
        body = answer_words.of_kind(kind=Kind.FLOOD, contact=inbound.contact, now=now)
        if body:
            answers.reply(inbound=inbound, body=body, now=now)
        conversations.call_person(inbound=inbound, reason=Enquiry.Reason.FLOOD, now=now)
    return True
