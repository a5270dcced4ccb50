"""What lies ahead of a message, and the webhooks that will tell of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from . import webhooks
from .conf import SimulatorSettings, get_settings
from .fates import READS_ALONE, Fate
from .models import ChatMessage, OutboxWebhook, SimulatedCustomer

#: Seconds between a webhook and its double.
DOUBLE_SECONDS: Final = 0.2
#: Batched webhooks are kept for the next full period.
BATCH_SECONDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """When a message will be sent, delivered, read, or fail."""

    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None
    error_code: int | None = None

    def moments(self) -> list[tuple[str, datetime]]:
        """This will return the statuses that come, with their moments, in order."""
        named = (
            ("sent", self.sent_at),
            ("delivered", self.delivered_at),
            ("read", self.read_at),
            ("failed", self.failed_at),
        )
        return [(name, moment) for name, moment in named if moment is not None]


def plan(
    *, fate: str, error_code: int | None, settings: SimulatorSettings, now: datetime
) -> Course:
    """This will return the course of a message accepted now."""

    def after(status: str) -> datetime:
        held = settings.held_seconds if fate == Fate.HELD else 0.0
        return now + timedelta(seconds=settings.delay_seconds(status) + held)

    if error_code is not None:
        return Course(failed_at=after("delivered"), error_code=error_code)
    return Course(
        sent_at=after("sent"),
        delivered_at=after("delivered"),
        read_at=after("read") if fate in READS_ALONE else None,
    )


def schedule_course(message: ChatMessage, *, course: Course, settings: SimulatorSettings) -> None:
    """This will queue the webhooks of all statuses that come. Call it inside a transaction.

    Raises: nothing.
    """
    moments = course.moments()
    due = _due_times(moments, fate=message.customer.fate)
    rows = [
        _status_row(message, name=name, at=at, due_at=due[name], settings=settings)
        for name, at in moments
    ]
    _queue(rows, fate=message.customer.fate, settings=settings)


def schedule_read(
    messages: list[ChatMessage], *, settings: SimulatorSettings, now: datetime
) -> None:
    """This will queue a "read" webhook for each message, posted at once."""
    if not messages:
        return
    rows = [
        _status_row(message, name="read", at=now, due_at=now, settings=settings)
        for message in messages
    ]
    _queue(rows, fate=messages[0].customer.fate, settings=settings)


def schedule(
    *,
    label: str,
    body: webhooks.Body,
    now: datetime,
    customer: SimulatedCustomer | None = None,
) -> None:
    """This will queue one webhook of any kind, posted at once unless the customer is delayed."""
    row = OutboxWebhook(customer=customer, label=label[:40], body=webhooks.encode(body), due_at=now)
    fate = customer.fate if customer else Fate.NORMAL
    _queue([row], fate=fate, settings=get_settings())


def _due_times(moments: list[tuple[str, datetime]], *, fate: str) -> dict[str, datetime]:
    names, times = [name for name, _ in moments], [at for _, at in moments]
    if fate == Fate.DISORDERED:
        times.reverse()
    return dict(zip(names, times, strict=True))


def _status_row(
    message: ChatMessage, *, name: str, at: datetime, due_at: datetime, settings: SimulatorSettings
) -> OutboxWebhook:
    # Meta prices a message in "sent" and in one of the later two.
    priced = name in {"sent", "delivered"}
    body = webhooks.status(settings=settings, message=message, name=name, at=at, priced=priced)
    return OutboxWebhook(
        customer=message.customer, label=name, body=webhooks.encode(body), due_at=due_at
    )


def _queue(rows: list[OutboxWebhook], *, fate: str, settings: SimulatorSettings) -> None:
    match fate:
        case Fate.DELAYED:
            for row in rows:
                row.due_at += timedelta(seconds=settings.delayed_seconds)
        case Fate.BATCHED:
            for row in rows:
                row.batched = row.label in ChatMessage.Status.values
                row.due_at = _next_period(row.due_at) if row.batched else row.due_at
        case Fate.DUPLICATED:
            rows = [*rows, *(_double(row) for row in rows)]
    OutboxWebhook.objects.bulk_create(rows)


def _double(row: OutboxWebhook) -> OutboxWebhook:
    values: dict[str, Any] = {
        "customer": row.customer,
        "label": row.label,
        "body": row.body,
        "due_at": row.due_at + timedelta(seconds=DOUBLE_SECONDS),
    }
    return OutboxWebhook(**values)


def _next_period(at: datetime) -> datetime:
    seconds = at.timestamp()
    return at + timedelta(seconds=BATCH_SECONDS - seconds % BATCH_SECONDS)
