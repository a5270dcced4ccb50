"""How long to wait before the next try."""

import random
from datetime import datetime, timedelta

#: After so many failures of one message we give up.
MAX_FAILURES = 8

RETRY_BASE_SECONDS = 2
RETRY_CAP_SECONDS = 15 * 60
#: Pair limits are counted over an hour at most, so that a longer pause wins nothing.
PAIR_CAP_SECONDS = 60 * 60
SLOW_DOWN_BASE_SECONDS = 1
FETCH_BASE_SECONDS = 30
FETCH_CAP_SECONDS = 60 * 60
SLOW_DOWN_CAP_SECONDS = 15 * 60

# Beyond this, every power of two is over every cap above.
_MAX_EXPONENT = 16


def retry_at(*, now: datetime, failures: int, rng: random.Random) -> datetime:
    """This will tell when a message may be tried again: at a random moment of a growing pause.

    ``failures`` counts the one that has just happened. Full jitter keeps messages that
    failed together from coming back together.

    Raises:
        ValueError: There was no failure.
    """
    if failures < 1:
        raise ValueError("A retry follows at least one failure.")
    pause = _growing(base=RETRY_BASE_SECONDS, exponent=failures - 1, cap=RETRY_CAP_SECONDS)
    return now + timedelta(seconds=rng.uniform(0, pause))


def pair_retry_at(*, now: datetime, tries: int) -> datetime:
    """This will tell when one person may be written to again, 4^tries seconds from now.

    ``tries`` counts the refusals before this one: 0, 1, 2 give 1, 4, 16 seconds.

    Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/
    about-the-platform ("4^X seconds"), read 2026-11.

    Raises:
        ValueError: ``tries`` is negative.
    """
    if tries < 0:
        raise ValueError("Tries are counted from zero.")
    pause = min(4 ** min(tries, _MAX_EXPONENT), PAIR_CAP_SECONDS)
    return now + timedelta(seconds=pause)


def slow_down_until(*, now: datetime, refusals: int, regain_minutes: int = 0) -> datetime:
    """This will tell how long a whole sender waits after it was too fast.

    ``refusals`` counts throttlings in a row, this one included. ``regain_minutes`` is the
    provider's own estimate (``estimated_time_to_regain_access``), 0 where it gave none; it
    is believed where it is longer.

    Raises:
        ValueError: There was no refusal, or the estimate is negative.
    """
    if refusals < 1 or regain_minutes < 0:
        raise ValueError("A pause follows at least one refusal and is not negative.")
    pause = _growing(base=SLOW_DOWN_BASE_SECONDS, exponent=refusals - 1, cap=SLOW_DOWN_CAP_SECONDS)
    return now + max(timedelta(seconds=pause), timedelta(minutes=regain_minutes))


def fetch_again_at(*, now: datetime, tries: int, rng: random.Random) -> datetime:
    """This will tell when a file may be asked for again: in the later half of a growing pause.

    ``tries`` counts the one that has just failed. There is time: Meta keeps files for a week.

    Raises:
        ValueError: There was no try.
    """
    if tries < 1:
        raise ValueError("A pause follows at least one try.")
    pause = _growing(base=FETCH_BASE_SECONDS, exponent=tries - 1, cap=FETCH_CAP_SECONDS)
    return now + timedelta(seconds=rng.uniform(pause / 2, pause))


def _growing(*, base: int, exponent: int, cap: int) -> int:
    return min(base * 2 ** min(exponent, _MAX_EXPONENT), cap)
