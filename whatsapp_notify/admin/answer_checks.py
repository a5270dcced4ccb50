"""What is wrong with the shop's own words, in sentences that say what to do."""

from collections.abc import Iterable, Iterator, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import words
from whatsapp_notify.domain import chat_content, placeholders
from whatsapp_notify.domain.chat_content import ButtonProblem
from whatsapp_notify.models import KeywordReply
from whatsapp_notify.services import answer_words, campaign_keywords, keyword_replies
from whatsapp_notify.services.campaign_keywords import Clash, Owner
from whatsapp_notify.services.keyword_replies import Unheard

_UNHEARD: dict[Unheard, words.Words] = {
    Unheard.COURTESY: gettext_lazy(
        "“%(phrase)s” is no more than a courtesy: it is never answered. Write the word that "
        "customers ask by."
    ),
    Unheard.TOO_LONG: gettext_lazy(
        "“%(phrase)s” is too long: a keyword has at most 120 characters."
    ),
    Unheard.CONSENT: gettext_lazy(
        "“%(phrase)s” ends or begins our messages, always. Choose another word."
    ),
    Unheard.PERHAPS_CONSENT: gettext_lazy(
        "“%(phrase)s” may ask for an end of our messages, so that a person answers. Choose "
        "another word."
    ),
}
_OWNERS: dict[Owner, words.Words] = {
    Owner.CAMPAIGN: gettext_lazy(
        "“%(phrase)s” is a keyword of the interactive campaign “%(name)s”. Choose another word."
    ),
    Owner.KEYWORD_REPLY: gettext_lazy(
        "“%(phrase)s” is answered by the keyword reply “%(name)s”. Choose another word."
    ),
    Owner.SURVEY: gettext_lazy(
        "“%(phrase)s” is the keyword of the survey “%(name)s”. Choose another word."
    ),
}


def names(body: str, *, known: Iterable[str]) -> list[str]:
    """This will name what stands in braces and is not known here."""
    unknown = sorted(placeholders.names_in(body) - set(known))
    if not unknown:
        return []
    return [
        _("Not known here: %(names)s. Known are %(known)s.")
        % {"names": _in_braces(unknown), "known": _in_braces(known)}
    ]


def phrases(lines: str) -> list[str]:
    """This will tell which phrases would never be answered."""
    if not lines.strip():
        return [_("Write at least one word or phrase.")]
    return [
        str(_UNHEARD[why]) % {"phrase": line[:40]}
        for line in lines.splitlines()
        if line.strip() and (why := keyword_replies.unheard(line.strip()))
    ]


def buttons(titles: Sequence[str], *, body: str) -> Iterator[str]:
    """This will tell what WhatsApp would refuse of reply buttons."""
    for problem, title in chat_content.button_problems(titles, body=body):
        match problem:
            case ButtonProblem.TOO_MANY:
                yield _("At most three buttons; these are %(n)d.") % {"n": len(titles)}
            case ButtonProblem.LONG_TITLE:
                yield _("“%(title)s” has %(n)d characters; a button may have 20.") % {
                    "title": title,
                    "n": len(title),
                }
            case ButtonProblem.TWINS:
                yield _("Two buttons have the same words.")
            case ButtonProblem.LONG_BODY:
                yield _("With buttons the answer may have 1,024 characters; it has %(n)d.") % {
                    "n": len(body)
                }


def hindrances(reply: KeywordReply) -> list[str]:
    """This will tell why a keyword reply cannot be on; nothing where it can."""
    found = names(reply.body, known=answer_words.NAMES) + phrases(reply.phrases)
    found += buttons(keyword_replies.buttons(reply), body=reply.body)
    return found + unfinished(reply.body) + rivals(reply)


def unfinished(body: str) -> list[str]:
    """This will tell that a draft of the starter still waits for the shop's own words."""
    if not keyword_replies.is_unfinished(body):
        return []
    return [_("Write your own words in the place of each “[…]” before you switch it on.")]


def rivals(reply: KeywordReply) -> list[str]:
    """This will tell which phrases another reply answers already."""
    found = keyword_replies.rivals(phrases_of=reply.phrases, language=reply.language, but=reply.pk)
    told = [
        _("“%(phrase)s” is answered by “%(reply)s” (#%(pk)s) already. Take it out of one of them.")
        % {"phrase": phrase, "reply": row, "pk": row.pk}
        for phrase, row in found.items()
    ]
    return told + clashes(campaign_keywords.taken(reply.phrases))


def clashes(found: Iterable[Clash]) -> list[str]:
    """This will tell which phrases something else understands already."""
    return [
        str(_OWNERS[each.owner]) % {"phrase": each.phrase[:40], "name": each.name} for each in found
    ]


def _in_braces(found: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in found)
