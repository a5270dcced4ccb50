"""The keywords of interactive campaigns: what each listens for, and what else would hear it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Q

from whatsapp_notify.domain import phrases
from whatsapp_notify.models import InteractiveCampaign, KeywordReply, Survey
from whatsapp_notify.services import shared_reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A campaign that is on, and the keys of its keywords."""

    campaign: InteractiveCampaign
    keys: frozenset[str]


class Owner(StrEnum):
    """What has a phrase already."""

    CAMPAIGN = "campaign"
    KEYWORD_REPLY = "keyword_reply"
    SURVEY = "survey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """A phrase that two would understand."""

    phrase: str
    owner: Owner
    name: str


def heard() -> list[Heard]:
    """This will return the campaigns that are on; see Note [Read once for a batch]."""
    return shared_reads.once("interactive_campaigns", _read)


def _read() -> list[Heard]:
    rows = InteractiveCampaign.objects.filter(is_active=True).order_by("id")
    return [Heard(campaign=row, keys=phrases.keys(row.keywords)) for row in rows]


def clashes(campaign: InteractiveCampaign) -> list[Clash]:
    """This will return which phrases of a campaign something else that is on understands too.

    Campaigns may share a keyword where one is over before the other begins.
    """
    mine = phrases.by_key(campaign.keywords)
    return [
        Clash(phrase=mine[key], owner=owner, name=name)
        for owner, name, keys in _others(campaign)
        for key in sorted(mine.keys() & keys)
    ]


def _others(campaign: InteractiveCampaign) -> Iterator[tuple[Owner, str, frozenset[str]]]:
    meanwhile = Q(ends_at=None) | Q(ends_at__gt=campaign.starts_at)
    if campaign.ends_at is not None:
        meanwhile &= Q(starts_at__lt=campaign.ends_at)
    rows = InteractiveCampaign.objects.filter(meanwhile, is_active=True).exclude(pk=campaign.pk)
    for row in rows.order_by("id"):
        yield Owner.CAMPAIGN, row.name, phrases.keys(row.keywords)
    for reply in KeywordReply.objects.filter(is_active=True).order_by("id"):
        yield Owner.KEYWORD_REPLY, str(reply), phrases.keys(reply.phrases)
    for survey in Survey.objects.filter(is_active=True).order_by("id"):
        yield Owner.SURVEY, survey.name, phrases.keys(survey.keyword)


def taken(phrases_of: str) -> list[Clash]:
    """This will return which phrases of something else a campaign that is on would take."""
    mine = phrases.by_key(phrases_of)
    return [
        Clash(phrase=mine[key], owner=Owner.CAMPAIGN, name=each.campaign.name)
        for each in _read()
        for key in sorted(mine.keys() & each.keys)
    ]
