"""What a lost doorbell, a killed worker or plain time leaves behind."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from whatsapp_notify import conf, signals
from whatsapp_notify.domain.receipts import UnknownReason
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import (
    DeliveryEvent,
    InboundMedia,
    InboundMessage,
    Message,
    ShopEvent,
    WebhookEvent,
)
from whatsapp_notify.models.set_based import update_rows
from whatsapp_notify.services import (
    delivery,
    doorbells,
    errands,
    heartbeats,
    inbound_media,
    media_files,
    outbound_media,
    patience,
    silence,
    timeline,
    unmatched,
    webhooks,
)

#: A doubt that no webhook has settled for so long stays unknown until a person decides.
DOUBT_LIMIT = timedelta(hours=24)
#: Which ones are that old is asked of all messages that need attention, which may be many: their
#: state stands in no index, see Note [Statuses stay out of indexes].
_LOOK_AT_DOUBTS = timedelta(minutes=1)

#: Rows in one transaction.
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep found."""

    in_doubt: int
    unknown: int
    matched: int
    pruned_webhooks: int
    deleted_files: int


def sweep(*, now: datetime) -> Swept:
    """This will move what has passed its time, and ring again for what still waits.

    Calls whose answer nobody waits for any more are in doubt; doubts older than a day are
    unknown, within a minute. Nothing is ever sent again from here. Safe to run at any time, and
    twice.
    """
    # First, so that nothing of the rest can keep what waits from being found.
    _ring_again(now)
    silence.look(now=now)
    return Swept(
        in_doubt=_doubt_lost_calls(now),
        unknown=_give_up_doubts(now),
        matched=unmatched.match_all(now=now),
        pruned_webhooks=_prune_webhooks(now),
        deleted_files=_delete_files(now),
    )


def _doubt_lost_calls(now: datetime) -> int:
    return _move(
        Message.objects.filter(call_expires_at__lt=now, state=State.CALLING),
        state=State.IN_DOUBT,
        reason=UnknownReason.PROCESS_DIED,
        kind=DeliveryEvent.Kind.IN_DOUBT,
        now=now,
    )


def _give_up_doubts(now: datetime) -> int:
    if not heartbeats.is_time(name="doubts", every=_LOOK_AT_DOUBTS, now=now):
        return 0
    return _move(
        Message.objects.filter(
            needs_attention=True, state=State.IN_DOUBT, called_at__lt=now - DOUBT_LIMIT
        ),
        state=State.UNKNOWN,
        reason="no_news",
        kind=DeliveryEvent.Kind.UNKNOWN,
        now=now,
    )


def _move(rows: QuerySet[Message], *, state: State, reason: str, kind: str, now: datetime) -> int:
    total = 0
    while True:
        with transaction.atomic():
            # One that is held is being written by somebody: the next sweep looks at it again.
            messages = list(patience.free(rows).order_by("id")[:_CHUNK])
            update_rows(
                model=Message,
                rows=[
                    {
                        "id": message.pk,
                        "state": str(state),
                        "reason": str(reason),
                        "needs_attention": True,
                        "call_expires_at": None,
                    }
                    for message in messages
                ],
            )
            timeline.write(
                [
                    timeline.line(
                        message_id=message.pk,
                        kind=kind,
                        at=now,
                        now=now,
                        attempt=message.attempt,
                        reason=str(reason),
                    )
                    for message in messages
                ]
            )
        total += len(messages)
        if len(messages) < _CHUNK:
            break
    if total:
        doorbells.ring(signals.attention_needed, reason=str(state), detail=f"{total} messages")
    return total


def _prune_webhooks(now: datetime) -> int:
    """This will let raw webhooks go after their retention, a chunk a time, but not poison."""
    limit = now - timedelta(days=conf.load().WEBHOOK_RETENTION_DAYS)
    old = WebhookEvent.objects.filter(received_at__lt=limit, unread=None, is_quarantined=False)
    ids = list(old.order_by("id").values_list("id", flat=True)[:_CHUNK])
    if ids:
        WebhookEvent.objects.filter(pk__in=ids).delete()
    return len(ids)


def _delete_files(now: datetime) -> int:
    if not media_files.are_kept():
        return 0
    count = inbound_media.delete_old(now=now) + outbound_media.delete_old(now=now)
    return count + media_files.delete_stale(now=now)


def _ring_again(now: datetime) -> None:
    if ShopEvent.objects.filter(is_pending=True).exists():
        doorbells.ring(signals.events_recorded, sender=ShopEvent)
    if webhooks.waiting().exists():
        doorbells.ring(signals.webhooks_recorded, sender=WebhookEvent)
    if errands.is_due(now=now):
        doorbells.ring(signals.errands_due, sender=InboundMessage)
    if inbound_media.is_due(now=now):
        doorbells.ring(signals.media_due, sender=InboundMedia)
    if delivery.is_due(now=now):
        doorbells.ring(signals.messages_due, sender=Message)
