"""What staff do at the desk: each deed of a form, as one call down and an answer in words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from whatsapp_notify.admin import desk_composer, desk_list, desk_words
from whatsapp_notify.admin.desk_composer import Draft
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.domain.occasions import Order
from whatsapp_notify.domain.templates import ParameterProblems
from whatsapp_notify.models import Conversation
from whatsapp_notify.services import (
    canned_replies,
    conversations,
    desk,
    desk_orders,
    desk_staff,
    promotion_pauses,
    template_picks,
)
from whatsapp_notify.services.desk import Outcome, Reply

_VALUE = "value."
#: Of what is typed into one field.
_MAX_VALUE = 2000
_MAX_TOKEN = 64


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Deed:
    """What somebody wants to have done."""

    conversation: Conversation
    user: Any
    form: QueryDict
    now: datetime
    #: What stands after the name of the deed, such as the number of a canned reply.
    detail: str = ""

    def number(self, name: str) -> int | None:
        """This will read a number of the form; None where there is none."""
        return desk_list.number(self.form.get(name, ""))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answer:
    """What was done, in words; with a draft, what goes back into the box."""

    told: str = ""
    tone: Tone = Tone.GOOD
    draft: Draft | None = None
    #: What the history of the conversation keeps; empty for nothing.
    history: str = ""


def do(name: str, deed: Deed) -> Answer:
    """This will do what a button stands for: one of ``NAMES``."""
    return _DEEDS[name](deed)


def _send(deed: Deed) -> Answer:
    text = deed.form.get("text", "")
    if text.strip().startswith("/"):
        found = canned_replies.by_shortcut(_canned(deed), text=text)
        if found is not None:
            return Answer(draft=Draft(text=found.body))
    outcome = desk.send_text(_reply(deed), text=text, now=deed.now)
    return _sent(outcome, Draft(text=text))


def _insert_canned(deed: Deed) -> Answer:
    """This will put an answer below what was written; the page does so by itself with a script."""
    text = deed.form.get("text", "").rstrip()
    found = next((each for each in _canned(deed) if each.id == desk_list.number(deed.detail)), None)
    body = found.body if found else ""
    return Answer(draft=Draft(text="\n".join(filter(None, [text, body]))))


def _preview_template(deed: Deed) -> Answer:
    return Answer(draft=_template_draft(deed))


def _send_template(deed: Deed) -> Answer:
    draft = _template_draft(deed)
    contact = deed.conversation.contact
    offered = template_picks.offered(contact=contact)
    template = next((row for row in offered if row.pk == draft.template_id), None)
    if template is None:
        told = _("This template cannot be sent any more. Choose another one.")
        return Answer(draft=Draft(problem=told))
    verdicts = template_picks.verdicts(contact=contact, template=template, now=deed.now)
    topic = next((each.topic for each in verdicts if each.topic.pk == draft.topic_id), None)
    if topic is None:
        return Answer(draft=_with(draft, _("Choose what the message is about.")))
    try:
        outcome = desk.send_template(
            _reply(deed), template=template, topic=topic, values=draft.values or {}, now=deed.now
        )
    except ParameterProblems as err:
        problems = desk_composer.problems_of(err)
        return Answer(draft=_with(draft, _("Some values do not fit yet."), problems=problems))
    return _sent(outcome, draft)


def _take(deed: Deed) -> Answer:
    conversations.take(conversation=deed.conversation, user=deed.user, now=deed.now)
    told = _("You answer this customer now; nothing is answered by itself.")
    return Answer(told=told, history=_("Taken over."))


def _give_back(deed: Deed) -> Answer:
    conversations.give_back(conversation=deed.conversation)
    told = _("This customer is answered automatically again.")
    return Answer(told=told, history=_("Given back to automatic answers."))


def _assign(deed: Deed) -> Answer:
    chosen = deed.form.get("assign_to", "")
    user = next((each for each in desk_staff.who_may_answer() if str(each.pk) == chosen), None)
    if chosen and user is None:
        return Answer(told=_("This person may not answer customers."), tone=Tone.BAD)
    conversations.assign(conversation=deed.conversation, user=user)
    if user is None:
        return Answer(told=_("Assigned to nobody in particular."), history=_("Assigned to nobody."))
    told = _("Assigned to %(name)s.") % {"name": desk_staff.name(user)}
    return Answer(told=told, history=told)


def _close(deed: Deed) -> Answer:
    if has_news := _has_news(deed):
        return has_news
    conversations.close(conversation=deed.conversation, user=deed.user, now=deed.now)
    told = _("Closed. It opens again when the customer needs a person.")
    return Answer(told=told, history=_("Closed."))


def _need_no_answer(deed: Deed) -> Answer:
    if has_news := _has_news(deed):
        return has_news
    conversations.need_no_answer(conversation=deed.conversation, user=deed.user, now=deed.now)
    return Answer(told=_("The customer does not wait any more."), history=_("No answer needed."))


def _lift_pause(deed: Deed) -> Answer:
    promotion_pauses.lift(contact=deed.conversation.contact)
    told = _("Promotions may go to this customer again, as far as there is consent.")
    return Answer(told=told, history=_("Pause of promotions lifted."))


_DEEDS: Mapping[str, Callable[[Deed], Answer]] = {
    "send": _send,
    "canned": _insert_canned,
    "preview": _preview_template,
    "send_template": _send_template,
    "take": _take,
    "give_back": _give_back,
    "assign": _assign,
    "close": _close,
    "no_answer": _need_no_answer,
    "lift_pause": _lift_pause,
}

NAMES = frozenset(_DEEDS)


def _sent(outcome: Outcome, draft: Draft) -> Answer:
    told, tone = desk_words.outcome(outcome)
    if outcome.is_done:
        return Answer(told=told, tone=tone)
    return Answer(draft=_with(draft, told, tone=tone))


def _with(
    draft: Draft, problem: str, *, tone: Tone = Tone.BAD, problems: Mapping[str, str] | None = None
) -> Draft:
    return Draft(
        text=draft.text,
        template_id=draft.template_id,
        topic_id=draft.topic_id,
        values=draft.values,
        problem=problem,
        tone=tone,
        problems=problems or {},
    )


def _reply(deed: Deed) -> Reply:
    return Reply(
        conversation=deed.conversation,
        user=deed.user,
        token=deed.form.get("token", "")[:_MAX_TOKEN],
        seen_id=deed.number("seen_id") or 0,
    )


def _template_draft(deed: Deed) -> Draft:
    values = {
        name.removeprefix(_VALUE): value[:_MAX_VALUE].strip()
        for name, value in deed.form.items()
        if name.startswith(_VALUE) and isinstance(value, str)
    }
    return Draft(
        template_id=deed.number("template"),
        topic_id=deed.number("topic"),
        # What is not required and left empty is not there.
        values={key: value for key, value in values.items() if value},
    )


def _canned(deed: Deed) -> Any:
    contact = deed.conversation.contact
    order: Order | None = desk_orders.of_contact(contact).newest
    return canned_replies.offered(contact=contact, user=deed.user, order=order, now=deed.now)


def _has_news(deed: Deed) -> Answer | None:
    """This will keep a wait from being ended by somebody who has not seen the last message."""
    newest = conversations.newest_inbound_id(conversation=deed.conversation)
    if newest <= (deed.number("seen_inbound_id") or 0):
        return None
    told = _("Nothing was changed: the customer has written meanwhile. Look at the chat first.")
    return Answer(told=told, tone=Tone.DOUBT)
