"""Automations: when this happens in the shop, write that."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from whatsapp_notify.admin import automation_form, base, bubble, words
from whatsapp_notify.domain.templates import ParameterProblems
from whatsapp_notify.models import Automation, Template
from whatsapp_notify.models.automation import Event
from whatsapp_notify.services import automations

_MAIN_FIELDS = ("name", "event", "topic", "channel", "template_name", "is_active")
_TIME_FIELDS = ("delay_minutes", "expires_after_minutes", "survey")


@admin.register(Automation)
class AutomationAdmin(base.PageAdmin):
    """Rules, their words and their preview."""

    change_form_template = "admin/whatsapp_notify/automation/change_form.html"
    list_display = ("name", "event_words", "topic", "template_name", "delay_words", "is_active")
    list_filter = ("is_active", "topic")
    list_select_related = ("topic",)
    search_fields = ("name", "event", "template_name")
    ordering = ("event", "delay_minutes", "pk")
    actions = ("switch_on", "switch_off")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        kwargs["form"] = automation_form.form_class(obj)
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sections: list[tuple[Any, dict[str, Any]]] = [
            (None, {"fields": _MAIN_FIELDS}),
            (gettext_lazy("Time"), {"fields": _TIME_FIELDS}),
        ]
        if obj is not None and (inputs := tuple(automation_form.form_class(obj).inputs)):
            help_text = _(
                "Write words and variables in braces, such as “{first_name}”. The list of "
                "variables is below."
            )
            section = {"fields": inputs, "description": help_text}
            if not self.has_change_permission(request, obj):
                section = {"fields": ("parameters",), "description": ""}
            sections.insert(1, (gettext_lazy("What stands in the template"), section))
        return sections

    def page_context(self, request: HttpRequest, row: Automation) -> dict[str, Any]:
        return {
            "previews": list(_previews(row)),
            "variables": sorted(automation_form.known_names(row).items()),
        }

    @admin.action(description=gettext_lazy("Switch on"), permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Automation]) -> None:
        self._switch(request, queryset, is_active=True)

    @admin.action(description=gettext_lazy("Switch off"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Automation]) -> None:
        self._switch(request, queryset, is_active=False)

    def _switch(
        self, request: HttpRequest, queryset: QuerySet[Automation], *, is_active: bool
    ) -> None:
        rows = list(queryset.exclude(is_active=is_active))
        if not is_active and (topics := automation_form.unconfirmable(rows)):
            self.message_user(request, automation_form.still_needed(topics), messages.ERROR)
            rows = [row for row in rows if row.event != Event.CONSENT_UNCONFIRMED]
        for automation in rows:
            automation.is_active = is_active
            automation.save(update_fields=["is_active"])
            self.log_change(
                request, automation, _("Switched on.") if is_active else _("Switched off.")
            )
        text = ngettext(
            "%(n)d automation was changed.", "%(n)d automations were changed.", len(rows)
        )
        self.message_user(request, text % {"n": len(rows)})

    @admin.display(description=gettext_lazy("when"), ordering="event")
    def event_words(self, automation: Automation) -> str:
        label = words.event(automation.event)
        if label == automation.event:
            return automation.event
        return format_html('{}<br><span class="wn-quiet">{}</span>', label, automation.event)

    @admin.display(description=gettext_lazy("sent"), ordering="delay_minutes")
    def delay_words(self, automation: Automation) -> str:
        return words.delay(automation.delay_minutes)


def _previews(automation: Automation) -> list[dict[str, Any]]:
    languages = (
        Template.objects.filter(name=automation.template_name)
        .order_by("language")
        .values_list("language", flat=True)
    )
    return [_preview(automation, language) for language in languages]


def _preview(automation: Automation, language: str) -> dict[str, Any]:
    label = _("Sample message in %(language)s") % {"language": language}
    try:
        drawn = automations.preview(automation=automation, language=language, now=timezone.now())
    except automations.PlanProblem as err:
        return {"language": language, "problems": _problems(err), "bubble": ""}
    return {"language": language, "problems": (), "bubble": bubble.draw(drawn, label=label)}


def _problems(err: automations.PlanProblem) -> list[str]:
    """This will say each fault of each value; other problems already speak for themselves."""
    if isinstance(err.__cause__, ParameterProblems):
        return [words.problem(each) for each in err.__cause__.problems]
    return [str(err)]
