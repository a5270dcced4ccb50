"""Labels of customers: what sets them, and how many carry them."""

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import badges, base, words
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import Label
from whatsapp_notify.models.automation import Event

_EVENT = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
_TONES = {
    Label.Tone.GOOD: Tone.GOOD,
    Label.Tone.WAITING: Tone.ON_ITS_WAY,
    Label.Tone.DOUBT: Tone.DOUBT,
    Label.Tone.BAD: Tone.BAD,
    Label.Tone.OFF: Tone.OFF,
}


class LabelForm(forms.ModelForm):
    """Reads the names of events; those of the shop's own are allowed."""

    class Meta:
        model = Label
        fields = ("name", "tone", "set_by", "removed_by", "is_active")

    def clean_set_by(self) -> str:
        return _clean_events(self.cleaned_data["set_by"])

    def clean_removed_by(self) -> str:
        return _clean_events(self.cleaned_data["removed_by"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        both = set(events(cleaned.get("set_by", ""))) & set(events(cleaned.get("removed_by", "")))
        if both:
            text = _("%(names)s cannot both set and remove the label.")
            self.add_error("removed_by", text % {"names": ", ".join(sorted(both))})
        return cleaned


@admin.register(Label)
class LabelAdmin(base.PageAdmin):
    """Own labels, and those that events set."""

    form = LabelForm
    list_display = ("drawn", "customers", "set_by_words", "removed_by_words", "is_active")
    list_display_links = ("drawn",)
    list_filter = ("is_active",)
    search_fields = ("name", "set_by", "removed_by")
    ordering = ("name", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Label]:
        return super().get_queryset(request).annotate(_count=Count("contact_labels"))

    def save_model(self, request: HttpRequest, obj: Label, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        named = [*events(obj.set_by), *events(obj.removed_by)]
        if unknown := [name for name in named if name not in Event.values]:
            text = _(
                "Not among the standard events: %(names)s. The label waits for your shop to "
                "record them."
            )
            self.message_user(request, text % {"names": ", ".join(unknown)}, messages.WARNING)

    @admin.display(description=gettext_lazy("label"), ordering="name")
    def drawn(self, label: Label) -> str:
        return badge(label)

    @admin.display(description=gettext_lazy("customers"), ordering="_count")
    def customers(self, label: Any) -> str:
        url = reverse("admin:whatsapp_notify_contact_changelist")
        return format_html('<a href="{}?label={}">{}</a>', url, label.pk, label._count)

    @admin.display(description=gettext_lazy("set by"))
    def set_by_words(self, label: Label) -> str:
        return _in_words(label.set_by)

    @admin.display(description=gettext_lazy("removed by"))
    def removed_by_words(self, label: Label) -> str:
        return _in_words(label.removed_by)


def badge(label: Label) -> str:
    """This will draw a label in its colour."""
    return badges.badge(label.name, _TONES.get(Label.Tone(label.tone), Tone.OFF))


def events(names: str) -> list[str]:
    """This will read names of events, separated by commas."""
    return [name.strip() for name in names.split(",") if name.strip()]


def _clean_events(given: str) -> str:
    found = list(dict.fromkeys(events(given)))
    for name in found:
        if not _EVENT.fullmatch(name):
            raise forms.ValidationError(
                _("“%(name)s” is no name of an event. Write names such as order.confirmed.")
                % {"name": name}
            )
    return ", ".join(found)


def _in_words(names: str) -> str:
    """This will write events with their words; the shop's own are marked as such."""
    found = events(names)
    if not found:
        return "–"
    return badges.joined(
        [
            format_html(
                '{} <span class="wn-quiet">{}</span>',
                words.event(name) if name in Event.values else _("event of your own"),
                name,
            )
            for name in found
        ]
    )
