"""Interactive campaigns, and who takes part in them."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.admin import badges, base, campaign_page, csv_answer, search
from whatsapp_notify.admin.campaign_form import TEXTS, InteractiveCampaignForm
from whatsapp_notify.admin.filters import date_filter
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import InteractiveCampaign, Participation
from whatsapp_notify.services import export


@admin.register(InteractiveCampaign)
class InteractiveCampaignAdmin(base.PageAdmin):
    """What customers take part in, with how many do and for how long."""

    form = InteractiveCampaignForm
    list_display = ("name", "first_keyword", "when", "participants", "entries", "minutes")
    list_filter = ("is_active", "asks_for")
    search_fields = ("name", "keywords")
    search_hint = _("A name or a keyword")
    ordering = ("-starts_at", "-pk")
    fieldsets = (
        (
            None,
            {"fields": ("name", "keywords", "asks_for", "starts_at", "ends_at", "is_active")},
        ),
        (
            _("What customers are told"),
            {
                "fields": TEXTS,
                "description": _(
                    "May hold {first_name}, {business_name}, {opening_hours} and {next_opening}. "
                    "Each is one paid message at most; beside a talk with your staff nothing is "
                    "said."
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[InteractiveCampaign]:
        rows = super().get_queryset(request)
        if not base.is_list(request):
            return rows
        takes_part = Q(participations__first_at__isnull=False)
        return rows.annotate(
            _participants=Count("participations", filter=takes_part),
            _entries=Sum("participations__entry_count", default=0),
            _seconds=Sum("participations__spent_seconds", default=0),
        )

    def page_context(self, request: HttpRequest, row: InteractiveCampaign) -> dict[str, Any]:
        return campaign_page.context(request, row)

    @admin.display(description=_("keywords"))
    def first_keyword(self, row: InteractiveCampaign) -> str:
        return row.keywords.partition("\n")[0]

    @admin.display(description=_("when"), ordering="starts_at")
    def when(self, row: InteractiveCampaign) -> str:
        return badges.joined([badges.badge(*_state(row)), badges.moment(row.starts_at)])

    @admin.display(description=_("participants"))
    def participants(self, row: Any) -> str:
        url = reverse("admin:whatsapp_notify_participation_changelist")
        return format_html(
            '<a href="{}?campaign__id__exact={}">{}</a>',
            url, row.pk, number_format(row._participants),
        )  # fmt: skip

    @admin.display(description=_("entries"))
    def entries(self, row: Any) -> str:
        return number_format(row._entries)

    @admin.display(description=_("minutes"))
    def minutes(self, row: Any) -> str:
        return campaign_page.minutes(row._seconds)


@admin.register(Participation)
class ParticipationAdmin(base.ReadOnlyAdmin):
    """Who wrote within a campaign; what was sent needs the permission to see it."""

    list_display = ("when", "customer", "campaign", "entry_count", "minutes")
    list_display_links = ("when",)
    list_filter = ("campaign", date_filter("last_at", _("last message")))
    search_fields = ("contact__first_name",)
    search_hint = _("A phone number such as 040 1234567 or +358 40…, or a first name")
    ordering = ("-pk",)
    actions = ("export_rows",)
    fields = ("campaign", "customer", "entry_count", "minutes", "first_at", "last_at")
    readonly_fields = ("customer", "minutes")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participation]:
        # See Note [Lists load relations apart].
        rows = super().get_queryset(request).filter(first_at__isnull=False)
        return rows.prefetch_related(
            "campaign", "contact", base.current_identities("contact__identities")
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Participation], search_term: str
    ) -> tuple[QuerySet[Participation], bool]:
        return search.of_customers(queryset, search_term), False

    def page_context(self, request: HttpRequest, row: Participation) -> dict[str, Any]:
        return campaign_page.context_of_one(request, row)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_own_permission(request, "export_participation")

    @admin.action(description=_("Export as CSV"), permissions=["export"])
    def export_rows(
        self, request: HttpRequest, queryset: QuerySet[Participation]
    ) -> StreamingHttpResponse:
        lines = export.participations(rows=queryset, full_phones=base.can_see_phones(request))
        return csv_answer.stream(lines, name="participants")

    @admin.display(description=_("last message"), ordering="last_at")
    def when(self, row: Participation) -> str:
        return badges.moment(row.last_at)

    @admin.display(description=_("customer"))
    def customer(self, row: Participation) -> str:
        return badges.link(row.contact, base.customer_cell(row.contact))

    @admin.display(description=_("minutes"), ordering="spent_seconds")
    def minutes(self, row: Participation) -> str:
        return campaign_page.minutes(row.spent_seconds)


def _state(row: InteractiveCampaign) -> tuple[Any, Tone]:
    now = timezone.now()
    if not row.is_active:
        return _("off"), Tone.OFF
    if now < row.starts_at:
        return _("not begun"), Tone.WAITING
    if row.ends_at is not None and now >= row.ends_at:
        return _("over"), Tone.OFF
    return _("running"), Tone.GOOD
