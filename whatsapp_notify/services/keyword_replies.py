"""Answers to keywords: which of the shop's own fits a message."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from whatsapp_notify import conf
from whatsapp_notify.domain import phrases
from whatsapp_notify.models import Contact, KeywordReply
from whatsapp_notify.services import answer_words, shared_reads, template_choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What customers write, and what the shop answers."""

    phrases: tuple[str, ...]
    answer: str


def find(*, text: str, language: str) -> KeywordReply | None:
    """This will return the reply to a message, in the customer's language if there are several.

    All that are on are read: a shop has tens of them. See Note [Read once for a batch].
    """
    found = shared_reads.once("keyword_replies", _by_key).get(phrases.key(text))
    if not found:
        return None
    # Somebody who writes "palautus" reads Finnish, whatever the account says.
    return answer_words.nearest(found, language=language) or found[0]


def questions(*, language: str, now: datetime) -> tuple[Question, ...]:
    """This will return all that the shop answers to keywords, in the customer's language.

    Answers that call a person are left out: whoever asks for that wants more than words. They
    name nobody, whatever they say to a customer.
    """
    nobody = Contact(language=language)
    rows = KeywordReply.objects.filter(is_active=True, calls_person=False).order_by("id")
    told = [
        Question(
            phrases=tuple(filter(None, map(str.strip, row.phrases.splitlines()))),
            answer=answer_words.fill(row.body, contact=nobody, now=now),
        )
        for row in _in_language(rows, language)
    ]
    return tuple(each for each in told if each.answer)


def _in_language(rows: Iterable[KeywordReply], language: str) -> list[KeywordReply]:
    """This will leave those for all, and those in the customer's language or else the shop's."""
    by_language: dict[str, list[KeywordReply]] = {}
    for row in rows:
        by_language.setdefault(template_choice.base_of(row.language), []).append(row)
    own = by_language.get(template_choice.base_of(language)) if language else None
    if own is None:
        own = by_language.get(template_choice.base_of(conf.load().DEFAULT_LANGUAGE), [])
    return [*own, *by_language.get("", [])]


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
