"""News of the provider, joined into the rows of messages."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from whatsapp_notify import signals
from whatsapp_notify.cloud_api import errors
from whatsapp_notify.domain.receipts import Refused
from whatsapp_notify.domain.statuses import SETTLED_BY_STATUS, State, join
from whatsapp_notify.models import DeliveryEvent, Message
from whatsapp_notify.models.set_based import update_rows
from whatsapp_notify.services import doorbells, timeline

#: What news may change, all rows alike so that one statement writes them.
_COLUMNS = (
    "state", "reason", "is_pending", "needs_attention", "call_expires_at", "provider_message_id",
    "error_code", "error_detail", "pricing", "accepted_at", "sent_at", "delivered_at", "read_at",
    "failed_at",
)  # fmt: skip

_TIME_COLUMN = {
    State.SENT: "sent_at",
    State.DELIVERED: "delivered_at",
    State.READ: "read_at",
    State.FAILED: "failed_at",
}


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What news have changed."""

    #: How many messages changed their state.
    moved: int = 0
    #: Failures that were not known; the caller lets them take effect.
    refused: Sequence[tuple[Message, Refused]] = ()


def write(*, messages: dict[int, Message], told: dict[int, list[News]], now: datetime) -> Written:
    """This will join news into messages that are held. Needs a transaction."""
    before = {pk: messages[pk].state for pk in told}
    lines: list[dict[str, Any]] = []
    refused: list[tuple[Message, Refused]] = []
    for pk, items in told.items():
        for item in items:
            lines.append(_line(messages[pk], item, now))
            if _join(messages[pk], item):
                failure = errors.classify_failed(code=item.code, detail=item.detail)
                refused.append((messages[pk], failure))
    update_rows(
        model=Message,
        rows=[
            {"id": pk} | {column: getattr(messages[pk], column) for column in _COLUMNS}
            for pk in told
        ],
    )
    timeline.write(lines)
    moved: dict[str, list[int]] = defaultdict(list)
    for pk, was in before.items():
        if messages[pk].state != was:
            moved[str(messages[pk].state)].append(pk)
    for state, ids in moved.items():
        doorbells.ring(signals.message_state_changed, sender=Message, message_ids=ids, state=state)
    return Written(moved=sum(len(ids) for ids in moved.values()), refused=refused)


def _join(message: Message, news: News) -> bool:
    """This will move one message in memory, and tell whether it has failed by this news."""
    was = State(message.state)
    if _is_stale(message, news):
        return False
    new = join(was, news.state)
    is_last_call = news.attempt in {0, message.attempt}
    if is_last_call or message.provider_message_id is None:
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
        message.error_code, message.error_detail, message.trace_id = None, "", ""
    if new is not was:
        message.state, message.is_pending, message.call_expires_at = new, False, None
        message.reason = "provider_failed" if new is State.FAILED else ""
        message.needs_attention = new is State.FAILED
    return new is State.FAILED and new is not was


def _is_stale(message: Message, news: News) -> bool:
    """This will tell whether news about an earlier call say nothing of the message any more.

    That an earlier copy has arrived is always worth knowing. That it has failed is not, for
    a new call is wanted or under way; nor that it had left before it failed.
    """
    was = State(message.state)
    is_known_by_id_alone = news.attempt == 0 and was in SETTLED_BY_STATUS
    is_earlier_call = news.attempt not in {0, message.attempt} or was is State.QUEUED
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


def _line(message: Message, news: News, now: datetime) -> dict[str, Any]:
    return timeline.line(
        message_id=message.pk,
        kind=DeliveryEvent.Kind(news.state),
        at=news.at,
        now=now,
        attempt=news.attempt or message.attempt,
        error_code=news.code,
        detail=news.detail,
    )
