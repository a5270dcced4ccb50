"""What the bot is told of a message, and what becomes of its answer.

# Note [Asked without a transaction]
The bot may take seconds. So its turn is read in one transaction, and its answer is used in
another, where all is looked at again: whoever has taken over, written or stopped meanwhile goes
before the bot.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from whatsapp_notify import conf
from whatsapp_notify.domain.bot_turns import BotLine, BotReply, BotTurn, HandOver
from whatsapp_notify.models import (
    ConsentRecord,
    Conversation,
    Enquiry,
    InboundMessage,
    Message,
)
from whatsapp_notify.models.set_based import among
from whatsapp_notify.services import (
    adapters,
    answers,
    automatic_replies,
    bots,
    chat_customers,
    conversations,
    routing,
    together,
)

HandledAs = InboundMessage.HandledAs
Reason = Enquiry.Reason

MAX_HISTORY = 20
MAX_ORDERS = 10
_MAX_REASON = 200


def why_not(*, inbound: InboundMessage) -> str:
    """This will tell why the bot has nothing to say any more; empty where it may answer."""
    if inbound.contact.is_erased:
        return "erased"
    conversation = conversations.of_inbound(inbound=inbound)
    if conversation is None or conversation.mode == Conversation.Mode.PERSON:
        return "with_person"
    newer = _newer(inbound)
    if HandledAs.OPT_OUT in newer or _has_withdrawn(inbound):
        return "opted_out"
    return "newer_message" if newer else ""


def drop(*, inbound: InboundMessage, why: str, now: datetime) -> Mapping[str, Any]:
    """This will leave a message without the bot's answer, to whoever is next.

    A newer message to the bot tells it of this one as well; else a person is called, unless
    the customer wants no more. Needs a transaction.

    Returns:
        What was seen and done, to be kept with the message.
    """
    is_with_bot = why == "newer_message" and HandledAs.BOT in _newer(inbound)
    if why not in {"erased", "opted_out"} and not is_with_bot:
        reason = Reason.WITH_PERSON if why == "with_person" else Reason.BOT
        conversations.call_person(inbound=inbound, reason=reason, now=now)
    return {"dropped": why}


def turn_of(*, inbound: InboundMessage, now: datetime) -> BotTurn:
    """This will gather what the bot may know. Needs a transaction.

    Raises:
        Exception: Whatever the shop's adapter raises.
    """
    contact = inbound.contact
    orders = adapters.load().get_orders_of(chat_customers.of_contact(contact))
    return BotTurn(
        text=inbound.text,
        language=contact.language or conf.load().DEFAULT_LANGUAGE,
        deadline=now + bots.patience(),
        history=_history(inbound),
        first_name=contact.first_name,
        orders=tuple(orders)[:MAX_ORDERS],
    )


def use(*, inbound: InboundMessage, answer: bots.Answer, now: datetime) -> Mapping[str, Any]:
    """This will say what the bot has answered, or call a person. Needs a transaction.

    The conversation is to be held: whoever takes over, or receives a newer message, waits.

    Returns:
        What was done, to be kept with the message.
    """
    why = why_not(inbound=inbound)
    if why:
        return drop(inbound=inbound, why=why, now=now)
    match answer:
        case BotReply(text=text, buttons=buttons):
            said = automatic_replies.reply(
                inbound=inbound, parts=[text], buttons=tuple(buttons), now=now
            )
            if said == "said":
                answers.accompany(inbound=inbound, reply=answer, now=now)
            else:
                conversations.call_person(inbound=inbound, reason=Reason.BOT, now=now)
            return {"reply": said}
        case HandOver(reason=reason):
            said = routing.hand_over(inbound=inbound, reason=Reason.BOT, now=now)
            return {"handed_over": _printable(reason), "reply": said}
        case bots.Unusable(why=problem):
            said = routing.hand_over(inbound=inbound, reason=Reason.BOT, now=now)
            return {"unusable": problem, "reply": said}
    raise TypeError("A broken call has no answer.")


def _printable(reason: object) -> str:
    return "".join(each for each in str(reason) if each.isprintable())[:_MAX_REASON]


def _newer(inbound: InboundMessage) -> frozenset[str]:
    """This will tell how newer messages of the customer were understood; thanks do not count."""
    return together.each("newer", inbound, _newer_of) or frozenset()


def _newer_of(rows: Sequence[InboundMessage]) -> Mapping[int, frozenset[str]]:
    later = InboundMessage.objects.filter(
        among("contact_id", [row.contact_id for row in rows]), pk__gt=min(row.pk for row in rows)
    ).exclude(handled_as__in=[HandledAs.KEPT, HandledAs.NOTICE])
    found = list(later.values_list("contact_id", "sender_id", "pk", "handled_as"))
    return {
        row.pk: frozenset(
            handled_as
            for contact_id, sender_id, pk, handled_as in found
            if (contact_id, sender_id) == (row.contact_id, row.sender_id) and pk > row.pk
        )
        for row in rows
    }


def _has_withdrawn(inbound: InboundMessage) -> bool:
    """This will tell whether the customer has ended messages since, by whatever door."""
    return bool(together.each("withdrawn", inbound, _withdrawn_of))


def _withdrawn_of(rows: Sequence[InboundMessage]) -> Mapping[int, bool]:
    records = ConsentRecord.objects.filter(
        among("contact_id", [row.contact_id for row in rows]),
        action=ConsentRecord.Action.WITHDRAW,
        occurred_at__gt=min(row.sent_at for row in rows),
    ).exclude(source=ConsentRecord.Source.STAFF)
    found = list(records.values_list("contact_id", "occurred_at"))
    return {
        row.pk: any(
            contact_id == row.contact_id and occurred_at > row.sent_at
            for contact_id, occurred_at in found
        )
        for row in rows
    }


def _history(inbound: InboundMessage) -> tuple[BotLine, ...]:
    theirs = (
        InboundMessage.objects.filter(
            contact_id=inbound.contact_id, sender=inbound.sender, pk__lt=inbound.pk
        )
        .exclude(text="")
        .exclude(handled_as=HandledAs.NOTICE)
        .order_by("-pk")
        .values_list("sent_at", "pk", "text")[:MAX_HISTORY]
    )
    # What has not left may never leave; what has, the customer may refer to.
    ours = (
        Message.objects.filter(contact_id=inbound.contact_id, accepted_at__isnull=False)
        .order_by("-pk")
        .only("accepted_at", "preview")[:MAX_HISTORY]
    )
    lines = [
        *((at, pk, BotLine(text=text, is_by_customer=True)) for at, pk, text in theirs),
        *(
            (each.accepted_at, each.pk, BotLine(text=body, is_by_customer=False))
            for each in ours
            if (body := each.chat_preview.body)
        ),
    ]
    lines.sort(key=lambda line: line[:2])
    return tuple(line for _at, _pk, line in lines[-MAX_HISTORY:])
