"""Who of the staff looks at a conversation just now, so that two do not answer at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from whatsapp_notify.models import DeskPresence
from whatsapp_notify.services import desk_staff

#: Who has not been heard of for so long does not look any more.
NEAR = timedelta(seconds=15)
#: The page tells of itself every few seconds; this often is written down.
_OFTEN_ENOUGH = timedelta(seconds=5)
#: After so long a row is of no use.
_FORGOTTEN = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """Another member of the staff at the same conversation."""

    name: str
    is_writing: bool


def meet(
    *, conversation_id: int, user: Any, is_writing: bool, now: datetime
) -> tuple[Colleague, ...]:
    """This will note that somebody looks at a conversation, and return who else does.

    One query to read; one to write where there is something new to write.
    """
    rows = list(
        DeskPresence.objects.filter(conversation_id=conversation_id, seen_at__gt=now - NEAR)
        .select_related("user")
        .order_by("user_id")
    )
    mine = next((row for row in rows if row.user_id == user.pk), None)
    is_told = (
        mine is not None and mine.is_writing == is_writing and mine.seen_at > now - _OFTEN_ENOUGH
    )
    if not is_told:
        _write(conversation_id, user, is_writing, now)
    return tuple(
        Colleague(name=desk_staff.name(row.user), is_writing=row.is_writing)
        for row in rows
        if row.user_id != user.pk
    )


def forget(*, user: Any, now: datetime) -> None:
    """This will delete where somebody was long ago."""
    DeskPresence.objects.filter(user_id=user.pk, seen_at__lt=now - _FORGOTTEN).delete()


def _write(conversation_id: int, user: Any, is_writing: bool, now: datetime) -> None:
    DeskPresence.objects.bulk_create(
        [
            DeskPresence(
                conversation_id=conversation_id,
                user_id=user.pk,
                seen_at=now,
                is_writing=is_writing,
            )
        ],
        update_conflicts=True,
        unique_fields=["conversation", "user"],
        update_fields=["seen_at", "is_writing"],
    )
