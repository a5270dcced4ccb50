"""What is done about a message of a customer: one table of handlers, in a fixed order.

The first that understands the message acts; what each has seen is kept with the message, so
that the inbox can say why. ``message.route`` is ``[[handler, "acted" | "passed", evidence]]``.

# Note [What takes time is an errand]
A handler runs inside the transaction of the webhook. What asks the shop or the bot is left to
a worker: the message says which errand is due, and ``errands`` runs it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from whatsapp_notify import conf
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.domain import order_refs, phrases, understanding
from whatsapp_notify.domain.understanding import Meaning
from whatsapp_notify.models import Enquiry, InboundMessage
from whatsapp_notify.services import (
    answer_words,
    answers,
    automatic_replies,
    consent_words,
    contacts,
    conversations,
    interactive_campaigns,
    keyword_replies,
    replaying,
    surveys,
)

HandledAs = InboundMessage.HandledAs
Errand = InboundMessage.Errand
Reason = Enquiry.Reason

#: Kinds that WhatsApp sends by itself: they open no window and are no reply.
NOTICES = frozenset({"system", "revoke", "edit", "unsupported"})
#: Of the kinds of system messages only these give somebody other ids.
CHANGES_OF_NUMBER = frozenset({"user_changed_number", "user_changed_user_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """The handler has understood the message; no other looks at it."""

    handled_as: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """The message is not for this handler."""

    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Incoming:
    """One message on its way through the table."""

    row: InboundMessage
    message: wire.InboundMessage
    now: datetime
    #: Words that may ask for an end: whatever else is done, a person looks at them.
    is_unclear: bool = False

    @property
    def is_text(self) -> bool:
        return isinstance(self.message.content, contents.Text)

    @property
    def is_said(self) -> bool:
        """Whether it is words; a tap on a button of an answer counts as if it were written."""
        return isinstance(self.message.content, contents.Text | contents.ButtonReply)


_PASSED = Passed()


def route(*, row: InboundMessage, message: wire.InboundMessage, now: datetime) -> None:
    """This will act on a message that has been kept, and write on the row what was done.

    Sets ``handled_as``, ``route``, ``errand`` and what consent words add to ``content``, without
    saving them. Needs a transaction.
    """
    incoming = Incoming(row=row, message=message, now=now)
    steps = []
    for handle in HANDLERS:
        step = handle(incoming)
        is_done = isinstance(step, Acted)
        name = handle.__name__.removeprefix("_")
        steps.append([name, "acted" if is_done else "passed", dict(step.evidence)])
        if isinstance(step, Acted):
            row.handled_as = step.handled_as
            break
    if incoming.is_unclear and row.handled_as != HandledAs.PERSON:
        conversations.call_person(inbound=row, reason=Reason.OPT_OUT_UNCLEAR, now=now)
    row.route = steps


def is_mere_notice(*, row: InboundMessage, message: wire.InboundMessage) -> bool:
    """This will tell whether a message says nothing; one that was edited to a stop does."""
    if message.kind not in NOTICES:
        return False
    if not isinstance(message.content, contents.Edit):
        return True
    return not understanding.read_keyword(row.text).is_opt_out


def _notice(incoming: Incoming) -> Acted | Passed:
    content = incoming.message.content
    if isinstance(content, contents.System) and content.kind in CHANGES_OF_NUMBER:
        contacts.change_number(
            person=old_person(incoming.message, content),
            new=wire.Person(
                wa_id=content.wa_id,
                user_id=content.user_id,
                parent_user_id=content.parent_user_id,
            ),
            now=incoming.now,
        )
    if is_mere_notice(row=incoming.row, message=incoming.message):
        return Acted(handled_as=HandledAs.NOTICE, evidence={"kind": incoming.message.kind})
    return _PASSED


def _group(incoming: Incoming) -> Acted | Passed:
    # Kept for staff: what is said among several does not speak for one person to one shop.
    if incoming.message.group_id:
        return Acted(handled_as=HandledAs.KEPT, evidence={"why": "group"})
    return _PASSED


def _consent_word(incoming: Incoming) -> Acted | Passed:
    row, message, now = incoming.row, incoming.message, incoming.now
    verdict = consent_words.decide(row=row, message=message)
    seen = {"meaning": str(verdict.meaning), "rule": verdict.rule}
    match verdict.meaning:
        case Meaning.NOTHING:
            return _PASSED
        case Meaning.UNCLEAR:
            consent_words.ask_a_person(row=row, verdict=verdict, now=now)
            incoming.is_unclear = True
            return Passed(evidence=seen)
    handled_as = consent_words.obey(row=row, message=message, verdict=verdict, now=now)
    if handled_as == HandledAs.PERSON:
        is_led = conversations.is_with_person(inbound=row)
        reason = Reason.WITH_PERSON if is_led else Reason.NOT_UNDERSTOOD
        seen["reply"] = hand_over(inbound=row, reason=reason, now=now)
    return Acted(handled_as=handled_as, evidence=seen)


def _survey_answer(incoming: Incoming) -> Acted | Passed:
    if not incoming.is_text:
        return _PASSED
    row, now = incoming.row, incoming.now
    answer = surveys.read_answer(inbound=row, now=now)
    if answer is None:
        return _PASSED
    if not conversations.is_with_person(inbound=incoming.row):
        answers.thank_for_answer(inbound=row, now=now)
    seen = {"survey": answer.survey_id, "score": answer.score}
    return Acted(handled_as=HandledAs.SURVEY_ANSWER, evidence=seen)


def _campaign(incoming: Incoming) -> Acted | Passed:
    """What belongs to an interactive campaign; words that may ask for an end never do."""
    if incoming.is_unclear:
        return _PASSED
    taken = interactive_campaigns.take_part(
        inbound=incoming.row, message=incoming.message, now=incoming.now
    )
    if taken is None:
        return _PASSED
    is_flood = taken.said == "limit" and taken.step != interactive_campaigns.Step.ENTRY
    seen = {"campaign": taken.campaign_id, "step": str(taken.step), "reply": taken.said}
    return Acted(handled_as=HandledAs.FLOOD if is_flood else HandledAs.CAMPAIGN, evidence=seen)


def _cart(incoming: Incoming) -> Acted | Passed:
    content = incoming.message.content
    if not isinstance(content, contents.Order):
        return _PASSED
    _leave_errand(incoming, Errand.CART)
    return Acted(handled_as=HandledAs.CART, evidence={"products": len(content.items)})


def _courtesy(incoming: Incoming) -> Acted | Passed:
    """Thanks, an emoji, a reaction: nothing to do, and nothing to pay for."""
    content = incoming.message.content
    if isinstance(content, contents.Reaction):
        return Acted(handled_as=HandledAs.KEPT, evidence={"why": "reaction"})
    if isinstance(content, contents.Media) and content.kind == "sticker":
        return Acted(handled_as=HandledAs.KEPT, evidence={"why": "sticker"})
    if incoming.is_text and not incoming.is_unclear and phrases.is_courtesy(incoming.row.text):
        return Acted(handled_as=HandledAs.KEPT, evidence={"why": "courtesy"})
    return _PASSED


def _with_person(incoming: Incoming) -> Acted | Passed:
    """Who talks with the staff gets no answer of ours beside theirs."""
    if not conversations.is_with_person(inbound=incoming.row):
        return _PASSED
    conversations.call_person(inbound=incoming.row, reason=Reason.WITH_PERSON, now=incoming.now)
    return Acted(handled_as=HandledAs.PERSON, evidence={"why": "with_person"})


def _keyword(incoming: Incoming) -> Acted | Passed:
    row, now = incoming.row, incoming.now
    reply = keyword_replies.find(text=row.text, language=row.contact.language)
    if reply is None:
        return _PASSED
    body = answer_words.fill(reply.body, contact=row.contact, now=now)
    if not body:
        # All that it would say is not known, such as hours that the shop has not told.
        return Passed(evidence={"keyword_reply": reply.pk, "reply": "nothing"})
    keyword_replies.note_use(reply=reply, now=now)
    said = automatic_replies.reply(
        inbound=row,
        parts=[body],
        buttons=keyword_replies.buttons(reply),
        is_for_person=reply.calls_person,
        now=now,
    )
    if reply.calls_person:
        conversations.call_person(inbound=row, reason=Reason.ASKED_FOR, now=now)
    elif said != "said":
        # It is answered all the same, if by nobody else then by a person.
        conversations.call_person(inbound=row, reason=Reason.NOT_UNDERSTOOD, now=now)
    handled_as = HandledAs.FLOOD if said == "limit" else HandledAs.KEYWORD
    return Acted(handled_as=handled_as, evidence={"keyword_reply": reply.pk, "reply": said})


def _order_number(incoming: Incoming) -> Acted | Passed:
    if not incoming.is_said or incoming.is_unclear:
        return _PASSED
    found = order_refs.find(incoming.row.text)
    if not found:
        return _PASSED
    _leave_errand(incoming, Errand.ORDER_STATUS)
    return Acted(handled_as=HandledAs.ORDER_STATUS, evidence={"numbers": len(found)})


def _greeting(incoming: Incoming) -> Acted | Passed:
    """A mere hello is answered by the greeting alone, once."""
    if not incoming.is_text or not phrases.is_greeting(incoming.row.text):
        return _PASSED
    said = automatic_replies.reply(inbound=incoming.row, parts=(), now=incoming.now)
    if said != "said":
        return Passed(evidence={"reply": said})
    return Acted(handled_as=HandledAs.KEPT, evidence={"why": "greeting", "reply": said})


def _bot(incoming: Incoming) -> Acted | Passed:
    if not conf.load().BOT:
        return Passed(evidence={"bot": "none"})
    if not incoming.is_said or incoming.is_unclear:
        return _PASSED
    _leave_errand(incoming, Errand.BOT)
    return Acted(handled_as=HandledAs.BOT)


def _person(incoming: Incoming) -> Acted | Passed:
    reason = Reason.NOT_UNDERSTOOD
    if isinstance(incoming.message.content, contents.Media):
        reason = Reason.FILE
    if incoming.is_unclear:
        reason = Reason.OPT_OUT_UNCLEAR
    said = hand_over(inbound=incoming.row, reason=reason, now=incoming.now)
    handled_as = HandledAs.FLOOD if said == "limit" else HandledAs.PERSON
    return Acted(handled_as=handled_as, evidence={"why": str(reason), "reply": said})


#: In this order; the first that understands the message acts alone.
HANDLERS: tuple[Callable[[Incoming], Acted | Passed], ...] = (
    _notice,
    _group,
    _consent_word,
    _survey_answer,
    _campaign,
    _cart,
    _courtesy,
    _with_person,
    _keyword,
    _order_number,
    _greeting,
    _bot,
    _person,
)


def hand_over(*, inbound: InboundMessage, reason: Enquiry.Reason, now: datetime) -> str:
    """This will call a person for a message, and tell the customer once that one comes.

    Returns:
        As ``automatic_replies.reply``.
    """
    # First the words: they look whether the customer was waiting before.
    said = automatic_replies.reply(inbound=inbound, parts=(), is_for_person=True, now=now)
    conversations.call_person(inbound=inbound, reason=reason, now=now)
    return said


def old_person(message: wire.InboundMessage, content: contents.System) -> wire.Person:
    """This will say who somebody was before the number changed."""
    user_id = content.previous_user_id or message.person.user_id
    return wire.Person(
        wa_id=content.previous_wa_id, user_id=user_id if user_id != content.user_id else ""
    )


def _leave_errand(incoming: Incoming, errand: InboundMessage.Errand) -> None:
    """See Note [What takes time is an errand]; a replay begins none."""
    if not replaying.is_on():
        incoming.row.errand, incoming.row.errand_due_at = errand, incoming.now
