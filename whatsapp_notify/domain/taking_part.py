"""When somebody takes part in an interactive campaign, and for how long.

# Note [What a minute of taking part is]
The time from one message of a participant to the next, if that is no longer than ``PAUSE``. A
longer pause ends the sitting and counts for nothing, and so does a sitting of one message. Only
messages within the campaign count, by WhatsApp's clock: the keyword and the entries, not what
is written about other things, and not what the shop says.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from whatsapp_notify.domain import phrases, replies

#: A longer one begins a new sitting.
PAUSE = timedelta(minutes=10)
#: So long after the keyword an entry may come without it.
FOLLOWS = timedelta(hours=6)


def time_spent(moments: Collection[datetime]) -> timedelta:
    """This will sum up a participant's sittings, whatever the order of the messages.

    See Note [What a minute of taking part is].
    """
    return sum((_counted(*both) for both in pairwise(sorted(moments))), timedelta())


def begins_sitting(*, last: datetime | None, at: datetime) -> bool:
    """This will tell whether a message begins a new sitting; older news never do."""
    return last is None or at - last > PAUSE


def may_follow(*, keyword_at: datetime | None, at: datetime) -> bool:
    """This will tell whether a message without the keyword may belong to one with it."""
    return keyword_at is not None and timedelta() <= at - keyword_at <= FOLLOWS


def is_keyword(text: str, *, keys: Collection[str]) -> bool:
    """This will tell whether a message is no more than a keyword."""
    return phrases.key(text) in keys


def begins_with_keyword(text: str, *, keys: Collection[str]) -> bool:
    """This will tell whether a message begins with a keyword and says something after it."""
    words = replies.words(text)
    return any(_begins(words, key.split()) for key in keys) and not is_keyword(text, keys=keys)


def _begins(words: Sequence[str], keyword: Sequence[str]) -> bool:
    return len(words) > len(keyword) and list(words[: len(keyword)]) == list(keyword)


def _counted(earlier: datetime, later: datetime) -> timedelta:
    pause = later - earlier
    return pause if pause <= PAUSE else timedelta()
