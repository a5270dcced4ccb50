"""The ledger of Graph against the rows of the shop.

Reads the rows alone and trusts no service. It is held after recovery, when all processes are
dead, the sweep has been, and the webhooks of all accepted calls have come; see ``recovery``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from demo_shop.models import Order
from tests.torture.campaign import Counts
from tests.torture.ledger import Call
from whatsapp_notify.domain import opaque
from whatsapp_notify.domain.opaque import OpaqueId
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import (
    DeliveryEvent,
    Installation,
    Message,
    ShopEvent,
    UnmatchedStatus,
    UnreadWebhook,
)

#: The provider has it, and we know.
_KNOWN = frozenset({State.ACCEPTED, State.HELD, State.SENT, State.DELIVERED, State.READ})
#: Ended, with a reason that a person can read.
_ENDED = _KNOWN | {State.FAILED, State.BLOCKED, State.EXPIRED, State.CANCELLED}
#: Not known, and therefore to be seen by a person.
_SHOWN = frozenset({State.IN_DOUBT, State.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    id: int
    state: str
    token: str
    attempt: int
    is_pending: bool
    needs_attention: bool
    event_id: int | None
    event_name: str
    order_ref: str
    contact_id: int

    @property
    def told(self) -> tuple[object, ...]:
        """What the customer is told by it; two rows that tell the same are a duplicate."""
        if self.order_ref:
            return (self.contact_id, self.event_name, self.order_ref)
        return (self.id,)


def audit(
    *,
    calls: Sequence[Call],
    where: str,
    only: Collection[int] | None = None,
    news: Collection[State] = frozenset({State.READ}),
) -> Counts:
    """This will count what was promised and not kept. ``where`` names the step in the words.

    Args:
        calls: What Graph has in its ledger: ``World.calls``. Those of another database, which
            have its instance in their id, are left out.
        only: Ids of messages, to look at these alone.
        news: In which of these states each accepted call must be by now; recovery tells of
            each that it was read.
    """
    rows = _rows(only)
    ours = list(_ours(calls, rows, only))
    accepted = [each for each in ours if each[0].accepted]
    twice = list(_twice(accepted, rows))
    lost = [*_lost(rows), *_strangers(accepted, rows, news), *_phantoms(accepted, rows)]
    if only is None:
        lost += _left_behind(rows)
    # Of two calls of one message, the same may be said.
    lost = list(dict.fromkeys(lost))
    doubted = _doubted(only)
    settled = sum(rows[pk].state not in _SHOWN for pk in doubted if pk in rows)
    return Counts(
        messages=len(rows),
        accepted_calls=len(accepted),
        in_doubt=len(doubted),
        settled=settled,
        duplicated=len(twice),
        silently_lost=len(lost),
        problems=tuple(f"{where}: {words}" for words in [*twice, *lost]),
    )


def _rows(only: Collection[int] | None) -> dict[int, _Row]:
    names = tuple(_Row.__slots__)
    found: Any = Message.objects.all() if only is None else Message.objects.filter(pk__in=only)
    return {
        values[0]: _Row(**dict(zip(names, values, strict=True)))
        for values in found.values_list(*names)
    }


def _ours(
    calls: Sequence[Call], rows: dict[int, _Row], only: Collection[int] | None
) -> Iterator[tuple[Call, OpaqueId]]:
    instance = Installation.objects.values_list("instance", flat=True).first()
    for call in calls:
        ours = opaque.decode(call.opaque)
        if ours is None or ours.instance != instance:
            continue
        if only is None or ours.message_id in rows:
            yield call, ours


def _twice(accepted: Sequence[tuple[Call, OpaqueId]], rows: dict[int, _Row]) -> Iterator[str]:
    """Each thing is told once, and once more for each time that a person asked for it."""
    resent = Counter(
        DeliveryEvent.objects.filter(kind=DeliveryEvent.Kind.RESENT).values_list(
            "message_id", flat=True
        )
    )
    told: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for _call, ours in accepted:
        row = rows.get(ours.message_id)
        if row is not None:
            told[row.told].append(row.id)
    for ids in told.values():
        allowed = 1 + sum(resent[pk] for pk in set(ids))
        if len(ids) > allowed:
            yield f"accepted {len(ids)} times: {_named(ids)}"


def _lost(rows: dict[int, _Row]) -> Iterator[str]:
    for row in rows.values():
        if row.state in _SHOWN:
            if not row.needs_attention:
                yield f"{row.state} and shown to nobody: {_named([row.id])}"
        elif row.state not in _ENDED:
            yield f"stuck in {row.state}: {_named([row.id])}"
        elif row.is_pending:
            yield f"{row.state} and yet waiting: {_named([row.id])}"


def _strangers(
    accepted: Sequence[tuple[Call, OpaqueId]], rows: dict[int, _Row], news: Collection[State]
) -> Iterator[str]:
    """What Graph has, we know, and all that it has told of it."""
    for _call, ours in accepted:
        row = rows.get(ours.message_id)
        if row is None or row.token != ours.token:
            yield f"accepted, of no row: {_named([ours.message_id])}"
        elif row.state not in news and row.state in _ENDED | _SHOWN:
            yield f"accepted and read, but the row says {row.state}: {_named([row.id])}"


def _phantoms(accepted: Sequence[tuple[Call, OpaqueId]], rows: dict[int, _Row]) -> Iterator[str]:
    """What we know, Graph has."""
    have = {ours.message_id for _call, ours in accepted}
    for row in rows.values():
        if row.state in _KNOWN and row.id not in have:
            yield f"{row.state}, but Graph never accepted it: {_named([row.id])}"


def _left_behind(rows: dict[int, _Row]) -> Iterator[str]:
    """What was recorded has been read, and what the shop committed has been recorded."""
    for pk in ShopEvent.objects.filter(is_pending=True).values_list("id", flat=True):
        yield f"event {pk} was never read"
    planned = {row.event_id for row in rows.values()}
    read = ShopEvent.objects.filter(state=ShopEvent.State.PROCESSED, name="order.shipped")
    for pk in read.values_list("id", flat=True):
        if pk not in planned:
            yield f"event {pk} was read, and no message came of it"
    for pk in UnreadWebhook.objects.values_list("pk", flat=True):
        yield f"webhook {pk} was never read"
    if stray := UnmatchedStatus.objects.filter(matched_at__isnull=True).count():
        yield f"{stray} statuses found no message"
    told = set(
        ShopEvent.objects.filter(name="order.shipped", subject_label="demo_shop.order").values_list(
            "subject_pk", flat=True
        )
    )
    shipped = set(map(str, Order.objects.filter(status="shipped").values_list("pk", flat=True)))
    for order in sorted(shipped - told):
        yield f"order {order} was shipped, and no event tells of it"
    for order in sorted(told - shipped):
        yield f"an event tells that order {order} was shipped, which has not been shipped"


def _doubted(only: Collection[int] | None) -> set[int]:
    lines = DeliveryEvent.objects.filter(kind=DeliveryEvent.Kind.IN_DOUBT)
    if only is not None:
        lines = lines.filter(message_id__in=only)
    return set(lines.values_list("message_id", flat=True))


def _named(ids: Sequence[int]) -> str:
    return "message " + ", ".join(map(str, sorted(set(ids))))
