"""When the shop answers: weekly hours, holidays, and the next time it opens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from whatsapp_notify.domain import calendar

#: How far to look for a day on which the shop opens.
_HORIZON_DAYS = 60

_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES

#: From and until; an end at or before the start is on the next day, 00:00 is midnight.
Stretch = tuple[time, time]

_WHOLE_DAY: tuple[Stretch, ...] = ((time(0), time(0)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Opening hours in one time zone.

    Without weekly hours the shop counts as always open, save on its holidays.
    """

    zone: str
    #: Stretches of each weekday, Monday = 0.
    weekly: Mapping[int, tuple[Stretch, ...]] = field(default_factory=dict)
    #: Days with hours of their own; no stretch at all means closed.
    holidays: Mapping[date, tuple[Stretch, ...]] = field(default_factory=dict)

    @property
    def is_kept(self) -> bool:
        """Whether the shop has told any hours."""
        return self._has_week or bool(self.holidays)

    @property
    def _has_week(self) -> bool:
        return any(self.weekly.values())

    def on(self, day: date) -> tuple[Stretch, ...]:
        """This will return the stretches that begin on a day."""
        if day in self.holidays:
            return self.holidays[day]
        if not self._has_week:
            return _WHOLE_DAY
        return tuple(sorted(self.weekly.get(day.weekday(), ())))


def overlap(first: tuple[int, Stretch], second: tuple[int, Stretch]) -> bool:
    """This will tell whether two stretches, each of a weekday, share a moment of the week.

    A night of Sunday reaches into Monday.
    """
    (start, length), (other_start, other_length) = _in_week(first), _in_week(second)
    return (other_start - start) % _WEEK_MINUTES < length or (
        start - other_start
    ) % _WEEK_MINUTES < other_length


def is_open(hours: Hours, *, now: datetime) -> bool:
    """This will tell whether somebody is there."""
    if not hours.is_kept:
        return True
    today = now.astimezone(ZoneInfo(hours.zone)).date()
    return any(
        start <= now < end
        for day in (today - timedelta(days=1), today)
        for start, end in _instants(hours, day)
    )


def next_opening(hours: Hours, *, now: datetime) -> datetime | None:
    """This will return when the shop opens next; None where it never does in two months."""
    if not hours.is_kept:
        return None
    today = now.astimezone(ZoneInfo(hours.zone)).date()
    for offset in range(_HORIZON_DAYS):
        for start, _end in _instants(hours, today + timedelta(days=offset)):
            if start > now:
                return start
    return None


def closed_since(hours: Hours, *, now: datetime) -> datetime | None:
    """This will return when the shop closed last; None while it is open or never was."""
    if is_open(hours, now=now):
        return None
    today = now.astimezone(ZoneInfo(hours.zone)).date()
    for offset in range(_HORIZON_DAYS):
        day = today - timedelta(days=offset)
        ends = [end for _start, end in _instants(hours, day) if end <= now]
        if ends:
            return max(ends)
    return None


class OpenTime:
    """Tells how much of a stretch of time the shop was open; remembers the days it has seen."""

    def __init__(self, hours: Hours) -> None:
        self._hours = hours
        self._days: dict[date, list[tuple[datetime, datetime]]] = {}

    def between(self, start: datetime, end: datetime) -> timedelta:
        """This will add up the open time; all of it where the shop keeps no hours."""
        if not self._hours.is_kept:
            return max(end - start, timedelta(0))
        zone = ZoneInfo(self._hours.zone)
        # The night of the day before may reach into the first.
        day, last = start.astimezone(zone).date() - timedelta(days=1), end.astimezone(zone).date()
        total, counted_until = timedelta(0), start
        while day <= last:
            for opens, closes in self._on(day):
                begin, stop = max(opens, counted_until), min(closes, end)
                if begin < stop:
                    total, counted_until = total + (stop - begin), stop
            day += timedelta(days=1)
        return total

    def _on(self, day: date) -> list[tuple[datetime, datetime]]:
        if day not in self._days:
            self._days[day] = _instants(self._hours, day)
        return self._days[day]


def open_time_between(hours: Hours, *, start: datetime, end: datetime) -> timedelta:
    """This will add up the time between two moments in which the shop was open."""
    return OpenTime(hours).between(start, end)


def _instants(hours: Hours, day: date) -> list[tuple[datetime, datetime]]:
    spans = []
    for opens, closes in hours.on(day):
        last_day = day if closes > opens else day + timedelta(days=1)
        spans.append(
            (
                calendar.local_due(day=day, at=opens, zone=hours.zone),
                calendar.local_due(day=last_day, at=closes, zone=hours.zone),
            )
        )
    return spans


def _in_week(stretch: tuple[int, Stretch]) -> tuple[int, int]:
    """This will return the minute of the week at which a stretch begins, and its length."""
    weekday, (opens, closes) = stretch
    start, end = (at.hour * 60 + at.minute for at in (opens, closes))
    return weekday * _DAY_MINUTES + start, (end - start) % _DAY_MINUTES or _DAY_MINUTES
