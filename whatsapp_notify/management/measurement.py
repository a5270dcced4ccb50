"""How well customers are understood: rules against sentences that people have labelled.

# Note [Two splits]
Rules may be written with an eye on the split ``written`` alone. What is promised is measured on
``held_out``, whose errors nobody looks at while rules change: a rule made for a sentence
proves nothing about the next one.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from whatsapp_notify.domain import survey_answers, understanding
from whatsapp_notify.domain.understanding import Meaning

#: What is promised, on the split that rules were not written on.
LEAST_PRECISION = 0.98
LEAST_RECALL = 0.95
LEAST_SCORES = 0.97

WRITTEN, HELD_OUT = "written", "held_out"
SPLITS = (HELD_OUT, WRITTEN)
#: Keyword of the survey in the labelled answers.
KEYWORD = "VERKKOKAUPPA"

_FOLDER = Path(__file__).parent.parent / "data" / "understanding"
_LABELS = {
    Meaning.OPT_OUT: "out",
    Meaning.OPT_OUT_PROMOTIONS: "out",
    Meaning.OPT_IN: "in",
    Meaning.UNCLEAR: "unclear",
    Meaning.NOTHING: "none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A message and what a person takes it for."""

    text: str
    language: str
    #: "out", "in", "unclear" or "none".
    opt: str
    #: What it answers to an open survey from 1 to 10; None for no answer.
    score: int | None
    split: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the rules take a sentence for."""

    sentence: Sentence
    opt: str
    rule: str
    score: int | None

    @property
    def is_right(self) -> bool:
        return (self.opt, self.score) == (self.sentence.opt, self.sentence.score)


@dataclass(slots=True)
class Figures:
    """Counts of readings, and the shares that are made of them."""

    #: (label, reading): count.
    opts: Counter[tuple[str, str]] = field(default_factory=Counter)
    scores_right: int = 0
    #: Sentences that hold a score or were read as one.
    scores: int = 0

    def add(self, reading: Reading) -> None:
        """This will count one reading."""
        label = reading.sentence
        self.opts[label.opt, reading.opt] += 1
        if label.score is not None or reading.score is not None:
            self.scores += 1
            self.scores_right += label.score == reading.score

    def labelled(self, opt: str) -> int:
        """This will count the sentences that are labelled so."""
        return sum(count for (label, _read), count in self.opts.items() if label == opt)

    def precision(self, opt: str) -> float:
        """This will give the share of those read so that are so; 1 where none is read so."""
        read = sum(count for (_label, read), count in self.opts.items() if read == opt)
        return self.opts[opt, opt] / read if read else 1.0

    def recall(self, opt: str) -> float:
        """This will give the share of those that are so that are read so; 1 of none."""
        return self.opts[opt, opt] / self.labelled(opt) if self.labelled(opt) else 1.0

    @property
    def score_share(self) -> float:
        return self.scores_right / self.scores if self.scores else 1.0

    @property
    def broken_promises(self) -> Sequence[str]:
        """What is below its bound; empty where all is kept."""
        found = (
            ("precision of opt-out", self.precision("out"), LEAST_PRECISION),
            ("recall of opt-out", self.recall("out"), LEAST_RECALL),
            ("scores read rightly", self.score_share, LEAST_SCORES),
        )
        return [f"{name} {share:.3f} < {least}" for name, share, least in found if share < least]


@cache
def sentences() -> tuple[Sentence, ...]:
    """This will load the labelled sentences of all languages."""
    return tuple(
        Sentence(**json.loads(line))
        for path in sorted(_FOLDER.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )


def read(*, chosen: Iterable[Sentence]) -> Iterator[Reading]:
    """This will read sentences as if a survey were open for each of them."""
    for sentence in chosen:
        verdict = understanding.understand(sentence.text)
        answer = survey_answers.read(sentence.text, keyword=KEYWORD)
        yield Reading(
            sentence=sentence,
            opt=_LABELS[verdict.meaning],
            rule=verdict.rule,
            score=answer.score if answer else None,
        )


def measure(*, readings: Iterable[Reading]) -> Figures:
    """This will count how many were read as they are labelled."""
    figures = Figures()
    for reading in readings:
        figures.add(reading)
    return figures
