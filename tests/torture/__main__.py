"""``python -m tests.torture`` tortures the shop on both databases and tells what it found.

One process per database, both at once. Progress goes to standard error, the table (or with
``--json`` one document) to standard output. Exit code 1 if a promise was broken; each problem
names its seed and step, and the same seed walks the same way again.

With ``--mutants`` it plants known bugs instead, one at a time, and tells which campaign has
caught each; exit code 1 if one survives.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import servers
from tests.torture import mutants, report
from tests.torture.campaign import Counts
from tests.torture.mutants import Verdict

_ROOT = Path(__file__).resolve().parents[2]
DATABASES = ("sqlite", "postgres")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """One campaign on the command line: ``--NAME SIZE``; zero leaves it out."""

    name: str
    #: Module in ``tests.torture`` whose function ``run`` is the campaign.
    module: str
    #: What ``make torture`` asks of each database.
    size: int
    help: str


#: All campaigns, in the order in which they run.
PLUGS = (
    Plug(name="kills", module="kills", size=2000, help="kill -9 at random moments"),
    Plug(
        name="crash-points",
        module="crashes",
        size=14_000,
        help="processes that die at a chosen executed line",
    ),
    Plug(name="races", module="races", size=10_000, help="interleavings of STOP and send"),
    Plug(
        name="meetings",
        module="meetings",
        size=2000,
        help="interleavings of staff, senders, sweep, webhooks and web workers",
    ),
    Plug(
        name="sequences",
        module="sequences",
        size=1364,
        help="sequences of statuses, shortest first",
    ),
    Plug(name="fuzz", module="fuzz", size=100_000, help="signed webhooks that nobody would send"),
)


def main(arguments: Sequence[str]) -> int:
    """This will run what was asked for and return the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    chosen = DATABASES if options.database == "both" else (options.database,)
    if options.mutants:
        return _report_mutants(chosen, seed=seed, is_json=options.json)
    sizes = {plug.name: getattr(options, plug.name.replace("-", "_")) for plug in PLUGS}
    asked = ", ".join(f"{size} {name}" for name, size in sizes.items())
    sys.stderr.write(f"seed {seed}, {asked}\n")
    begun = time.monotonic()
    counts = _torture(chosen, seed=seed, sizes=sizes)
    minutes = (time.monotonic() - begun) / 60
    write = report.as_json if options.json else report.as_table
    sys.stdout.write(write(counts, seed=seed, minutes=minutes) + "\n")
    return 0 if all(each.is_kept for each in counts.values()) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seed", type=int, help="walk the way of an earlier run again")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--mutants", action="store_true", help="plant known bugs, and tell what has caught each"
    )
    for plug in PLUGS:
        parser.add_argument(f"--{plug.name}", type=int, default=plug.size, help=plug.help)
    return parser


def _torture(databases: Sequence[str], *, seed: int, sizes: Mapping[str, int]) -> dict[str, Counts]:
    outputs = _outputs(databases, "one_database", {"seed": seed, "sizes": sizes})
    return {database: _counts(database, output) for database, output in outputs.items()}


def _report_mutants(databases: Sequence[str], *, seed: int, is_json: bool) -> int:
    verdicts = _hunt(databases, seed=seed)
    write = mutants.as_json(verdicts, seed=seed) if is_json else mutants.as_table(verdicts)
    sys.stdout.write(write + "\n")
    are_caught = all(each.is_caught for several in verdicts.values() for each in several)
    return 0 if are_caught and len(verdicts) == len(databases) else 1


def _hunt(databases: Sequence[str], *, seed: int) -> dict[str, list[Verdict]]:
    outputs = _outputs(databases, "mutants", {"seed": seed})
    return {
        database: [Verdict(**data) for data in json.loads(output)]
        for database, output in outputs.items()
        if output
    }


def _outputs(
    databases: Sequence[str], module: str, order: Mapping[str, object]
) -> dict[str, str | None]:
    """This will run a module once per database, all at once.

    Returns:
        What each has printed; None where it broke off.
    """
    with ExitStack() as stack:
        processes = {}
        for database in databases:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wn-torture-")))
            url = stack.enter_context(_address(database, folder))
            process = subprocess.Popen(
                [sys.executable, "-m", f"tests.torture.{module}", str(folder), json.dumps(order)],
                cwd=_ROOT,
                env={
                    **os.environ,
                    "DATABASE_URL": url,
                    "DEMO_DATA_DIR": str(folder),
                    "DJANGO_SETTINGS_MODULE": "tests.settings",
                },
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            processes[database] = process
        told = {database: process.communicate()[0] for database, process in processes.items()}
        return {name: None if processes[name].returncode else told[name] for name in told}


@contextmanager
def _address(database: str, folder: Path) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{folder / 'torture.sqlite3'}"
    else:
        with servers.postgres() as url:
            yield url


def _counts(database: str, output: str | None) -> Counts:
    if output is None:
        words = f"the kit itself broke off on {database}; its error stands above"
        return Counts(problems=(words,))
    data = json.loads(output)
    return Counts(**{**data, "problems": tuple(data["problems"])})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
