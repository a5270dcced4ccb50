"""The consent ledger: evidence to read and to hand out, never to change."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import badges, base, check_words, csv_answer, search, words
from whatsapp_notify.admin.filters import date_filter
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import ConsentRecord
from whatsapp_notify.services import export


@admin.register(ConsentRecord)
class ConsentRecordAdmin(base.ReadOnlyAdmin):
    """Who agreed to what, when, by which means, and in which words."""

    change_form_template = "admin/whatsapp_notify/consentrecord/detail.html"
    list_display = ("when", "customer", "about", "action_badge", "source", "language", "by")
    list_display_links = ("when",)
    list_filter = (
        "topic",
        "action",
        "source",
        date_filter("occurred_at", gettext_lazy("given or withdrawn")),
    )
    search_fields = ("contact__first_name",)
    search_hint = gettext_lazy(
        "A phone number such as 040 1234567 or +358 40…, or a customer's first name"
    )
    ordering = ("-occurred_at", "-pk")
    actions = ("export_rows",)

    def has_export_permission(self, request: HttpRequest) -> bool:
        """This will tell whether the user may export consent records."""
        return self.has_own_permission(request, "export_consentrecord")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConsentRecord]:
        # See Note [Lists load relations apart].
        return (
            super()
            .get_queryset(request)
            .prefetch_related("contact", base.current_identities("contact__identities"), "topic")
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ConsentRecord], search_term: str
    ) -> tuple[QuerySet[ConsentRecord], bool]:
        return search.of_customers(queryset, search_term), False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("action",)

    def page_context(self, request: HttpRequest, row: ConsentRecord) -> dict[str, Any]:
        return _context(request, row)

    @admin.action(description=gettext_lazy("Export as CSV"), permissions=["export"])
    def export_rows(
        self, request: HttpRequest, queryset: QuerySet[ConsentRecord]
    ) -> StreamingHttpResponse:
        lines = export.consent_records(rows=queryset, full_phones=base.can_see_phones(request))
        return csv_answer.stream(lines, name="consent-records")

    @admin.display(description=gettext_lazy("when"), ordering="occurred_at")
    def when(self, record: ConsentRecord) -> str:
        return badges.moment(record.occurred_at)

    @admin.display(description=gettext_lazy("customer"))
    def customer(self, record: ConsentRecord) -> str:
        return badges.link(record.contact, base.customer_cell(record.contact))

    @admin.display(description=gettext_lazy("topic"))
    def about(self, record: ConsentRecord) -> str:
        return record.topic.name

    @admin.display(description=gettext_lazy("action"))
    def action_badge(self, record: ConsentRecord) -> str:
        return action_badge(record)

    @admin.display(description=gettext_lazy("recorded by"))
    def by(self, record: ConsentRecord) -> str:
        return record.recorded_by or "–"


def action_badge(record: ConsentRecord) -> str:
    """This will draw whether consent was given or withdrawn."""
    is_grant = record.action == ConsentRecord.Action.GRANT
    return badges.badge(record.get_action_display(), Tone.GOOD if is_grant else Tone.OFF)


def _context(request: HttpRequest, record: ConsentRecord) -> dict[str, Any]:
    return {
        "record": record,
        "badge": action_badge(record),
        "customer": base.customer(record.contact, is_full=base.can_see_phones(request)),
        "source_words": check_words.consented(record.source),
        "facts": list(_facts(record)),
        "evidence": list(_evidence(record)),
    }


def _facts(record: ConsentRecord) -> Iterator[tuple[words.Words, object]]:
    yield gettext_lazy("Topic"), record.topic
    yield gettext_lazy("Channel"), record.get_channel_display()
    yield gettext_lazy("Lawful basis"), record.get_lawful_basis_display()
    yield gettext_lazy("Given or withdrawn at"), words.at(record.occurred_at)
    yield gettext_lazy("Recorded at"), words.at(record.recorded_at)
    yield gettext_lazy("Source"), record.get_source_display()
    yield gettext_lazy("Recorded by"), words.fact(record.recorded_by)
    yield gettext_lazy("Language"), words.fact(record.language)
    yield gettext_lazy("Wording version"), words.fact(record.wording_version)
    yield gettext_lazy("IP address"), words.fact(record.ip_address)
    yield gettext_lazy("Browser"), words.fact(record.user_agent)


def _evidence(record: ConsentRecord) -> Iterator[object]:
    """This will put evidence into words; ``{"inbound_id": 7}`` and ``{"order_ref": "A1"}``."""
    for key, value in record.evidence.items():
        if key == "inbound_id":
            url = reverse("admin:whatsapp_notify_inboundmessage_change", args=[value])
            text = _("The customer's message #%(id)s") % {"id": value}
            yield format_html('<a href="{}">{}</a>', url, text)
        elif key == "question_id":
            url = reverse("admin:whatsapp_notify_message_change", args=[value])
            text = _("The question that was answered, message #%(id)s") % {"id": value}
            yield format_html('<a href="{}">{}</a>', url, text)
        elif key == "confirm_by":
            yield _("Needed a confirmation in the chat by %(at)s, unless there was one before") % {
                "at": words.at(value)
            }
        elif key == "everything":
            yield _("Said of everything that the shop sends by itself")
        elif key == "order_ref":
            yield _("Order %(ref)s") % {"ref": value}
        else:
            yield f"{key}: {words.fact(value)}"
