"""What the campaigns found, for people and for machines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from tests.torture.campaign import Counts

LABELS = {
    "kills": "random kills",
    "crash_points": "crash points",
    "interleavings": "interleavings of STOP and send",
    "other_interleavings": "other interleavings",
    "sequences": "sequences of statuses",
    "fuzzed_webhooks": "fuzzed webhooks",
    "messages": "messages",
    "accepted_calls": "calls that Graph accepted",
    "in_doubt": "in doubt, and shown",
    "settled": "of these settled by webhooks",
    "duplicated": "DUPLICATED",
    "silently_lost": "SILENTLY LOST",
    "sent_after_opt_out": "SENT AFTER AN OPT-OUT",
    "answered_5xx": "WEBHOOKS NOT ANSWERED 200",
}


def as_table(counts: Mapping[str, Counts], *, seed: int, minutes: float) -> str:
    """This will write a table with a column per database, and the problems below it."""
    width = max(map(len, LABELS.values()))
    lines = ["".ljust(width) + "".join(name.rjust(12) for name in counts)]
    for field, label in LABELS.items():
        numbers = [getattr(each, field) for each in counts.values()]
        lines.append(label.ljust(width) + "".join(f"{number:12,}" for number in numbers))
    lines += ["", f"seed {seed}, {minutes:.1f} minutes"]
    for database, each in counts.items():
        lines += [f"BROKEN on {database}: {problem}" for problem in each.problems]
    if any(not each.is_kept for each in counts.values()):
        lines.append(f"Repeat with: python -m tests.torture --seed {seed} and the same sizes.")
    else:
        lines.append("Every promise was kept.")
    return "\n".join(lines)


def as_json(counts: Mapping[str, Counts], *, seed: int, minutes: float) -> str:
    """This will write one JSON document."""
    databases = {name: dataclasses.asdict(each) for name, each in counts.items()}
    is_kept = all(each.is_kept for each in counts.values())
    return json.dumps(
        {"seed": seed, "minutes": round(minutes, 1), "is_kept": is_kept, "databases": databases},
        indent=2,
    )
