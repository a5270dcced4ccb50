"""Small pieces of HTML for cells: escaped by Django, styled by classes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from whatsapp_notify.admin import words
from whatsapp_notify.admin.words import Tone

_BREAK = SafeString("<br>")
_QUALITIES: Mapping[str, Tone] = {
    "GREEN": Tone.GOOD,
    "HIGH": Tone.GOOD,
    "YELLOW": Tone.DOUBT,
    "MEDIUM": Tone.DOUBT,
    "RED": Tone.BAD,
    "LOW": Tone.BAD,
}


def badge(text: words.Words, tone: Tone) -> SafeString:
    """This will draw a word in a colour; the word says it all without the colour."""
    return format_html('<span class="wn-badge wn-{}">{}</span>', str(tone), text)


def state(code: str) -> SafeString:
    """This will draw the state of a message."""
    tone = words.STATES[code][1] if code in words.STATES else Tone.OFF
    return badge(words.state(code), tone)


def moment(when: datetime | None) -> SafeString:
    """This will write a moment in two short lines, date and time."""
    if when is None:
        return format_html("{}", words.at(None))
    local = timezone.localtime(when)
    return format_html(
        '<span class="wn-nowrap">{}</span><br><span class="wn-quiet wn-nowrap">{}</span>',
        date_format(local, "DATE_FORMAT"),
        date_format(local, "TIME_FORMAT"),
    )


def quality(code: str) -> SafeString | str:
    """This will draw Meta's quality rating of a number or a template."""
    return badge(code.lower(), _QUALITIES.get(code, Tone.OFF)) if code else "–"


def link(row: Model | None, text: object = None) -> SafeString | str:
    """This will link to the admin page of a row."""
    if row is None:
        return "–"
    url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', url, str(row) if text is None else text)


def subject_url(label: str, pk: str, site: AdminSite = admin.site) -> str:
    """This will find the shop's own admin page of what an event happened to, or ""."""
    if not label or not pk:
        return ""
    try:
        return reverse(f"{site.name}:{label.replace('.', '_')}_change", args=[pk])
    except NoReverseMatch:
        return ""


def order(ref: str, event: Any = None) -> SafeString | str:
    """This will write an order number, with a link where the shop has a page for it."""
    if not ref:
        return "–"
    url = subject_url(event.subject_label, event.subject_pk) if event else ""
    return format_html('<a href="{}">{}</a>', url, ref) if url else ref


def consent_record(pk: int) -> SafeString:
    """This will link to a consent record by its number."""
    url = reverse("admin:whatsapp_notify_consentrecord_change", args=[pk])
    return format_html('<a href="{}">#{}</a>', url, pk)


def joined(pieces: Sequence[SafeString | str]) -> SafeString | str:
    """This will put pieces below each other; a dash for none."""
    return format_html_join(_BREAK, "{}", ((piece,) for piece in pieces)) if pieces else "–"
