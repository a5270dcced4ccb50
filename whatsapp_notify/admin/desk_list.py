"""The left side of the desk: whose turn it is."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import Prefetch
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import badges, base, desk_words, private_search, search, words
from whatsapp_notify.admin.desk_sight import Sight
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import ContactLabel, Conversation, Label
from whatsapp_notify.services import desk_list, desk_staff
from whatsapp_notify.services.desk_list import Last, Show, Wanted

LIST_URL = "admin:whatsapp_notify_conversation_changelist"
CHAT_URL = "admin:whatsapp_notify_conversation_change"

_SHOWS: Mapping[Show, words.Words] = {
    Show.OPEN: gettext_lazy("All open"),
    Show.MINE: gettext_lazy("Mine"),
    Show.UNASSIGNED: gettext_lazy("Unassigned"),
    Show.WAITING: gettext_lazy("Waiting"),
    Show.CLOSED: gettext_lazy("Closed"),
}
#: The colours of labels in those of badges.
_TONES: Mapping[str, Tone] = {
    Label.Tone.GOOD: Tone.GOOD,
    Label.Tone.WAITING: Tone.ON_ITS_WAY,
    Label.Tone.DOUBT: Tone.DOUBT,
    Label.Tone.BAD: Tone.BAD,
}
_EXCERPT = 90
#: Whoever looks for more searches instead.
_MAX_PAGE = 10_000
#: Every primary key has fewer.
_MAX_DIGITS = 19
#: Parts of the address that say which list is shown.
_KEPT = ("show", "label", SEARCH_VAR, "p")


def wanted(request: HttpRequest) -> Wanted:
    """This will read from the address which conversations are wanted; nonsense counts as none."""
    asked = request.GET
    show = asked.get("show", "")
    term = private_search.typed(request)
    contact_ids = search.contact_ids(term) if term else []
    return Wanted(
        user_id=request.user.pk,
        show=Show(show) if show in set(Show) else Show.OPEN,
        label_id=number(asked.get("label")),
        contact_ids=contact_ids or None,
        first_name=term,
        page=min(number(asked.get("p")) or 1, _MAX_PAGE),
    )


def number(text: str | None) -> int | None:
    """This will read a number of an address or a form; None where there is none."""
    if not text or not (text.isascii() and text.isdigit() and len(text) < _MAX_DIGITS):
        return None
    return int(text)


def query(request: HttpRequest, **changes: str) -> str:
    """This will write the part of an address that keeps the list as it is, but for changes."""
    values = {name: value for name, value in {**parameters(request), **changes}.items() if value}
    return f"?{urlencode(values)}" if values else ""


def parameters(request: HttpRequest) -> Mapping[str, str]:
    """This will return the same for the hidden fields of a form that is sent by GET."""
    return {name: request.GET[name] for name in _KEPT if request.GET.get(name)}


def context(
    request: HttpRequest, sight: Sight, *, chosen_id: int | None, now: datetime
) -> dict[str, Any]:
    """This will gather what the list shows, in a constant number of queries."""
    asked = wanted(request)
    labels = ContactLabel.objects.select_related("label").order_by("label__name", "id")
    found = list(
        # See Note [Lists load relations apart].
        desk_list.rows(asked).prefetch_related(
            "contact",
            base.current_identities("contact__identities"),
            Prefetch("contact__labels", queryset=labels),
            "assigned_to",
        )
    )
    shown = found[: desk_list.PAGE]
    lasts = desk_list.last_of(
        [row.contact_id for row in shown],
        with_inbound_text=sight.inbound_text,
        with_message_text=sight.message_text,
    )
    return {
        "rows": [
            _row(request, sight, row, lasts.get(row.contact_id, Last()), chosen_id, now)
            for row in shown
        ],
        "tag": desk_list.tag_of(found),
        "shows": list(_shows(request, asked)),
        "labels": list(_labels(request, asked)),
        "typed": private_search.typed(request),
        "search_url": reverse(LIST_URL) + query(request),
        "all_url": reverse(LIST_URL),
        "previous_url": _page_url(request, asked.page - 1) if asked.page > 1 else "",
        "next_url": _page_url(request, asked.page + 1) if len(found) > len(shown) else "",
    }


def chips(labels: Sequence[ContactLabel]) -> list[str]:
    """This will draw the labels of a contact."""
    return [badges.badge(each.label.name, _TONES.get(each.label.tone, Tone.OFF)) for each in labels]


def countdown(until: datetime | None, *, now: datetime) -> dict[str, Any]:
    """This will tell how long the service window stays open; the page counts on by itself."""
    is_open = until is not None and until > now
    left = until - now if until is not None and is_open else timedelta()
    minutes = int(left.total_seconds()) // 60
    return {"is_open": is_open, "until": until, "left": f"{minutes // 60}:{minutes % 60:02}"}


def _row(
    request: HttpRequest,
    sight: Sight,
    row: Conversation,
    last: Last,
    chosen_id: int | None,
    now: datetime,
) -> dict[str, Any]:
    waiting = row.waiting_since
    return {
        "id": row.pk,
        "url": reverse(CHAT_URL, args=[row.pk]) + query(request),
        "is_chosen": row.pk == chosen_id,
        "name": "" if row.contact.is_erased else row.contact.first_name,
        "phone": _phone(row),
        "waits": _("waits for %(span)s") % {"span": words.span(now - waiting)} if waiting else "",
        "last_at": words.ago(row.last_message_at, now=now) if row.last_message_at else "",
        "window": countdown(row.window_expires_at, now=now),
        "assigned": desk_staff.name(row.assigned_to) if row.assigned_to else "",
        "is_mine": row.assigned_to_id == sight.user.pk,
        "is_closed": row.closed_at is not None,
        "labels": chips(list(row.contact.labels.all())),
        "excerpt": _excerpt(last, sight),
    }


def _phone(row: Conversation) -> str:
    """This will write the masked number, or what stands in its place."""
    if row.contact.is_erased:
        return base.customer(row.contact)
    return base.phone_of(row.contact)


def _excerpt(last: Last, sight: Sight) -> str:
    """This will write the beginning of what was said last, for those who may read it."""
    if last.inbound is not None and sight.inbound_text:
        said = last.inbound.text or str(desk_words.kind(last.inbound.kind))
        return _shortened(said)
    if last.message is not None and sight.message_text:
        preview = last.message.chat_preview
        said = preview.body or preview.header or last.message.template_name
        if preview.header_media and not said:
            said = str(desk_words.kind(preview.header_media))
        return _("We: %(words)s") % {"words": _shortened(said)}
    return ""


def _shortened(text: str) -> str:
    line = " ".join(text[: _EXCERPT * 2].split())
    return line if len(line) <= _EXCERPT else f"{line[: _EXCERPT - 1]}…"


def _shows(request: HttpRequest, asked: Wanted) -> Iterator[tuple[str, words.Words, bool]]:
    for show, label in _SHOWS.items():
        url = reverse(LIST_URL) + query(request, show=str(show), p="")
        yield url, label, show is asked.show


def _labels(request: HttpRequest, asked: Wanted) -> Iterator[tuple[str, str, bool]]:
    for pk, name in Label.objects.filter(is_active=True).order_by("name").values_list("pk", "name"):
        is_chosen = pk == asked.label_id
        yield (
            reverse(LIST_URL) + query(request, label="" if is_chosen else str(pk), p=""),
            name,
            is_chosen,
        )


def _page_url(request: HttpRequest, page: int) -> str:
    return reverse(LIST_URL) + query(request, p=str(page) if page > 1 else "")
