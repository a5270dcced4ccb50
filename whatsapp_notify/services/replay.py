"""Webhooks of the past, read again from their raw bytes.

Brings back what a restored backup lacks, or what an older version has misunderstood. See
Note [A replay brings back and begins nothing].
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Length

from whatsapp_notify import conf, signals
from whatsapp_notify.exceptions import WhatsAppNotifyError
from whatsapp_notify.models import Identity, UnreadWebhook, WebhookEvent
from whatsapp_notify.services import patience, replaying, rereading, unmatched, webhooks
from whatsapp_notify.services.replaying import Replay
from whatsapp_notify.services.rereading import Reading

#: Webhooks whose statuses are joined in one transaction, up to so many bytes.
BATCH = 200
_BATCH_BYTES = 8 * 1024 * 1024


class BadSpan(WhatsAppNotifyError):
    """Webhooks of that time cannot be read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay has read, and what it has brought back."""

    webhooks: int = 0
    #: Lines that timelines lacked.
    statuses: int = 0
    #: Messages of ours that have another state now.
    messages: int = 0
    #: Messages of customers.
    inbound: int = 0
    #: Records of the ledger.
    consents: int = 0
    survey_answers: int = 0
    #: Webhooks with something that could not be read; they are in quarantine. Dropped ones are not
    #: counted.
    unreadable: int = 0

    @property
    def is_unchanged(self) -> bool:
        found = (self.statuses, self.messages, self.inbound, self.consents, self.survey_answers)
        return not any(found)


_COUNTED = {
    signals.message_received: "inbound",
    signals.consent_changed: "consents",
    signals.survey_answered: "survey_answers",
}


class _Run:
    """One run: does units of work and counts what they would have rung."""

    def __init__(self, replay: Replay) -> None:
        self.count: Counter[str] = Counter()
        self._replay = replay
        #: A message that moves twice is one message.
        self._moved: set[int] = set()

    def do(self, work: Callable[[], int | None]) -> None:
        """This will do one unit, once more while the database is busy, and count it."""

        def attempt() -> int | None:
            self._replay.rung.clear()
            return work()

        self.count["statuses"] += patience.with_database(attempt) or 0
        for signal, told in self._replay.rung:
            if signal is signals.message_state_changed:
                self._moved.update(told["message_ids"])
            elif name := _COUNTED.get(signal):
                self.count[name] += 1

    def result(self) -> Replayed:
        return Replayed(messages=len(self._moved), **self.count)


def span(*, since: datetime, until: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """This will check which time can be read again.

    Raises:
        BadSpan: It is empty, lies in the future, or began before the oldest bytes that are kept.
    """
    end = now if until is None else until
    if since > now or end > now:
        raise BadSpan("That time has not come yet.")
    if end <= since:
        raise BadSpan("The end is not after the beginning.")
    days = conf.load().WEBHOOK_RETENTION_DAYS
    limit = now - timedelta(days=days)
    if since < limit:
        raise BadSpan(
            f"Raw webhooks are kept for {days} days (WEBHOOK_RETENTION_DAYS); what came before "
            f"{limit:%Y-%m-%d %H:%M} UTC is gone. Begin then or later."
        )
    return since, end


def selection(
    *, since: datetime, until: datetime, with_quarantined: bool = False
) -> QuerySet[WebhookEvent]:
    """This will return the webhooks that came in a time; what waits is left to the worker."""
    events = _no_longer_waiting().filter(received_at__gte=since, received_at__lt=until)
    return events if with_quarantined else events.filter(is_quarantined=False)


def replay(
    *,
    events: QuerySet[WebhookEvent],
    now: datetime,
    is_dry: bool = False,
    batch: int = BATCH,
    on_read: Callable[[Collection[int]], None] | None = None,
) -> Replayed:
    """This will read webhooks again, oldest first, and bring back what is missing.

    Statuses, customers' messages, opt-outs, preferences and survey answers; each by the time
    at which it happened, so that nothing old wins over what came later. What Meta told of
    templates, the number and the account is passed over: it is not true any more. Idempotent;
    it may run beside workers, and be broken off. Dry, each batch is taken back, so that a
    customer's message that is missing and was told twice may be counted twice.

    Args:
        on_read: Takes the ids of the webhooks that have been read, batch by batch.
    """
    oldest = events.order_by("received_at", "id").values_list("received_at", flat=True).first()
    if oldest is None:
        return Replayed()
    with replaying.begin(former=_former(oldest)) as current:
        run = _Run(current)
        for ids in _batches(events, batch):
            # Those of them that are still meant: one may have begun to wait for the worker.
            read = _replay_batch(events.filter(pk__in=ids), run, now=now, is_dry=is_dry)
            run.count["webhooks"] += len(read)
            if on_read is not None:
                on_read(read)
        if not is_dry:
            # Statuses that it has kept for a message, and that are too old to wait for one.
            unmatched.match_all(now=now)
    return run.result()


def read_again(*, ids: Sequence[int], now: datetime) -> tuple[Replayed, frozenset[int]]:
    """This will read some webhooks again; those that wait to be read are left out.

    Returns:
        What was brought back, and the ids of those that were read.
    """
    read: set[int] = set()
    done = replay(events=_no_longer_waiting().filter(pk__in=ids), now=now, on_read=read.update)
    return done, frozenset(read)


def read_waiting(*, now: datetime, is_dry: bool = False) -> Replayed:
    """This will read what waits as a replay, so that no worker reads it and answers.

    See Note [What was read is not read anew] of ``quarantine``. Each webhook waits until all that
    is in it is back, so that a run that dies loses nothing. Those that broke off their processing
    three times are left to the worker, which puts them into quarantine.
    """
    events = WebhookEvent.objects.filter(unread__attempts__lt=webhooks.MAX_ATTEMPTS)
    return replay(events=events, now=now, is_dry=is_dry)


def _no_longer_waiting() -> QuerySet[WebhookEvent]:
    """Those that have been read, or stand in quarantine."""
    return WebhookEvent.objects.filter(unread=None)


def _former(since: datetime) -> replaying.Former:
    former: dict[tuple[str, str], list[tuple[datetime, int]]] = defaultdict(list)
    rows = Identity.objects.filter(ended_at__gt=since).order_by("ended_at", "id")
    for kind, value, ended_at, contact_id in rows.values_list(
        "kind", "value", "ended_at", "contact_id"
    ):
        if ended_at is not None:
            former[kind, value].append((ended_at, contact_id))
    return former


def _batches(events: QuerySet[WebhookEvent], size: int) -> Iterator[list[int]]:
    """This will walk along the time, without an offset that would be counted again and again."""
    rows = events.order_by("received_at", "id")
    last = Q()
    while True:
        found = list(
            rows.filter(last)
            .annotate(size=Length("body"))
            .values_list("id", "received_at", "size")[:size]
        )
        if not found:
            return
        ids: list[int] = []
        total = 0
        for pk, received_at, length in found:
            total += length
            if ids and total > _BATCH_BYTES:
                break
            ids.append(pk)
            last = Q(received_at__gt=received_at) | Q(received_at=received_at, id__gt=pk)
        yield ids


def _replay_batch(
    events: QuerySet[WebhookEvent], run: _Run, *, now: datetime, is_dry: bool
) -> list[int]:
    """This will read the webhooks that are still there, and return their ids."""
    rows = events.annotate(was_unread=UnreadWebhook.of_webhook()).order_by("received_at", "id")
    readings = [rereading.read(event, was_unread=event.was_unread) for event in rows]
    if is_dry:
        run.do(partial(_try, readings))
    else:
        run.do(partial(rereading.apply_statuses, readings))
        # Each in its own transaction: customers' rows are held for no longer than that.
        for reading in readings:
            if reading.has_more:
                run.do(partial(rereading.apply_the_rest, reading))
        run.do(partial(_write_outcomes, readings))
    run.count["unreadable"] += sum(reading.needs_person for reading in readings)
    return [reading.event.pk for reading in readings]


def _write_outcomes(readings: Sequence[Reading]) -> None:
    with transaction.atomic():
        rereading.write_outcomes(readings)


def _try(readings: Sequence[Reading]) -> int:
    with transaction.atomic():
        lines = rereading.apply_statuses(readings)
        for reading in readings:
            rereading.apply_the_rest(reading)
        transaction.set_rollback(True)
    return lines
