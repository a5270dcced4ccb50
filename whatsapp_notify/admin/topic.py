"""Topics: what customers can say yes or no to."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.admin import base
from whatsapp_notify.models import Topic


@admin.register(Topic)
class TopicAdmin(base.PageAdmin):
    """What messages are about, and how many customers agreed."""

    list_display = ("name", "key", "purpose", "lawful_basis", "agreed", "is_offered")
    list_filter = ("purpose", "lawful_basis", "is_offered")
    search_fields = ("name", "key")
    ordering = ("pk",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # Exports and the shop's code name a topic by its key.
        return ("key",) if obj is not None else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        granted = Q(consentstate__is_granted=True)
        return super().get_queryset(request).annotate(_agreed=Count("consentstate", filter=granted))

    @admin.display(description=_("customers who agreed"))
    def agreed(self, topic: Any) -> int:
        return int(topic._agreed)
