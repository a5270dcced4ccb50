"""Known bugs, planted one at a time: whatever does not see them proves nothing.

``python -m tests.torture --mutants``. For each bug the campaign that should catch it is run
with the bug planted, in small portions until a promise breaks; and as much of it without, which
must break none.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.torture.campaign import Campaign, Counts, Run

if TYPE_CHECKING:
    from tests.torture.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One bug, and the campaign that should catch it."""

    name: str
    planted: Callable[[], AbstractContextManager[None]]
    caught_by: str
    campaign: Campaign
    #: Steps of the campaign in one portion, and how many portions it gets.
    portion: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one mutant."""

    name: str
    caught_by: str
    #: After so many steps of the campaign; None where it survived.
    steps: int | None
    #: The first promise that broke.
    words: str = ""
    #: What broke without the bug: then the campaign itself is broken.
    unmutated: str = ""

    @property
    def is_caught(self) -> bool:
        return self.steps is not None and not self.unmutated


def hunt(mutant: Mutant, world: World, *, seed: int) -> Verdict:
    """This will run the mutant's campaign with and without it."""
    with mutant.planted():
        steps, counts = _until_broken(mutant, world, seed, mutant.most)
    portions = mutant.most if counts.is_kept else steps // mutant.portion
    _steps, clean = _until_broken(mutant, world, seed, portions)
    return Verdict(
        name=mutant.name,
        caught_by=mutant.caught_by,
        steps=None if counts.is_kept else steps,
        words=_first(counts),
        unmutated=_first(clean),
    )


def _until_broken(mutant: Mutant, world: World, seed: int, portions: int) -> tuple[int, Counts]:
    counts = Counts()
    for number in range(portions):
        counts = mutant.campaign(world, Run(seed=seed + number, size=mutant.portion))
        if not counts.is_kept:
            return (number + 1) * mutant.portion, counts
    return portions * mutant.portion, counts


def _first(counts: Counts) -> str:
    return next(iter(counts.problems), "" if counts.is_kept else "a promise was broken")


def all_of() -> tuple[Mutant, ...]:
    """This will return all mutants. Needs Django."""
    from tests.torture import bugs, crashes, graph, meetings, races, scenes, sequences
    from tests.torture import unanswered as answers

    def sending(world: World, run: Run) -> Counts:
        return crashes.run_scenes(world, run, [scenes.Sending(world, size=1, outcome="accepted")])

    def answered(outcome: str) -> Campaign:
        return lambda world, run: answers.play(world, run, outcomes=[outcome])

    def meeting(kind: type[meetings.Meeting]) -> Campaign:
        return lambda world, run: meetings.play(world, run, kinds=[kind])

    def stopping(world: World, run: Run) -> Counts:
        return races.play(world, run, stops=races.STOPS[:2])[0]

    return (
        Mutant(
            name="write after send",
            planted=bugs.written_after_the_call,
            caught_by="crash points",
            campaign=sending,
            portion=10,
            most=20,
        ),
        Mutant(
            name="calling committed after the call",
            planted=bugs.called_inside_the_transaction,
            caught_by="crash points",
            campaign=sending,
            portion=10,
            most=20,
        ),
        Mutant(
            name="retry on time-out",
            planted=bugs.repeated_when_unanswered,
            caught_by="lost answers",
            campaign=answered(graph.SLOW),
            portion=4,
            most=5,
        ),
        Mutant(
            name="blind retry of 5xx",
            planted=bugs.repeated_after_500,
            caught_by="lost answers",
            campaign=answered(graph.BROKEN_AFTER),
            portion=4,
            most=5,
        ),
        Mutant(
            name="no unique key",
            planted=bugs.no_unique_key,
            caught_by="meetings",
            campaign=meeting(meetings.Tellers),
            portion=6,
            most=20,
        ),
        Mutant(
            name="GET, then SET, instead of the key",
            planted=bugs.looked_up_then_inserted,
            caught_by="meetings",
            campaign=meeting(meetings.Tellers),
            portion=6,
            most=40,
        ),
        Mutant(
            name="skip_locked without compare-and-swap",
            planted=bugs.trusting_skip_locked,
            caught_by="meetings",
            campaign=meeting(meetings.Claimers),
            portion=6,
            most=40,
        ),
        Mutant(
            name="only statuses[0] is read",
            planted=bugs.first_status_only,
            caught_by="sequences",
            campaign=sequences.run,
            portion=20,
            most=5,
        ),
        Mutant(
            name="the latest status wins",
            planted=bugs.latest_status_wins,
            caught_by="sequences",
            campaign=sequences.run,
            portion=20,
            most=5,
        ),
        Mutant(
            name="consent read outside the transaction",
            planted=bugs.consent_read_too_early,
            caught_by="STOP and send",
            campaign=stopping,
            portion=10,
            most=60,
        ),
        Mutant(
            name="no last look",
            planted=bugs.no_last_look,
            caught_by="STOP and send",
            campaign=stopping,
            portion=10,
            most=60,
        ),
    )


def as_table(verdicts: Mapping[str, Sequence[Verdict]]) -> str:
    """This will write mutant, what caught it, and after how many steps on each database."""
    rows = [("mutant", "caught by", *(f"steps, {name}" for name in verdicts))]
    for several in zip(*verdicts.values(), strict=True):
        numbers = ("SURVIVED" if each.steps is None else str(each.steps) for each in several)
        rows.append((several[0].name, several[0].caught_by, *numbers))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([*lines, "", *_remarks(verdicts)])


def _remarks(verdicts: Mapping[str, Sequence[Verdict]]) -> Iterator[str]:
    for database, several in verdicts.items():
        for each in several:
            if each.unmutated:
                yield f"BROKEN on {database} without any bug: {each.unmutated}"
            elif each.steps is None:
                yield f"SURVIVED on {database}: {each.name}"
    if all(each.is_caught for several in verdicts.values() for each in several):
        yield "Each planted bug was caught, and nothing was found without one."


def as_json(verdicts: Mapping[str, Sequence[Verdict]], *, seed: int) -> str:
    """This will write one JSON document."""
    databases = {name: [asdict(each) for each in several] for name, several in verdicts.items()}
    is_caught = all(each.is_caught for several in verdicts.values() for each in several)
    return json.dumps({"seed": seed, "is_caught": is_caught, "databases": databases}, indent=2)


def main(folder: Path, order: str) -> None:
    """This will hunt all mutants on the database in DATABASE_URL and print verdicts as JSON."""
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    from tests.torture import world as worlds

    call_command("migrate", verbosity=0, interactive=False)
    verdicts = []
    with worlds.opened(folder) as world:
        for mutant in all_of():
            verdict = hunt(mutant, world, seed=json.loads(order)["seed"])
            verdicts.append(verdict)
            sys.stderr.write(f"{connection.vendor}: {verdict.name}: {verdict.words}\n")
    sys.stdout.write(json.dumps([asdict(each) for each in verdicts]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
