"""The page "Answer times": how long customers wait for a person."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from whatsapp_notify.admin import bar_chart, base, periods, words
from whatsapp_notify.admin.bar_chart import Bar
from whatsapp_notify.domain.answer_times import Figures, Times
from whatsapp_notify.models import Enquiry
from whatsapp_notify.services import answer_times


class AnswerTimesPage(base.ReadOnlyAdmin):
    """Figures instead of a list; for those who may see conversations."""

    def answer_times_urls(self) -> list[URLPattern]:
        """This will return the address of the page."""
        view = self.admin_site.admin_view(self.answer_times_view)
        name = "whatsapp_notify_overview_answer_times"
        return [path("answer-times/", view, name=name)]

    def answer_times_view(self, request: HttpRequest) -> HttpResponse:
        """This will show the page; it changes nothing."""
        if not self.has_own_permission(request, "view_conversation"):
            raise PermissionDenied
        days = periods.chosen(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "media": self.media,
            "title": _("Answer times"),
            "nav_page": "answer_times",
            "days": days,
            "periods": periods.choices(days),
            "period": periods.PERIODS[days],
            **_context(days=days, now=timezone.now()),
        }
        return TemplateResponse(request, "admin/whatsapp_notify/answer_times.html", context)


def _context(*, days: int, now: datetime) -> dict[str, Any]:
    found = answer_times.answer_times(days=days, now=now)
    reasons = dict(Enquiry.Reason.choices)
    hours = [(hour, found.by_hour.get(hour, Figures())) for hour in range(24)]
    return {
        "found": found,
        "most": answer_times.MOST,
        "is_empty": not found.first.count and not found.in_talk.count,
        "tiles": list(_tiles(found.first, has_hours=found.has_hours)),
        "kinds": [
            _row(_("first response"), found.first),
            _row(_("in a talk with a person"), found.in_talk),
        ],
        "count_chart": _count_chart(hours),
        "time_chart": _time_chart(hours),
        "hours": [_row(f"{hour}–{hour + 1}", each) for hour, each in hours if each.count],
        "reasons": _rows({reasons.get(key, key): each for key, each in found.by_reason.items()}),
        "people": _rows({key or _("nobody known"): each for key, each in found.by_person.items()}),
    }


def _tiles(first: Figures, *, has_hours: bool) -> Iterator[dict[str, Any]]:
    """This will yield the figures of first responses that matter most."""
    clock, hours = first.by_clock, first.in_hours
    within, open_hour = _("%(length)s in opening hours"), _("%(share)s within an open hour")
    for number, name, detail in (
        (
            _span(clock.median),
            _("median of the first response"),
            within % {"length": _span(hours.median)},
        ),
        (
            _span(clock.mean),
            _("mean of the first response"),
            within % {"length": _span(hours.mean)},
        ),
        (_share(clock), _("answered within an hour"), open_hour % {"share": _share(hours)}),
    ):
        yield {"number": number, "name": name, "detail": detail if has_hours else ""}
    yield {
        "number": first.missed,
        "name": _("missed"),
        "detail": _("closed without an answer, or waiting for more than 24 hours"),
        "is_bad": first.missed > 0,
    }


def _rows(groups: Mapping[Any, Figures]) -> list[dict[str, Any]]:
    ranked = sorted(groups.items(), key=lambda each: (-each[1].count, str(each[0])))
    return [_row(name, found) for name, found in ranked]


def _row(name: words.Words, found: Figures) -> dict[str, Any]:
    return {
        "name": name,
        "count": found.count,
        "median": _span(found.by_clock.median),
        "mean": _span(found.by_clock.mean),
        "median_open": _span(found.in_hours.median),
        "mean_open": _span(found.in_hours.mean),
        "quick": _share(found.by_clock),
        "missed": found.missed,
    }


def _count_chart(hours: list[tuple[int, Figures]]) -> str:
    bars = [Bar(value=each.count, label=str(hour)) for hour, each in hours]
    title = _("How many customers began to wait in each hour. The table holds the same numbers.")
    return bar_chart.draw(bars, name="count", title=title)


def _time_chart(hours: list[tuple[int, Figures]]) -> str:
    bars = [
        Bar(
            value=None if each.by_clock.median is None else each.by_clock.median.total_seconds(),
            label=str(hour),
            fill="good",
        )
        for hour, each in hours
    ]
    title = _(
        "Median of the first response by the hour in which the wait began. "
        "The table holds the same numbers."
    )
    return bar_chart.draw(bars, name="time", title=title)


def _span(length: timedelta | None) -> str:
    return "–" if length is None else words.rounded_span(length)


def _share(times: Times) -> str:
    return "–" if times.quick is None else f"{words.nearest(100 * times.quick)} %"
