"""Lines of the delivery log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from whatsapp_notify.models import DeliveryEvent, Message
from whatsapp_notify.models.set_based import insert_rows

Kind = DeliveryEvent.Kind

#: Meta's clock counts whole seconds and is not ours: within a second the steps of a call are
#: told in the order in which they follow from each other.
_RANK = {
    kind: rank
    for rank, kind in enumerate(
        (
            Kind.PLANNED, Kind.RESENT, Kind.HELD_BACK, Kind.CALLING, Kind.REFUSED, Kind.IN_DOUBT,
            Kind.UNKNOWN, Kind.SETTLED, Kind.ACCEPTED, Kind.HELD, Kind.SENT, Kind.FAILED,
            Kind.DELIVERED, Kind.READ, Kind.REPLIED, Kind.BLOCKED, Kind.EXPIRED, Kind.CANCELLED,
        )
    )
}  # fmt: skip


def line(
    *,
    message_id: int,
    kind: str,
    at: datetime,
    now: datetime,
    attempt: int = 0,
    reason: str = "",
    error_code: int | None = None,
    detail: str = "",
    actor: str = "",
) -> dict[str, Any]:
    """This will make one line of a message's timeline, to be written with others."""
    return {
        "message_id": message_id,
        "kind": str(kind),
        "at": at,
        "recorded_at": now,
        "attempt": attempt,
        "reason": reason[:40],
        "error_code": error_code,
        "detail": detail[:300],
        "actor": actor[:150],
    }


def write(lines: Sequence[dict[str, Any]], *, same: dict[str, Any] | None = None) -> int:
    """This will add the lines; a status that was told before is left out.

    ``same`` holds what is the same for all of them; the lines then hold the rest.
    """
    return insert_rows(model=DeliveryEvent, rows=_without_known_holds(lines), same=same)


def of(message: Message) -> list[DeliveryEvent]:
    """This will return the lines of a message in the order in which they make sense."""
    return sorted(
        message.timeline.all(),
        key=lambda each: (each.at.replace(microsecond=0), _RANK[Kind(each.kind)], each.pk),
    )


def _without_known_holds(lines: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """This will leave out repeated news of a hold, which is under no unique key."""
    held = [each["message_id"] for each in lines if each.get("kind") == Kind.HELD]
    if not held:
        return lines
    rows = DeliveryEvent.objects.filter(message_id__in=held, kind=Kind.HELD)
    known = set(rows.values_list("message_id", "attempt"))
    kept = []
    for each in lines:
        if each["kind"] == Kind.HELD:
            call = (each["message_id"], each["attempt"])
            if call in known:
                continue
            known.add(call)
        kept.append(each)
    return kept
