"""How many take part in an interactive campaign, and for how long."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum

from whatsapp_notify.models import InteractiveCampaign, Participation, ParticipationMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Seconds are those of Note [What a minute of taking part is]."""

    #: Who wrote within the campaign, be it only the keyword.
    participants: int
    with_entry: int
    entries: int
    seconds: int
    #: None where nobody takes part.
    mean_seconds: float | None
    median_seconds: float | None


def figures(*, campaign: InteractiveCampaign) -> Figures:
    """This will count a campaign's participants; who came at the wrong time is none."""
    rows = participants(campaign)
    sums = rows.aggregate(
        count=Count("pk"),
        with_entry=Count("pk", filter=Q(entry_count__gt=0)),
        entries=Sum("entry_count", default=0),
        seconds=Sum("spent_seconds", default=0),
    )
    count = sums["count"]
    return Figures(
        participants=count,
        with_entry=sums["with_entry"],
        entries=sums["entries"],
        seconds=sums["seconds"],
        mean_seconds=sums["seconds"] / count if count else None,
        median_seconds=_median(rows, count) if count else None,
    )


def participants(campaign: InteractiveCampaign) -> QuerySet[Participation]:
    """This will return those who wrote within a campaign."""
    return Participation.objects.filter(campaign=campaign, first_at__isnull=False)


def latest_entries(*, campaign: InteractiveCampaign, count: int) -> list[ParticipationMessage]:
    """This will return the latest entries, with their messages and files."""
    rows = ParticipationMessage.objects.filter(participation__campaign=campaign, is_entry=True)
    rows = rows.select_related("inbound__media", "participation__contact")
    return list(rows.order_by("-at", "-id")[:count])


def _median(rows: QuerySet[Participation], count: int) -> float:
    """This will read the one or two in the middle, so that no list is read whole."""
    ordered = rows.order_by("spent_seconds", "id").values_list("spent_seconds", flat=True)
    middle = list(ordered[(count - 1) // 2 : count // 2 + 1])
    return sum(middle) / len(middle)
