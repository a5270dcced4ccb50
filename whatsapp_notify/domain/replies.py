"""Opt-out and opt-in as customers write them: in four languages, shouted, polite, disguised.

A keyword counts only where it is the whole message. "Stop, thank you" stops; "We have to
STOP this bill" is a sentence: see ``understanding``.
"""

import unicodedata
from enum import StrEnum
from types import MappingProxyType

#: What the opt-out and opt-in buttons of our templates send back.
OPT_OUT_PAYLOAD = "wn:opt-out"
OPT_OUT_PROMOTIONS_PAYLOAD = "wn:opt-out-promotions"
OPT_IN_PAYLOAD = "wn:opt-in"
#: And those below the question whether consent is confirmed.
CONFIRM_PAYLOAD = "wn:confirm"
DECLINE_PAYLOAD = "wn:decline"

#: A longer message is a letter, not a keyword.
MAX_LENGTH = 120


class Keyword(StrEnum):
    """What a keyword asks for."""

    OPT_OUT = "opt_out"
    #: Only promotions; order news go on.
    OPT_OUT_PROMOTIONS = "opt_out_promotions"
    OPT_IN = "opt_in"
    #: Yes or no to the question whether consent is confirmed; see ``confirmation``.
    CONFIRM = "confirm"
    DECLINE = "decline"


# English: the words that the FCC names (stop, quit, end, revoke, opt out, cancel,
# unsubscribe), and those that SMS gateways add to them.
# Source: 47 CFR 64.1200(a)(10), in force since 2025-04-11, read 2026-11.
_OPT_OUT = (
    # en
    "stop",
    "stop all",
    "stopall",
    "quit",
    "end",
    "revoke",
    "opt out",
    "optout",
    "cancel",
    "unsubscribe",
    "unsubscribe me",
    "stop it",
    "stop messages",
    "stop messaging me",
    "stop sending",
    "stop sending messages",
    "stop sending me messages",
    "no more messages",
    "remove me",
    "do not contact me",
    "don t contact me",
    "do not message me",
    "don t message me",
    # fi
    "lopeta",
    "lopettakaa",
    "lopeta viestit",
    "peru",
    "peruuta",
    "peru viestit",
    "stoppi",
    "poista minut",
    "en halua viestejä",
    "en halua enää viestejä",
    "ei enää viestejä",
    "älä lähetä viestejä",
    "älkää lähettäkö viestejä",
    # sv
    "sluta",
    "stopp",
    "avsluta",
    "avregistrera",
    "avregistrera mig",
    "avprenumerera",
    "ta bort mig",
    "inga fler meddelanden",
    "sluta skicka meddelanden",
    # ru
    "стоп",
    "отписаться",
    "отписка",
    "отпишите меня",
    "отпиши меня",
    "отпишите",
    "отмена",
    "прекратить",
    "прекратите",
    "не пишите",
    "не пишите мне",
    "больше не пишите",
    "не присылайте сообщения",
    "удалите меня",
    # "STOP" in capitals that only look Latin: sound of the first, look of the last.
    "стор",
)
# Also the labels of the buttons under our promotions, for those who type them.
_OPT_OUT_PROMOTIONS = (
    # en
    "stop promotions",
    "stop offers",
    "no promotions",
    "no offers",
    "no more promotions",
    "no more offers",
    # fi
    "ei tarjouksia",
    "ei enää tarjouksia",
    "peru tarjoukset",
    "lopeta tarjoukset",
    # sv
    "inga erbjudanden",
    "inga fler erbjudanden",
    "sluta med erbjudanden",
    # ru
    "без рекламы",
    "не присылайте рекламу",
    "отписаться от рекламы",
)

_OPT_IN = (
    # en
    "start",
    "join",
    "subscribe",
    "subscribe me",
    "unstop",
    "opt in",
    "optin",
    "resume",
    # fi
    "liity",
    "aloita",
    "liityn",
    "haluan liittyä",
    # sv
    "gå med",
    "starta",
    "börja",
    "prenumerera",
    # ru
    "начать",
    "старт",
    "подписаться",
    "подписка",
    "подпишите меня",
    "возобновить",
)

# Before or after a keyword, these change nothing.
COURTESIES = (
    "please",
    "pls",
    "plz",
    "thanks",
    "thank you",
    "thank you very much",
    "thx",
    "now",
    "kiitos",
    "kiitti",
    "kiitoksia",
    "ole hyvä",
    "olkaa hyvä",
    "heti",
    "tack",
    "tack så mycket",
    "snälla",
    "vänligen",
    "nu",
    "genast",
    "пожалуйста",
    "спасибо",
    "плиз",
)

# Letters that look like a Latin one, after case folding. Both the table and the message go
# through it, so that Cyrillic words still equal themselves.
# Source: https://www.unicode.org/Public/security/latest/confusables.txt, read 2026-11;
# reduced to the letters of the keywords.
_LOOKALIKES = str.maketrans(
    {
        # Cyrillic
        "а": "a",
        "в": "b",
        "е": "e",
        "і": "i",
        "ј": "j",
        "к": "k",
        "м": "m",
        "н": "h",
        "о": "o",
        "р": "p",
        "с": "c",
        "ѕ": "s",
        "т": "t",
        "у": "y",
        "х": "x",
        "ԛ": "q",
        # Greek
        "α": "a",
        "β": "b",
        "ε": "e",
        "ι": "i",
        "κ": "k",
        "μ": "m",
        "ν": "n",
        "ο": "o",
        "ρ": "p",
        "σ": "s",
        "τ": "t",
        "υ": "u",
        "χ": "x",
        # Latin and digits
        "ı": "i",
        "0": "o",
    }
)


def read_keyword(text: str) -> Keyword | None:
    """This will tell what a message asks for that consists of a keyword, politely or not."""
    return _KEYWORDS.get(bare_words(text))


def bare_words(text: str) -> tuple[str, ...]:
    """This will return the words of a short message without courtesies; none of a letter."""
    found = _words(text)
    if found and all(len(word) == 1 for word in found):
        found = ("".join(found),)  # S.T.O.P.
    return _without_repeats(_without_courtesies(found))


def words(text: str) -> tuple[str, ...]:
    """This will return the words of any message: lower case, no accents, digits as they are."""
    return tuple(_skeleton(text).split())


def read_payload(payload: str) -> Keyword | None:
    """This will tell what one of our own buttons asks for; None for any other button."""
    return _PAYLOADS.get(payload)


def _words(text: str) -> tuple[str, ...]:
    text = text[: 4 * MAX_LENGTH].strip()
    return tuple(_skeleton(text).split()) if len(text) <= MAX_LENGTH else ()


def _skeleton(text: str) -> str:
    """This will reduce text to lower-case letters without accents, digits and blanks."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(map(_letter_or_blank, decomposed)).translate(_LOOKALIKES)


def _letter_or_blank(character: str) -> str:
    match unicodedata.category(character)[0], character:
        case (("L" | "N"), _):
            return character
        # Accents, variation selectors, joiners, marks of direction, soft hyphens.
        case "M", _:
            return ""
        case "C", _ if unicodedata.category(character) == "Cf":
            return ""
        case _:
            return " "


def _without_courtesies(words: tuple[str, ...]) -> tuple[str, ...]:
    while words:
        for courtesy in _COURTESY_WORDS:
            if words[-len(courtesy) :] == courtesy:
                words = words[: -len(courtesy)]
                break
            if words[: len(courtesy)] == courtesy:
                words = words[len(courtesy) :]
                break
        else:
            break
    return words


def _without_repeats(words: tuple[str, ...]) -> tuple[str, ...]:
    """This will reduce "stop stop stop" to "stop"."""
    return words[:1] if len(set(words)) == 1 else words


def _key(phrase: str) -> tuple[str, ...]:
    return tuple(_skeleton(phrase).split())


_KEYWORDS = MappingProxyType(
    {_key(phrase): Keyword.OPT_OUT for phrase in _OPT_OUT}
    | {_key(phrase): Keyword.OPT_OUT_PROMOTIONS for phrase in _OPT_OUT_PROMOTIONS}
    | {_key(phrase): Keyword.OPT_IN for phrase in _OPT_IN}
)
_COURTESY_WORDS = tuple(sorted((_key(phrase) for phrase in COURTESIES), key=len, reverse=True))
_PAYLOADS = MappingProxyType(
    {
        OPT_OUT_PAYLOAD: Keyword.OPT_OUT,
        OPT_OUT_PROMOTIONS_PAYLOAD: Keyword.OPT_OUT_PROMOTIONS,
        OPT_IN_PAYLOAD: Keyword.OPT_IN,
        CONFIRM_PAYLOAD: Keyword.CONFIRM,
        DECLINE_PAYLOAD: Keyword.DECLINE,
    }
)
