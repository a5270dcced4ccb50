"""What a customer's message says about our messages: stop, start, perhaps, or nothing.

# Note [Words before sentences]
A message that is nothing but a keyword is understood by ``replies`` and always obeyed. All
else is understood by rules that may err. So each verdict says which way it was reached, and
what is reached by a sentence can be held back when too many come at once (see the service
``opt_out_breaker``).

# Note [The widest end]
"No offers please. STOP" asks for two ends, and who is read by the first alone goes on getting
order news. So all clauses are read, and the widest end wins: all messages, then what may be all
messages and is for a person, then promotions. What points back to the offers ("stop sending
them"), is denied ("don't stop the order news") or is a quotation of ours makes no end wider.

# Note [Complaints]
"Who told you to sign me up" holds the words of a wish. A consent that nobody gave is worse than
a question too many, so a wish to begin is obeyed only where no word of blame stands in the
message and nothing but words of asking stand before it; else a person asks.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from whatsapp_notify.domain import replies, reply_rules, reply_sentences
from whatsapp_notify.domain.replies import Keyword
from whatsapp_notify.domain.reply_sentences import Clause, Rule, word_key


class Meaning(StrEnum):
    """What a message asks for."""

    OPT_OUT = "opt_out"
    #: Only promotions; order news go on.
    OPT_OUT_PROMOTIONS = "opt_out_promotions"
    OPT_IN = "opt_in"
    #: Yes or no to the question whether consent is confirmed; only in answer to it.
    CONFIRM = "confirm"
    DECLINE = "decline"
    #: Perhaps an end: a person asks.
    UNCLEAR = "unclear"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a message means, and why we think so."""

    meaning: Meaning
    #: Name of the rule that fired, such as "stop sending"; empty where none did.
    rule: str = ""
    #: Whether a keyword was the whole message: see Note [Words before sentences].
    is_exact: bool = False

    @property
    def is_opt_out(self) -> bool:
        return self.meaning in {Meaning.OPT_OUT, Meaning.OPT_OUT_PROMOTIONS, Meaning.DECLINE}


_NOTHING = Verdict(meaning=Meaning.NOTHING)
_KEYWORD_AMONG_WORDS = Verdict(meaning=Meaning.OPT_OUT, rule="keyword among words")

# Keywords that end the messages also where other words stand beside them: "Not interested,
# stop". Words such as "cancel" and "end" are about an order there.
_STRONG = (
    "stop",
    "stop it",
    "stop all",
    "stop now",
    "unsubscribe",
    "opt out",
    "remove me",
    "lopeta",
    "lopettakaa",
    "lopettakaa jo",
    "stoppi",
    "poistakaa minut",
    "sluta",
    "stopp",
    "avregistrera",
    "avregistrera mig",
    "ta bort mig",
    "стоп",
    "отпишите",
    "отпишите меня",
    "отписаться",
    "прекратите",
    "не пишите",
)
# Keywords that are guessed behind a slip of the finger: no other word is near them.
_GUESSED_OUT = (
    "stop",
    "unsubscribe",
    "lopeta",
    "lopettakaa",
    "peruuta",
    "sluta",
    "stopp",
    "avregistrera",
    "avprenumerera",
    "avsluta",
    "отписаться",
    "отпишите",
    "прекратите",
    "стоп",
)
_GUESSED_IN = ("start", "subscribe", "liity", "aloita", "starta", "начать", "подписаться", "старт")

# From the narrowest to the widest: see Note [The widest end].
_WIDTH = (Meaning.OPT_OUT_PROMOTIONS, Meaning.UNCLEAR, Meaning.OPT_OUT)
# Classes of words of asking: see Note [Complaints].
_MAY_PRECEDE_A_WISH = ("ASKING", "WISH", "POLITE", "POLITE_QUESTION", "AGAIN", "ME", "START")
# What stands in quotation marks behind words of the same sentence.
_QUOTED = re.compile(r"(?<=[\w,:])\s+[\"«“„][^\"»”“]*[\"»”“]")

# Who laughs or is in love does not mean it.
_JOKE = re.compile("[😂🤣😅😆😍🥰😘❤♥😁]")
_SIGNS_ALONE = re.compile("[\\s\ufe0f🛑✋⛔🚫]+")
# A smaller word than this has too many neighbours to guess.
_LONG_WORD = 6


def understand(text: str) -> Verdict:
    """This will tell what a message asks for, and by which rule. Linear in a bounded length."""
    verdict = read_keyword(text)
    if verdict.meaning is not Meaning.NOTHING:
        return verdict
    if _SIGNS_ALONE.fullmatch(text[: replies.MAX_LENGTH]) and text.strip():
        return Verdict(meaning=Meaning.UNCLEAR, rule="stop sign alone")
    found = reply_sentences.clauses(text)
    verdict = _misspelt(found) or _by_rules(text[: reply_sentences.MAX_LENGTH], found)
    if verdict.meaning is not Meaning.NOTHING and len(text) > reply_sentences.MAX_LENGTH:
        return Verdict(meaning=Meaning.UNCLEAR, rule=f"{verdict.rule}, in a long letter")
    return verdict


def read_keyword(text: str) -> Verdict:
    """This will tell what a message asks for that is a keyword; with "?" a person asks."""
    keyword = replies.read_keyword(text)
    if keyword is None:
        return _NOTHING
    if "?" in text and keyword is not Keyword.OPT_IN:
        return Verdict(meaning=Meaning.UNCLEAR, rule="keyword as a question")
    return Verdict(meaning=Meaning(keyword), rule="keyword", is_exact=True)


def _misspelt(found: Sequence[Clause]) -> Verdict | None:
    words = [word for clause in found for word in clause.words if (word,) not in _courtesies()]
    if len(words) != 1 or any(clause.is_question for clause in found):
        return None
    meaning = _guesses().get(words[0])
    return Verdict(meaning=meaning, rule="misspelt keyword") if meaning else None


def _by_rules(text: str, found: Sequence[Clause]) -> Verdict:
    out = _asked_end(text, found)
    begin = _beginning(found)
    if out and begin:
        return Verdict(meaning=Meaning.UNCLEAR, rule=f"{out.rule} and {begin.rule}")
    verdict = out or begin
    if verdict is None:
        return _unclear(found)
    is_taken_back = any(clause.has("WISHED_BACK") for clause in found)
    if verdict.is_opt_out and is_taken_back:
        return Verdict(meaning=Meaning.UNCLEAR, rule=f"{verdict.rule}, taken back")
    if verdict.is_opt_out and _JOKE.search(text):
        return Verdict(meaning=Meaning.UNCLEAR, rule=f"{verdict.rule}, with a laugh")
    return verdict


def _asked_end(text: str, found: Sequence[Clause]) -> Verdict | None:
    """This will return the end that a message asks for: see Note [The widest end]."""
    ends = _ends(found)
    keyword = _keyword_among_others(_without_ends(found, ends))
    if _JOKE.search(text):
        keyword = None
    widest = _widest((*ends, keyword))
    if widest is None or widest.meaning is not Meaning.OPT_OUT or not _has_offers(ends):
        return widest
    own_words = _QUOTED.sub(" ", text)
    if own_words == text:
        return widest
    own_end = _asked_end(own_words, reply_sentences.clauses(own_words))
    if own_end and own_end.meaning is Meaning.OPT_OUT:
        return widest
    return Verdict(meaning=Meaning.UNCLEAR, rule=f"{widest.rule}, in quotation marks")


def _ends(found: Sequence[Clause]) -> list[Verdict | None]:
    """This will return the end that each clause asks for, read in the light of the others."""
    ends: list[Verdict | None] = []
    for clause in found:
        end = _end(clause)
        if end and _has_offers(ends) and _points_back(clause):
            end = _of_offers(end)
        ends.append(end)
    if not _has_offers(ends):
        return ends
    rules = (reply_rules.BESIDE_OFFERS,)
    return [
        end or _by_first_rule(rules, clause, Meaning.OPT_OUT)
        for clause, end in zip(found, ends, strict=True)
    ]


def _end(clause: Clause) -> Verdict | None:
    """This will return the end that a clause asks for, also in its part behind a "but"."""
    end = _by_first_rule(reply_rules.OUT, clause, Meaning.OPT_OUT)
    if end is None:
        return None
    parts = reply_sentences.parts(clause, "BUT")
    if len(parts) > 1 and (of_parts := _widest(_ends(parts))):
        return of_parts
    if reply_sentences.fulfils(clause, reply_rules.DENIED):
        return None
    return _beside_offers(clause, end) if _has_offers([end]) else end


def _beside_offers(clause: Clause, end: Verdict) -> Verdict | None:
    """This will look for a wider end in a clause about offers: "no ads and leave me alone"."""
    if reply_sentences.fulfils(clause, reply_rules.KEYWORD_BEHIND_OFFERS):
        return _KEYWORD_AMONG_WORDS
    parts = [
        piece
        for part in reply_sentences.parts(clause, "AND", "OR")
        for piece in _behind_offers(part)
    ]
    if len(parts) == 1:
        return end
    keyword = _keyword_among_others([part for part in parts if _is_keyword(part)])
    return _widest((end, *_ends(parts), keyword))


def _behind_offers(part: Clause) -> list[Clause]:
    """This will cut an end of offers from what stands behind it: "no ads leave me alone"."""
    last = max(part.places.get("AD", ()), default=len(part.words))
    promotions = _promotions(part)
    while last + 1 in promotions:
        last += 1
    pieces = reply_sentences.cut(part, last + 1)
    is_end = reply_sentences.first(reply_rules.OUT, pieces[0]) is not None
    return pieces if is_end else [part]


def _beginning(found: Sequence[Clause]) -> Verdict | None:
    """This will return the wish to begin; what may be a complaint is for a person."""
    for clause in found:
        begin = _by_first_rule(reply_rules.IN, clause, Meaning.OPT_IN)
        if begin and (any(map(_is_complaint, found)) or not _is_plain_wish(clause)):
            return Verdict(meaning=Meaning.UNCLEAR, rule=f"{begin.rule}, as a complaint")
        if begin:
            return begin
    return None


def _is_complaint(clause: Clause) -> bool:
    is_agreement = reply_sentences.fulfils(clause, reply_rules.WHY_NOT)
    return not is_agreement and reply_sentences.fulfils(clause, reply_rules.COMPLAINT)


def _is_plain_wish(clause: Clause) -> bool:
    """This will tell whether nothing before the wish makes it somebody else's or a fact."""
    rule = reply_sentences.first(reply_rules.IN, clause)
    before = reply_sentences.words_before(clause, rule) if rule else None
    you = ("YOU",) if clause.has("POLITE_QUESTION", "WISH", "may") else ()
    is_asking = reply_sentences.are_all(before or (), *_MAY_PRECEDE_A_WISH, *you)
    return is_asking and not clause.has("TELLS")


def _by_first_rule(rules: Sequence[Rule], clause: Clause, meaning: Meaning) -> Verdict | None:
    rule = reply_sentences.first(rules, clause)
    if rule is None:
        return None
    if clause.is_question and not clause.has("POLITE_QUESTION", "HOW"):
        return Verdict(meaning=Meaning.UNCLEAR, rule=f"{rule.name}, as a question")
    if clause.has("ORDER") and rule.name in reply_rules.ALSO_OF_ORDERS:
        return Verdict(meaning=Meaning.UNCLEAR, rule=f"{rule.name}, beside an order")
    verdict = Verdict(meaning=meaning, rule=rule.name)
    is_of_offers = meaning is Meaning.OPT_OUT and _is_about_offers(clause)
    return _of_offers(verdict) if is_of_offers else verdict


def _widest(ends: Sequence[Verdict | None]) -> Verdict | None:
    """This will return the first of the widest ends; None where none is asked for."""
    asked = [end for end in ends if end]
    return max(asked, key=lambda end: _WIDTH.index(end.meaning)) if asked else None


def _of_offers(end: Verdict) -> Verdict:
    """This will narrow an end to promotions, unless a person is to decide."""
    is_decided = end.meaning is Meaning.OPT_OUT
    return replace(end, meaning=Meaning.OPT_OUT_PROMOTIONS) if is_decided else end


def _has_offers(ends: Sequence[Verdict | None]) -> bool:
    return any(end and end.meaning is Meaning.OPT_OUT_PROMOTIONS for end in ends)


def _is_about_offers(clause: Clause) -> bool:
    """This will tell whether only promotions are named: order news may go on."""
    if not clause.has("AD") or clause.has("NUMBER"):
        return False
    named = {*clause.places.get("MSG", ()), *clause.places.get("LIST", ())}
    each = clause.places.get("EACH", ())
    is_all_of_them = all(
        place in each and _leads_to_offers(clause, place + 1)
        for place in clause.places.get("ALL", ())
    )
    return is_all_of_them and named <= _promotions(clause)


def _promotions(clause: Clause) -> set[int]:
    """This will return the places of the words that name promotions and nothing else."""
    places = clause.places
    found = {place for name in ("AD", "JUNK", "PROMOTIONAL") for place in places.get(name, ())}
    promotional = set(places.get("PROMOTIONAL", ()))
    for place in sorted({*places.get("MSG", ()), *places.get("LIST", ())}):
        # "Promotional text messages", each word of them.
        if place - 1 in promotional:
            promotional.add(place)
        is_about = place + 1 in places.get("ABOUT", ()) and _leads_to_offers(clause, place + 1)
        if is_about or _sends_offers(clause, place):
            found.add(place)
    return found | promotional


def _sends_offers(clause: Clause, place: int) -> bool:
    """This will tell whether a word is what is done with offers: "do not text me ads"."""
    is_to_me = place in clause.places.get("SEND", ()) and place + 1 in clause.places.get("ME", ())
    return is_to_me and _leads_to_offers(clause, place + 2)


def _leads_to_offers(clause: Clause, place: int) -> bool:
    """This will tell whether offers come next, but for "about your" and the like."""
    between = {*clause.places.get("ABOUT", ()), *clause.places.get("DETERMINER", ())}
    while place in between:
        place += 1
    return any(place in clause.places.get(name, ()) for name in ("AD", "PROMOTIONAL"))


def _points_back(clause: Clause) -> bool:
    """This will tell whether a clause names nothing by itself: "stop sending them"."""
    return clause.has("POINTS_BACK") and not clause.has("MSG", "ALL", "NUMBER", "LIST")


def _without_ends(found: Sequence[Clause], ends: Sequence[Verdict | None]) -> list[Clause]:
    """This will leave out the clauses that ask for an end in so many words."""
    return [
        clause
        for clause, end in zip(found, ends, strict=True)
        if end is None or end.meaning is Meaning.UNCLEAR
    ]


def _keyword_among_others(found: Sequence[Clause]) -> Verdict | None:
    """This will find a clause that is a keyword: "Not interested, stop"."""
    if not any(map(_is_keyword, found)):
        return None
    if any(clause.is_question or clause.has("ORDER", "WISHED_BACK", "MAYBE") for clause in found):
        return Verdict(meaning=Meaning.UNCLEAR, rule="keyword beside other matters")
    return _KEYWORD_AMONG_WORDS


def _is_keyword(clause: Clause) -> bool:
    return _without_courtesies(clause.words) in _strong()


def _unclear(found: Sequence[Clause]) -> Verdict:
    for clause in found:
        rule = reply_sentences.first(reply_rules.UNCLEAR, clause)
        if rule is not None:
            return Verdict(meaning=Meaning.UNCLEAR, rule=rule.name)
    return _NOTHING


def _without_courtesies(words: tuple[str, ...]) -> tuple[str, ...]:
    while words and words[-1:] in _courtesies():
        words = words[:-1]
    while words and words[:1] in _courtesies():
        words = words[1:]
    return words[:1] if len(set(words)) == 1 else words


@cache
def _courtesies() -> frozenset[tuple[str, ...]]:
    words = (
        *replies.COURTESIES,
        "ty",
        "var vänlig och",
        "olkaa hyvät",
        "будьте добры",
        "already",
        "jo",
        "nyt",
        "уже",
        "hei",
        "hi",
        "hej",
        "you",
        "ja",
    )
    return frozenset((word_key(word),) for phrase in words for word in phrase.split())


@cache
def _strong() -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(word_key(word) for word in phrase.split()) for phrase in _STRONG)


@cache
def _guesses() -> dict[str, Meaning]:
    """This will return the slips that are near one keyword, and none of them a word."""
    guesses: dict[str, Meaning] = {}
    for words, meaning in ((_GUESSED_OUT, Meaning.OPT_OUT), (_GUESSED_IN, Meaning.OPT_IN)):
        for word in words:
            guesses.update(dict.fromkeys(_slips(word_key(word)), meaning))
    return guesses


def _slips(key: str) -> set[str]:
    swapped = {key[:n] + key[n + 1] + key[n] + key[n + 2 :] for n in range(len(key) - 1)}
    # Of a long word a letter may be missing as well, but not its ending, which is grammar.
    missing = {key[:n] + key[n + 1 :] for n in range(1, len(key) - 2)}
    return {key} | swapped | (missing if len(key) >= _LONG_WORD else set())
