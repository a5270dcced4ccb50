"""What a member of the staff writes to a customer: once, and not beside a colleague.

# Note [Two at one desk]
Whether a colleague has answered since the page was made is looked at while the conversation is
held, so that of two who press the button in the same moment the second is asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction

from whatsapp_notify.domain import chat_content, placeholders
from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain.chat_content import ButtonsContent, ChatContent
from whatsapp_notify.domain.content import TextContent
from whatsapp_notify.domain.policy import Purpose
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import Conversation, InboundMessage, Message, Template, Topic
from whatsapp_notify.services import (
    answers,
    canned_replies,
    conversations,
    outbox,
    routing,
    template_picks,
)

#: A template of the desk's that could not leave for so long is of no use any more.
_TEMPLATE_EXPIRES_AFTER = timedelta(hours=12)
#: Where the service window is closed: the decision refuses it anyway, and says why.
_TEXT_EXPIRES_AFTER = timedelta(hours=2)

_NOT_SENT = (State.BLOCKED, State.EXPIRED, State.CANCELLED)


class Result(StrEnum):
    """What became of what somebody wrote."""

    #: It is on its way.
    SENT = "sent"
    #: It waits in the outbox; the message says for what.
    WAITS = "waits"
    #: The decision has refused it; the message says why.
    REFUSED = "refused"
    #: A colleague has answered meanwhile; nothing was sent.
    MEANWHILE = "meanwhile"
    #: Something else was sent with this form before; nothing was sent.
    STALE = "stale"
    #: There is nothing in it.
    EMPTY = "empty"
    TOO_LONG = "too_long"
    #: ``chat_content.button_problems`` says what is wrong with the buttons.
    BUTTONS = "buttons"
    #: Names in braces wait for somebody to put something in their place.
    UNFILLED = "unfilled"
    #: The customer was erased: not even a refusal is kept with words.
    ERASED = "erased"
    #: The shop has no topic for answers.
    NO_TOPIC = "no_topic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of what somebody wrote, and the message that says more about it."""

    result: Result
    #: What was sent or refused, or what a colleague has sent.
    message: Message | None = None
    #: For UNFILLED, which.
    names: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        return self.result in {Result.SENT, Result.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Who answers whom, from which form."""

    conversation: Conversation
    user: Any
    #: Made with the form: what is sent with it is sent once.
    token: str
    #: The newest message of the staff when the form was made; 0 for none.
    seen_id: int

    @property
    def key(self) -> str:
        return f"desk:{self.token}"


def newest_by_staff(*, contact_id: int) -> int:
    """This will return the primary key of what the staff wrote last; 0 where it is nothing."""
    rows = Message.objects.filter(contact_id=contact_id, author__isnull=False)
    return rows.order_by("-id").values_list("id", flat=True).first() or 0


def clean(typed: str) -> str:
    """This will return the text of a message as it would be sent."""
    # No database of ours keeps a NUL.
    return typed.replace("\r\n", "\n").replace("\x00", "").strip()


def clean_titles(typed: Iterable[str]) -> tuple[str, ...]:
    """This will return the titles of buttons as they would be sent, without the empty ones."""
    return tuple(filter(None, (" ".join(clean(each).split()) for each in typed)))


def send_text(reply: Reply, *, text: str, titles: Sequence[str] = (), now: datetime) -> Outcome:
    """This will send free text to the customer, who is then answered by this person.

    ``titles`` are those of buttons below it; a tap on one counts as if it had been written.
    """
    body, titles = clean(text), clean_titles(titles)
    if problem := _problem(reply, body, titles):
        return problem
    content: TextContent | ButtonsContent = TextContent(body=body)
    if titles:
        content = answers.with_buttons(body, titles=titles)
    return _send_free(reply, content, now=now)


def _problem(reply: Reply, body: str, titles: Sequence[str]) -> Outcome | None:
    if reply.conversation.contact.is_erased:
        return Outcome(result=Result.ERASED)
    if not body:
        return Outcome(result=Result.EMPTY)
    if len(body) > answers.MAX_LENGTH:
        return Outcome(result=Result.TOO_LONG)
    if next(chat_content.button_problems(titles, body=body), None):
        return Outcome(result=Result.BUTTONS)
    names = set().union(*map(placeholders.names_in, (body, *titles))) & set(canned_replies.NAMES)
    if names:
        return Outcome(result=Result.UNFILLED, names=tuple(sorted(names)))
    return None


def _send_free(reply: Reply, content: TextContent | ChatContent, *, now: datetime) -> Outcome:
    topic = Topic.objects.filter(purpose=Purpose.SERVICE).order_by("id").first()
    if topic is None:
        return Outcome(result=Result.NO_TOPIC)
    until = reply.conversation.window_expires_at
    message = Message(
        topic=topic,
        content=contents.to_json(content),
        preview=contents.preview_to_json(contents.preview_of(content)),
        expires_at=until if until and until > now else now + _TEXT_EXPIRES_AFTER,
    )
    return _send(reply, message, now=now)


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
    return _send(reply, message, now=now)


def _send(reply: Reply, message: Message, *, now: datetime) -> Outcome:
    conversation = reply.conversation
    message.key, message.author = reply.key, reply.user
    message.contact_id = conversation.contact_id
    message.in_reply_to = _newest_inbound(conversation)
    message.due_at = message.created_at = now
    with transaction.atomic():
        # See Note [Two at one desk].
        Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
        if earlier := Message.objects.filter(key=message.key).first():
            return _again(earlier, message)
        if other := _meanwhile(reply):
            return Outcome(result=Result.MEANWHILE, message=other)
        outbox.enqueue(messages=[message], now=now)
        row = Message.objects.get(key=message.key)
        if row.state in _NOT_SENT:
            return Outcome(result=Result.REFUSED, message=row)
        conversations.note_answer(conversation=conversation, user=reply.user, now=now)
    return Outcome(result=Result.WAITS if row.reason else Result.SENT, message=row)


def _again(earlier: Message, message: Message) -> Outcome:
    """This will tell what became of what was sent with the same form before."""
    # What the database gives back has lists where there were tuples.
    said, meant = contents.from_json(earlier.content), contents.from_json(message.content)
    if (earlier.contact_id, said) != (message.contact_id, meant):
        return Outcome(result=Result.STALE, message=earlier)
    is_refused = earlier.state in _NOT_SENT
    return Outcome(result=Result.REFUSED if is_refused else Result.SENT, message=earlier)


def _meanwhile(reply: Reply) -> Message | None:
    rows = Message.objects.filter(
        contact_id=reply.conversation.contact_id, author__isnull=False, pk__gt=reply.seen_id
    )
    others = rows.exclude(author_id=reply.user.pk).exclude(state__in=_NOT_SENT)
    return others.select_related("author").order_by("-id").first()


def _newest_inbound(conversation: Conversation) -> InboundMessage | None:
    rows = InboundMessage.objects.filter(
        contact_id=conversation.contact_id, sender_id=conversation.sender_id
    )
    return rows.exclude(kind__in=routing.NOTICES).order_by("-id").first()
