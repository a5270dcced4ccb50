"""whatsapp_understanding: the promise, and what would happen to a text."""

import re
from io import StringIO

import pytest
from django.core.management import call_command

from whatsapp_notify.management import measurement
from whatsapp_notify.management.measurement import HELD_OUT, WRITTEN, Sentence


def run(*words: str) -> tuple[int, str, str]:
    """This will return the exit code, what was written, and what was complained of."""
    written, complaints, code = StringIO(), StringIO(), 0
    try:
        call_command("whatsapp_understanding", *words, stdout=written, stderr=complaints)
    except SystemExit as err:
        code = int(str(err.code))
    return code, written.getvalue(), complaints.getvalue()


def labelled(text: str, opt: str, split: str) -> Sentence:
    return Sentence(text=text, language="en", opt=opt, score=None, split=split)


class TestFigures:
    def test_keep_the_promise(self) -> None:
        code, words, complaints = run()

        assert (code, complaints) == (0, "")
        rows = [line.split()[:2] for line in words.splitlines()[1:]]
        languages = ["en", "fi", "ru", "sv", "all"]
        assert rows == [
            [split, language] for split in (HELD_OUT, WRITTEN) for language in languages
        ]

    def test_of_one_language_are_of_that_alone(self) -> None:
        _code, words, _complaints = run("--language", "fi")

        assert {line.split()[1] for line in words.splitlines()[1:]} == {"fi", "all"}

    @pytest.mark.parametrize(
        ("split", "code"), [(HELD_OUT, 1), (WRITTEN, 0)], ids=["held-out", "written"]
    )
    def test_below_the_bounds_fail_by_the_held_out_part(
        self, split: str, code: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(measurement, "sentences", lambda: (labelled("hello", "out", split),))

        exit_code, _words, complaints = run()

        assert exit_code == code
        assert ("recall of opt-out 0.000 < 0.95" in complaints) is bool(code)

    def test_show_errors_of_the_part_that_may_be_looked_at(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            measurement,
            "sentences",
            lambda: (labelled("Good day", "out", WRITTEN), labelled("Secret", "out", HELD_OUT)),
        )

        _code, words, _complaints = run("--errors")

        assert "en  out -> none (no rule), score None -> None: Good day" in words
        assert "Secret" not in words


class TestTry:
    @pytest.mark.parametrize(
        ("text", "meaning", "rule", "score"),
        [
            ("STOP", "opt_out", "keyword", "none"),
            ("Please take me off your list", "opt_out", "remove me", "none"),
            ("haluan taas viestejä", "opt_in", "want messages", "none"),
            ("Stop?", "unclear", "keyword as a question", "none"),
            ("hello", "nothing", "none", "none"),
            ("VERKKOKAUPPA 9 nopea", "nothing", "none", "9, in words: nopea"),
        ],
    )
    def test_tells_what_would_happen_and_why(
        self, text: str, meaning: str, rule: str, score: str
    ) -> None:
        code, words, _complaints = run("--try", text)

        assert code == 0
        told = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in words.splitlines())
        assert told["consent"].startswith(f"{meaning}: ")
        assert (told["rule"], told["score"]) == (rule, score)

    def test_takes_the_keyword_of_a_survey(self) -> None:
        _code, words, _complaints = run("--try", "SHOP24 9", "--keyword", "SHOP24")

        assert "score    9" in words
