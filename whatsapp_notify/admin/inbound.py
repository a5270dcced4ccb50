"""What customers write."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.fields.json import KeyTransform
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.admin import badges, base, media_cell, route_words, search
from whatsapp_notify.admin.filters import date_filter
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.domain.understanding import Meaning
from whatsapp_notify.models import InboundMedia, InboundMessage


@admin.register(InboundMessage)
class InboundMessageAdmin(base.ReadOnlyAdmin):
    """Customers' messages, and how each was understood."""

    list_display = ("when", "customer", "kind", "said", "handled", "answers_to")
    list_display_links = ("when",)
    list_filter = ("handled_as", date_filter("sent_at", _("written")))
    search_fields = ("contact__first_name",)
    search_hint = _("A phone number such as 040 1234567 or +358 40…, or a first name")
    ordering = ("-pk",)
    actions = None
    fields = (
        "customer", "kind", "said", "file", "handled", "why", "order_ref", "answers_to",
        "our_answers", "sent_at", "received_at", "sender",
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundMessage]:
        # Of the content only why it was understood so: the rest may be long.
        rows = (
            super()
            .get_queryset(request)
            .defer("content")
            .annotate(understood=KeyTransform("understood", "content"))
        )
        if not self.has_own_permission(request, "view_inboundmessage_text"):
            rows = rows.defer("content", "text")
        # See Note [Lists load relations apart].
        return rows.prefetch_related(
            "contact", base.current_identities("contact__identities"), "answers"
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InboundMessage], search_term: str
    ) -> tuple[QuerySet[InboundMessage], bool]:
        return search.of_customers(queryset, search_term), False

    @admin.display(description=_("when"), ordering="sent_at")
    def when(self, inbound: InboundMessage) -> str:
        return badges.moment(inbound.sent_at)

    @admin.display(description=_("customer"))
    def customer(self, inbound: InboundMessage) -> str:
        return badges.link(inbound.contact, base.customer_cell(inbound.contact))

    @admin.display(description=_("in the customer's words"))
    def said(self, inbound: InboundMessage) -> str:
        # Left in the database for users who may not see it.
        if "text" in inbound.get_deferred_fields():
            return str(_("You may not see what customers write."))
        return inbound.text or "–"

    @admin.display(description=_("file"))
    def file(self, inbound: InboundMessage) -> str:
        # As with the words: what was deferred is not for this user.
        can_see = "text" not in inbound.get_deferred_fields()
        media = InboundMedia.objects.filter(inbound=inbound).first()
        return media_cell.cell(media, can_see=can_see) if media else "–"

    @admin.display(description=_("understood as"), ordering="handled_as")
    def handled(self, inbound: Any) -> str:
        if (inbound.understood or {}).get("as") == Meaning.UNCLEAR:
            return badges.badge(_("unclear: ask the customer"), Tone.DOUBT)
        return badges.badge(inbound.get_handled_as_display(), route_words.tone(inbound))

    @admin.display(description=_("why"))
    def why(self, inbound: Any) -> str:
        understood = inbound.understood or {}
        if inbound.route:
            held = _("Held back: one of too many at once.") if understood.get("is_held") else ""
            return format_html("{} {}", route_words.drawn(inbound.route), held)
        held = _("one of too many at once") if understood.get("is_held") else ""
        return " – ".join(str(part) for part in (understood.get("rule"), held) if part) or "–"

    @admin.display(description=_("answers"))
    def answers_to(self, inbound: Any) -> str:
        return badges.link(inbound.answers) if inbound.answers else "–"

    @admin.display(description=_("our answers"))
    def our_answers(self, inbound: InboundMessage) -> str:
        return badges.joined([badges.link(row) for row in inbound.replies.order_by("pk")[:10]])
