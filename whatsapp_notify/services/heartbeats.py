"""Signs of life."""

from datetime import datetime, timedelta

from whatsapp_notify.models import Heartbeat

WORKER, BEAT, WEBHOOK = "worker", "beat", "webhook"

#: A part that is busy is not written down more often.
_PRECISION = timedelta(seconds=5)


def beat(*, name: str, now: datetime) -> None:
    """This will note that a part is alive, at most every few seconds."""
    heartbeat, is_new = Heartbeat.objects.get_or_create(name=name, defaults={"at": now})
    if not is_new and heartbeat.at < now - _PRECISION:
        Heartbeat.objects.filter(pk=heartbeat.pk, at__lt=now).update(at=now)
