"""The pace of the number, whoever claims and whenever: never above the rate, hardly below it."""

import bisect
import heapq
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.crowd import crowd
from tests.factories import NOW
from whatsapp_notify.models import Message
from whatsapp_notify.services import claims

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimers:
    """Some senders that look into the outbox, each with a rhythm of its own."""

    count: int
    rng: random.Random
    #: Shortest and longest time between two looks of one of them.
    seconds: tuple[float, float]

    def starts(self, *, until: datetime) -> list[datetime]:
        """This will claim until then and return the moments at which calls may begin."""
        found: list[datetime] = []
        looks = [(NOW + self._pause(), number) for number in range(self.count)]
        heapq.heapify(looks)
        while looks[0][0] < until:
            now, number = heapq.heappop(looks)
            claimed = claims.claim(limit=self.rng.randint(1, 50), now=now)
            found += [now + timedelta(seconds=each.start_in) for each in claimed.calls]
            again = max(now + self._pause(), claimed.wait_until or now)
            heapq.heappush(looks, (again, number))
        return sorted(found)

    def _pause(self) -> timedelta:
        return timedelta(seconds=self.rng.uniform(*self.seconds))


def most_in_a_second(starts: list[datetime]) -> int:
    """This will count the calls of the fullest second, wherever it begins."""
    return max(
        bisect.bisect_left(starts, start + SECOND) - index for index, start in enumerate(starts)
    )


class TestRate:
    @pytest.mark.parametrize(("rate", "seed"), [(3, 1), (7, 2), (7, 3), (80, 4)])
    def test_is_never_exceeded_in_any_second(self, settings: Any, rate: int, seed: int) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": rate}
        crowd(min(4 * rate, 150))
        rng = random.Random(seed)
        claimers = Claimers(count=rng.randint(1, 4), rng=rng, seconds=(0.0, 1.0))

        starts = claimers.starts(until=NOW + timedelta(seconds=6))

        assert len(starts) >= rate
        assert most_in_a_second(starts) <= rate

    @pytest.mark.parametrize(("rate", "count"), [(7, 4), (80, 1), (300, 4)])
    def test_is_used_while_the_outbox_is_full(self, settings: Any, rate: int, count: int) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": rate}
        seconds = 300 / rate if rate > 100 else 3
        crowd(int(rate * seconds) + 200)
        rng = random.Random(count)
        claimers = Claimers(count=count, rng=rng, seconds=(0.005, 0.06))

        starts = claimers.starts(until=NOW + timedelta(seconds=seconds))

        assert Message.objects.filter(is_pending=True).exists()
        begin, end = starts[0], NOW + timedelta(seconds=seconds)
        used = sum(begin <= start < end for start in starts)
        assert most_in_a_second(starts) <= rate
        assert used >= 0.98 * rate * (end - begin).total_seconds() - 1
