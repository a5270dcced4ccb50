"""What staff send from the desk: free text with buttons, a canned reply, a template."""

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from whatsapp_notify.admin import answer_checks, desk_composer, desk_list, desk_words
from whatsapp_notify.admin.desk_composer import Draft
from whatsapp_notify.admin.desk_deed import Answer, Deed
from whatsapp_notify.domain.chat_content import MAX_BUTTONS
from whatsapp_notify.domain.occasions import Order
from whatsapp_notify.domain.templates import ParameterProblems
from whatsapp_notify.services import canned_replies, desk, desk_orders, template_picks
from whatsapp_notify.services.desk import Outcome, Reply, Result

_VALUE = "value."
#: Of what is typed into one field.
_MAX_VALUE = 2000
_MAX_TOKEN = 64
#: More fields than that are none of ours; one more than are allowed is told of.
_MAX_TITLES = MAX_BUTTONS + 1


def send(deed: Deed) -> Answer:
    """This will send what stands in the box."""
    draft = _draft(deed)
    if draft.text.strip().startswith("/"):
        found = canned_replies.by_shortcut(_canned(deed), text=draft.text)
        if found is not None:
            return Answer(draft=replace(draft, text=found.body))
    outcome = desk.send_text(_reply(deed), text=draft.text, titles=draft.titles, now=deed.now)
    if outcome.result is Result.BUTTONS:
        titles, body = desk.clean_titles(draft.titles), desk.clean(draft.text)
        problem = " ".join(answer_checks.buttons(titles, body=body))
        return Answer(draft=replace(draft, problem=problem))
    return _sent(outcome, draft)


def insert_canned(deed: Deed) -> Answer:
    """This will put an answer below what was written; the page does so by itself with a script."""
    draft = _draft(deed)
    found = next((each for each in _canned(deed) if each.id == desk_list.number(deed.detail)), None)
    body = found.body if found else ""
    return Answer(draft=replace(draft, text="\n".join(filter(None, [draft.text.rstrip(), body]))))


def preview_template(deed: Deed) -> Answer:
    """This will draw the template with its values."""
    return Answer(draft=_template_draft(deed))


def send_template(deed: Deed) -> Answer:
    """This will send the template with its values."""
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
        return Answer(draft=replace(draft, problem=_("Choose what the message is about.")))
    try:
        outcome = desk.send_template(
            _reply(deed), template=template, topic=topic, values=draft.values or {}, now=deed.now
        )
    except ParameterProblems as err:
        problems = desk_composer.problems_of(err)
        told = _("Some values do not fit yet.")
        return Answer(draft=replace(draft, problem=told, problems=problems))
    return _sent(outcome, draft)


def _sent(outcome: Outcome, draft: Draft) -> Answer:
    told, tone = desk_words.outcome(outcome)
    if outcome.is_done:
        return Answer(told=told, tone=tone)
    return Answer(draft=replace(draft, problem=told, tone=tone))


def _reply(deed: Deed) -> Reply:
    return Reply(
        conversation=deed.conversation,
        user=deed.user,
        token=deed.form.get("token", "")[:_MAX_TOKEN],
        seen_id=deed.number("seen_id") or 0,
    )


def _draft(deed: Deed) -> Draft:
    titles = tuple(each[:_MAX_VALUE] for each in deed.form.getlist("button")[:_MAX_TITLES])
    return Draft(text=deed.form.get("text", ""), titles=titles)


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
