"""How long customers waited for a person: by hour, by reason, by who answered."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model

from whatsapp_notify.domain.answer_times import Figures, Wait, figures
from whatsapp_notify.domain.opening import OpenTime
from whatsapp_notify.models import Enquiry
from whatsapp_notify.services import opening_hours

#: The newest ones; a page of older ones would not be read any more than this.
MOST = 10_000

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    wait: Wait
    hour: int
    reason: str
    ended_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTimes:
    #: Of customers whom nobody was talking with when they wrote.
    first: Figures
    #: Of customers in a talk with a member of the staff.
    in_talk: Figures
    #: Hour of the day in the shop, 0 to 23, in which the wait began; of first responses.
    by_hour: Mapping[int, Figures]
    by_reason: Mapping[str, Figures]
    #: Name of the member of the staff; "" where that account is gone.
    by_person: Mapping[str, Figures]
    #: Whether the shop has told its opening hours.
    has_hours: bool
    #: Whether there were more waits in the period than were read.
    is_cut: bool


def answer_times(*, days: int, now: datetime) -> AnswerTimes:
    """This will sum up the waits that began in the last days; three queries beside the hours."""
    hours = opening_hours.current()
    rows = _rows(
        since=now - timedelta(days=days), now=now, counter=OpenTime(hours), zone=hours.zone
    )
    first = [row for row in rows if row.reason != Enquiry.Reason.WITH_PERSON]
    answered = [row for row in rows if row.wait.is_answered]
    by_person = _by(answered, lambda row: row.ended_by)
    return AnswerTimes(
        first=figures(row.wait for row in first),
        in_talk=figures(row.wait for row in rows if row.reason == Enquiry.Reason.WITH_PERSON),
        by_hour=_by(first, lambda row: row.hour),
        by_reason=_by(rows, lambda row: row.reason),
        by_person=_named(by_person),
        has_hours=hours.is_kept,
        is_cut=len(rows) == MOST,
    )


def _rows(*, since: datetime, now: datetime, counter: OpenTime, zone: str) -> list[_Row]:
    local = ZoneInfo(zone)
    found = (
        Enquiry.objects.filter(began_at__gte=since, began_at__lte=now)
        .order_by("-began_at")
        .values_list("began_at", "ended_at", "outcome", "reason", "ended_by_id")
    )
    return [
        _Row(
            wait=Wait(
                began_at=began_at,
                lasted=(ended_at or now) - began_at,
                lasted_open=counter.between(began_at, ended_at or now),
                is_answered=outcome == Enquiry.Outcome.ANSWERED,
                is_closed=outcome == Enquiry.Outcome.CLOSED,
            ),
            hour=began_at.astimezone(local).hour,
            reason=reason,
            ended_by=ended_by,
        )
        for began_at, ended_at, outcome, reason, ended_by in found[:MOST]
    ]


def _by(rows: list[_Row], key: Callable[[_Row], _Key]) -> dict[_Key, Figures]:
    groups: defaultdict[_Key, list[Wait]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row.wait)
    return {each: figures(waits) for each, waits in groups.items()}


def _named(groups: Mapping[int | None, Figures]) -> dict[str, Figures]:
    users: Any = get_user_model()._default_manager
    names = {
        user.pk: user.get_username()
        for user in users.filter(pk__in=[pk for pk in groups if pk is not None])
    }
    return {names.get(pk, ""): found for pk, found in groups.items()}
