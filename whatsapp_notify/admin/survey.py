"""Surveys and what customers answered."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Avg, Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from whatsapp_notify.admin import badges, base, survey_page, words
from whatsapp_notify.admin.filters import date_filter
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import Survey, SurveyAnswer

#: Scores up to this one should come to a person's eyes.
_LOW = 6
_HIGH = 9


@admin.register(Survey)
class SurveyAdmin(base.PageAdmin):
    """Questions, with the mean of their answers."""

    list_display = ("name", "keyword", "answer_count", "mean", "board", "answer_days", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name", "keyword")
    ordering = ("name", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Survey]:
        counts = Q(answers__is_current=True)
        return (
            super()
            .get_queryset(request)
            .annotate(
                _mean=Avg("answers__score", filter=counts), _count=Count("answers", filter=counts)
            )
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.board_view)
        here = path("board/", view, name="whatsapp_notify_survey_board")
        return [here, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        extra = {"can_see_board": self._can_see_board(request), **(extra_context or {})}
        return super().changelist_view(request, extra)

    def board_view(self, request: HttpRequest) -> HttpResponse:
        """This will show what the answers to one survey, or to all, say; it changes nothing."""
        if not self._can_see_board(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "media": self.media,
            "title": _("Survey board"),
            **survey_page.context(request, now=timezone.now()),
        }
        return TemplateResponse(request, "admin/whatsapp_notify/survey/board.html", context)

    def _can_see_board(self, request: HttpRequest) -> bool:
        can_see_answers = self.has_own_permission(request, "view_surveyanswer")
        return can_see_answers and self.has_view_permission(request)

    @admin.display(description=_("board"))
    def board(self, survey: Survey) -> str:
        url = reverse("admin:whatsapp_notify_survey_board")
        return format_html('<a href="{}?survey={}">{}</a>', url, survey.pk, _("Board"))

    @admin.display(description=pgettext_lazy("noun", "answers"))
    def answer_count(self, survey: Any) -> str:
        url = reverse("admin:whatsapp_notify_surveyanswer_changelist")
        return format_html(
            '<a href="{}?survey__id__exact={}">{}</a>', url, survey.pk, survey._count
        )

    @admin.display(description=_("mean"))
    def mean(self, survey: Any) -> str:
        return words.decimal(survey._mean)


@admin.register(SurveyAnswer)
class SurveyAnswerAdmin(base.ReadOnlyAdmin):
    """One answer of one customer; the words need the permission to see what customers write."""

    list_display = ("when", "customer", "survey", "score_badge", "words_of", "order", "is_current")
    list_display_links = ("when",)
    list_filter = ("survey", "score", "is_current", date_filter("answered_at", _("answered")))
    list_select_related = ("survey", "contact", "inbound")
    search_fields = ("order_ref",)
    search_hint = _("An order number")
    ordering = ("-pk",)
    actions = None
    fields = (
        "survey", "customer", "score_badge", "words_of", "order_ref", "question", "inbound",
        "answered_at", "is_current",
    )  # fmt: skip
    readonly_fields = ("customer", "score_badge", "words_of")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SurveyAnswer]:
        rows = super().get_queryset(request)
        if not request.user.has_perm("whatsapp_notify.view_inboundmessage_text"):
            rows = rows.defer("comment")
        return rows.prefetch_related(base.current_identities("contact__identities"))

    @admin.display(description=_("when"), ordering="answered_at")
    def when(self, answer: SurveyAnswer) -> str:
        return badges.moment(answer.answered_at)

    @admin.display(description=_("customer"))
    def customer(self, answer: SurveyAnswer) -> str:
        return badges.link(answer.contact, base.customer_cell(answer.contact))

    @admin.display(description=_("score"), ordering="score")
    def score_badge(self, answer: SurveyAnswer) -> str:
        tone = Tone.BAD if answer.score <= _LOW else Tone.WAITING
        return badges.badge(str(answer.score), Tone.GOOD if answer.score >= _HIGH else tone)

    @admin.display(description=_("in the customer's words"))
    def words_of(self, answer: SurveyAnswer) -> str:
        # Left in the database for users who may not see it.
        if "comment" in answer.get_deferred_fields():
            return str(_("You may not see what customers write."))
        return answer.comment or "–"

    @admin.display(description=_("order"))
    def order(self, answer: SurveyAnswer) -> str:
        return answer.order_ref or "–"
