"""The overview page: is all well, and if not, what to do."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import badges, chart, sender, template, words
from whatsapp_notify.admin.answer_times import AnswerTimesPage
from whatsapp_notify.admin.attention import AttentionPages
from whatsapp_notify.models import Overview
from whatsapp_notify.services import overview
from whatsapp_notify.services.overview import Part, ReasonCount, Tally

_PARTS: Mapping[str, tuple[words.Words, words.Words]] = {
    "worker": (
        gettext_lazy("Worker"),
        gettext_lazy("Start it with “celery worker”; nothing is sent without it."),
    ),
    "beat": (
        gettext_lazy("Scheduler"),
        gettext_lazy("Start it with “celery beat”; planned messages wait without it."),
    ),
    "webhook": (
        gettext_lazy("Webhook"),
        gettext_lazy("Register the webhook address in the app at Meta."),
    ),
}

_SILENCE = gettext_lazy(
    "See whether Meta can reach the webhook address: the subscription to “messages” in the app at "
    "Meta, the certificate, the proxy and the app secret. Meta repeats what it could not deliver "
    "for up to seven days."
)


@admin.register(Overview)
class OverviewAdmin(AttentionPages, AnswerTimesPage):
    """A page instead of a list."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_own_permission(request, "view_overview")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Overview]:
        return Overview.objects.none()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.changelist_view)
        here = path("", view, name="whatsapp_notify_overview_changelist")
        return [here, *self.attention_urls(), *self.answer_times_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        found = overview.overview(now=now)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "media": self.media,
            "title": _("Overview"),
            "found": found,
            "now": now,
            "senders": [_sender(each) for each in found.senders],
            "can_stop": self.has_own_permission(request, "stop_sender"),
            "states": list(_states(found.today, found.week)),
            "chart": chart.draw(found.days),
            "groups": chart.GROUPS,
            "days": [(each.day, chart.group_counts(each.tally)) for each in reversed(found.days)],
            "failures": [_reason(each, now) for each in found.failures],
            "blocked": [_reason(each, now) for each in found.blocked],
            "parts": [_part(each, now) for each in found.parts],
            "queue_age": _age(found.queue.oldest_due_at, now),
            "webhook_age": _age(found.oldest_webhook_at, now),
            "hours": _hours(found.queue.by_hour),
            "templates_broken": [
                (badges.link(each), template.status_badge(each), each.rejected_reason)
                for each in found.templates_broken
            ],
            "runs": [
                (each.name, _age(each.last_at, now), _age(each.next_at, now))
                for each in found.runs or ()
            ],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/whatsapp_notify/overview.html", context)


def _sender(row: Any) -> dict[str, Any]:
    return {
        "sender": row,
        "badge": sender.status_badge(row),
        "quality": badges.quality(row.quality),
        "circuit": sender.circuit_words(row),
    }


def _states(today: Tally, week: Tally) -> Iterator[tuple[Any, ...]]:
    for code in words.STATES:
        if not week.by_state.get(code):
            continue
        yield (
            code,
            badges.state(code),
            today.by_state.get(code, 0),
            today.percent(code),
            week.by_state.get(code, 0),
            week.percent(code),
        )


def _reason(each: ReasonCount, now: Any) -> dict[str, Any]:
    meaning, remedy = words.reason(each.reason), words.remedy(each.reason)
    if each.error_code is not None:
        meaning, remedy = words.error(each.error_code)
    elif each.reason in words.STATES:
        meaning = words.state(each.reason)
    return {
        "meaning": meaning,
        "code": each.error_code,
        "remedy": remedy,
        "count": each.count,
        "last": words.ago(each.last_at, now=now),
        "query": _query(each),
    }


def _query(each: ReasonCount) -> str:
    return (
        f"reason={each.reason}" if each.reason in words.REASONS else f"q=&last_days={overview.DAYS}"
    )


def _part(each: Part, now: Any) -> dict[str, Any]:
    name, repair = _PARTS[each.name]
    if each.silent_since is not None:
        text = _("Messages leave, but no webhook has come since %(moment)s.")
        sentence = text % {"moment": words.at(each.silent_since)}
        return {"sentence": sentence, "is_well": False, "repair": _SILENCE}
    if each.at is None:
        never = (
            _("No webhook has come yet.")
            if each.name == "webhook"
            else _("%(part)s has never run.")
        )
        sentence = never % {"part": name}
    else:
        values = {"part": name, "ago": words.ago(each.at, now=now)}
        # A webhook comes only when something happens at WhatsApp.
        text = (
            _("%(part)s last came %(ago)s.")
            if each.name == "webhook"
            else _("%(part)s last ran %(ago)s.")
        )
        sentence = text % values
    is_well = each.is_alive or (each.name == "webhook" and each.at is not None)
    return {"sentence": sentence, "is_well": is_well, "repair": "" if is_well else repair}


def _age(moment: Any, now: Any) -> str:
    return words.ago(moment, now=now) if moment else "–"


def _hours(by_hour: Any) -> list[tuple[Any, int]]:
    return [(start, count) for start, count in by_hour if count]
