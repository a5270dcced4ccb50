"""The way of a customer's message in sentences: who looked at it, and why it did or did not act."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from whatsapp_notify.admin import words
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.domain.understanding import Meaning
from whatsapp_notify.models import Contact, Enquiry, InboundMessage
from whatsapp_notify.services import quarantine
from whatsapp_notify.services.interactive_campaigns import Step

Evidence = Mapping[str, Any]
HandledAs = InboundMessage.HandledAs

#: Handlers in the words of a shop owner; one without words is shown by its name.
HANDLERS: Mapping[str, words.Words] = {
    "notice": gettext_lazy("Notice by WhatsApp"),
    "group": gettext_lazy("Written in a group"),
    "consent_word": gettext_lazy("Stop or start"),
    "survey_answer": gettext_lazy("Answer to a survey"),
    "campaign": gettext_lazy("Interactive campaign"),
    "cart": gettext_lazy("Order from the chat"),
    "courtesy": gettext_lazy("Thanks and the like"),
    "with_person": gettext_lazy("Talk with the staff"),
    "keyword": gettext_lazy("Keyword reply"),
    "order_number": gettext_lazy("Order number"),
    "greeting": gettext_lazy("Greeting"),
    "bot": gettext_lazy("Bot"),
    "person": gettext_lazy("Person"),
    # What a worker did afterwards.
    "order": gettext_lazy("Question to the shop"),
}

_MEANINGS: Mapping[str, words.Words] = {
    Meaning.OPT_OUT: gettext_lazy("wants no more messages"),
    Meaning.OPT_OUT_PROMOTIONS: gettext_lazy("wants no more offers"),
    Meaning.OPT_IN: gettext_lazy("wants messages"),
    Meaning.CONFIRM: gettext_lazy("confirms the consent"),
    Meaning.DECLINE: gettext_lazy("does not confirm the consent"),
    Meaning.UNCLEAR: gettext_lazy("may want to end messages: a person asks"),
}
_REPLIES: Mapping[str, words.Words] = {
    "said": gettext_lazy("It was answered."),
    "limit": gettext_lazy("Not answered: too many answers to this customer within an hour."),
    "too_late": gettext_lazy("Not answered: it came too late for an automatic answer."),
    "with_person": gettext_lazy("Not answered: a member of the staff leads the talk."),
    "opted_out": gettext_lazy("Not answered: the customer had ended our messages meanwhile."),
    "nothing": gettext_lazy("Nothing was to be said."),
    "thanked": gettext_lazy("Not answered: thanked a moment ago, in the same sitting."),
    "told": gettext_lazy("Not answered: told so before."),
    "failed": gettext_lazy("Not answered: something broke."),
}
#: Why the bot's answer was of no use, or was not asked for.
_NO_BOT: Mapping[str, words.Words] = {
    "late": gettext_lazy("The bot was late."),
    "busy": gettext_lazy("The bot had too much to do."),
    "erased": gettext_lazy("The customer was erased meanwhile."),
    "with_person": gettext_lazy("A member of the staff had taken the talk meanwhile."),
    "opted_out": gettext_lazy("The customer had ended our messages meanwhile."),
    "newer_message": gettext_lazy("The customer had written again meanwhile."),
}
#: What a message was to an interactive campaign.
_STEPS: Mapping[str, words.Words] = {
    Step.ENTRY: gettext_lazy("It counts as an entry."),
    Step.INVITED: gettext_lazy("The customer takes part and was to be invited to send something."),
    Step.NOT_BEGUN: gettext_lazy("The campaign has not begun."),
    Step.OVER: gettext_lazy("The campaign is over."),
}
_WHYS: Mapping[str, words.Words] = {
    "group": gettext_lazy("What is said among several is left to the staff."),
    "reaction": gettext_lazy("A reaction needs no answer."),
    "sticker": gettext_lazy("A sticker needs no answer."),
    "courtesy": gettext_lazy("Thanks need no answer, and an answer costs money."),
    "greeting": gettext_lazy("A first hello gets the greeting alone."),
    "limit": gettext_lazy("Too many order numbers within an hour."),
    quarantine.ERRAND_ENDED: gettext_lazy(
        "Not answered: the database was restored from a backup, and the customer may have been "
        "answered before."
    ),
    **{
        str(reason): gettext_lazy("A person is called: %s.") % label
        for reason, label in Enquiry.Reason.choices
    },
}

#: How a message was understood -> colour of its badge.
TONES: Mapping[str, Tone] = {
    HandledAs.OPT_OUT: Tone.DOUBT,
    HandledAs.OPT_IN: Tone.GOOD,
    HandledAs.SURVEY_ANSWER: Tone.GOOD,
    HandledAs.CAMPAIGN: Tone.GOOD,
    HandledAs.KEYWORD: Tone.GOOD,
    HandledAs.ORDER_STATUS: Tone.ON_ITS_WAY,
    HandledAs.CART: Tone.ON_ITS_WAY,
    HandledAs.BOT: Tone.ON_ITS_WAY,
    HandledAs.PERSON: Tone.WAITING,
    HandledAs.FLOOD: Tone.BAD,
}

#: Outcome -> sign, word and the style of the line.
_OUTCOMES: Mapping[str, tuple[str, words.Words, str]] = {
    "acted": ("✓", gettext_lazy("acted"), "passed"),
    "passed": ("–", gettext_lazy("passed it on"), "not_applicable"),
    "failed": ("✕", gettext_lazy("gave up"), "blocked"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """One line of the way."""

    name: words.Words
    sign: str
    outcome_words: words.Words
    style: str
    sentence: str


def shown(route: Sequence[Sequence[Any]]) -> list[ShownStep]:
    """This will turn the way of a message into lines to read.

    ``route`` is ``[[handler, "acted" | "passed" | "failed", evidence], ...]``, as the router
    wrote it, and after it the worker that ran an errand.
    """
    return [_shown(str(name), str(outcome), dict(seen)) for name, outcome, seen in route]


def drawn(route: Sequence[Sequence[Any]]) -> SafeString | str:
    """This will draw the way of a message as a list; a dash where none was kept."""
    if not route:
        return "–"
    return render_to_string("admin/whatsapp_notify/route.html", {"steps": shown(route)})


def sentence(seen: Evidence) -> str:
    """This will say what a handler saw; evidence without words is listed as it is."""
    known = [str(say(seen[name])) for name, say in _SENTENCES.items() if name in seen]
    rest = [
        f"{name}: {words.fact(value)}"
        for name, value in seen.items()
        if name not in _SENTENCES and name != "rule"
    ]
    if rule := seen.get("rule"):
        rest.insert(0, _("Rule: %(rule)s.") % {"rule": rule})
    return " ".join(known + rest)


def tone(inbound: InboundMessage) -> Tone:
    """This will choose the colour of how a message was understood."""
    return TONES.get(inbound.handled_as, Tone.OFF)


def called_because(reason: str) -> str:
    """This will say why a person is called; empty for no reason."""
    return str(dict(Enquiry.Reason.choices).get(reason, reason))


def paused_because(reason: str) -> str:
    """This will say why promotions rest; empty for no reason."""
    return str(dict(Contact.PauseReason.choices).get(reason, reason))


def errand(code: str) -> str:
    """This will say what a worker does before an answer; empty for nothing."""
    return str(dict(InboundMessage.Errand.choices).get(code, code))


def _shown(name: str, outcome: str, seen: Evidence) -> ShownStep:
    sign, outcome_words, style = _OUTCOMES.get(outcome, ("?", outcome, "not_applicable"))
    return ShownStep(
        name=HANDLERS.get(name, name),
        sign=sign,
        outcome_words=outcome_words,
        style=style,
        sentence=sentence(seen),
    )


def _why(code: Any) -> str:
    return str(_WHYS.get(str(code), code))


def _products(count: Any) -> str:
    count = int(count)
    return ngettext("%(n)d product.", "%(n)d products.", count) % {"n": count}


def _numbers(count: Any) -> str:
    count = int(count)
    text = ngettext("%(n)d order number was found.", "%(n)d order numbers were found.", count)
    return text % {"n": count}


def _told(count: Any) -> str:
    count = int(count)
    text = ngettext("%(n)d order was told.", "%(n)d orders were told.", count)
    return text % {"n": count}


def _drafted(is_drafted: Any) -> str:
    return _("The shop made a draft order.") if is_drafted else _("No draft order was made.")


#: Name of the evidence -> its sentence, in the order in which they are said.
_SENTENCES: Mapping[str, Callable[[Any], str]] = {
    "meaning": lambda code: _("The customer %(meaning)s.") % {"meaning": _MEANINGS.get(code, code)},
    "survey": lambda pk: _("Survey #%(pk)s.") % {"pk": pk},
    "campaign": lambda pk: _("Interactive campaign #%(pk)s.") % {"pk": pk},
    "step": lambda code: str(_STEPS.get(code, code)),
    "score": lambda score: _("Score %(score)s.") % {"score": score},
    "products": _products,
    "lines": _products,
    "is_drafted": _drafted,
    "numbers": _numbers,
    "told": _told,
    "keyword_reply": lambda pk: _("Reply #%(pk)s fits.") % {"pk": pk},
    "bot": lambda _code: _("No bot is set up."),
    "kind": lambda kind: _("Kind: %(kind)s.") % {"kind": kind},
    "unusable": lambda code: str(_NO_BOT.get(code, code)),
    "dropped": lambda code: str(_NO_BOT.get(code, code)),
    "handed_over": lambda why: _("The bot handed over: %(why)s.") % {"why": words.fact(why)},
    "given_up": lambda fault: _("Given up because of %(fault)s.") % {"fault": fault},
    "why": _why,
    "reply": lambda code: str(_REPLIES.get(code, code)),
}
