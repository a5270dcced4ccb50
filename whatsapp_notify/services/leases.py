"""Places that only so many processes may have at once."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from whatsapp_notify.models import Lease

#: A holder that is not heard of for so long is gone. It prolongs much sooner.
LASTS = timedelta(seconds=15)
_PROLONG_AFTER = timedelta(seconds=3)
#: No lease ends later than that, as long as clocks agree to some seconds.
_BELIEVABLE = 2 * LASTS


@dataclass(slots=True, kw_only=True)
class Held:
    """A place that this process has."""

    name: str
    holder: str
    prolonged_at: datetime

    def prolong(self, *, now: datetime) -> None:
        """This will keep the place; call it often, it seldom asks the database."""
        if now - self.prolonged_at >= _PROLONG_AFTER:
            self.prolonged_at = now
            self._mine().update(expires_at=now + LASTS)

    def give_back(self, *, now: datetime) -> None:
        """This will free the place, unless it was lost meanwhile."""
        self._mine().update(expires_at=now)

    def _mine(self) -> QuerySet[Lease]:
        return Lease.objects.filter(name=self.name, holder=self.holder)


def take(*, names: Sequence[str], now: datetime) -> Held | None:
    """This will take the first place that is free.

    Returns:
        None where all are taken.
    """
    holder = secrets.token_hex(8)
    # What ends later than any lease can was given by a clock that was ahead: it is free.
    taken = set(
        Lease.objects.filter(
            name__in=names, expires_at__gt=now, expires_at__lte=now + _BELIEVABLE
        ).values_list("name", flat=True)
    )
    for name in names:
        if name not in taken and _take(name=name, holder=holder, now=now):
            return Held(name=name, holder=holder, prolonged_at=now)
    return None


def _take(*, name: str, holder: str, now: datetime) -> bool:
    expires_at = now + LASTS
    is_free = Q(expires_at__lte=now) | Q(expires_at__gt=now + _BELIEVABLE)
    free = Lease.objects.filter(is_free, name=name)
    if free.update(holder=holder, expires_at=expires_at):
        return True
    Lease.objects.bulk_create(
        [Lease(name=name, holder=holder, expires_at=expires_at)], ignore_conflicts=True
    )
    return Lease.objects.filter(name=name, holder=holder).exists()
