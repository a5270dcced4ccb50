"""Opening hours and holidays."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import badges, base
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.domain import opening
from whatsapp_notify.models import Holiday, OpeningHours
from whatsapp_notify.services import opening_hours


class OpeningHoursForm(forms.ModelForm):
    """Refuses hours that overlap: which of them would count?"""

    class Meta:
        model = OpeningHours
        fields = ("weekday", "opens", "closes")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if {"weekday", "opens", "closes"} <= cleaned.keys():
            mine = (cleaned["weekday"], (cleaned["opens"], cleaned["closes"]))
            for row in OpeningHours.objects.exclude(pk=self.instance.pk):
                if opening.overlap(mine, (row.weekday, (row.opens, row.closes))):
                    self.add_error(None, _("These hours overlap %(other)s.") % {"other": row})
        return cleaned


class HolidayForm(forms.ModelForm):
    """Wants both times or none."""

    class Meta:
        model = Holiday
        fields = ("date", "name", "opens", "closes")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        given = [name for name in ("opens", "closes") if cleaned.get(name) is not None]
        if len(given) == 1:
            missing = "closes" if given == ["opens"] else "opens"
            self.add_error(missing, _("Give both times, or none where you are closed all day."))
        return cleaned


@admin.register(OpeningHours)
class OpeningHoursAdmin(base.PageAdmin):
    """The usual week, in the shop's time zone."""

    form = OpeningHoursForm
    list_display = ("day", "hours")
    list_filter = ("weekday",)
    ordering = ("weekday", "opens", "pk")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {**_state(), **(extra_context or {})})

    @admin.display(description=gettext_lazy("day"), ordering="weekday")
    def day(self, row: OpeningHours) -> str:
        return row.get_weekday_display()

    @admin.display(description=gettext_lazy("hours"), ordering="opens")
    def hours(self, row: OpeningHours) -> str:
        return _span(row)


@admin.register(Holiday)
class HolidayAdmin(base.PageAdmin):
    """Days with hours of their own."""

    form = HolidayForm
    list_display = ("date", "name", "hours")
    search_fields = ("name",)
    ordering = ("-date",)
    date_hierarchy = None

    @admin.display(description=gettext_lazy("hours"))
    def hours(self, row: Holiday) -> str:
        return badges.badge(_("closed"), Tone.OFF) if row.opens is None else _span(row)


def _span(row: Any) -> str:
    return f"{time_format(row.opens, 'H:i')}–{time_format(row.closes, 'H:i')}"


def _state() -> dict[str, Any]:
    """This will say whether the shop counts as open at this moment."""
    hours, now = opening_hours.current(), timezone.now()
    return {
        "is_kept": hours.is_kept,
        "is_open": opening.is_open(hours, now=now),
        "zone": hours.zone,
        "next_opening": opening.next_opening(hours, now=now),
    }
