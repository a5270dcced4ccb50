"""What a member of the staff writes to a customer: free text with buttons, or a template."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from whatsapp_notify.domain import chat_content
from whatsapp_notify.domain.chat_content import ButtonsContent
from whatsapp_notify.domain.content import TextContent
from whatsapp_notify.models import Template, Topic
from whatsapp_notify.services import answers, desk_replies, template_picks
from whatsapp_notify.services.desk_replies import Outcome, Reply, Result

#: A template of the desk's that could not leave for so long is of no use any more.
_TEMPLATE_EXPIRES_AFTER = timedelta(hours=12)


def send_text(reply: Reply, *, text: str, titles: Sequence[str] = (), now: datetime) -> Outcome:
    """This will send free text to the customer, who is then answered by this person.

    ``titles`` are those of buttons below it; a tap on one counts as if it had been written.
    """
    body, titles = desk_replies.clean(text), desk_replies.clean_titles(titles)
    if problem := _problem(reply, body, titles):
        return problem
    content: TextContent | ButtonsContent = TextContent(body=body)
    if titles:
        content = answers.with_buttons(body, titles=titles)
    message = desk_replies.free(reply, content, now=now)
    if message is None:
        return Outcome(result=Result.NO_TOPIC)
    return desk_replies.put(reply, message, now=now)


def send_template(
    reply: Reply, *, template: Template, topic: Topic, values: Mapping[str, str], now: datetime
) -> Outcome:
    """This will send a template to the customer, who is then answered by this person.

    Raises:
        ParameterProblems: The values do not fit the template.
    """
    if reply.conversation.contact.is_erased:
        return Outcome(result=Result.ERASED)
    message = template_picks.draft(template=template, topic=topic, values=values)
    message.expires_at = now + _TEMPLATE_EXPIRES_AFTER
    return desk_replies.put(reply, desk_replies.to_customer(reply, message, now=now), now=now)


def _problem(reply: Reply, body: str, titles: Sequence[str]) -> Outcome | None:
    if reply.conversation.contact.is_erased:
        return Outcome(result=Result.ERASED)
    if not body:
        return Outcome(result=Result.EMPTY)
    if len(body) > answers.MAX_LENGTH:
        return Outcome(result=Result.TOO_LONG)
    if next(chat_content.button_problems(titles, body=body), None):
        return Outcome(result=Result.BUTTONS)
    return desk_replies.unfilled(body, *titles)
