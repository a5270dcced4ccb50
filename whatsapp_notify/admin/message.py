"""The delivery log: the list."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.admin import badges, base, message_page, search, words
from whatsapp_notify.admin.filters import (
    NEWEST,
    AttentionFilter,
    ReasonFilter,
    StateFilter,
    date_filter,
    has_dates,
)
from whatsapp_notify.admin.message_actions import MessageActions
from whatsapp_notify.models import Message


@admin.register(Message)
class MessageAdmin(MessageActions, base.ReadOnlyAdmin):
    """Every message, sent or not, and why."""

    change_form_template = "admin/whatsapp_notify/message/detail.html"
    list_display = ("when", "customer", "what", "order", "state_badge", "why")
    list_display_links = ("when",)
    list_filter = (
        date_filter("created_at", _("planned")),
        AttentionFilter,
        ("state", StateFilter),
        ReasonFilter,
        "topic",
        "automation",
    )
    search_fields = ("order_ref",)
    search_hint = _(
        "An order number or its beginning, or a phone number such as 040 1234567 or +358 40…"
    )
    ordering = ("-pk",)
    actions = ("was_sent", "send_again", "drop", "seen", "cancel_queued", "export_rows")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        rows = super().get_queryset(request)
        if base.is_list(request):
            rows = rows.defer("content", "preview", "checks", "pricing").prefetch_related(
                "contact",
                base.current_identities("contact__identities"),
                "topic",
                "automation",
                "event",
            )
        return rows

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # A range of dates reads its own index, from its end; pk order would read all since.
        if has_dates(request):
            return ("-created_at", "-pk")
        return ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if contacts := search.contact_ids(term):
            return queryset.filter(contact_id__in=contacts), False
        return queryset.filter(pk__in=search.message_ids(term)), False

    def changelist_view(
        self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        is_bounded = not has_dates(request) and {"state__exact", "reason"} & request.GET.keys()
        return super().changelist_view(
            request, {"newest": NEWEST if is_bounded else 0, **(extra_context or {})}
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("state",)

    def page_context(self, request: HttpRequest, row: Message) -> dict[str, Any]:
        can_resend = self.has_resend_permission(request)
        return {**message_page.context(request, row), "can_resend": can_resend}

    @admin.display(description=_("when"))
    def when(self, message: Message) -> str:
        return badges.moment(message.sent_at or message.called_at or message.due_at)

    @admin.display(description=_("customer"))
    def customer(self, message: Message) -> str:
        return base.customer_cell(message.contact)

    @admin.display(description=_("what"))
    def what(self, message: Message) -> str:
        name = (
            message.automation.name
            if message.automation
            else message.template_name or _("free text")
        )
        return format_html('{}<br><span class="wn-quiet">{}</span>', name, message.topic.name)

    @admin.display(description=_("state"))
    def state_badge(self, message: Message) -> str:
        return badges.state(message.state)

    @admin.display(description=_("why"))
    def why(self, message: Message) -> str:
        if message.error_code is not None:
            meaning, _remedy = words.error(message.error_code)
            return format_html('{} <span class="wn-quiet">({})</span>', meaning, message.error_code)
        return str(words.reason(message.reason)) if message.reason else "–"

    @admin.display(description=_("order"))
    def order(self, message: Message) -> str:
        return badges.order(message.order_ref, message.event)
