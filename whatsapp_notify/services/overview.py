"""What the overview page shows: a handful of queries, each over an index or a small table."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.apps import apps
from django.db.models import Case, Count, IntegerField, Max, Min, Q, QuerySet, Value, When
from django.utils import timezone

from whatsapp_notify.domain.statuses import FINAL, State
from whatsapp_notify.models import Message, Sender, ShopEvent, Template, WebhookEvent
from whatsapp_notify.services import heartbeats, silence, webhooks

DAYS = 7
HOURS = 12
#: A part that has not been seen for longer is told to be down.
ALIVE = timedelta(minutes=2)
#: The latest events among which failed ones are counted.
_LATEST_EVENTS = 1000
_REASONS_SHOWN = 8
_TEMPLATES_SHOWN = 20
_BROKEN = frozenset({State.FAILED, State.IN_DOUBT, State.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Messages of a period by state."""

    by_state: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.by_state.values())

    @property
    def finished(self) -> int:
        """Messages of which nothing more is awaited; shares are shares of these."""
        return sum(self.by_state.get(state, 0) for state in FINAL)

    def count(self, states: Iterable[str]) -> int:
        """This will add up the messages in some states."""
        return sum(self.by_state.get(state, 0) for state in states)

    def percent(self, state: str) -> float | None:
        """This will give a final state's share; None for others and where none is finished."""
        if state not in FINAL or not self.finished:
            return None
        return 100 * self.by_state.get(state, 0) / self.finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    day: date
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCount:
    """Messages that were not delivered for the same reason."""

    reason: str
    error_code: int | None
    count: int
    #: When the newest of them was planned.
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the machinery and its last sign of life."""

    name: str
    at: datetime | None
    is_alive: bool
    #: Of the webhook: since when messages leave and nothing is heard of them.
    silent_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    waiting: int
    #: Waits although its time has come.
    overdue: int
    #: When the message that waits longest was due; None where none is due.
    oldest_due_at: datetime | None
    #: (start of the hour, messages due in it), for the hours ahead.
    by_hour: tuple[tuple[datetime, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A periodic task of ours in django-celery-beat."""

    name: str
    task: str
    last_at: datetime | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    senders: tuple[Sender, ...]
    today: Tally
    week: Tally
    #: Oldest first, today last.
    days: tuple[Day, ...]
    failures: tuple[ReasonCount, ...]
    blocked: tuple[ReasonCount, ...]
    queue: Queue
    in_doubt: int
    needs_attention: int
    parts: tuple[Part, ...]
    webhooks_waiting: int
    oldest_webhook_at: datetime | None
    quarantined: int
    events_waiting: int
    events_failed: int
    templates_total: int
    #: Stopped by themselves, paused or rejected.
    templates_broken: tuple[Template, ...]
    #: None where django-celery-beat is not installed.
    runs: tuple[Run, ...] | None


def overview(*, now: datetime) -> Overview:
    """This will gather the state of the whole machinery; changes nothing."""
    rows = _week(now)
    days = tuple(_days(rows, now))
    doubt = _attention()
    unread = webhooks.waiting().aggregate(count=Count("pk"), oldest=Min("received_at"))
    return Overview(
        senders=tuple(Sender.objects.order_by("pk")),
        today=days[-1].tally,
        week=_tally(rows),
        days=days,
        failures=_reasons(rows, _BROKEN),
        blocked=_reasons(rows, {State.BLOCKED, State.EXPIRED}),
        queue=_queue(now),
        in_doubt=doubt.get(State.IN_DOUBT, 0) + doubt.get(State.UNKNOWN, 0),
        needs_attention=sum(doubt.values()),
        parts=_parts(now),
        webhooks_waiting=unread["count"],
        oldest_webhook_at=unread["oldest"],
        quarantined=WebhookEvent.objects.filter(is_quarantined=True).count(),
        events_waiting=ShopEvent.objects.filter(is_pending=True).count(),
        events_failed=_failed_events(),
        templates_total=Template.objects.count(),
        templates_broken=tuple(broken_templates()[:_TEMPLATES_SHOWN]),
        runs=_runs(now),
    )


def _week(now: datetime) -> list[dict[str, Any]]:
    """This will count a week's messages by day, state, reason and code, in one index range."""
    starts = [_midnight(now, back) for back in range(DAYS)]
    # Plain comparisons: SQLite would call back into Python for each row to cut off the time.
    day = Case(
        *(When(created_at__gte=start, then=Value(back)) for back, start in enumerate(starts)),
        output_field=IntegerField(),
    )
    rows = (
        Message.objects.filter(created_at__gte=starts[-1])
        .values("state", "reason", "error_code", back=day)
        .order_by()
        .annotate(count=Count("pk"), last_at=Max("created_at"))
    )
    return [dict(row) for row in rows]


def _midnight(now: datetime, days_back: int) -> datetime:
    day = timezone.localdate(now) - timedelta(days=days_back)
    return timezone.make_aware(datetime.combine(day, time.min))


def _tally(rows: Iterable[Mapping[str, Any]]) -> Tally:
    counter: Counter[str] = Counter()
    for row in rows:
        counter[row["state"]] += row["count"]
    return Tally(by_state=dict(counter))


def _days(rows: list[dict[str, Any]], now: datetime) -> Iterable[Day]:
    for back in reversed(range(DAYS)):
        day = timezone.localdate(now) - timedelta(days=back)
        yield Day(day=day, tally=_tally(row for row in rows if row["back"] == back))


def _reasons(rows: list[dict[str, Any]], states: Iterable[State]) -> tuple[ReasonCount, ...]:
    wanted = set(states)
    counts: Counter[tuple[str, int | None]] = Counter()
    last: dict[tuple[str, int | None], datetime] = {}
    for row in rows:
        if row["state"] not in wanted:
            continue
        # An expired message carries the reason that held it back, or none.
        key = (row["reason"] or row["state"], row["error_code"])
        counts[key] += row["count"]
        last[key] = max(last.get(key, row["last_at"]), row["last_at"])
    return tuple(
        ReasonCount(reason=reason, error_code=code, count=count, last_at=last[reason, code])
        for (reason, code), count in counts.most_common(_REASONS_SHOWN)
    )


def _queue(now: datetime) -> Queue:
    first = now.replace(minute=0, second=0, microsecond=0)
    hours = [first + timedelta(hours=number) for number in range(HOURS)]
    by_hour = {
        f"hour_{number}": Count(
            "pk", filter=Q(due_at__gte=max(start, now), due_at__lt=start + timedelta(hours=1))
        )
        for number, start in enumerate(hours)
    }
    is_due = Q(due_at__lte=now)
    found = Message.objects.filter(is_pending=True).aggregate(
        waiting=Count("pk"),
        overdue=Count("pk", filter=is_due),
        oldest=Min("due_at", filter=is_due),
        **by_hour,
    )
    return Queue(
        waiting=found["waiting"],
        overdue=found["overdue"],
        oldest_due_at=found["oldest"],
        by_hour=tuple((start, found[f"hour_{number}"]) for number, start in enumerate(hours)),
    )


def _attention() -> dict[str, int]:
    rows = Message.objects.filter(needs_attention=True).values_list("state").order_by()
    return dict(rows.annotate(count=Count("pk")))


def _parts(now: datetime) -> tuple[Part, ...]:
    seen = heartbeats.seen(now=now)
    return tuple(
        Part(
            name=name,
            at=at,
            is_alive=at is not None and now - at <= ALIVE,
            silent_since=seen.get(silence.TOLD) if name == heartbeats.WEBHOOK else None,
        )
        for name in (heartbeats.WORKER, heartbeats.BEAT, heartbeats.WEBHOOK)
        for at in (seen.get(name),)
    )


def _failed_events() -> int:
    latest = ShopEvent.objects.order_by("-pk").values_list("state", flat=True)[:_LATEST_EVENTS]
    return sum(state == ShopEvent.State.FAILED for state in latest)


def broken_templates() -> QuerySet[Template]:
    """This will find templates that stopped by themselves, or that Meta paused or rejected."""
    status = Template.Status
    broken = Q(stopped_at__isnull=False) | Q(
        status__in=[status.PAUSED, status.REJECTED, status.DISABLED]
    )
    return Template.objects.filter(broken).defer("components").order_by("name", "language")


def _runs(now: datetime) -> tuple[Run, ...] | None:
    if not apps.is_installed("django_celery_beat"):
        return None
    tasks = (
        apps.get_model("django_celery_beat", "PeriodicTask")
        ._default_manager.filter(enabled=True, task__startswith="whatsapp_notify.")
        .select_related("interval", "crontab", "solar", "clocked")
        .order_by("name")
    )
    return tuple(_run(task, now) for task in tasks)


def _run(task: Any, now: datetime) -> Run:
    last_at = task.last_run_at
    remaining = task.schedule.remaining_estimate(last_at or now)
    return Run(
        name=task.name,
        task=task.task,
        last_at=last_at,
        next_at=None if remaining is None else max(now + remaining, now),
    )
