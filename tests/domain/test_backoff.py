"""Pauses, with the arithmetic in the ids."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from whatsapp_notify.domain import backoff

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


class LongestPause(random.Random):
    """Draws the upper bound always."""

    def uniform(self, a: float, b: float) -> float:
        return b


class TestRetryAt:
    @pytest.mark.parametrize(
        ("failures", "seconds"),
        [
            pytest.param(1, 2, id="2*2^0=2"),
            pytest.param(2, 4, id="2*2^1=4"),
            pytest.param(3, 8, id="2*2^2=8"),
            pytest.param(4, 16, id="2*2^3=16"),
            pytest.param(8, 256, id="2*2^7=256"),
            pytest.param(9, 512, id="2*2^8=512"),
            pytest.param(10, 900, id="min(2*2^9,900)=900"),
            pytest.param(10_000, 900, id="min(2*2^9999,900)=900"),
        ],
    )
    def test_waits_at_most(self, failures: int, seconds: int) -> None:
        at = backoff.retry_at(now=NOW, failures=failures, rng=LongestPause())

        assert at == NOW + timedelta(seconds=seconds)

    def test_spreads_over_the_whole_pause(self) -> None:
        rng = random.Random(7)

        pauses = [
            (backoff.retry_at(now=NOW, failures=5, rng=rng) - NOW).total_seconds()
            for _ in range(1000)
        ]

        assert min(pauses) >= 0
        assert max(pauses) <= 32
        assert min(pauses) < 1
        assert max(pauses) > 31
        assert 14 < sum(pauses) / len(pauses) < 18

    @pytest.mark.parametrize("failures", [0, -1])
    def test_needs_a_failure(self, failures: int) -> None:
        with pytest.raises(ValueError, match="at least one failure"):
            backoff.retry_at(now=NOW, failures=failures, rng=random.Random(1))

    def test_gives_up_after_eight(self) -> None:
        assert backoff.MAX_FAILURES == 8


class TestPairRetryAt:
    @pytest.mark.parametrize(
        ("tries", "seconds"),
        [
            pytest.param(0, 1, id="4^0=1"),
            pytest.param(1, 4, id="4^1=4"),
            pytest.param(2, 16, id="4^2=16"),
            pytest.param(3, 64, id="4^3=64"),
            pytest.param(4, 256, id="4^4=256"),
            pytest.param(5, 1024, id="4^5=1024"),
            pytest.param(6, 3600, id="min(4^6,3600)=3600"),
            pytest.param(10_000, 3600, id="min(4^10000,3600)=3600"),
        ],
    )
    def test_waits(self, tries: int, seconds: int) -> None:
        assert backoff.pair_retry_at(now=NOW, tries=tries) == NOW + timedelta(seconds=seconds)

    def test_refuses_negative_tries(self) -> None:
        with pytest.raises(ValueError, match="from zero"):
            backoff.pair_retry_at(now=NOW, tries=-1)


class TestSlowDownUntil:
    @pytest.mark.parametrize(
        ("refusals", "regain_minutes", "seconds"),
        [
            pytest.param(1, 0, 1, id="1*2^0=1"),
            pytest.param(2, 0, 2, id="1*2^1=2"),
            pytest.param(5, 0, 16, id="1*2^4=16"),
            pytest.param(10, 0, 512, id="1*2^9=512"),
            pytest.param(11, 0, 900, id="min(1*2^10,900)=900"),
            pytest.param(10_000, 0, 900, id="min(1*2^9999,900)=900"),
            pytest.param(1, 5, 300, id="max(1,5*60)=300"),
            pytest.param(10, 1, 512, id="max(512,1*60)=512"),
            pytest.param(11, 60, 3600, id="max(900,60*60)=3600"),
        ],
    )
    def test_waits(self, refusals: int, regain_minutes: int, seconds: int) -> None:
        until = backoff.slow_down_until(now=NOW, refusals=refusals, regain_minutes=regain_minutes)

        assert until == NOW + timedelta(seconds=seconds)

    @pytest.mark.parametrize(("refusals", "regain_minutes"), [(0, 0), (1, -1)])
    def test_refuses_what_makes_no_pause(self, refusals: int, regain_minutes: int) -> None:
        with pytest.raises(ValueError, match="A pause follows"):
            backoff.slow_down_until(now=NOW, refusals=refusals, regain_minutes=regain_minutes)


class TestFetchAgainAt:
    @pytest.mark.parametrize(
        ("tries", "seconds"),
        [
            pytest.param(1, 30, id="30*2^0"),
            pytest.param(2, 60, id="30*2^1"),
            pytest.param(7, 1920, id="30*2^6"),
            pytest.param(8, 3600, id="cap"),
            pytest.param(30_000, 3600, id="far beyond the cap"),
        ],
    )
    def test_longest_pause_doubles_up_to_an_hour(self, tries: int, seconds: int) -> None:
        at = backoff.fetch_again_at(now=NOW, tries=tries, rng=LongestPause())

        assert at == NOW + timedelta(seconds=seconds)

    def test_is_in_the_later_half_of_the_pause(self) -> None:
        rng = random.Random(7)
        pauses = [
            (backoff.fetch_again_at(now=NOW, tries=3, rng=rng) - NOW).total_seconds()
            for _each in range(50)
        ]

        assert min(pauses) >= 60
        assert max(pauses) <= 120
        assert len(set(pauses)) > 40

    def test_follows_a_try(self) -> None:
        with pytest.raises(ValueError, match="at least one try"):
            backoff.fetch_again_at(now=NOW, tries=0, rng=random.Random(1))
