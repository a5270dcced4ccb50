"""The shop's hours as rows, and in words."""

from collections import defaultdict
from datetime import date, datetime, time
from itertools import groupby
from zoneinfo import ZoneInfo

from django.utils import formats, translation
from django.utils.dates import WEEKDAYS_ABBR

from whatsapp_notify import conf
from whatsapp_notify.domain import opening
from whatsapp_notify.domain.opening import Hours, Stretch
from whatsapp_notify.models import Holiday, OpeningHours
from whatsapp_notify.services import shared_reads, template_choice, wording


def current() -> Hours:
    """This will read the hours and the holidays; see Note [Read once for a batch]."""
    return shared_reads.once("opening_hours", _read)


def _read() -> Hours:
    weekly: dict[int, list[Stretch]] = defaultdict(list)
    for row in OpeningHours.objects.order_by("weekday", "opens"):
        weekly[row.weekday].append((row.opens, row.closes))
    holidays: dict[date, tuple[Stretch, ...]] = {}
    for day in Holiday.objects.all():
        holidays[day.date] = _stretches(day.opens, day.closes)
    return Hours(
        zone=conf.load().time_zone,
        weekly={weekday: tuple(stretches) for weekday, stretches in weekly.items()},
        holidays=holidays,
    )


def in_words(hours: Hours, *, language: str) -> str:
    """This will write the hours of a usual week: "Mon–Fri 9:00–17:00, Sat 10:00–14:00"."""
    with translation.override(template_choice.django_language(language)):
        days = [(weekday, hours.weekly.get(weekday, ())) for weekday in range(7)]
        parts = []
        for stretches, group in groupby(days, key=lambda each: each[1]):
            if not stretches:
                continue
            weekdays = [weekday for weekday, _stretches in group]
            times = " + ".join(f"{_clock(start)}–{_clock(end)}" for start, end in stretches)
            parts.append(f"{_span(weekdays)} {times}")
        return ", ".join(parts)


def next_opening_in_words(hours: Hours, *, now: datetime, language: str) -> str:
    """This will say when the shop opens next, such as "Fri 9:00"; empty where it is not known."""
    at = opening.next_opening(hours, now=now)
    if at is None:
        return ""
    local = at.astimezone(ZoneInfo(hours.zone))
    with translation.override(template_choice.django_language(language)):
        is_soon = (local.date() - now.astimezone(local.tzinfo).date()).days < 7
        weekday = str(WEEKDAYS_ABBR[local.weekday()])
        day = weekday if is_soon else wording.day(local.date(), language=language)
        return f"{day} {_clock(local.time())}"


def _stretches(opens: time | None, closes: time | None) -> tuple[Stretch, ...]:
    return () if opens is None or closes is None else ((opens, closes),)


def _span(weekdays: list[int]) -> str:
    first, last = str(WEEKDAYS_ABBR[weekdays[0]]), str(WEEKDAYS_ABBR[weekdays[-1]])
    return first if len(weekdays) == 1 else f"{first}–{last}"


def _clock(at: time) -> str:
    return formats.time_format(at, "G.i" if translation.get_language() == "fi" else "G:i")
