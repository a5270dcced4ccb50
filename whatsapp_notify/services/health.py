"""Is all well? Figures for monitoring, each with its limits and what to do beyond them."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, QuerySet
from django.utils.translation import gettext as _

from whatsapp_notify import conf
from whatsapp_notify.domain import policy
from whatsapp_notify.models import (
    Installation,
    Message,
    Sender,
    ShopEvent,
    UnreadWebhook,
)
from whatsapp_notify.services import attention, delivery, heartbeats, silence, webhooks
from whatsapp_notify.services.attention import Kind
from whatsapp_notify.services.health_rules import COUNTED, EXIT_CODES, RULES, Level

#: The sweep looks every few seconds; only a call that it has left alone so long is worth telling.
_SWEPT_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One figure and what it means."""

    name: str
    #: Which one, where there are several: "sender 1".
    subject: str = ""
    #: None where a part never gave a sign of life.
    value: int | None
    warn_above: int | None
    bad_above: int | None
    state: Level
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """All figures of one moment."""

    at: datetime
    items: Sequence[Item]

    @property
    def state(self) -> Level:
        return max((item.state for item in self.items), key=EXIT_CODES.__getitem__)

    @property
    def exit_code(self) -> int:
        """What a command that tells it exits with: 0 ok, 1 warn, 2 bad."""
        return EXIT_CODES[self.state]

    def as_dict(self) -> dict[str, Any]:
        """This will return what monitoring reads.

        ``{"state": "ok"|"warn"|"bad", "at": ISO time, "items": [{"name", "subject", "value":
        int|null, "warn_above": int|null, "bad_above": int|null, "state", "sentence"}]}``
        """
        items = [dataclasses.asdict(item) for item in self.items]
        return {"state": str(self.state), "at": self.at.isoformat(), "items": items}


def look(*, now: datetime) -> Health:
    """This will gather all figures; changes nothing and names nobody."""
    return Health(at=now, items=[*machinery(now=now), *_waiting_for_people(), *_senders()])


def unreachable(*, now: datetime) -> Health:
    """This will tell the health of an installation whose database cannot be read."""
    item = Item(
        name="database",
        value=None,
        warn_above=None,
        bad_above=None,
        state=Level.BAD,
        sentence=_(
            "The database cannot be read: it is busy, away or damaged, or “manage.py migrate” has "
            "not run since the update. Nothing works without it."
        ),
    )
    return Health(at=now, items=[item])


def machinery(*, now: datetime) -> Sequence[Item]:
    """This will tell whether the parts run and nothing piles up before them."""
    seen = heartbeats.seen(now=now)
    worker, beat = seen.get(heartbeats.WORKER), seen.get(heartbeats.BEAT)
    unread, unread_since = _oldest_of(webhooks.waiting())
    events = ShopEvent.objects.filter(is_pending=True).order_by("pk")
    first_event = events.values_list("recorded_at", flat=True).first()
    length, oldest_due_at = _queue(now)
    figures = {
        "worker_age_seconds": None if worker is None else _seconds(worker, now),
        "beat_age_seconds": None if beat is None else _seconds(beat, now),
        "deployment_lock": int(_is_locked()),
        "queue_age_seconds": _seconds(oldest_due_at, now),
        "queue_length": length,
        "calls_overdue": _count(Message.objects.filter(call_expires_at__lt=now - _SWEPT_WITHIN)),
        "events_age_seconds": _seconds(first_event, now),
        "webhooks_waiting": unread,
        "webhooks_age_seconds": _seconds(unread_since, now),
        "webhook_silence_seconds": _seconds(silence.unanswered_since(now=now), now),
    }
    return [_item(name, value) for name, value in figures.items()]


def _waiting_for_people() -> Iterator[Item]:
    counts = {group.kind: group.count for group in attention.all_groups()}
    failed = counts[Kind.FAILED] + counts[Kind.UNREADABLE]
    yield _item("in_doubt", counts[Kind.IN_DOUBT])
    yield _item("unknown", counts[Kind.UNKNOWN])
    yield _item("failed_unseen", failed)
    yield _item("events_failed", counts[Kind.EVENTS])
    yield _item("webhooks_quarantined", counts[Kind.WEBHOOKS])
    yield _item("templates_stopped", counts[Kind.TEMPLATES])


def _senders() -> Iterator[Item]:
    for sender in Sender.objects.order_by("pk"):
        subject = f"sender {sender.pk}"
        is_open = sender.circuit_opened_at is not None
        yield _item("sender_circuit", int(is_open), subject=subject)
        yield _item("sender_red_button", int(sender.is_stopped), subject=subject)


def _item(name: str, value: int | None, *, subject: str = "") -> Item:
    rule = RULES[name]
    state = rule.judge(value)
    return Item(
        name=name,
        subject=subject,
        value=value,
        warn_above=rule.warn_above,
        bad_above=rule.bad_above,
        state=state,
        sentence=str(rule.well if state is Level.OK else rule.ill),
    )


def _seconds(since: datetime | None, now: datetime) -> int:
    return 0 if since is None else max(0, int((now - since).total_seconds()))


def _count(rows: QuerySet[Message]) -> int:
    return rows.order_by()[: COUNTED + 1].count()


def _queue(now: datetime) -> tuple[int, datetime | None]:
    """This will tell how many messages are due and since when the oldest is."""
    length, oldest = 0, []
    for priority in sorted(policy.PRIORITIES.values()):
        first = delivery.due(priority=priority, now=now)[: COUNTED + 1]
        found = first.aggregate(count=Count("pk"), oldest=Min("due_at"))
        length += found["count"]
        oldest += [found["oldest"]] if found["count"] else []
    return length, min(oldest, default=None)


def _oldest_of(unread: QuerySet[UnreadWebhook]) -> tuple[int, datetime | None]:
    found = unread[: COUNTED + 1].aggregate(count=Count("pk"), oldest=Min("received_at"))
    return found["count"], found["oldest"]


def _is_locked() -> bool:
    installation = Installation.objects.order_by("pk").first()
    return installation is not None and installation.deployment != conf.load().DEPLOYMENT
