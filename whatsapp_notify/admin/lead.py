"""Where customers came from who wrote by an ad."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.admin import badges, base
from whatsapp_notify.admin.filters import date_filter
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import Lead

_KINDS = {"ad": _("ad"), "post": _("post")}


@admin.register(Lead)
class LeadAdmin(base.ReadOnlyAdmin):
    """Rows that the webhook writes."""

    list_display = ("when", "customer", "kind", "headline", "address")
    list_display_links = ("when",)
    list_filter = (date_filter("came_at", _("came")),)
    search_fields = ("headline", "source_id")
    search_hint = _("Words of the ad, or its id")
    ordering = ("-pk",)
    actions = None
    fields = (
        "customer", "kind", "headline", "source_id", "source_url", "click_id", "came_at", "inbound",
    )  # fmt: skip
    readonly_fields = ("customer", "kind")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lead]:
        # See Note [Lists load relations apart].
        return (
            super()
            .get_queryset(request)
            .prefetch_related("contact", base.current_identities("contact__identities"))
        )

    @admin.display(description=_("when"), ordering="came_at")
    def when(self, lead: Lead) -> str:
        return badges.moment(lead.came_at)

    @admin.display(description=_("customer"))
    def customer(self, lead: Lead) -> str:
        return badges.link(lead.contact, base.customer_cell(lead.contact))

    @admin.display(description=_("kind of source"))
    def kind(self, lead: Lead) -> str:
        return badges.badge(kind_words(lead), Tone.OFF)

    @admin.display(description=_("address of the source"))
    def address(self, lead: Lead) -> str:
        # No link: the address comes from outside.
        return Truncator(lead.source_url).chars(60) or "–"


def kind_words(lead: Lead) -> Any:
    """This will say what the customer came by: an ad or a post."""
    return _KINDS.get(lead.source_type, lead.source_type or "–")
