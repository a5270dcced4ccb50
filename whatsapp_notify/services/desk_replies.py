"""An answer of the staff's on its way into the outbox: once, and not beside a colleague.

# Note [Two at one desk]
Whether a colleague has answered since the page was made is looked at while the conversation is
held, so that of two who press the button in the same moment the second is asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction

from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain import placeholders
from whatsapp_notify.domain.chat_content import ChatContent, MediaContent
from whatsapp_notify.domain.content import TextContent
from whatsapp_notify.domain.policy import Purpose
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import Conversation, InboundMessage, Message, OutboundMedia, Topic
from whatsapp_notify.services import (
    canned_replies,
    conversations,
    outbound_media,
    outbox,
    routing,
)

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
    #: A file has words below it, but no buttons.
    FILE_BUTTONS = "file_buttons"
    #: The words below a file are too long.
    LONG_CAPTION = "long_caption"
    #: The file waited for too long, or cannot be read any more: it has to be chosen again.
    FILE_GONE = "file_gone"
    #: WhatsApp has not taken the file: it has given the code, or no answer at all.
    NOT_UPLOADED = "not_uploaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of what somebody wrote, and the message that says more about it."""

    result: Result
    #: What was sent or refused, or what a colleague has sent.
    message: Message | None = None
    #: For UNFILLED, which.
    names: tuple[str, ...] = ()
    #: For NOT_UPLOADED, the provider's; None where it gave no answer.
    code: int | None = None

    @property
    def is_done(self) -> bool:
        return self.result in {Result.SENT, Result.WAITS}


class FileGone(Exception):
    """The file that a message names was deleted before it was sent."""


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


def unfilled(*texts: str) -> Outcome | None:
    """This will tell which names in braces nobody has put words in the place of."""
    found = {name for text in texts for name in placeholders.names_in(text)}
    names = tuple(sorted(found & set(canned_replies.NAMES)))
    return Outcome(result=Result.UNFILLED, names=names) if names else None


def free(reply: Reply, content: TextContent | ChatContent, *, now: datetime) -> Message | None:
    """This will write a free-form message; None where the shop has no topic for answers."""
    topic = Topic.objects.filter(purpose=Purpose.SERVICE).order_by("id").first()
    if topic is None:
        return None
    until = reply.conversation.window_expires_at
    return to_customer(
        reply,
        Message(
            topic=topic,
            content=contents.to_json(content),
            preview=contents.preview_to_json(contents.preview_of(content)),
            expires_at=until if until and until > now else now + _TEXT_EXPIRES_AFTER,
        ),
        now=now,
    )


def to_customer(reply: Reply, message: Message, *, now: datetime) -> Message:
    """This will say on a message who writes it to whom, from which form."""
    message.key, message.author = reply.key, reply.user
    message.contact_id = reply.conversation.contact_id
    message.in_reply_to = _newest_inbound(reply.conversation)
    message.due_at = message.created_at = now
    return message


def put(
    reply: Reply, message: Message, *, file: OutboundMedia | None = None, now: datetime
) -> Outcome:
    """This will put an answer into the outbox, unless it was sent before or a colleague has.

    Raises:
        FileGone: The file was deleted meanwhile; nothing is sent.
    """
    conversation = reply.conversation
    with transaction.atomic():
        # See Note [Two at one desk].
        Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
        if hindrance := earlier(message, file) or meanwhile(reply):
            return hindrance
        outbox.enqueue(messages=[message], now=now)
        row = Message.objects.get(key=message.key)
        if row.state in _NOT_SENT:
            return Outcome(result=Result.REFUSED, message=row)
        if file is not None and not outbound_media.join(row=file, message=row, now=now):
            raise FileGone
        conversations.note_answer(conversation=conversation, user=reply.user, now=now)
    return Outcome(result=Result.WAITS if row.reason else Result.SENT, message=row)


def earlier(message: Message, file: OutboundMedia | None) -> Outcome | None:
    """This will tell what became of what was sent with the same form before."""
    earlier = Message.objects.filter(key=message.key).select_related("media").first()
    if earlier is None:
        return None
    if earlier.contact_id != message.contact_id or not _says_the_same(earlier, message, file):
        return Outcome(result=Result.STALE, message=earlier)
    is_refused = earlier.state in _NOT_SENT
    return Outcome(result=Result.REFUSED if is_refused else Result.SENT, message=earlier)


def _says_the_same(earlier: Message, message: Message, file: OutboundMedia | None) -> bool:
    # What the database gives back has lists where there were tuples.
    said, meant = contents.from_json(earlier.content), contents.from_json(message.content)
    if not isinstance(said, MediaContent) or not isinstance(meant, MediaContent):
        return said == meant
    # Each upload has an id of its own: the same file is known by its bytes.
    if replace(said, media_id="") != replace(meant, media_id="") or file is None:
        return False
    sent: OutboundMedia | None = getattr(earlier, "media", None)
    return sent is None or sent.sha256 == file.sha256


def meanwhile(reply: Reply) -> Outcome | None:
    """This will tell whether a colleague has answered since the form was made."""
    rows = Message.objects.filter(
        contact_id=reply.conversation.contact_id, author__isnull=False, pk__gt=reply.seen_id
    )
    others = rows.exclude(author_id=reply.user.pk).exclude(state__in=_NOT_SENT)
    other = others.select_related("author").order_by("-id").first()
    return Outcome(result=Result.MEANWHILE, message=other) if other else None


def _newest_inbound(conversation: Conversation) -> InboundMessage | None:
    rows = InboundMessage.objects.filter(
        contact_id=conversation.contact_id, sender_id=conversation.sender_id
    )
    return rows.exclude(kind__in=routing.NOTICES).order_by("-id").first()
