"""What a campaign is, so that one more is one more function.

A campaign takes a ``World`` and a ``Run`` and returns ``Counts``. It is listed in
``tests.torture.__main__``, which calls it once per database, and it has a test that calls it
with a small size. It begins with ``world.reset``, and whatever it does may be repeated from
``run.seed``: it draws lots from ``run.rng(...)`` alone.

A known bug is planted by patching the product around the call: ``with planted(): kills.run(...)``.
Nothing here starts a new interpreter except for Graph; all else is forked from this process,
so what is patched here is patched there.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.torture.world import World

#: A broken promise shows itself in the first examples; more do not help.
_EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a campaign did and found. Two are added field by field."""

    # What was done.
    kills: int = 0
    crash_points: int = 0
    interleavings: int = 0
    other_interleavings: int = 0
    sequences: int = 0
    fuzzed_webhooks: int = 0
    messages: int = 0
    accepted_calls: int = 0
    # What may be: outcomes that nobody knows are shown, and most are settled by webhooks.
    in_doubt: int = 0
    settled: int = 0
    # What must not be.
    duplicated: int = 0
    silently_lost: int = 0
    sent_after_opt_out: int = 0
    answered_5xx: int = 0
    #: Each broken promise in words, with the step at which it broke; not more than some.
    problems: tuple[str, ...] = ()

    def __add__(self, other: Counts) -> Counts:
        sums = {
            each.name: getattr(self, each.name) + getattr(other, each.name)
            for each in dataclasses.fields(self)
        }
        return Counts(**{**sums, "problems": sums["problems"][:_EXAMPLES]})

    @property
    def is_kept(self) -> bool:
        """Whether every promise was kept."""
        broken = (
            self.duplicated, self.silently_lost, self.sent_after_opt_out, self.answered_5xx,
        )  # fmt: skip
        return not any(broken) and not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How much of a campaign, and which of its many ways."""

    seed: int
    #: Kills, crash points, interleavings: what the campaign counts in.
    size: int
    #: Tells whoever watches how far it is.
    say: Callable[[str], None] = lambda words: None

    def rng(self, *names: object) -> random.Random:
        """This will return lots that depend on the seed and these names alone."""
        return random.Random(":".join(map(str, (self.seed, *names))))


Campaign = Callable[["World", Run], Counts]
