"""How long customers waited for a person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, median

#: An answer within this time counts as quick.
QUICK = timedelta(hours=1)
#: Who waits longer has been missed, though an answer may still come.
MISSED_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One customer who waited, or still does."""

    began_at: datetime
    #: By the clock, and as much of it as lies in the opening hours.
    lasted: timedelta
    lasted_open: timedelta
    is_answered: bool = False
    #: Ended without an answer.
    is_closed: bool = False

    @property
    def is_waiting(self) -> bool:
        return not self.is_answered and not self.is_closed

    @property
    def is_missed(self) -> bool:
        return self.is_closed or (self.is_waiting and self.lasted > MISSED_AFTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long answers took; None where there was no answer."""

    median: timedelta | None = None
    mean: timedelta | None = None
    #: Share of quick answers, 0 to 1, among all of which it is known; None where of none.
    quick: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    count: int = 0
    answered: int = 0
    missed: int = 0
    waiting: int = 0
    by_clock: Times = Times()
    in_hours: Times = Times()


def figures(waits: Iterable[Wait]) -> Figures:
    """This will sum up waits. Who has not waited for long yet counts for no share."""
    rows = list(waits)
    return Figures(
        count=len(rows),
        answered=sum(row.is_answered for row in rows),
        missed=sum(row.is_missed for row in rows),
        waiting=sum(row.is_waiting for row in rows),
        by_clock=_times([(row, row.lasted) for row in rows]),
        in_hours=_times([(row, row.lasted_open) for row in rows]),
    )


def _times(rows: Sequence[tuple[Wait, timedelta]]) -> Times:
    seconds = [lasted.total_seconds() for row, lasted in rows if row.is_answered]
    known = [
        row.is_answered and lasted <= QUICK
        for row, lasted in rows
        if not row.is_waiting or lasted > QUICK
    ]
    return Times(
        median=timedelta(seconds=median(seconds)) if seconds else None,
        mean=timedelta(seconds=fmean(seconds)) if seconds else None,
        quick=sum(known) / len(known) if known else None,
    )
