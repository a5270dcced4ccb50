"""The desk's own words: kinds of messages, prices, and what became of an answer."""

from collections.abc import Mapping
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from whatsapp_notify.admin import check_words, words
from whatsapp_notify.admin.words import Tone, Words
from whatsapp_notify.domain import sentences
from whatsapp_notify.domain.chat_content import MAX_CAPTION
from whatsapp_notify.domain.policy import Block, Decision, Hold
from whatsapp_notify.models import Message
from whatsapp_notify.services import desk_staff
from whatsapp_notify.services.answers import MAX_LENGTH
from whatsapp_notify.services.desk_replies import Outcome, Result
from whatsapp_notify.services.prices import Price

_KINDS: Mapping[str, Words] = {
    "image": gettext_lazy("Picture"),
    "video": gettext_lazy("Video"),
    "audio": gettext_lazy("Sound"),
    "document": gettext_lazy("Document"),
    "sticker": gettext_lazy("Sticker"),
    "location": gettext_lazy("Place on the map"),
    "contacts": gettext_lazy("Contact card"),
    "order": gettext_lazy("Order from the chat"),
    "reaction": gettext_lazy("Reaction"),
    "system": gettext_lazy("Notice by WhatsApp"),
    "unsupported": gettext_lazy("A kind of message that WhatsApp does not pass on"),
    "revoke": gettext_lazy("Deleted a message"),
    "edit": gettext_lazy("Changed a message"),
}

#: What WhatsApp's users know from their own phones, and its colour.
_TICKS: Mapping[str, tuple[str, str]] = {
    "queued": ("⏳", ""),
    "calling": ("⏳", ""),
    "accepted": ("✓", ""),
    "held": ("✓", ""),
    "sent": ("✓", ""),
    "delivered": ("✓✓", ""),
    "read": ("✓✓", "wn-tick-read"),
    "failed": ("✕", "wn-tick-bad"),
    "blocked": ("✕", "wn-tick-bad"),
    "expired": ("✕", "wn-tick-bad"),
    "cancelled": ("✕", "wn-tick-bad"),
}

_RESULTS: Mapping[Result, Words] = {
    Result.EMPTY: gettext_lazy("There is nothing to send yet: write something first."),
    Result.STALE: gettext_lazy(
        "Another text was sent from this page before, so this one was not sent. Look at the "
        "chat, then press the button again if it is still right."
    ),
    Result.FILE_BUTTONS: gettext_lazy(
        "A file cannot have reply buttons, so nothing was sent. Send the file first, and the "
        "buttons with another answer."
    ),
    Result.FILE_GONE: gettext_lazy(
        "The file is not here any more, so nothing was sent. Choose it again."
    ),
    Result.ERASED: gettext_lazy("This customer was erased. Nothing can be written any more."),
    Result.NO_TOPIC: gettext_lazy(
        "The shop has no topic for answers to customers. Add one whose purpose is “answers to "
        "the customer”."
    ),
}


def kind(code: str) -> Words:
    """This will name a kind of message of a customer."""
    return _KINDS.get(code, code)


def tick(state: str) -> tuple[str, str]:
    """This will return the sign of a state, and the class of its colour."""
    return _TICKS.get(state, ("?", "wn-tick-bad"))


def price(found: Price) -> str:
    """This will say what a message costs; empty where that is not known."""
    if found.free_until is not None:
        text = _("Free: the customer came by an ad, until %(at)s.")
        return sentences.with_one_stop(text % {"at": words.at(found.free_until)})
    if found.amount is None:
        return ""
    return _("Costs %(amount)s when it is delivered.") % {
        "amount": amount(found.amount, found.currency)
    }


def amount(number: Decimal, currency: str) -> str:
    """This will write an amount of money, small ones to the last digit."""
    places = max(2, -int(number.normalize().as_tuple().exponent))
    return f"{number_format(number, places, use_l10n=True)}\u00a0{currency}".strip()


def outcome(found: Outcome) -> tuple[str, Tone]:
    """This will say what became of an answer."""
    match found.result:
        case Result.SENT:
            return _("Sent."), Tone.GOOD
        case Result.WAITS:
            return _("It waits: %(reason)s. It leaves by itself.") % {
                "reason": words.reason(_reason(found))
            }, Tone.WAITING
        case Result.REFUSED:
            return _refusal(found), Tone.BAD
        case Result.MEANWHILE:
            return _meanwhile(found), Tone.DOUBT
        case Result.TOO_LONG:
            text = ngettext(
                "It is too long: WhatsApp takes %(n)d character.",
                "It is too long: WhatsApp takes %(n)d characters.",
                MAX_LENGTH,
            )
            return text % {"n": MAX_LENGTH}, Tone.BAD
        case Result.LONG_CAPTION:
            return _(
                "With a file the answer may have %(n)s characters. Send the rest by itself."
            ) % {"n": MAX_CAPTION}, Tone.BAD
        case Result.NOT_UPLOADED:
            return _not_uploaded(found.code), Tone.BAD
        case Result.UNFILLED:
            names = ", ".join(f"{{{name}}}" for name in found.names)
            return _("Not sent. Put words in the place of %(names)s first.") % {
                "names": names
            }, Tone.BAD
    return str(_RESULTS[found.result]), Tone.BAD


def _not_uploaded(code: int | None) -> str:
    if code is None:
        return _(
            "WhatsApp gave no answer, so nothing was sent. Your words and the file are kept: "
            "press the button again in a while."
        )
    what, to_do = words.error(code)
    text = _("WhatsApp has refused the file (%(code)s), so nothing was sent. %(what)s %(to_do)s")
    return text % {"code": code, "what": what, "to_do": to_do}


def verdict(decision: Decision) -> str:
    """This will say what the decision would do with a message."""
    match decision.verdict:
        case Block(reason=reason):
            return _("would not be sent: %(reason)s") % {"reason": words.reason(reason)}
        case Hold(reason=reason, until=until):
            return _("would wait until %(at)s: %(reason)s") % {
                "at": words.at(until),
                "reason": words.reason(reason),
            }
    return _("would be sent at once")


def _refusal(found: Outcome) -> str:
    code = _reason(found)
    text = _("Not sent: %(reason)s.") % {"reason": words.reason(code)}
    checks = found.message.checks_made if found.message else []
    sentence = next(
        (check_words.sentence(name, result, seen) for name, result, seen in checks if name == code),
        "",
    )
    return " ".join(filter(None, [text, sentence, str(words.remedy(code))]))


def _meanwhile(found: Outcome) -> str:
    author = found.message.author if found.message else None
    return _(
        "%(name)s has answered meanwhile, so this was not sent. Look at the chat, then press "
        "the button again if it is still right."
    ) % {"name": desk_staff.name(author) if author else _("Somebody")}


def _reason(found: Outcome) -> str:
    return found.message.reason if found.message else ""


def author(message: Message) -> tuple[str, bool]:
    """This will say who wrote a message of ours, and whether it was a person.

    Needs ``answers_handled_as``, as the history reads it.
    """
    if message.author is not None:
        return desk_staff.name(message.author), True
    if message.key.startswith("desk:"):
        return _("Former member of the staff"), True
    if message.automation is not None:
        return _("Automation “%(name)s”") % {"name": message.automation.name}, False
    if message.key.startswith("answer:"):
        is_bot = getattr(message, "answers_handled_as", "") == "bot"
        return (_("Bot") if is_bot else _("Automatic answer")), False
    return _("Sent by itself"), False
