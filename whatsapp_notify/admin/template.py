"""Templates: a copy of what Meta holds, with a preview, and the way back to Meta."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from whatsapp_notify.admin import badges, base, bubble, confirm, words
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.cloud_api.exceptions import GraphError, GraphUnavailable
from whatsapp_notify.domain import templates as rules
from whatsapp_notify.models import Automation, Template
from whatsapp_notify.services import templates

_TONES: Mapping[str, Tone] = {
    Template.Status.APPROVED: Tone.GOOD,
    Template.Status.PENDING: Tone.WAITING,
    Template.Status.IN_APPEAL: Tone.WAITING,
    Template.Status.PAUSED: Tone.DOUBT,
    Template.Status.REJECTED: Tone.BAD,
    Template.Status.DISABLED: Tone.BAD,
}


@admin.register(Template)
class TemplateAdmin(base.ReadOnlyAdmin):
    """What Meta has approved, and what it thinks of it."""

    change_form_template = "admin/whatsapp_notify/template/detail.html"
    change_list_template = "admin/whatsapp_notify/template/change_list.html"
    list_display = ("name", "language", "category", "status_badge", "quality_badge", "synced_at")
    list_filter = ("status", "category", "language")
    search_fields = ("name",)
    ordering = ("name", "language")
    actions = ("submit", "resume")

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """This will tell whether the user may synchronise, submit and resume."""
        return self.has_own_permission(request, "change_template")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name",)

    def get_urls(self) -> list[URLPattern]:
        sync = path(
            "sync/",
            self.admin_site.admin_view(self.sync_view),
            name="whatsapp_notify_template_sync",
        )
        return [sync, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        extra = {**(extra_context or {}), "can_manage": self.has_manage_permission(request)}
        extra["has_rows"] = Template.objects.exists()
        return super().changelist_view(request, extra)

    def page_context(self, request: HttpRequest, row: Template) -> dict[str, Any]:
        return {**_context(row), "can_manage": self.has_manage_permission(request)}

    def sync_view(self, request: HttpRequest) -> HttpResponse:
        """This will fetch all templates from Meta, on POST."""
        if not self.has_manage_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            templates.sync(now=timezone.now())
        except (GraphError, GraphUnavailable) as err:
            self._report_fault(request, err)
        else:
            self.message_user(request, _("Templates are as Meta holds them."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:whatsapp_notify_template_changelist"))

    @admin.action(description=gettext_lazy("Send for review…"), permissions=["manage"])
    def submit(self, request: HttpRequest, queryset: QuerySet[Template]) -> HttpResponse | None:
        question = confirm.Question(
            action="submit",
            title=gettext_lazy("Send for review"),
            consequences=(
                gettext_lazy("Meta reviews each template, usually within minutes."),
                gettext_lazy("An approved template can be edited only a few times a month."),
            ),
            button=lambda n: ngettext("Send %(n)d template", "Send %(n)d templates", n) % {"n": n},
            describe=str,
            concerns=lambda row: row.status in {Template.Status.DRAFT, Template.Status.REJECTED},
        )
        answer = confirm.asked(self, request, queryset, question)
        if isinstance(answer, HttpResponse):
            return answer
        submissions = templates.submit(templates=answer, now=timezone.now())
        try:
            for template, submission in zip(answer, submissions, strict=True):
                self._tell_submission(request, template, problem=submission.problem)
        except GraphUnavailable as err:
            self._report_fault(request, err)
        return None

    @admin.action(description=gettext_lazy("Resume after repair…"), permissions=["manage"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Template]) -> HttpResponse | None:
        question = confirm.Question(
            action="resume",
            title=gettext_lazy("Resume after repair"),
            consequences=(
                gettext_lazy("Messages that wait for the template leave within minutes."),
                gettext_lazy("If Meta refuses again, the template stops by itself again."),
            ),
            button=lambda n: (
                ngettext("Resume %(n)d template", "Resume %(n)d templates", n) % {"n": n}
            ),
            describe=str,
            concerns=lambda row: row.stopped_at is not None,
            as_shown=lambda row: f"{row.pk}:{row.stopped_at.isoformat()}",
        )
        answer = confirm.asked(self, request, queryset, question)
        if isinstance(answer, HttpResponse):
            return answer
        resumed = templates.resume(stopped=answer, now=timezone.now())
        for template in answer:
            if template.pk in resumed:
                self.log_change(request, template, _("Resumed."))
        if count := len(resumed):
            text = ngettext("%(n)d template is resumed.", "%(n)d templates are resumed.", count)
            self.message_user(request, text % {"n": count}, messages.SUCCESS)
        confirm.tell_moved_on(self, request, len(answer) - count)
        return None

    def _tell_submission(self, request: HttpRequest, template: Template, *, problem: str) -> None:
        name = str(template)
        if problem:
            text = _("Meta refused %(name)s: %(problem)s")
            values = {"name": name, "problem": problem}
            self.message_user(request, text % values, messages.ERROR)
            return
        self.log_change(request, template, _("Sent for review."))
        text = _("Sent for review: %(name)s.")
        self.message_user(request, text % {"name": name}, messages.SUCCESS)

    def _report_fault(self, request: HttpRequest, err: GraphError | GraphUnavailable) -> None:
        code = getattr(err, "code", None)
        if isinstance(code, int):
            meaning, remedy = words.error(code)
            text = _("Meta refused: %(meaning)s (%(code)d) %(remedy)s") % {
                "meaning": meaning,
                "code": code,
                "remedy": remedy,
            }
        else:
            text = _("Meta could not be reached. Try again in a moment.")
        self.message_user(request, text, messages.ERROR)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def status_badge(self, template: Template) -> str:
        return status_badge(template)

    @admin.display(description=gettext_lazy("quality"), ordering="quality")
    def quality_badge(self, template: Template) -> str:
        return badges.quality(template.quality)


def status_badge(template: Template) -> str:
    """This will draw whether the template can be sent."""
    badge = badges.badge(template.get_status_display(), _TONES.get(template.status, Tone.OFF))
    if template.stopped_at is None:
        return badge
    return format_html("{} {}", badge, badges.badge(_("stopped by itself"), Tone.BAD))


def _context(template: Template) -> dict[str, Any]:
    code = template.stopped_code
    try:
        definition = template.definition()
        preview = rules.fill(definition, rules.sample(definition)).preview
        problem, drawn = "", bubble.draw(preview, label=_("Template with sample values"))
        found = rules.placeholders(definition)
    except ValueError as err:  # ParameterProblems among them
        problem, drawn, found = str(err), SafeString(), ()
    return {
        "template": template,
        "badge": status_badge(template),
        "quality": badges.quality(template.quality),
        "bubble": drawn,
        "problem": problem,
        "placeholders": found,
        "error": None if code is None else (code, *words.error(code)),
        "used_by": Automation.objects.filter(template_name=template.name).order_by("pk"),
    }
