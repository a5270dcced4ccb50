"""How well customers' words are understood, and what would happen to some."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand

from whatsapp_notify.domain import survey_answers, understanding
from whatsapp_notify.domain.understanding import Meaning
from whatsapp_notify.management import measurement
from whatsapp_notify.management.measurement import HELD_OUT, SPLITS, WRITTEN, Reading

LANGUAGES = ("en", "fi", "ru", "sv")

_ROW = (
    "{split:<9} {language:<5} {opt_outs:>8} {precision:>10} {recall:>7} {opt_ins:>7} "
    "{in_precision:>10} {in_recall:>7} {scores:>7} {right:>6}"
)
_MEANINGS = {
    Meaning.OPT_OUT: "consent to all that the shop sends by itself is withdrawn",
    Meaning.OPT_OUT_PROMOTIONS: "consent to promotions is withdrawn, order news go on",
    Meaning.OPT_IN: "consent to what the shop offers is given",
    Meaning.UNCLEAR: "nothing changes, and a person is asked",
    Meaning.NOTHING: "nothing about consent",
}


class Command(BaseCommand):
    help = (
        "Measures on labelled sentences how well opt-outs, opt-ins and survey answers are "
        "understood. Exit code 1 where a promise is broken: opt-out with a precision of "
        f"{measurement.LEAST_PRECISION} and a recall of {measurement.LEAST_RECALL}, scores "
        f"{measurement.LEAST_SCORES}, on the sentences that rules were not written on."
    )
    # Rules need no settings and no database.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--language", choices=LANGUAGES, help="Only sentences of one language.")
        parser.add_argument(
            "--errors",
            action="store_true",
            help="Show what is misread, of the split that may be looked at (written).",
        )
        parser.add_argument(
            "--try", dest="text", metavar="TEXT", help="Tell what would happen to this text."
        )
        parser.add_argument(
            "--keyword", default=measurement.KEYWORD, help="The survey's word, with --try."
        )

    def handle(
        self,
        *args: Any,
        language: str | None,
        errors: bool,
        text: str | None,
        keyword: str,
        **options: Any,
    ) -> None:
        if text is not None:
            self._try(text, keyword)
            return
        readings = list(
            measurement.read(
                chosen=(
                    each for each in measurement.sentences() if language in (None, each.language)
                )
            )
        )
        self._table(readings)
        if errors:
            self._errors(readings)
        broken = measurement.measure(readings=_of(readings, split=HELD_OUT)).broken_promises
        for promise in broken:
            self.stderr.write(f"Broken promise: {promise}")
        if broken:
            sys.exit(1)

    def _try(self, text: str, keyword: str) -> None:
        verdict = understanding.understand(text)
        self.stdout.write(f"consent  {verdict.meaning}: {_MEANINGS[verdict.meaning]}")
        self.stdout.write(f"rule     {verdict.rule or 'none'}")
        answer = survey_answers.read(text, keyword=keyword)
        score = f"{answer.score}, in words: {answer.comment or '-'}" if answer else "none"
        self.stdout.write(f"score    {score}")

    def _table(self, readings: Sequence[Reading]) -> None:
        self.stdout.write(
            _ROW.format(
                split="split",
                language="lang",
                opt_outs="opt-outs",
                precision="precision",
                recall="recall",
                opt_ins="opt-ins",
                in_precision="precision",
                in_recall="recall",
                scores="scores",
                right="right",
            )
        )
        for split in SPLITS:
            of_split = _of(readings, split=split)
            languages = sorted({each.sentence.language for each in of_split})
            for language in [*languages, "all"]:
                chosen = [each for each in of_split if language in ("all", each.sentence.language)]
                self.stdout.write(_row(split, language, chosen))

    def _errors(self, readings: Sequence[Reading]) -> None:
        for each in _of(readings, split=WRITTEN):
            if each.is_right:
                continue
            label = each.sentence
            self.stdout.write(
                f"{label.language}  {label.opt} -> {each.opt} ({each.rule or 'no rule'}), "
                f"score {label.score} -> {each.score}: {label.text}"
            )


def _of(readings: Sequence[Reading], *, split: str) -> list[Reading]:
    return [each for each in readings if each.sentence.split == split]


def _row(split: str, language: str, readings: Sequence[Reading]) -> str:
    figures = measurement.measure(readings=readings)
    return _ROW.format(
        split=split,
        language=language,
        opt_outs=figures.labelled("out"),
        precision=f"{figures.precision('out'):.3f}",
        recall=f"{figures.recall('out'):.3f}",
        opt_ins=figures.labelled("in"),
        in_precision=f"{figures.precision('in'):.3f}",
        in_recall=f"{figures.recall('in'):.3f}",
        scores=figures.scores,
        right=f"{figures.score_share:.3f}",
    )
