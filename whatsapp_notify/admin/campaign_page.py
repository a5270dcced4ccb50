"""What the page of an interactive campaign shows beside its form: figures and entries."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from whatsapp_notify.admin import badges, base, media_cell, words
from whatsapp_notify.models import InteractiveCampaign, Participation, ParticipationMessage
from whatsapp_notify.services import participation_figures

#: Entries shown of a campaign, and of one participant.
SHOWN = 24
SHOWN_OF_ONE = 100


def context(request: HttpRequest, campaign: InteractiveCampaign) -> dict[str, Any]:
    """This will gather what the page shows and the user may see."""
    if not request.user.has_perm("whatsapp_notify.view_participation"):
        return {"may_see_participants": False}
    rows = ParticipationMessage.objects.filter(participation__campaign=campaign)
    return {
        "may_see_participants": True,
        "tiles": list(_tiles(campaign)),
        "entries": entries(request, rows, count=SHOWN),
        "shown": SHOWN,
    }


def context_of_one(request: HttpRequest, participation: Participation) -> dict[str, Any]:
    """This will gather the entries of one participant."""
    rows = ParticipationMessage.objects.filter(participation=participation)
    return {"entries": entries(request, rows, count=SHOWN_OF_ONE), "shown": SHOWN_OF_ONE}


def entries(
    request: HttpRequest, rows: QuerySet[ParticipationMessage], *, count: int
) -> list[dict[str, Any]]:
    """This will return the latest entries: what was sent only for those who may see it."""
    may_read = request.user.has_perm("whatsapp_notify.view_inboundmessage_text")
    found = rows.filter(is_entry=True).select_related("inbound__media", "participation__contact")
    found = found.defer("inbound__content", *(() if may_read else ("inbound__text",)))
    found = found.prefetch_related(base.current_identities("participation__contact__identities"))
    return [_entry(request, row, may_read) for row in found.order_by("-at", "-id")[:count]]


def minutes(seconds: float | None) -> str:
    """This will write seconds as minutes with one decimal; a dash for none."""
    return words.decimal(None if seconds is None else seconds / 60)


def _tiles(campaign: InteractiveCampaign) -> Iterator[tuple[str, object, str]]:
    """This will yield the number, what it is, and what it means."""
    found = participation_figures.figures(campaign=campaign)
    yield (
        number_format(found.participants),
        _("participants"),
        _("%(n)s of them with an entry") % {"n": number_format(found.with_entry)},
    )
    yield number_format(found.entries), _("entries"), _("each photo, file or message counts")
    yield minutes(found.seconds), _("minutes"), _("of all participants together")
    yield (
        minutes(found.median_seconds),
        _("minutes in the middle"),
        _("half of the participants took longer; the mean is %(mean)s")
        % {"mean": minutes(found.mean_seconds)},
    )


def _entry(request: HttpRequest, row: ParticipationMessage, may_read: bool) -> dict[str, Any]:
    contact = row.participation.contact
    name = base.customer(contact)
    media = getattr(row.inbound, "media", None)
    has_perm = request.user.has_perm
    return {
        "customer": (
            badges.link(contact, name) if has_perm("whatsapp_notify.view_contact") else name
        ),
        "at": row.at,
        "file": media_cell.draw(media, can_see=may_read) if media else "",
        "may_read": may_read,
        "text": row.inbound.text if may_read else "",
        "message_id": (row.inbound_id if has_perm("whatsapp_notify.view_inboundmessage") else None),
    }
