"""What staff send from the desk: free text with buttons, a file, a canned reply, a template."""

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from whatsapp_notify.admin import (
    answer_checks,
    desk_attachments,
    desk_composer,
    desk_list,
    desk_words,
)
from whatsapp_notify.admin.desk_composer import Draft
from whatsapp_notify.admin.desk_deed import Answer, Deed
from whatsapp_notify.domain.chat_content import MAX_BUTTONS
from whatsapp_notify.domain.occasions import Order
from whatsapp_notify.domain.templates import ParameterProblems
from whatsapp_notify.models import OutboundMedia
from whatsapp_notify.services import (
    canned_replies,
    desk,
    desk_files,
    desk_orders,
    desk_replies,
    outbound_media,
    template_picks,
)
from whatsapp_notify.services.desk_replies import Outcome, Reply, Result

_VALUE = "value."
#: Of what is typed into one field.
_MAX_VALUE = 2000
_MAX_TOKEN = 64
#: More fields than that are none of ours; one more than are allowed is told of.
_MAX_TITLES = MAX_BUTTONS + 1


def send(deed: Deed) -> Answer:
    """This will send what stands in the box."""
    draft = _draft(deed)
    if draft.problem:
        return Answer(draft=draft)
    if draft.text.strip().startswith("/"):
        found = canned_replies.by_shortcut(_canned(deed), text=draft.text)
        if found is not None:
            return Answer(draft=replace(draft, text=found.body))
    if draft.file is not None:
        outcome = desk_files.send(
            _reply(deed), file=draft.file, text=draft.text, titles=draft.titles, now=deed.now
        )
        return _sent(outcome, draft)
    outcome = desk.send_text(_reply(deed), text=draft.text, titles=draft.titles, now=deed.now)
    if outcome.result is Result.BUTTONS:
        titles, body = desk_replies.clean_titles(draft.titles), desk_replies.clean(draft.text)
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
    if outcome.result is Result.FILE_GONE:
        draft = replace(draft, file=None)
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
    file, problem = _attached(deed)
    return Draft(text=deed.form.get("text", ""), titles=titles, file=file, problem=problem)


def _attached(deed: Deed) -> tuple[OutboundMedia | None, str]:
    """This will return the file that is to be sent, if any; and in words why one is not.

    It was chosen just now, or waits since the form came back with a problem.
    """
    if deed.conversation.contact.is_erased:
        return None, ""  # nothing is kept for a moment even
    earlier, problem = _attached_before(deed)
    upload = deed.files.get("file")
    if upload is None:
        return earlier, problem
    if (upload.size or 0) > max(outbound_media.LIMITS.values()):
        return earlier, desk_attachments.fault(outbound_media.Fault.TOO_LARGE)
    found = outbound_media.keep(
        conversation=deed.conversation,
        user=deed.user,
        chunks=upload.chunks(),
        told=upload.content_type or "",
        name=upload.name or "",
        now=deed.now,
    )
    if isinstance(found, outbound_media.Fault):
        return earlier, desk_attachments.fault(found)
    if earlier is not None:
        outbound_media.forget(row=earlier)
    return found, ""


def _attached_before(deed: Deed) -> tuple[OutboundMedia | None, str]:
    pk = deed.number("file_id")
    if pk is None:
        return None, ""
    row = outbound_media.chosen(pk=pk, conversation=deed.conversation, user=deed.user, now=deed.now)
    if row is None:
        return None, _("The file has waited for too long and was deleted. Choose it again.")
    return row, ""


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
