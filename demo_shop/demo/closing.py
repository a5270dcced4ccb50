"""A shop that is closed for a while, at whatever hour the story is played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time, timedelta

from whatsapp_notify.models import Holiday, OpeningHours

#: No other answer of the shop holds this time of the day by chance.
OPENS, CLOSES = time(9, 47), time(16, 30)

_DAY = timedelta(days=1)


@contextmanager
def closed_shop(*, today: date) -> Iterator[str]:
    """While it lasts, the shop keeps hours and is closed; then all is as before.

    Yesterday and tomorrow are holidays as well: neither the hour nor a midnight in between
    changes when the shop closed last and opens next.

    Yields:
        When it opens next, in English: "Fri 9:47".
    """
    hours = OpeningHours.objects.bulk_create(
        OpeningHours(weekday=weekday, opens=OPENS, closes=CLOSES)
        for weekday in OpeningHours.Weekday.values
    )
    holidays = Holiday.objects.bulk_create(
        Holiday(date=today + offset * _DAY, name="Stocktaking") for offset in (-1, 0, 1)
    )
    try:
        yield f"{today + 2 * _DAY:%a} {OPENS.hour}:{OPENS.minute}"
    finally:
        Holiday.objects.filter(pk__in=[day.pk for day in holidays]).delete()
        OpeningHours.objects.filter(pk__in=[each.pk for each in hours]).delete()
