"""Webhooks as they came; the quarantine, and the way out of it."""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from whatsapp_notify.admin import badges, base, confirm, words
from whatsapp_notify.admin.filters import StatusFilter, date_filter
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import UnmatchedStatus, UnreadWebhook, WebhookEvent
from whatsapp_notify.services import replay, webhooks
from whatsapp_notify.services.replay import Replayed

_WAITING, _PROCESSED, _QUARANTINED, _DROPPED = "waiting", "processed", "quarantined", "dropped"
_STATES: Mapping[str, tuple[words.Words, Tone]] = {
    _WAITING: (gettext_lazy("waiting"), Tone.WAITING),
    _PROCESSED: (gettext_lazy("processed"), Tone.GOOD),
    _QUARANTINED: (gettext_lazy("quarantined"), Tone.BAD),
    _DROPPED: (gettext_lazy("dropped"), Tone.OFF),
}
#: The same as ``_state``, by columns: so that the database uses its indexes.
_ROWS: Mapping[str | None, Q] = {
    _WAITING: ~Q(unread=None),
    _PROCESSED: Q(unread=None, is_quarantined=False, problem=""),
    _QUARANTINED: Q(is_quarantined=True),
    _DROPPED: Q(is_quarantined=False) & ~Q(problem=""),
}


class ReadingFilter(admin.SimpleListFilter):
    """By whether they have been read."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(state, str(label)) for state, (label, _tone) in _STATES.items()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[WebhookEvent]
    ) -> QuerySet[WebhookEvent]:
        return queryset.filter(_ROWS.get(self.value(), Q()))


@admin.register(WebhookEvent)
class WebhookEventAdmin(base.ReadOnlyAdmin):
    """Raw news of Meta's; what could not be read stands here with the reason."""

    list_display = ("when", "state_badge", "problem")
    list_display_links = ("when",)
    list_filter = (ReadingFilter, date_filter("received_at", gettext_lazy("received")))
    ordering = ("-pk",)
    actions = ("process_again", "read_again", "drop")
    fields = ("received_at", "state_badge", "problem", "raw_body")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        rows = super().get_queryset(request).annotate(is_waiting=UnreadWebhook.of_webhook())
        if self.has_own_permission(request, "view_webhook_body") and _is_page(request):
            return rows
        return rows.defer("body", "digest")

    def has_process_permission(self, request: HttpRequest) -> bool:
        """This will tell whether the user may have webhooks read again."""
        return self.has_own_permission(request, "change_webhookevent")

    @admin.action(description=gettext_lazy("Process again…"), permissions=["process"])
    def process_again(
        self, request: HttpRequest, queryset: QuerySet[WebhookEvent]
    ) -> HttpResponse | None:
        question = confirm.Question(
            action="process_again",
            title=gettext_lazy("Process again"),
            consequences=(
                gettext_lazy("The webhooks are read once more; what was done before stays done."),
            ),
            button=lambda n: (
                ngettext("Process %(n)d webhook again", "Process %(n)d webhooks again", n)
                % {"n": n}
            ),
            describe=_describe,
            concerns=_is_quarantined,
        )
        answer = confirm.asked(self, request, queryset, question)
        if isinstance(answer, HttpResponse):
            return answer
        again = webhooks.retry(ids=[row.pk for row in answer])
        for row in answer:
            if row.pk in again:
                self.log_change(request, row, _("Processed again."))
        if count := len(again):
            text = ngettext("%(n)d webhook waits again.", "%(n)d webhooks wait again.", count)
            self.message_user(request, text % {"n": count}, messages.SUCCESS)
        confirm.tell_moved_on(self, request, len(answer) - count)
        return None

    @admin.action(description=gettext_lazy("Drop…"), permissions=["process"])
    def drop(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> HttpResponse | None:
        question = confirm.Question(
            action="drop",
            title=gettext_lazy("Drop"),
            consequences=(
                gettext_lazy("What could not be read in the webhooks stays unread."),
                gettext_lazy("Their bytes are kept for as long as those of all webhooks."),
            ),
            button=lambda n: ngettext("Drop %(n)d webhook", "Drop %(n)d webhooks", n) % {"n": n},
            describe=_describe,
            is_dangerous=True,
            concerns=_is_quarantined,
        )
        answer = confirm.asked(self, request, queryset, question)
        if isinstance(answer, HttpResponse):
            return answer
        dropped = webhooks.drop(ids=[row.pk for row in answer])
        for row in answer:
            if row.pk in dropped:
                self.log_change(request, row, _("Dropped."))
        if count := len(dropped):
            text = ngettext("%(n)d webhook was dropped.", "%(n)d webhooks were dropped.", count)
            self.message_user(request, text % {"n": count}, messages.SUCCESS)
        confirm.tell_moved_on(self, request, len(answer) - count)
        return None

    @admin.action(description=gettext_lazy("Read again…"), permissions=["process"])
    def read_again(
        self, request: HttpRequest, queryset: QuerySet[WebhookEvent]
    ) -> HttpResponse | None:
        question = confirm.Question(
            action="read_again",
            title=gettext_lazy("Read again"),
            consequences=(
                gettext_lazy(
                    "Statuses, customers' messages and opt-outs that are missing come back."
                ),
                gettext_lazy("Nothing is sent, and what came later stands."),
            ),
            button=lambda n: (
                ngettext("Read %(n)d webhook again", "Read %(n)d webhooks again", n) % {"n": n}
            ),
            describe=lambda row: f"#{row.pk} · {words.at(row.received_at)}",
            concerns=lambda row: _state(row) in {_PROCESSED, _DROPPED},
        )
        answer = confirm.asked(self, request, queryset, question)
        if isinstance(answer, HttpResponse):
            return answer
        done, ids = replay.read_again(ids=[row.pk for row in answer], now=timezone.now())
        for row in answer:
            if row.pk in ids:
                self.log_change(request, row, _("Read again."))
        if ids:
            self.message_user(request, _brought_back(done), messages.SUCCESS)
        confirm.tell_moved_on(self, request, len(answer) - len(ids))
        return None

    @admin.display(description=gettext_lazy("received"))
    def when(self, event: WebhookEvent) -> str:
        return badges.moment(event.received_at)

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, event: WebhookEvent) -> str:
        return badges.badge(*_STATES[_state(event)])

    @admin.display(description=gettext_lazy("as it came"))
    def raw_body(self, event: WebhookEvent) -> str:
        # Left in the database for users who may not see it.
        if "body" in event.get_deferred_fields():
            return _("You may not see raw webhooks.")
        return format_html(
            '<pre class="wn-raw" tabindex="0" role="region" aria-label="{}">{}</pre>',
            _("as it came"),
            _pretty(bytes(event.body)),
        )


@admin.register(UnmatchedStatus)
class UnmatchedStatusAdmin(base.ReadOnlyAdmin):
    """News about messages that nobody here knows; matched by itself when one turns up."""

    list_display = ("__str__", "status", "at", "received_at", "matched_at")
    list_filter = (
        StatusFilter,
        date_filter("received_at", gettext_lazy("received")),
        ("matched_at", admin.EmptyFieldListFilter),
    )
    ordering = ("-pk",)
    actions = None
    fields = ("status", "at", "received_at", "matched_at")


def _brought_back(done: Replayed) -> str:
    if done.is_unchanged:
        return _("Nothing was missing.")
    text = _(
        "Brought back: statuses %(statuses)d, customers' messages %(inbound)d, "
        "consent records %(consents)d."
    )
    return text % {
        "statuses": done.statuses, "inbound": done.inbound, "consents": done.consents,
    }  # fmt: skip


def _describe(event: WebhookEvent) -> str:
    return f"#{event.pk} · {words.at(event.received_at)} · {event.problem}"


def _is_quarantined(event: WebhookEvent) -> bool:
    return event.is_quarantined


def _state(event: Any) -> str:
    """This will tell the state of a row of the list, which is annotated with ``is_waiting``."""
    if event.is_waiting:
        return _WAITING
    if event.is_quarantined:
        return _QUARANTINED
    return _DROPPED if event.is_dropped else _PROCESSED


def _is_page(request: HttpRequest) -> bool:
    match: Any = request.resolver_match
    return bool(match) and str(match.url_name).endswith("_change")


def _pretty(body: bytes) -> str:
    """This will indent the JSON; what is none is shown as text."""
    text = body.decode("utf-8", errors="replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
