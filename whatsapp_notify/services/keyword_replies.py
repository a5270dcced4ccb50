"""Answers to keywords: which of the shop's own fits a message."""

from datetime import datetime

from django.db.models import F

from whatsapp_notify.domain import phrases
from whatsapp_notify.models import KeywordReply
from whatsapp_notify.services import answer_words


def find(*, text: str, language: str) -> KeywordReply | None:
    """This will return the reply to a message, in the customer's language if there are several.

    All that are on are read: a shop has tens of them, and each is compared by its words.
    """
    wanted = phrases.key(text)
    if not wanted:
        return None
    rows = KeywordReply.objects.filter(is_active=True).order_by("id")
    found = [row for row in rows if wanted in phrases.keys(row.phrases)]
    if not found:
        return None
    # Somebody who writes "palautus" reads Finnish, whatever the account says.
    return answer_words.nearest(found, language=language) or found[0]


def note_use(*, reply: KeywordReply, now: datetime) -> None:
    """This will count one more use."""
    KeywordReply.objects.filter(pk=reply.pk).update(
        used_count=F("used_count") + 1, last_used_at=now
    )


def buttons(reply: KeywordReply) -> tuple[str, ...]:
    """This will return the titles of a reply's buttons."""
    return tuple(filter(None, (each.strip() for each in reply.buttons.split("|"))))
