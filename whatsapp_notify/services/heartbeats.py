"""Signs of life."""

from datetime import datetime, timedelta

from whatsapp_notify.models import Heartbeat

WORKER, BEAT, WEBHOOK = "worker", "beat", "webhook"

#: A time that lies further ahead comes from a clock that is wrong, and says nothing.
AHEAD = timedelta(minutes=1)

#: A part that is busy is not written down more often.
_PRECISION = timedelta(seconds=5)


def beat(*, name: str, now: datetime) -> None:
    """This will note that a part is alive, at most every few seconds.

    What a clock that was ahead has noted is written over: else it would hide a death until then.
    """
    heartbeat, is_new = Heartbeat.objects.get_or_create(name=name, defaults={"at": now})
    is_old = heartbeat.at < now - _PRECISION
    # Not where it is only a little ahead: of two clocks that differ the later one counts.
    if not is_new and (is_old or heartbeat.at > now + AHEAD):
        # Where another one has written meanwhile, that will do.
        Heartbeat.objects.filter(pk=heartbeat.pk, at=heartbeat.at).update(at=now)


def seen(*, now: datetime) -> dict[str, datetime]:
    """This will tell when each part was last seen, without what a clock ahead has noted."""
    return dict(Heartbeat.objects.filter(at__lte=now + AHEAD).values_list("name", "at"))


def is_time(*, name: str, every: timedelta, now: datetime) -> bool:
    """This will tell whether something rare should be done now, and note that it is done.

    Of several who ask at once one is told so.
    """
    done, is_new = Heartbeat.objects.get_or_create(name=name, defaults={"at": now})
    # What was done later than now was noted by a clock that was ahead.
    if is_new or now - every < done.at <= now:
        return is_new
    return Heartbeat.objects.filter(pk=done.pk, at=done.at).update(at=now) > 0
