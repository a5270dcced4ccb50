"""Survey answers as customers write them: "VERKKOKAUPPA 9 kiitos", "9/10", "kymppi", "9️⃣".

What can be read in two ways is not read at all: a person then looks at it.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from whatsapp_notify.domain.survey_vocabulary import (
    GRADES,
    HALVES,
    LABEL_PAIRS,
    LABELS,
    NUMERALS,
    ONES,
    OUT_OF,
    OUT_OF_FEW,
    OUT_OF_TEN,
    SILENT,
    TENS,
    UNITS,
)

#: A text message of WhatsApp is no longer than this.
MAX_LENGTH = 4096


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answer:
    """A score and the free words beside it; personal, so its ``repr`` shows no words."""

    score: int
    #: What is left without keyword and score; may be empty.
    comment: str
    has_keyword: bool

    def __repr__(self) -> str:
        return f"<Answer {self.score}>"


_KEYCAP = re.compile("([0-9])\ufe0f?\u20e3")
_GLUED_BEFORE_WORD = re.compile(r"(\d(?:[,;.!?]{1,9}|:{1,9}(?![^\W\d_]{1,3}\b)))(?=[^\W\d_])")
_GLUED_AFTER_WORD = re.compile(r"([^\W\d_][,;:.!?=]{1,9})(?=\d)")
_WHOLE = re.compile(r"(0|[1-9]\d{0,2})(?::[^\W\d_]{1,3})?")
_HALF = re.compile(r"(\d{1,2})(?:[.,](\d)|½)")
_PAIR = re.compile(r"(\d{1,2})[-–—/](\d{1,2})")
_MONTH_IN_FINNISH = re.compile(r"\w{4,9}kuu(?:ta|n|ssa)?")
_SUPERSCRIPTS = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹")
_OUT_OF_TEN = re.compile(
    rf"\b([^\W\d_]{{1,12}})[ \t]{{1,3}}"
    rf"(?:(?:{'|'.join(OUT_OF)})[ \t]{{1,3}}(?:10|{'|'.join(TENS)})|(?:{'|'.join(OUT_OF_TEN)}))\b",
    re.IGNORECASE,
)
_DIGITS_OUT_OF_TEN = re.compile(
    rf"(?<![\d.,])(\d{{1,2}})[ \t]{{1,3}}"
    rf"(?:(?:{'|'.join(OUT_OF)})[ \t]{{1,3}}(?:{'|'.join(TENS)})|(?:{'|'.join(OUT_OF_TEN)}))\b",
    re.IGNORECASE,
)
_JOINTS_OF_SHARES = frozenset({"of", "av", "из", "the", "out"})
# Signs that make a number part of something else, so they are not stripped from it.
_BINDING = frozenset("#№@°%")
# Punctuation, emoji and what emoji are joined with; not the signs of currencies.
_LOOSE = frozenset({"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "So", "Sk", "Mn", "Me", "Cf"})


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A piece of text between blanks."""

    text: str
    #: Lower case, without punctuation and emoji around it.
    core: str
    #: Punctuation that follows the core.
    tail: str


def read(text: str, *, keyword: str = "", lowest: int = 1, highest: int = 10) -> Answer | None:
    """This will read the one score that a message gives, or None where it gives none or several.

    A score is a number from ``lowest`` to ``highest`` that stands alone, in digits, emoji or
    words, or over ``highest`` ("9/10"). Numbers of orders and telephones, dates, prices and
    counted things are passed over.

    ``keyword`` is the survey's own word, found in any case; it is not required.
    """
    text = _with_ascii_digits(unicodedata.normalize("NFC", text[:MAX_LENGTH]))
    text, has_keyword, position = _without_keyword(text, unicodedata.normalize("NFC", keyword))
    before = len(_chunks(text[:position], highest=highest)) if has_keyword else -1
    chunks = _chunks(text, highest=highest)

    if not has_keyword:
        chunks = _without_questions(chunks)
    if any(_is_half_more(chunks, place) for place in range(len(chunks))):
        return None
    scores = _fractions(chunks, lowest=lowest, highest=highest)
    if not scores:
        scores = _numbers(chunks, lowest=lowest, highest=highest)
        scores |= _words(chunks, after_keyword=before, has_digits=bool(scores))
    values = set(scores.values())
    if len(values) != 1:
        return None
    score, tenths = divmod(values.pop(), 10)
    if tenths or not lowest <= score <= highest:
        return None
    return Answer(score=score, comment=_comment(chunks, without=scores), has_keyword=has_keyword)


def _with_ascii_digits(text: str) -> str:
    return "".join(
        str(unicodedata.digit(sign)) if sign.isdecimal() or sign in _SUPERSCRIPTS else sign
        for sign in text
    )


def _without_keyword(text: str, keyword: str) -> tuple[str, bool, int]:
    """This will cut the keyword out and tell where it stood."""
    keyword = keyword.strip()
    if not keyword:
        return text, False, 0
    # Digits may touch the keyword ("VERKKOKAUPPA9"), unless it ends in a digit itself.
    edge = r"\w" if keyword[-1].isdigit() else r"[^\W\d_]"
    found = re.search(
        rf"(?<![^\W\d_]){re.escape(keyword)}(?!{edge})[ \t]{{0,3}}[:=,.;–—-]{{0,3}}",
        text,
        re.IGNORECASE,
    )
    if found is None:
        return text, False, 0
    return f"{text[: found.start()]} {text[found.end() :]}", True, found.start()


def _chunks(text: str, *, highest: int) -> list[_Chunk]:
    text = _KEYCAP.sub(r"\1", text).replace("🔟", " 10 ")
    text = re.sub(r"(\d)[ \t]{0,3}/[ \t]{0,3}(?=\d)", r"\1/", text)
    text = re.sub(
        rf"(\d)[ \t]{{1,3}}(?:out of|of|av|из)[ \t]{{1,3}}(?={highest}(?!\d))",
        r"\1/",
        text,
        flags=re.IGNORECASE,
    )
    if highest == 10:
        text = _OUT_OF_TEN.sub(_as_fraction, text)
        text = _DIGITS_OUT_OF_TEN.sub(r"\1/10", text)
    text = _GLUED_BEFORE_WORD.sub(r"\1 ", text)
    text = _GLUED_AFTER_WORD.sub(r"\1 ", text)
    return [_chunk(piece) for piece in text.split()]


def _as_fraction(found: re.Match[str]) -> str:
    """This will write "nine out of ten" in digits; other words before "out of ten" stay."""
    word = found[1].casefold()
    value = NUMERALS.get(word, GRADES.get(word))
    return found[0] if value is None else f"{value}/10"


def _chunk(piece: str) -> _Chunk:
    start, end = 0, len(piece)
    while start < end and _is_loose(piece[start]) and not _is_sign(piece, start):
        start += 1
    while end > start and (_is_loose(piece[end - 1]) or piece[end - 1] == "+"):
        end -= 1
    return _Chunk(text=piece, core=piece[start:end].casefold(), tail=piece[end:])


def _is_loose(character: str) -> bool:
    if character in _BINDING:
        return False
    return unicodedata.category(character) in _LOOSE or character in "~=|<>"


def _is_sign(piece: str, position: int) -> bool:
    """This will tell whether a minus or plus belongs to the number that follows it."""
    return piece[position] in "+-–−" and piece[position + 1 : position + 2].isdigit()


def _fractions(chunks: Sequence[_Chunk], *, lowest: int, highest: int) -> dict[int, int]:
    """This will find "9/10" and the like: their values in tenths, by their place."""
    found = {}
    for place, chunk in enumerate(chunks):
        number, slash, whole = chunk.core.partition("/")
        is_over_highest = slash and whole.partition(":")[0] == str(highest)
        if is_over_highest and _WHOLE.fullmatch(number) and lowest <= int(number) <= highest:
            found[place] = 10 * int(number)
    return found


def _numbers(chunks: Sequence[_Chunk], *, lowest: int, highest: int) -> dict[int, int]:
    """This will find the numbers in range that stand alone: in tenths, by their place."""
    found: dict[int, int] = {}
    skipped = (
        _places_in_groups(chunks)
        | _places_in_scales(chunks, lowest, highest)
        | _places_in_shares(chunks)
    )
    for place, chunk in enumerate(chunks):
        if place in skipped or not chunk.core[:1].isdigit() or _counts(chunks, place):
            continue
        values = _values(chunk.core, lowest, highest)
        if values and all(10 * lowest <= value <= 10 * highest for value in values):
            for extra, value in enumerate(values):
                # The second of a pair has no place of its own.
                found[place if extra == 0 else -1 - place] = value
    return found


def _values(core: str, lowest: int, highest: int) -> tuple[int, ...]:
    """This will read a number, a decimal one or two joined by a dash, in tenths."""
    if match := _WHOLE.fullmatch(core):
        return (10 * int(match[1]),)
    if match := _HALF.fullmatch(core):
        return (10 * int(match[1]) + int(match[2] or 5),)
    match = _PAIR.fullmatch(core)
    if match and (int(match[1]), int(match[2])) != (lowest, highest):
        return 10 * int(match[1]), 10 * int(match[2])
    return ()


def _counts(chunks: Sequence[_Chunk], place: int) -> bool:
    """This will tell whether a number counts, prices, dates or labels something."""
    chunk = chunks[place]
    if chunk.tail.startswith((",-", ":-", ".-")):
        return True
    previous = chunks[place - 1] if place else None
    if previous and previous.core in LABELS and previous.tail in {"", ".", ":"}:
        return True
    if previous and not previous.tail and _cores(chunks, place - 2, place) in LABEL_PAIRS:
        return True
    following = chunks[place + 1].core if place + 1 < len(chunks) else ""
    if chunk.tail not in {"", "."}:
        return False
    return following in UNITS or _MONTH_IN_FINNISH.fullmatch(following) is not None


def _cores(chunks: Sequence[_Chunk], begin: int, end: int) -> tuple[str, ...]:
    return tuple(chunk.core for chunk in chunks[max(begin, 0) : end])


def _places_in_groups(chunks: Sequence[_Chunk]) -> set[int]:
    """This will find numbers written in groups: "+358 40 123 4567", "10 000"."""
    found: set[int] = set()
    group: list[int] = []
    for place, chunk in enumerate([*chunks, _Chunk("", "", "")]):
        if chunk.core.lstrip("+").isdigit():
            group.append(place)
            if not chunk.tail:
                continue
        cores = [chunks[member].core for member in group]
        is_number = any(
            (len(core) == 3 and member > 0) or core.startswith("+")
            for member, core in enumerate(cores)
        )
        if len(cores) > 1 and (is_number or (len(cores) > 2 and len(set(cores)) > 1)):
            found.update(group)
        group = []
    return found


def _places_in_scales(chunks: Sequence[_Chunk], lowest: int, highest: int) -> set[int]:
    """This will find the scale itself, where it is quoted: "1 - 10", "1 to 10"."""
    joints = {"to", "till", "до", "", "-", "–"}
    return {
        place + step
        for place in range(len(chunks) - 2)
        if chunks[place].core == str(lowest)
        and chunks[place + 1].core in joints
        and chunks[place + 2].core == str(highest)
        for step in range(3)
    }


def _places_in_shares(chunks: Sequence[_Chunk]) -> set[int]:
    """This will find both numbers of "2 of 3", "5 of the 10" and their like."""
    found: set[int] = set()
    for place, chunk in enumerate(chunks):
        if not chunk.core.isdigit():
            continue
        end = place + 1
        while end < min(len(chunks), place + 4) and chunks[end].core in _JOINTS_OF_SHARES:
            end += 1
        if end < len(chunks) and (
            (end > place + 1 and chunks[end].core.isdigit()) or chunks[end].core in OUT_OF_FEW
        ):
            found |= {place, end}
    return found


def _without_questions(chunks: Sequence[_Chunk]) -> list[_Chunk]:
    """This will take the numbers out of sentences that ask: "Open at nine tomorrow?"."""
    kept: list[_Chunk] = []
    start = 0
    for place, chunk in enumerate(chunks):
        is_end = chunk.tail.startswith((".", "!", "?", "…"))
        if not is_end and place < len(chunks) - 1:
            continue
        sentence = chunks[start : place + 1]
        start = place + 1
        asks = "?" in chunk.tail
        kept += [_Chunk(each.text, "", each.tail) if asks else each for each in sentence]
    return kept


def _is_half_more(chunks: Sequence[_Chunk], place: int) -> bool:
    """This will tell whether a number is followed by "and a half"."""
    core = chunks[place].core
    if not (core.isdigit() or core in NUMERALS or core in GRADES or core in ONES):
        return False
    following = tuple(chunk.core for chunk in chunks[place + 1 : place + 4])
    return any(following[: len(phrase)] == phrase for phrase in HALVES)


def _words(chunks: Sequence[_Chunk], *, after_keyword: int, has_digits: bool) -> dict[int, int]:
    """This will find scores in words: in tenths, by their place.

    Beside digits only words that are surely scores count: "9 or ten" is ambiguous and "two
    parcels, 9" is not. Without digits, a second numeral anywhere makes the answer ambiguous.
    """
    spoken = [place for place, chunk in enumerate(chunks) if chunk.core not in SILENT]
    grades = {place: GRADES[chunks[place].core] for place in spoken if chunks[place].core in GRADES}
    numerals = {
        place: NUMERALS[chunks[place].core]
        for place in spoken
        if chunks[place].core in NUMERALS and not _counts(chunks, place)
    }
    sure = grades | {
        place: value
        for place, value in numerals.items()
        if place in {spoken[-1], after_keyword} or _is_set_off(chunks, place, spoken)
    }
    found = grades | numerals if sure and not has_digits else sure
    if not found and not has_digits and len(spoken) == 1:
        found = {place: ONES[chunks[place].core] for place in spoken if chunks[place].core in ONES}
    return {place: 10 * value for place, value in found.items()}


def _is_set_off(chunks: Sequence[_Chunk], place: int, spoken: Sequence[int]) -> bool:
    """This will tell whether a numeral begins the answer and stands apart: "nine, thanks"."""
    following = chunks[place + 1].core if place + 1 < len(chunks) else ""
    return place == spoken[0] and (bool(chunks[place].tail) or following in SILENT)


def _comment(chunks: Sequence[_Chunk], *, without: dict[int, int]) -> str:
    words = [chunk.text for place, chunk in enumerate(chunks) if place not in without]
    while words and _is_separator(words[0]):
        words.pop(0)
    while words and _is_separator(words[-1]):
        words.pop()
    return " ".join(words).rstrip(",;:-–— ")


def _is_separator(word: str) -> bool:
    return not word.strip('.,:;!?-–—=/|*_~"“”«»')
