"""What a measurement has taken: time, CPU of each part, memory."""

import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from whatsapp_notify.management.bench.processes import (
    Process,
    broker_cpu_seconds,
    database_cpu_seconds,
)


@dataclass(slots=True)
class Costs:
    """Filled when its block ends."""

    seconds: float = 0.0
    #: CPU seconds by part: the names of processes, "database", "broker"; "bench" is this one.
    cpu: dict[str, float] = field(default_factory=dict)
    peak_megabytes: dict[str, float] = field(default_factory=dict)

    def cpu_ms(self, *parts: str, per: int) -> float:
        """This will return CPU milliseconds of some parts for each of ``per`` things."""
        return sum(self.cpu.get(part, 0.0) for part in parts) / per * 1000


@contextmanager
def measured(processes: Mapping[str, Process]) -> Iterator[Costs]:
    """This will account what processes, database and broker use while the block runs."""
    costs = Costs()
    before = _read(processes)
    begun = time.monotonic()
    yield costs
    costs.seconds = time.monotonic() - begun
    costs.cpu = {part: used - before[part] for part, used in _read(processes).items()}
    costs.peak_megabytes = {name: each.peak_megabytes() for name, each in processes.items()}


def spread(values: Sequence[float], *, digits: int = 0) -> str:
    """This will write a median with the least and the most."""
    middle = statistics.median(values)
    if len(values) == 1:
        return f"{middle:,.{digits}f}"
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def _read(processes: Mapping[str, Process]) -> dict[str, float]:
    ours = os.times()
    return {
        "bench": ours.user + ours.system,
        **{name: process.cpu_seconds() for name, process in processes.items()},
        "database": database_cpu_seconds(),
        "broker": broker_cpu_seconds(),
    }
