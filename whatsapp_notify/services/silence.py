"""Webhooks that stay away although messages leave.

Meta gives up on an address that does not answer, after days, and tells nobody. But each
message that WhatsApp accepts is followed by news of it within seconds: where messages are
accepted and nothing at all comes for a while, the way to us is broken.
"""

from datetime import UTC, datetime, timedelta

from whatsapp_notify import backends, signals
from whatsapp_notify.models import DeliveryEvent, Heartbeat, WebhookEvent
from whatsapp_notify.services import doorbells

#: No webhook for so long after an accepted message is no delay any more.
LIMIT = timedelta(minutes=15)

#: Names of heartbeats: the first message that nothing was heard of, and whether a person has
#: been told. Both go with the next webhook.
_UNANSWERED, TOLD = "unanswered", "silence"

#: Webhooks that came just now answer the question without a look at the messages.
_FRESH = timedelta(minutes=1)
#: Lines of the timeline among which an accepted message is looked for.
_LOOKED_AT = 200


def look(*, now: datetime) -> bool:
    """This will ring ``attention_needed`` once when messages leave and no webhook comes.

    To be called every few seconds; a few reads of one row each while all is well.

    Returns:
        Whether it is silent now.
    """
    if not backends.load().has_webhooks:
        return False
    last_at, known = _last_webhook_at(), _known()
    if any(at <= last_at for at in known.values()):
        # It may have come between two looks: what was before it is over as well.
        Heartbeat.objects.filter(name__in=known, at__lte=last_at).delete()
        known = {name: at for name, at in known.items() if at > last_at}
    if now - last_at < _FRESH:
        return False
    since = known.get(_UNANSWERED) or _unanswered_since(last_at)
    if since is None or now - since < LIMIT:
        return False
    if TOLD not in known:
        _tell(since)
    return True


def _tell(since: datetime) -> None:
    _told, is_new = Heartbeat.objects.get_or_create(name=TOLD, defaults={"at": since})
    if is_new:
        detail = f"no webhook since {since:%Y-%m-%d %H:%M} UTC"
        doorbells.ring(signals.attention_needed, reason="webhook_silence", detail=detail)


def _known() -> dict[str, datetime]:
    return dict(Heartbeat.objects.filter(name__in=(_UNANSWERED, TOLD)).values_list("name", "at"))


def _last_webhook_at() -> datetime:
    newest = WebhookEvent.objects.order_by("-received_at").values_list("received_at", flat=True)
    return newest.first() or datetime.min.replace(tzinfo=UTC)


def _unanswered_since(last_at: datetime) -> datetime | None:
    """This will tell when the first message after the last webhook was accepted."""
    # Not by their times, which stand in no index: see Note [Statuses stay out of indexes].
    newest = DeliveryEvent.objects.order_by("-pk").values_list("kind", "recorded_at")[:_LOOKED_AT]
    accepted = [at for kind, at in newest if kind == DeliveryEvent.Kind.ACCEPTED and at > last_at]
    if not accepted:
        return None
    row, _is_new = Heartbeat.objects.get_or_create(name=_UNANSWERED, defaults={"at": min(accepted)})
    return row.at
