"""What Meta asks for a message, as the shop has entered it."""

from typing import Any

import phonenumbers
from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import badges, base
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import Rate


class RateForm(forms.ModelForm):
    """Reads codes in any case, and refuses those that do not exist."""

    class Meta:
        model = Rate
        fields = ("country", "category", "amount", "currency", "effective_from")

    def clean_country(self) -> str:
        country = str(self.cleaned_data["country"]).strip().upper()
        if country and country not in phonenumbers.SUPPORTED_REGIONS:
            raise forms.ValidationError(_("This is no code of a country. Write FI, SE or EE."))
        return country

    def clean_currency(self) -> str:
        currency = str(self.cleaned_data["currency"]).strip().upper()
        if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
            raise forms.ValidationError(_("A currency has three letters, such as EUR."))
        return currency

    def clean_amount(self) -> Any:
        amount = self.cleaned_data["amount"]
        if amount < 0:
            raise forms.ValidationError(_("A price is not below zero."))
        return amount


@admin.register(Rate)
class RateAdmin(base.PageAdmin):
    """Prices by country and category, from a day on."""

    form = RateForm
    list_display = ("country_code", "category", "price", "effective_from", "state")
    list_display_links = ("country_code",)
    list_filter = ("category",)
    search_fields = ("country",)
    search_hint = gettext_lazy("A country, such as FI")
    ordering = ("country", "category", "-effective_from", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rate]:
        today = timezone.localdate()
        later = Rate.objects.filter(
            country=OuterRef("country"),
            category=OuterRef("category"),
            effective_from__gt=OuterRef("effective_from"),
            effective_from__lte=today,
        )
        return super().get_queryset(request).annotate(_is_over=Exists(later))

    @admin.display(description=gettext_lazy("country"), ordering="country")
    def country_code(self, rate: Rate) -> str:
        return rate.country or _("all others")

    @admin.display(description=gettext_lazy("price of one message"), ordering="amount")
    def price(self, rate: Rate) -> str:
        return f"{number_format(rate.amount.normalize(), use_l10n=True)} {rate.currency}"

    @admin.display(description=gettext_lazy("state"))
    def state(self, rate: Any) -> str:
        if rate._is_over:
            return badges.badge(_("over"), Tone.OFF)
        if rate.effective_from > timezone.localdate():
            return badges.badge(_("not yet valid"), Tone.WAITING)
        return badges.badge(_("valid"), Tone.GOOD)
