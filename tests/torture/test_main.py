"""The command line."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.torture import __main__ as command
from tests.torture import report
from tests.torture.campaign import Counts
from tests.torture.mutants import Verdict


class TestMain:
    @pytest.fixture(autouse=True)
    def found(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Counts]:
        """What the campaigns, which have tests of their own, are said to have found."""
        found = {"sqlite": Counts(kills=2), "postgres": Counts(kills=2)}
        monkeypatch.setattr(command, "_torture", lambda databases, **rest: found)
        monkeypatch.setattr(command.signal, "signal", lambda *arguments: None)
        return found

    def test_succeeds_where_every_promise_was_kept(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main(["--seed", "7"]) == 0
        assert "Every promise was kept." in capsys.readouterr().out

    def test_fails_and_names_seed_and_step_where_one_was_broken(
        self, found: dict[str, Counts], capsys: pytest.CaptureFixture[str]
    ) -> None:
        found["sqlite"] = Counts(duplicated=1, problems=("kills, seed 7, round 3: message 12",))

        assert command.main(["--seed", "7"]) == 1
        told = capsys.readouterr().out
        assert "BROKEN on sqlite: kills, seed 7, round 3: message 12" in told
        assert "--seed 7" in told

    def test_prints_one_document_for_machines(self, capsys: pytest.CaptureFixture[str]) -> None:
        command.main(["--seed", "7", "--json"])

        document = json.loads(capsys.readouterr().out)
        assert document["seed"] == 7
        assert document["databases"]["postgres"]["kills"] == 2

    def test_tells_the_seed_that_it_has_drawn(self, capsys: pytest.CaptureFixture[str]) -> None:
        command.main([])

        assert capsys.readouterr().err.startswith("seed ")


class TestMutants:
    CAUGHT = Verdict(name="no key", caught_by="kills", steps=40, words="accepted 2 times")
    SURVIVED = Verdict(name="no look", caught_by="races", steps=None)

    @pytest.fixture(autouse=True)
    def found(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Verdict]]:
        found = {"sqlite": [self.CAUGHT], "postgres": [self.CAUGHT]}
        monkeypatch.setattr(command, "_hunt", lambda databases, **rest: found)
        monkeypatch.setattr(command.signal, "signal", lambda *arguments: None)
        return found

    def test_succeed_where_each_was_caught(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main(["--mutants"]) == 0

        told = capsys.readouterr().out
        assert "no key" in told
        assert "Each planted bug was caught" in told

    def test_fail_where_one_survived(
        self, found: dict[str, list[Verdict]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        found["postgres"] = [self.SURVIVED]

        assert command.main(["--mutants"]) == 1
        assert "SURVIVED on postgres: no look" in capsys.readouterr().out

    def test_fail_where_a_campaign_finds_bugs_without_any(
        self, found: dict[str, list[Verdict]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        broken = dataclasses.replace(self.CAUGHT, unmutated="message 3 was lost")
        found["sqlite"] = [broken]

        assert command.main(["--mutants"]) == 1
        assert "without any bug: message 3 was lost" in capsys.readouterr().out

    def test_fail_where_a_database_told_nothing(
        self, found: dict[str, list[Verdict]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        del found["postgres"]

        assert command.main(["--mutants"]) == 1

    def test_print_one_document_for_machines(self, capsys: pytest.CaptureFixture[str]) -> None:
        command.main(["--mutants", "--seed", "7", "--json"])

        document = json.loads(capsys.readouterr().out)
        assert document["is_caught"] is True
        assert document["databases"]["sqlite"][0]["steps"] == 40


def test_the_table_has_a_line_for_each_count() -> None:
    names = [name for name in Counts.__dataclass_fields__ if name != "problems"]

    table = report.as_table({"sqlite": Counts()}, seed=1, minutes=1)

    assert list(report.LABELS) == names
    assert all(label in table for label in report.LABELS.values())
