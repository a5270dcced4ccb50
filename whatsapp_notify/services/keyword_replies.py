"""Answers to keywords: which of the shop's own fits a message, and which never could."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import F

from whatsapp_notify import conf
from whatsapp_notify.domain import phrases, understanding
from whatsapp_notify.domain.understanding import Meaning
from whatsapp_notify.models import Contact, KeywordReply
from whatsapp_notify.services import answer_words, shared_reads, template_choice, together

#: Stands in the starter's replies where only the shop knows the words.
BLANK = "[…]"


class Unheard(StrEnum):
    """Why a phrase never reaches a keyword reply: something else understands it before."""

    COURTESY = "courtesy"
    TOO_LONG = "too_long"
    #: It ends or begins our messages.
    CONSENT = "consent"
    #: It may end them: whoever writes it is asked by a person.
    PERHAPS_CONSENT = "perhaps_consent"


#: Name under which uses are kept back; see Note [Several messages in one transaction].
USES = "uses"


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
    if not together.defer(USES, reply.pk):
        count_uses([reply.pk], now=now)


def count_uses(pks: Sequence[int], *, now: datetime) -> None:
    """This will count uses, each reply's at once, in the order of their ids.

    Two workers that count the same replies never wait for each other in a ring.
    """
    for pk, count in sorted(Counter(pks).items()):
        KeywordReply.objects.filter(pk=pk).update(
            used_count=F("used_count") + count, last_used_at=now
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


def unheard(phrase: str) -> Unheard | None:
    """This will tell why a phrase would never be answered; None where it would be."""
    if phrases.is_courtesy(phrase):
        return Unheard.COURTESY
    match understanding.understand(phrase).meaning:
        case Meaning.UNCLEAR:
            return Unheard.PERHAPS_CONSENT
        case Meaning.OPT_OUT | Meaning.OPT_OUT_PROMOTIONS | Meaning.OPT_IN:
            return Unheard.CONSENT
    if phrases.key(phrase):
        return None
    return Unheard.TOO_LONG if len(phrase.strip()) > phrases.MAX_LENGTH else Unheard.COURTESY


def rivals(*, phrases_of: str, language: str, but: int | None = None) -> Mapping[str, KeywordReply]:
    """This will return which phrases other replies that are on answer in the same language.

    ``but`` is the id of the reply that is asked about.
    """
    mine = phrases.by_key(phrases_of)
    base = template_choice.base_of(language)
    return {
        mine[key]: row
        for row in KeywordReply.objects.filter(is_active=True).order_by("id")
        if row.pk != but
        if template_choice.base_of(row.language) == base
        for key in mine.keys() & phrases.keys(row.phrases)
    }


def is_unfinished(body: str) -> bool:
    """This will tell whether words of the starter still wait for the shop's own."""
    return BLANK in body
