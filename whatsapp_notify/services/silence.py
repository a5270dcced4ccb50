"""Webhooks that stay away although messages leave.

Meta gives up on an address that does not answer, after days, and tells nobody. But each
message that WhatsApp accepts is followed by news of it within seconds: where messages are
accepted and nothing at all comes for a while, the way to us is broken.
"""

from datetime import UTC, datetime, timedelta

from whatsapp_notify import backends, signals
from whatsapp_notify.models import DeliveryEvent, Heartbeat, WebhookEvent
from whatsapp_notify.services import doorbells, heartbeats

#: No webhook for so long after an accepted message is no delay any more.
LIMIT = timedelta(minutes=15)

#: Names of heartbeats: the first message that nothing was heard of, and whether a person has
#: been told. Both go with the next webhook.
_UNANSWERED, TOLD = "unanswered", "silence"
_REMEMBERED = frozenset({_UNANSWERED, TOLD})

#: Webhooks that came just now answer the question without a look at the messages.
_FRESH = timedelta(minutes=1)
#: Lines of the timeline among which an accepted message is looked for.
_LOOKED_AT = 500
#: The sign of life of webhooks is written down every few seconds only.
_PRECISION = timedelta(seconds=10)


def look(*, now: datetime) -> bool:
    """This will ring ``attention_needed`` once when messages leave and no webhook comes.

    To be called every few seconds; a few reads of one row each while all is well.

    Returns:
        Whether it is silent now.
    """
    if not backends.load().has_webhooks:
        return False
    seen = _seen()
    last_at = _last_webhook_at(seen, now)
    known = _known(seen, last_at, now)
    if over := (_REMEMBERED & seen.keys()) - known.keys():
        # It may have come between two looks: what was before it is over as well. And what a
        # clock ahead has remembered would keep the next silence from being told.
        rows = Heartbeat.objects.filter(name__in=over)
        rows.exclude(at__gt=last_at, at__lte=now + heartbeats.AHEAD).delete()
    if now - last_at < _FRESH:
        return False
    since = known.get(_UNANSWERED) or _remember(_first_accepted(last_at, now))
    if since is None or now - since < LIMIT:
        return False
    if TOLD not in known:
        _tell(since)
    return True


def unanswered_since(*, now: datetime) -> datetime | None:
    """This will tell since when messages are accepted and no webhook has come.

    Changes nothing. Behind more messages than are looked at, ``look`` has remembered the first.
    """
    seen = _seen()
    last_at = _last_webhook_at(seen, now)
    return _known(seen, last_at, now).get(_UNANSWERED) or _first_accepted(last_at, now)


def _tell(since: datetime) -> None:
    _told, is_new = Heartbeat.objects.get_or_create(name=TOLD, defaults={"at": since})
    if is_new:
        detail = f"no webhook since {since:%Y-%m-%d %H:%M} UTC"
        doorbells.ring(signals.attention_needed, reason="webhook_silence", detail=detail)


def _seen() -> dict[str, datetime]:
    names = {*_REMEMBERED, heartbeats.WEBHOOK}
    return dict(Heartbeat.objects.filter(name__in=names).values_list("name", "at"))


def _known(seen: dict[str, datetime], last_at: datetime, now: datetime) -> dict[str, datetime]:
    """This will leave of what is remembered what no webhook has come after."""
    latest = now + heartbeats.AHEAD
    return {name: at for name, at in seen.items() if name in _REMEMBERED and last_at < at <= latest}


def _last_webhook_at(seen: dict[str, datetime], now: datetime) -> datetime:
    latest = now + heartbeats.AHEAD
    received = WebhookEvent.objects.order_by("-received_at").values_list("received_at", flat=True)
    newest = received.first()
    if newest is not None and newest <= latest:
        return newest
    # All have been deleted, as webhooks are after weeks and messages are not; or the clock of who
    # received it was ahead. Then it counts, too, when one was read.
    times = [datetime.min.replace(tzinfo=UTC)]
    if newest is not None:
        times += received.filter(received_at__lte=latest)[:1]
    if (read_at := seen.get(heartbeats.WEBHOOK)) is not None and read_at <= latest:
        times.append(read_at + _PRECISION)
    return max(times)


def _first_accepted(last_at: datetime, now: datetime) -> datetime | None:
    """This will tell when the first message after the last webhook was accepted.

    One that a clock ahead has dated counts from now, for it has been accepted already.
    """
    # Not by their times, which stand in no index: see Note [Statuses stay out of indexes].
    newest = DeliveryEvent.objects.order_by("-pk").values_list("kind", "recorded_at")[:_LOOKED_AT]
    accepted = [at for kind, at in newest if kind == DeliveryEvent.Kind.ACCEPTED and at > last_at]
    latest = now + heartbeats.AHEAD
    return min((at if at <= latest else now for at in accepted), default=None)


def _remember(since: datetime | None) -> datetime | None:
    if since is None:
        return None
    row, _is_new = Heartbeat.objects.get_or_create(name=_UNANSWERED, defaults={"at": since})
    return row.at
