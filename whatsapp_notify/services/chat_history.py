"""What was written to and fro with a customer, in the order of time."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from whatsapp_notify.models import Conversation, InboundMessage, Message

#: Messages of both sides that are shown at once, and by which more are shown.
PAGE = 40
#: However often more are asked for.
MAX_PAGES = 25

#: What is not shown, and may be long.
_NOT_SHOWN = ("content", "checks", "pricing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message of either side."""

    #: When the customer wrote it, or when ours left or shall leave.
    at: datetime
    inbound: InboundMessage | None = None
    message: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The latest messages, the oldest first."""

    entries: Sequence[Entry]
    has_older: bool


def of_contact(
    *, contact_id: int, pages: int = 1, with_inbound_text: bool, with_message_text: bool
) -> History:
    """This will read the latest of both sides, of all channels, in two queries.

    Words that the reader may not see stay in the database.
    """
    limit = PAGE * min(max(pages, 1), MAX_PAGES)
    theirs = InboundMessage.objects.filter(contact_id=contact_id).select_related("media")
    if not with_inbound_text:
        theirs = theirs.defer("text", "content")
    ours = Message.objects.filter(contact_id=contact_id)
    ours = ours.select_related("author", "automation", "media")
    ours = ours.defer(*_NOT_SHOWN, *(() if with_message_text else ("preview",)))
    ours = ours.annotate(answers_handled_as=F("in_reply_to__handled_as"))
    rows: list[tuple[datetime, InboundMessage | Message]] = [
        *((row.sent_at, row) for row in theirs.order_by("-id")[: limit + 1]),
        *((row.created_at, row) for row in ours.order_by("-id")[: limit + 1]),
    ]
    # Which of both belong to the latest goes by when they came to be, as their numbers do.
    rows.sort(key=lambda each: (each[0], each[1].pk))
    entries = [_entry(row) for _at, row in rows[-limit:]]
    entries.sort(key=lambda each: each.at)
    return History(entries=entries, has_older=len(rows) > limit)


def tag(conversation: Conversation) -> str:
    """This will return a text that differs once the chat would show something else.

    Three queries, beside that which has read the conversation and its contact.
    """
    contact = conversation.contact
    theirs = InboundMessage.objects.filter(contact_id=contact.pk).order_by("-id")
    ours = Message.objects.filter(contact_id=contact.pk).order_by("-id")
    seen = [
        conversation.mode, conversation.assigned_to_id, conversation.closed_at,
        conversation.waiting_since, conversation.window_expires_at,
        conversation.entry_point_expires_at, contact.promotions_paused_at, contact.erased_at,
        list(contact.labels.order_by("id").values_list("label_id", "set_at")),
        list(theirs.values_list("id", "handled_as", "media__state")[:PAGE]),
        list(ours.values_list("id", "state", "reason", "due_at", "media__delete_at")[:PAGE]),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(seen, default=str).encode()).hexdigest()[:16]


def _entry(row: InboundMessage | Message) -> Entry:
    if isinstance(row, InboundMessage):
        return Entry(at=row.sent_at, inbound=row)
    at = row.called_at or (max(row.due_at, row.created_at) if row.is_pending else row.created_at)
    return Entry(at=at, message=row)
