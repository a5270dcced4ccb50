"""Topics: what customers can say yes or no to."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.admin import base
from whatsapp_notify.domain.policy import LawfulBasis, Purpose
from whatsapp_notify.models import Automation, ConsentState, Topic
from whatsapp_notify.models.automation import Event
from whatsapp_notify.services import confirmations


class TopicForm(forms.ModelForm):
    """A topic whose settings fit each other."""

    def clean_purpose(self) -> str:
        purpose = str(self.cleaned_data["purpose"])
        if purpose == Purpose.SERVICE and "purpose" in self.changed_data and self.instance.pk:
            self._check_that_nothing_can_be_withdrawn()
        return purpose

    def _check_that_nothing_can_be_withdrawn(self) -> None:
        if ConsentState.objects.filter(topic=self.instance).exists():
            raise forms.ValidationError(
                _(
                    "Customers have given or withdrawn consent to this topic. Nobody can withdraw "
                    "from answers to the customer, so they need another topic."
                ),
                code="chosen",
            )
        if automations := list(Automation.objects.filter(topic=self.instance).order_by("pk")):
            raise forms.ValidationError(
                _("Automations use this topic: %(names)s. Choose another topic for them first."),
                code="in_use",
                params={"names": ", ".join(each.name for each in automations)},
            )

    def clean_confirmation_days(self) -> int:
        days = int(self.cleaned_data["confirmation_days"])
        if days and not confirmations.is_asked_for():
            raise forms.ValidationError(
                _(
                    "No automation asks customers to confirm. Switch one on for the event "
                    "%(event)s first."
                ),
                code="nobody_asks",
                params={"event": str(Event.CONSENT_UNCONFIRMED)},
            )
        return days

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        is_consent = data.get("lawful_basis") == LawfulBasis.CONSENT
        if data.get("confirmation_days") and (
            not is_consent or data.get("purpose") == Purpose.SERVICE
        ):
            self.add_error(
                "confirmation_days",
                forms.ValidationError(
                    _("Only consent to what the shop sends by itself can be confirmed."),
                    code="no_consent",
                ),
            )
        return data


@admin.register(Topic)
class TopicAdmin(base.PageAdmin):
    """What messages are about, and how many customers agreed."""

    form = TopicForm
    list_display = ("name", "key", "purpose", "lawful_basis", "agreed", "is_offered")
    list_filter = ("purpose", "lawful_basis", "is_offered")
    search_fields = ("name", "key")
    ordering = ("pk",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # Exports and the shop's code name a topic by its key.
        return ("key",) if obj is not None else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        granted = Q(consentstate__is_granted=True, consentstate__confirm_by=None)
        return super().get_queryset(request).annotate(_agreed=Count("consentstate", filter=granted))

    @admin.display(description=_("customers who agreed"))
    def agreed(self, topic: Any) -> int:
        return int(topic._agreed)
