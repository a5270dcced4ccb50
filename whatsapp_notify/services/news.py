"""News of the provider, joined into the rows of messages."""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, Self

from django.db.models import QuerySet

from whatsapp_notify import signals
from whatsapp_notify.cloud_api import errors
from whatsapp_notify.domain.receipts import Refused
from whatsapp_notify.domain.statuses import (
    PROVIDER_ORDER,
    SETTLED_BY_STATUS,
    WITH_PROVIDER,
    State,
    join,
)
from whatsapp_notify.models import DeliveryEvent, Message
from whatsapp_notify.models.set_based import as_text, from_text, update_rows
from whatsapp_notify.services import doorbells, settlement, timeline

#: What news may change.
_COLUMNS: tuple[str, ...] = (
    "state", "reason", "is_pending", "needs_attention", "call_expires_at", "provider_message_id",
    "error_code", "error_detail", "accepted_at", "sent_at", "delivered_at", "read_at",
    "failed_at",
)  # fmt: skip
#: When a message moves on, with its state only these change, or some of them ...
_STEP_TIMES: tuple[str, ...] = ("accepted_at", "sent_at", "delivered_at", "read_at")
#: ... and it is in no need of anything.
_AT_EASE = {
    "reason": "",
    "is_pending": False,
    "needs_attention": False,
    "call_expires_at": None,
    "error_code": None,
    "error_detail": "",
}

#: The line of the delivery log that each of them is.
_KIND = {state: str(DeliveryEvent.Kind(state)) for state in PROVIDER_ORDER}

_step_times = attrgetter(*_STEP_TIMES)

_TIME_COLUMN = {
    State.SENT: "sent_at",
    State.DELIVERED: "delivered_at",
    State.READ: "read_at",
    State.FAILED: "failed_at",
}


# Not frozen: to make one would cost twice as much, and thousands a second are made.
@dataclass(slots=True, kw_only=True)
class News:
    """One status, without the person."""

    provider_message_id: str
    state: State
    at: datetime
    #: The call that it tells of; 0 where the provider did not say.
    attempt: int = 0
    code: int | None = None
    detail: str = ""
    pricing: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Held:
    """A message that is held, with as much of its row as news look at and change."""

    pk: int
    token: str
    attempt: int
    state: str
    reason: str
    is_pending: bool
    needs_attention: bool
    provider_message_id: str | None
    error_code: int | None
    error_detail: str
    call_expires_at: datetime | None
    called_at: datetime | None
    accepted_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    failed_at: datetime | None
    #: As told now; None where nothing was told of it.
    pricing: dict[str, Any] | None = None


_PLAIN = tuple(each.name for each in dataclasses.fields(Held)[:10])
_TIMES = tuple(each.name for each in dataclasses.fields(Held)[10:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What news have changed."""

    #: How many messages changed their state.
    moved: int = 0
    #: Failures that were not known; the caller lets them take effect.
    refused: Sequence[tuple[Message, Refused]] = ()


def hold(messages: QuerySet[Message]) -> dict[int, Held]:
    """This will hold these messages, by id, until the end of the transaction."""
    rows = messages.select_for_update(no_key=True).order_by("id")
    columns = rows.values_list(*_PLAIN, *map(as_text, _TIMES))
    return {
        row[0]: Held(*row[: len(_PLAIN)], *map(from_text, row[len(_PLAIN) :])) for row in columns
    }


def write(*, messages: dict[int, Held], told: dict[int, list[News]], now: datetime) -> Written:
    """This will join news into messages that are held. Needs a transaction."""
    before = {pk: _Before.of(messages[pk]) for pk in told}
    lines: list[dict[str, Any]] = []
    refused: dict[int, Refused] = {}
    for pk, items in told.items():
        message = messages[pk]
        for item in items:
            lines.append(_line(message, item))
            if _join(message, item):
                refused[pk] = errors.classify_failed(
                    code=item.code, detail=item.detail, happened_at=item.at
                )
    _update([(before[pk], messages[pk]) for pk in told])
    timeline.write(lines, same={"recorded_at": now})
    moved: dict[str, list[int]] = defaultdict(list)
    for pk, was in before.items():
        if messages[pk].state != was.state:
            moved[str(messages[pk].state)].append(pk)
    for state, ids in moved.items():
        doorbells.ring(signals.message_state_changed, sender=Message, message_ids=ids, state=state)
    rows = Message.objects.in_bulk(refused) if refused else {}
    return Written(
        moved=sum(len(ids) for ids in moved.values()),
        refused=[(rows[pk], failure) for pk, failure in refused.items()],
    )


def _update(changes: Sequence[tuple["_Before", Held]]) -> None:
    """This will write what has changed: a few columns of those that have just moved on."""
    groups: dict[tuple[bool, tuple[str, ...]], list[Held]] = defaultdict(list)
    for before, after in changes:
        is_step = _is_step(before, after)
        columns = ("state", *before.new_times(after)) if is_step else _COLUMNS
        if after.pricing is not None:
            columns = (*columns, "pricing")
        if after.attempt != before.attempt:
            columns = (*columns, "attempt")
        groups[is_step, columns].append(after)
    for (is_step, columns), rows in groups.items():
        update_rows(
            model=Message,
            rows=[
                {"id": each.pk} | {column: getattr(each, column) for column in columns}
                for each in rows
            ],
            same=_AT_EASE if is_step else None,
        )


class _Before(NamedTuple):
    """What tells whether a message has just moved on, and by what."""

    state: str
    attempt: int
    failed_at: datetime | None
    provider_message_id: str | None
    #: Those of ``_STEP_TIMES``, in their order.
    times: tuple[datetime | None, ...]

    @classmethod
    def of(cls, message: Held) -> Self:
        times = _step_times(message)
        return cls(
            message.state, message.attempt, message.failed_at, message.provider_message_id, times
        )

    def new_times(self, after: Held) -> list[str]:
        """This will return the names of the times that have changed."""
        pairs = zip(_STEP_TIMES, self.times, _step_times(after), strict=True)
        return [name for name, was, time in pairs if was != time]


def _is_step(before: _Before, after: Held) -> bool:
    """This will tell whether no more than state, step times and ``_AT_EASE`` has changed."""
    return (
        after.state != before.state
        and after.state != State.FAILED
        and before.state in WITH_PROVIDER
        and before.failed_at == after.failed_at
        and before.provider_message_id == after.provider_message_id
    )


def _join(message: Held, news: News) -> bool:
    """This will move one message in memory, and tell whether it has failed by this news."""
    was = State(message.state)
    if _is_stale(message, was, news):
        return False
    if news.attempt > message.attempt:
        was = _take_up(message, was, news)
    new = join(was, news.state)
    message.provider_message_id = message.provider_message_id or news.provider_message_id
    message.accepted_at = _earliest(message.accepted_at, news.at, message.called_at)
    column = _TIME_COLUMN.get(news.state)
    if column:
        setattr(message, column, _earliest(getattr(message, column), news.at))
    if news.pricing:
        message.pricing = news.pricing
    if new is State.FAILED and news.state is State.FAILED:
        message.error_code, message.error_detail = news.code, news.detail[:300]
    elif new is not was:
        message.error_code, message.error_detail = None, ""
    if new is not was:
        message.state, message.is_pending, message.call_expires_at = new, False, None
        message.reason = "provider_failed" if new is State.FAILED else ""
        message.needs_attention = new is State.FAILED
    return new is State.FAILED and new is not was


def _take_up(message: Held, was: State, news: News) -> State:
    """This will let a call that the row does not know be its last one.

    Calls are counted before they begin, so that the database has gone back in time.

    Returns:
        The state into which the news are joined.
    """
    message.attempt = news.attempt
    message.provider_message_id = news.provider_message_id
    if was is State.FAILED and message.reason != settlement.BY_STAFF:
        return State.CALLING  # it was an earlier call that has failed
    return was


def _is_stale(message: Held, was: State, news: News) -> bool:
    """This will tell whether news about an earlier call say nothing of the message any more.

    That an earlier copy has arrived is always worth knowing. That it has failed is not, for
    a new call is wanted or under way; nor that it had left before it failed.
    """
    is_known_by_id_alone = news.attempt == 0 and was in SETTLED_BY_STATUS
    if was is State.QUEUED:
        # Its last call is over; one that the row does not know came after that.
        is_earlier_call = news.attempt <= message.attempt
    else:
        is_earlier_call = 0 < news.attempt < message.attempt
    if not (is_earlier_call or is_known_by_id_alone):
        return False
    if news.state in {State.DELIVERED, State.READ}:
        return False
    return news.state is State.FAILED or message.failed_at is not None


def _earliest(
    known: datetime | None, told: datetime, not_before: datetime | None = None
) -> datetime:
    """This will return the earlier time, so that the order of news does not matter."""
    earliest = told if known is None else min(known, told)
    # Meta tells whole seconds, which may lie before our own call.
    return earliest if not_before is None else max(earliest, not_before)


def _line(message: Held, news: News) -> dict[str, Any]:
    return {
        "message_id": message.pk,
        "kind": _KIND[news.state],
        "at": news.at,
        "attempt": news.attempt or message.attempt,
        "error_code": news.code,
        "detail": news.detail[:300],
    }
