"""Answers to keywords: which of the shop's own fits a message."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db.models import F

from whatsapp_notify.domain import phrases
from whatsapp_notify.models import KeywordReply
from whatsapp_notify.services import answer_words, shared_reads


def find(*, text: str, language: str) -> KeywordReply | None:
    """This will return the reply to a message, in the customer's language if there are several.

    All that are on are read: a shop has tens of them. See Note [Read once for a batch].
    """
    found = shared_reads.once("keyword_replies", _by_key).get(phrases.key(text))
    if not found:
        return None
    # Somebody who writes "palautus" reads Finnish, whatever the account says.
    return answer_words.nearest(found, language=language) or found[0]


def note_use(*, reply: KeywordReply, now: datetime) -> None:
    """This will count one more use."""
    KeywordReply.objects.filter(pk=reply.pk).update(
        used_count=F("used_count") + 1, last_used_at=now
    )


def _by_key() -> Mapping[str, list[KeywordReply]]:
    found: defaultdict[str, list[KeywordReply]] = defaultdict(list)
    for row in KeywordReply.objects.filter(is_active=True).order_by("id"):
        for key in phrases.keys(row.phrases):
            found[key].append(row)
    return found


def buttons(reply: KeywordReply) -> tuple[str, ...]:
    """This will return the titles of a reply's buttons."""
    return tuple(filter(None, (each.strip() for each in reply.buttons.split("|"))))
