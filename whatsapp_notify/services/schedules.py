"""The periodic tasks: in django-celery-beat, where admins see and edit them, or as a setting.

Note [Intervals, never crontabs]
    A crontab that falls into a beat's downtime, or into the hour that a clock skips, fires
    late or never, and beat forgets it. An interval is due as soon as beat is back; the tasks
    themselves find out what has to be caught up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import connections, router, transaction

from whatsapp_notify import conf


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One periodic task."""

    name: str
    #: Name of the Celery task.
    task: str
    every: timedelta
    #: A tick that no worker took for so long is dropped, so that none pile up meanwhile.
    expires: timedelta
    description: str


SCHEDULES = (
    Schedule(
        name="WhatsApp: tick",
        task="whatsapp_notify.tick",
        every=timedelta(seconds=5),
        expires=timedelta(seconds=10),
        description="Moves what has passed its time and sends what is due. Keep it quick.",
    ),
    Schedule(
        name="WhatsApp: reconcile",
        task="whatsapp_notify.reconcile",
        every=timedelta(minutes=5),
        expires=timedelta(minutes=5),
        description="Finds what happened in the shop while nobody listened.",
    ),
    Schedule(
        name="WhatsApp: birthdays",
        task="whatsapp_notify.greet_birthdays",
        every=timedelta(minutes=15),
        expires=timedelta(minutes=15),
        description="Greets those whose birthday it is, at their local time.",
    ),
    Schedule(
        name="WhatsApp: sender health",
        task="whatsapp_notify.refresh_sender",
        every=timedelta(hours=1),
        expires=timedelta(hours=1),
        description="Reads name, quality and limit of the sending number from Meta.",
    ),
)


def install() -> int:
    """This will add the periodic tasks to django-celery-beat, where that is installed.

    One whose name is there is left as it is: an admin may have changed it. To do without one,
    disable it; a deleted one comes back.

    Returns:
        How many were added.
    """
    if not apps.is_installed("django_celery_beat"):
        return 0
    from django_celery_beat.models import PeriodicTask

    with transaction.atomic(using=router.db_for_write(PeriodicTask)):
        known = set(PeriodicTask.objects.values_list("name", flat=True))
        new = [schedule for schedule in SCHEDULES if schedule.name not in known]
        for schedule in new:
            PeriodicTask.objects.create(
                name=schedule.name,
                task=schedule.task,
                interval=_interval(schedule.every),
                expire_seconds=int(schedule.expires.total_seconds()),
                description=schedule.description,
            )
    return len(new)


def install_after_migrate(*, using: str, **kwargs: Any) -> None:
    """This will be called by ``post_migrate``: install where the setting and the tables allow.

    ``migrate whatsapp_notify`` alone may come before the tables of django-celery-beat.
    """
    if not conf.load().CREATE_SCHEDULES or not apps.is_installed("django_celery_beat"):
        return
    from django_celery_beat.models import PeriodicTask

    if using != router.db_for_write(PeriodicTask):
        return
    needed = {PeriodicTask._meta.db_table}
    message = apps.get_model("whatsapp_notify", "Message")
    if using == router.db_for_write(message):
        # After ``migrate whatsapp_notify zero`` there is nothing to be done periodically.
        needed.add(message._meta.db_table)
    if needed <= set(connections[using].introspection.table_names()):
        install()


def as_celery_setting() -> Mapping[str, Mapping[str, Any]]:
    """This will return the periodic tasks for the settings of a shop without django-celery-beat.

    ``CELERY_BEAT_SCHEDULE = {**schedules.as_celery_setting(), ...}``. Needs no database, and no
    apps to be loaded.
    """
    return {
        schedule.name: {
            "task": schedule.task,
            "schedule": schedule.every,
            "options": {"expires": schedule.expires.total_seconds()},
        }
        for schedule in SCHEDULES
    }


def _interval(every: timedelta) -> Any:
    from django_celery_beat.models import IntervalSchedule

    seconds = int(every.total_seconds())
    kind = {"every": seconds, "period": IntervalSchedule.SECONDS}
    if seconds % 60 == 0:
        kind = {"every": seconds // 60, "period": IntervalSchedule.MINUTES}
    # Its rows are not unique, so get_or_create might find several.
    found = IntervalSchedule.objects.filter(**kind).order_by("id").first()
    return found or IntervalSchedule.objects.create(**kind)
