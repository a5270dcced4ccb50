"""Statuses that came before their message was known, or are about none of ours."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import Exists, OuterRef

from whatsapp_notify.domain.receipts import Refused
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import Message, UnmatchedStatus
from whatsapp_notify.models.set_based import insert_rows
from whatsapp_notify.services import news, patience, refusals
from whatsapp_notify.services.news import News

#: Longer than Meta repeats webhooks.
KEEP = timedelta(days=8)

#: A status that came while its message was being written is found by the next sweep; whoever
#: learns a provider's id later looks for what waits for it. Longer ago nothing can be missed.
_RACE = timedelta(hours=1)

#: Rows that one sweep looks at.
_CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What was found for messages whose provider id has become known."""

    #: How many statuses have found their message.
    found: int = 0
    #: How many messages changed their state.
    moved: int = 0
    #: Failures that were not known; the caller lets them take effect.
    refused: Sequence[tuple[Message, Refused]] = ()


def keep(*, news: Sequence[News], now: datetime) -> None:
    """This will keep statuses whose message is not known; one told before is left out."""
    insert_rows(
        model=UnmatchedStatus,
        rows=[
            {
                "provider_message_id": item.provider_message_id[:200],
                "status": str(item.state),
                "at": item.at,
                "payload": {"code": item.code, "detail": item.detail, "pricing": item.pricing},
                "received_at": now,
            }
            for item in news
        ],
    )


def match(*, provider_message_ids: Sequence[str | None], now: datetime) -> Matched:
    """This will join kept statuses into messages whose provider id has become known."""
    wanted = [each for each in provider_message_ids if each]
    # Nearly always none waits, and hundreds of ids need not be compared with none.
    if not wanted or not UnmatchedStatus.objects.filter(matched_at__isnull=True).exists():
        return Matched()
    with transaction.atomic():
        waiting = list(
            UnmatchedStatus.objects.select_for_update()
            .filter(provider_message_id__in=wanted, matched_at__isnull=True)
            .order_by("id")
        )
        if not waiting:
            return Matched()
        theirs = {row.provider_message_id for row in waiting}
        by_id = news.hold(Message.objects.filter(provider_message_id__in=theirs))
        messages = {message.provider_message_id: message for message in by_id.values()}
        told: dict[int, list[News]] = defaultdict(list)
        found = [row for row in waiting if row.provider_message_id in messages]
        for row in found:
            told[messages[row.provider_message_id].pk].append(_news(row))
        written = news.write(messages=by_id, told=told, now=now)
        UnmatchedStatus.objects.filter(pk__in=[row.pk for row in found]).update(matched_at=now)
        return Matched(found=len(found), moved=written.moved, refused=written.refused)


def match_all(*, now: datetime) -> int:
    """This will look for the messages of statuses that crossed them, and let old ones go.

    Returns:
        How many statuses have found their message.
    """
    UnmatchedStatus.objects.filter(received_at__lt=now - KEEP).delete()
    theirs = Message.objects.filter(provider_message_id=OuterRef("provider_message_id"))
    waiting = UnmatchedStatus.objects.filter(
        Exists(theirs), matched_at__isnull=True, received_at__gt=now - _RACE
    )
    ids = list(waiting.values_list("provider_message_id", flat=True).distinct()[:_CHUNK])
    return _match_all(ids, patience.RowLimit(), now)


def _match_all(ids: Sequence[str], limit: patience.RowLimit, now: datetime) -> int:
    """This will match those kept statuses; in halves where a row is held, without that one."""
    try:
        with transaction.atomic():
            limit.begin()
            matched = match(provider_message_ids=ids, now=now)
            refusals.take_effect(refused=matched.refused, now=now)
            return matched.found
    except OperationalError as err:
        if not limit.is_met(err):
            raise
    if len(ids) <= 1:
        return 0  # the next sweep looks again
    halves = ids[: len(ids) // 2], ids[len(ids) // 2 :]
    return sum(_match_all(half, limit, now) for half in halves)


def _news(row: UnmatchedStatus) -> News:
    return News(
        provider_message_id=row.provider_message_id,
        state=State(row.status),
        at=row.at,
        code=row.payload.get("code"),
        detail=row.payload.get("detail", ""),
        pricing=row.payload.get("pricing") or {},
    )
