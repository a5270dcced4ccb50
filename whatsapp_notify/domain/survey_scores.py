"""What some scores from 1 to 10 say together: their mean, the NPS, and how sure it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

#: Fewer answers say nothing about customers as a whole.
ENOUGH = 5
#: Who would recommend the shop, and who would not. The usual scale begins at 0; ours at 1, so
#: that detractors are 1 to 6.
PROMOTERS = range(9, 11)
DETRACTORS = range(1, 7)
SCORES = range(1, 11)

#: 95 of 100 intervals hold the true value.
_Z = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """How often each score was given."""

    counts: Mapping[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def is_enough(self) -> bool:
        """Whether there are answers enough to say anything."""
        return self.total >= ENOUGH

    @property
    def promoters(self) -> int:
        return sum(self.counts.get(score, 0) for score in PROMOTERS)

    @property
    def detractors(self) -> int:
        return sum(self.counts.get(score, 0) for score in DETRACTORS)

    @property
    def mean(self) -> float | None:
        """The mean; None without answers."""
        if not self.total:
            return None
        return sum(score * count for score, count in self.counts.items()) / self.total

    @property
    def nps(self) -> float | None:
        """The share of promoters less that of detractors, -100 to 100; None without answers."""
        if not self.total:
            return None
        return 100 * (self.promoters - self.detractors) / self.total

    @property
    def nps_interval(self) -> tuple[float, float] | None:
        """Between what the NPS of all customers lies with 95 % confidence; None without answers.

        An adjusted Wald interval: three answers are imagined, a quarter of them promoters and a
        quarter detractors, so that five equal answers do not look like certainty.
        Source: Rocks, "Interval Estimation for the 'Net Promoter Score'", The American
        Statistician 70 (2016), 365-372.
        """
        if not self.total:
            return None
        total = self.total + 3
        up, down = (self.promoters + 0.75) / total, (self.detractors + 0.75) / total
        middle = up - down
        reach = _Z * math.sqrt((up + down - middle**2) / total)
        return 100 * max(middle - reach, -1.0), 100 * min(middle + reach, 1.0)
