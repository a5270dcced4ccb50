"""Into the outbox: the only way by which a message comes to be."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from whatsapp_notify import signals
from whatsapp_notify.domain import policy
from whatsapp_notify.domain.policy import Block, Hold
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import DeliveryEvent, Message
from whatsapp_notify.models.set_based import insert_rows, update_rows
from whatsapp_notify.services import (
    doorbells,
    facts,
    installation,
    replaying,
    senders,
    shared_reads,
    timeline,
    together,
)

_NOT_INSERTED = {"id"}

#: Name under which messages are kept back; see Note [Several messages in one transaction].
MESSAGES = "messages"

#: Rows in one transaction.
_CHUNK = 500

_FIRST_LINES = {
    State.BLOCKED: DeliveryEvent.Kind.BLOCKED,
    State.EXPIRED: DeliveryEvent.Kind.EXPIRED,
}


def enqueue(*, messages: Sequence[Message], now: datetime) -> int:
    """This will decide about planned messages and keep each as a row, whatever the verdict.

    Takes unsaved messages with their key, contact, topic, content, due and expiry times. One
    whose key exists is left out: it was planned before. Joins the caller's transaction; the
    doorbell rings after its commit.

    Returns:
        How many rows are new; all of them where they are written with others.
    """
    if not messages or replaying.is_on():
        return 0  # see Note [A replay brings back and begins nothing]
    if together.defer(MESSAGES, messages):
        return len(messages)
    # What is decided here is decided again before each call, so that these may be a batch old.
    sender = shared_reads.once("sender", senders.current)
    this_installation = shared_reads.once("installation", lambda: installation.current(now=now))
    with transaction.atomic():
        batch = facts.Batch(
            messages=messages, sender=sender, installation=this_installation, now=now
        )
        rows = [_row(message, batch, sender_id=sender.pk) for message in messages]
        count = insert_rows(model=Message, rows=rows)
        if count:
            _begin_timelines(keys=[row["key"] for row in rows], now=now)
            if any(row["is_pending"] and row["due_at"] <= now for row in rows):
                doorbells.ring(signals.messages_due, sender=Message)
        return count


def cancel(*, message_ids: Sequence[int], actor: str, now: datetime) -> frozenset[int]:
    """This will take back messages that have not left; nothing leaves after the commit.

    Returns:
        The ids of those that were taken back.
    """
    ids = sorted(set(message_ids))
    with transaction.atomic():
        chunks = [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
        return frozenset().union(*(_cancel(chunk, actor, now) for chunk in chunks))


def _cancel(ids: Sequence[int], actor: str, now: datetime) -> frozenset[int]:
    rows = list(
        Message.objects.select_for_update(no_key=True)
        .filter(pk__in=ids, is_pending=True)
        .order_by("id")
    )
    cancelled = update_rows(
        model=Message,
        rows=[
            {
                "id": message.pk,
                "state": str(State.CANCELLED),
                "is_pending": False,
                "reason": "cancelled",
            }
            for message in rows
        ],
    )
    timeline.write(
        [
            timeline.line(
                message_id=message.pk,
                kind=DeliveryEvent.Kind.CANCELLED,
                at=now,
                now=now,
                actor=actor,
            )
            for message in rows
        ]
    )
    return cancelled


def _row(message: Message, batch: facts.Batch, *, sender_id: int) -> dict[str, Any]:
    decision = batch.decide(message)
    match decision.verdict:
        case Block(reason=reason):
            state = State.EXPIRED if reason == "expired" else State.BLOCKED
            is_pending = False
        # The sender decides again at the last moment, so only the hour is taken over here.
        case Hold(reason=reason, until=until):
            state, is_pending = State.QUEUED, True
            if reason == "quiet_hours":
                message.due_at = max(message.due_at, until)
        case _:
            state, is_pending, reason = State.QUEUED, True, ""
    message.state, message.is_pending = state, is_pending
    message.reason = "" if reason == "due" else reason
    message.checks = decision.to_json()
    message.priority = policy.PRIORITIES[batch.purpose(message)]
    message.sender_id = sender_id
    return {
        field.attname: getattr(message, field.attname)
        for field in Message._meta.concrete_fields
        if field.attname not in _NOT_INSERTED
    }


def _begin_timelines(*, keys: Sequence[str], now: datetime) -> None:
    fresh = Message.objects.filter(key__in=keys, timeline__isnull=True)
    timeline.write(
        [
            timeline.line(
                message_id=pk,
                kind=_FIRST_LINES.get(State(state), DeliveryEvent.Kind.PLANNED),
                at=now,
                now=now,
                reason=reason,
            )
            for pk, state, reason in fresh.values_list("id", "state", "reason")
        ]
    )
