"""Whole sentences about stopping and starting: "please take me off your list".

A message is cut into clauses, each word of a clause is looked up in the classes of
``reply_vocabulary``, and rules name classes in their order. The first rule that fires decides,
and its name is the reason that is kept.

A rule is a few patterns. A pattern is classes in capitals and plain words in small letters;
up to three other words may stand between two of them, none before one that has a plus sign.
``^`` is the beginning of the clause, ``$`` its end, before or after "please" and the like.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from whatsapp_notify.domain.reply_vocabulary import CLASSES

#: What is longer is a letter: a person reads it, whatever the rules find.
MAX_LENGTH = 500
_MAX_WORDS = 80
#: Words that may stand between two of a pattern.
_GAP = 3

_SENTENCE_END = re.compile(r"[.!?…\n\r;]+(?=\s|$|[^\w\s])|\n")
_CLAUSE_END = re.compile(r"[,:;()\n\r…!?]+|\.(?!\w)|\s[-–—]+\s|[^\w\s'’`´.,:;()!?/&%+*_~\"«»“”„-]+")
_ENDS = frozenset({"^", "$"})
_UNSEEN = frozenset({"Cf", "Mn", "Me"})
_APOSTROPHES = re.compile(r"['’`´]")


@dataclass(frozen=True, slots=True)
class Clause:
    """What stands between two commas."""

    words: tuple[str, ...]
    #: Whether its sentence is a question.
    is_question: bool
    #: Where the words of each class are, each word itself, the beginning and the end.
    places: dict[str, tuple[int, ...]]

    def has(self, *names: str) -> bool:
        """This will tell whether a word of one of the classes is there."""
        return any(name in self.places for name in names)


@dataclass(frozen=True, slots=True)
class Rule:
    """Patterns of one meaning, and the classes of words beside which they mean nothing."""

    name: str
    patterns: Sequence[str]
    unless: Sequence[str] = ()
    #: Words before the first of the pattern which turn it round: "don't stop".
    unless_before: str = ""


def clauses(text: str) -> list[Clause]:
    """This will cut a message into clauses."""
    found: list[Clause] = []
    left = _MAX_WORDS
    for sentence, is_question in _sentences(_visible(text[:MAX_LENGTH])):
        for piece in _CLAUSE_END.split(sentence):
            words = tuple(_words(piece))[:left]
            left -= len(words)
            if words:
                found.append(Clause(words, is_question, _places(words)))
    return found


def parts(clause: Clause, *names: str) -> list[Clause]:
    """This will cut a clause at the words of classes; empty parts are left out."""
    places = {place for name in names for place in clause.places.get(name, ())}
    cuts = [-1, *sorted(places), len(clause.words)]
    return _pieces(clause, ((before + 1, cut) for before, cut in pairwise(cuts)))


def cut(clause: Clause, place: int) -> list[Clause]:
    """This will cut a clause before a word; an empty part is left out."""
    return _pieces(clause, ((0, place), (place, len(clause.words))))


def _pieces(clause: Clause, ranges: Iterable[tuple[int, int]]) -> list[Clause]:
    pieces = (clause.words[begin:end] for begin, end in ranges)
    return [Clause(words, clause.is_question, _places(words)) for words in pieces if words]


def first(rules: Sequence[Rule], clause: Clause) -> Rule | None:
    """This will return the first rule that a clause fulfils."""
    return next((rule for rule in rules if fulfils(clause, rule)), None)


def fulfils(clause: Clause, rule: Rule) -> bool:
    """This will tell whether a clause fulfils one of the rule's patterns."""
    return words_before(clause, rule) is not None


def words_before(clause: Clause, rule: Rule) -> tuple[str, ...] | None:
    """This will return the words before the pattern that a clause fulfils; None where none."""
    # Most rules have no word in common with what most customers write.
    if _needed_by_any(rule.patterns).isdisjoint(clause.places):
        return None
    if clause.has(*rule.unless):
        return None
    for needed, pattern in _parsed_all(rule.patterns):
        if needed.isdisjoint(clause.places):
            continue
        start = _start_of(pattern, clause)
        if start is not None and not _is_turned_round(clause, rule.unless_before, start):
            return clause.words[: max(start, 0)]
    return None


def are_all(words: Sequence[str], *names: str) -> bool:
    """This will tell whether each word is of one of the classes."""
    return all(not _classes_of(word).isdisjoint(names) for word in words)


def word_key(word: str) -> str:
    """This will reduce a word: no accents, no doubled letters, one script."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", word).casefold())
    letters = [sign for sign in decomposed if unicodedata.category(sign)[0] in "LN"]
    return _one_script(
        "".join(sign for n, sign in enumerate(letters) if letters[n - 1 : n] != [sign])
    )


def _visible(text: str) -> str:
    """This will drop what is not seen, which would tear words apart, and loose accents."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(sign for sign in composed if unicodedata.category(sign) not in _UNSEEN)


def _sentences(text: str) -> Iterator[tuple[str, bool]]:
    start = 0
    for end in _SENTENCE_END.finditer(text):
        yield text[start : end.start()], "?" in end.group()
        start = end.end()
    yield text[start:], False


def _words(piece: str) -> Iterator[str]:
    piece, last = _APOSTROPHES.sub("", piece), ""
    for word in re.split(r"[\W_]+", unicodedata.normalize("NFKC", piece)):
        key = word_key(word[:40])
        # Said twice is said once.
        if key and key != last:
            yield key
            last = key


# Letters that look like a Latin one, for words in which somebody mixed two scripts.
_LOOKALIKES = str.maketrans("авеікморстухѕјαβεικνορτυχ0", "abeikmopctyxsjabeikvoptyxo")


def _one_script(word: str) -> str:
    has_latin = any("a" <= letter <= "z" for letter in word)
    has_other = any(letter > "\u036f" or letter == "0" for letter in word)
    return word.translate(_LOOKALIKES) if has_latin and has_other else word


def _places(words: Sequence[str]) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {"^": [-1]}
    for place, word in enumerate(words):
        for name in (word, *_classes_of(word)):
            found.setdefault(name, []).append(place)
    end = len(words)
    found["$"] = [end]
    while end - 1 in found.get("POLITE", ()):
        end -= 1
        found["$"].append(end)
    return {name: tuple(places) for name, places in found.items()}


@lru_cache(maxsize=4096)
def _classes_of(word: str) -> frozenset[str]:
    if sum(sign.isdigit() for sign in word) >= 4:
        return frozenset({"ORDER"})
    exact, stems = _lexicon()
    found = set(exact.get(word, ()))
    for length in range(2, len(word) + 1):
        found |= stems.get(word[:length], set())
    return frozenset(found)


@cache
def _lexicon() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    exact: dict[str, set[str]] = {}
    stems: dict[str, set[str]] = {}
    for name, text in CLASSES.items():
        for word in text.split():
            table = stems if word.endswith("*") else exact
            table.setdefault(word_key(word), set()).add(name)
    return exact, stems


@cache
def _parsed(pattern: str) -> tuple[tuple[bool, tuple[str, ...]], ...]:
    """This will return of each part whether it must be adjacent, and the names it goes by."""
    return tuple(
        (part.startswith("+"), tuple(map(_name, part.lstrip("+").split("|"))))
        for part in pattern.split()
    )


@cache
def _parsed_all(
    patterns: Sequence[str],
) -> tuple[tuple[frozenset[str], tuple[tuple[bool, tuple[str, ...]], ...]], ...]:
    """This will return each pattern with the names of which it needs one at least."""
    return tuple((_needed(_parsed(pattern)), _parsed(pattern)) for pattern in patterns)


@cache
def _needed_by_any(patterns: Sequence[str]) -> frozenset[str]:
    return frozenset().union(*(needed for needed, _pattern in _parsed_all(patterns)))


def _needed(pattern: Sequence[tuple[bool, tuple[str, ...]]]) -> frozenset[str]:
    """This will return the names of the part that the fewest words are."""
    parts = [names for _is_adjacent, names in pattern if not _ENDS.intersection(names)]
    return frozenset(sorted(parts, key=len)[0])


def _name(name: str) -> str:
    return name if name.isupper() or name in {"^", "$"} else word_key(name)


def _start_of(pattern: Sequence[tuple[bool, tuple[str, ...]]], clause: Clause) -> int | None:
    """This will find where a pattern begins; None where the clause has not all of it."""
    places = clause.places
    # Of each part the places that can be reached, with the place where that way began.
    reached: dict[int, int] | None = None
    for is_adjacent, names in pattern:
        here = [place for name in names if name in places for place in places[name]]
        if reached is None:
            reached = {place: place for place in here}
        else:
            furthest = 1 if is_adjacent else 1 + _GAP
            reached = {
                place: reached[place - step]
                for place in here
                for step in range(furthest, 0, -1)
                if place - step in reached
            }
        if not reached:
            return None
    return min(reached.values()) if reached else None


def _is_turned_round(clause: Clause, name: str, start: int) -> bool:
    places = clause.places.get(name, ()) if name else ()
    return any(start - 3 <= place < start for place in places)
