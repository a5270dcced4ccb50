"""The shop's own words: keyword replies, automatic replies, and what the staff has ready."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from whatsapp_notify.admin import answer_checks, answer_forms, answer_preview, badges, base, words
from whatsapp_notify.admin.rehearsal import RehearsalPage
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.domain import placeholders
from whatsapp_notify.models import AutomaticReply, CannedReply, KeywordReply, OpeningHours
from whatsapp_notify.services import answer_words

_SHOWN_PHRASES = 3
_LANGUAGE_FILTER = ("language", admin.AllValuesFieldListFilter)


class _WordsAdmin(base.PageAdmin):
    """What the three have in common."""

    change_form_template = "admin/whatsapp_notify/answers/change_form.html"
    actions: tuple[str, ...] = ("switch_on", "switch_off")

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"preview": answer_preview.draw(row)}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        named = placeholders.names_in(obj.body) & set(answer_words.HOURS_NAMES)
        if named and not OpeningHours.objects.exists():
            text = _(
                "No opening hours are told yet. Until then each line with {%(name)s} is left out."
            )
            self.message_user(request, text % {"name": min(named)}, messages.WARNING)

    @admin.action(description=gettext_lazy("Switch on"), permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch(request, queryset, is_active=True)

    @admin.action(description=gettext_lazy("Switch off"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch(request, queryset, is_active=False)

    def hindrances(self, row: Any) -> list[str]:
        """This will tell why a row cannot be switched on."""
        return []

    def _switch(self, request: HttpRequest, queryset: QuerySet[Any], *, is_active: bool) -> None:
        done = _("Switched on.") if is_active else _("Switched off.")
        count = 0
        for row in queryset.exclude(is_active=is_active).order_by("pk"):
            if is_active and (problems := self.hindrances(row)):
                self.message_user(request, f"{row}: {problems[0]}", messages.ERROR)
                continue
            row.is_active = is_active
            row.save(update_fields=["is_active"])
            self.log_change(request, row, done)
            count += 1
        text = ngettext("%(n)d reply was changed.", "%(n)d replies were changed.", count)
        self.message_user(request, text % {"n": count})

    @admin.display(description=gettext_lazy("language"), ordering="language")
    def language_code(self, row: Any) -> str:
        return row.language or _("any")

    @admin.display(description=gettext_lazy("words"))
    def beginning(self, row: Any) -> str:
        return Truncator(row.body).chars(90)


@admin.register(KeywordReply)
class KeywordReplyAdmin(RehearsalPage, _WordsAdmin):
    """Answers to words that are the whole message."""

    form = answer_forms.KeywordReplyForm
    list_display = ("phrases_shown", "language_code", "answer", "is_active", "used")
    list_display_links = ("phrases_shown",)
    list_filter = ("is_active", _LANGUAGE_FILTER, "calls_person")
    search_fields = ("phrases", "body")
    search_hint = gettext_lazy("A word of the customer or of the answer")
    ordering = ("-is_active", "language", "pk")
    readonly_fields = ("used_count", "last_used")
    fields = (
        "phrases", "language", "body", "buttons", "calls_person", "is_active", "used_count",
        "last_used",
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.rehearsal_view)
        here = path("rehearsal/", view, name="whatsapp_notify_keywordreply_rehearsal")
        return [here, *super().get_urls()]

    def hindrances(self, row: Any) -> list[str]:
        return answer_checks.hindrances(row)

    @admin.display(description=gettext_lazy("when a customer writes"), ordering="phrases")
    def phrases_shown(self, row: KeywordReply) -> str:
        lines = row.phrases.splitlines()
        more = len(lines) - _SHOWN_PHRASES
        rest = [_("%(n)d more") % {"n": more}] if more > 0 else []
        return " · ".join([*lines[:_SHOWN_PHRASES], *rest])

    @admin.display(description=gettext_lazy("words"))
    def answer(self, row: KeywordReply) -> str:
        calls = [badges.badge(_("calls a person"), Tone.WAITING)] if row.calls_person else []
        return badges.joined([self.beginning(row), *calls])

    @admin.display(description=gettext_lazy("used"), ordering="used_count")
    def used(self, row: KeywordReply) -> str:
        if row.last_used_at is None:
            return "–"
        times = ngettext("%(n)d time", "%(n)d times", row.used_count) % {"n": row.used_count}
        last = date_format(timezone.localtime(row.last_used_at), "SHORT_DATE_FORMAT")
        return format_html(
            '<span class="wn-nowrap">{}</span><br><span class="wn-quiet wn-nowrap">{}</span>',
            times,
            _("last: %(date)s") % {"date": last},
        )

    @admin.display(description=gettext_lazy("last used"))
    def last_used(self, row: KeywordReply) -> str:
        return words.at(row.last_used_at)


@admin.register(AutomaticReply)
class AutomaticReplyAdmin(_WordsAdmin):
    """What the shop says by itself."""

    form = answer_forms.AutomaticReplyForm
    list_display = ("kind", "language_code", "beginning", "is_active")
    list_filter = ("is_active", "kind", _LANGUAGE_FILTER)
    search_fields = ("body",)
    ordering = ("kind", "language", "pk")


@admin.register(CannedReply)
class CannedReplyAdmin(_WordsAdmin):
    """Answers that the staff has ready at the desk."""

    form = answer_forms.CannedReplyForm
    list_display = ("title", "slash", "language_code", "beginning", "is_active")
    list_filter = ("is_active", _LANGUAGE_FILTER)
    search_fields = ("title", "shortcut", "body")
    ordering = ("shortcut", "language", "pk")

    @admin.display(description=gettext_lazy("shortcut"), ordering="shortcut")
    def slash(self, row: CannedReply) -> str:
        return f"/{row.shortcut}" if row.shortcut else "–"
