"""Messages out: through a real Celery worker, a real database and a Graph on this machine."""

import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.db import transaction
from django.utils import timezone

from whatsapp_notify.management.bench import naive, processes, seeding
from whatsapp_notify.management.bench.costs import Costs, measured, spread
from whatsapp_notify.management.bench.processes import Processes
from whatsapp_notify.models import Message
from whatsapp_notify.services import outbox

#: Only the bench's own limit: what is measured is how fast it can be.
_UNLIMITED = 20_000
_DELIVER = "whatsapp_notify.deliver"
_NAIVE_THREADS = 64
_POLL_SECONDS = 0.2
_STANDSTILL_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One round of sending."""

    messages: int
    report: dict[str, Any]
    costs: Costs
    #: Seconds from the first call to the last.
    seconds: float

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds

    @property
    def cpu_ms(self) -> float:
        """CPU of worker and database for one message."""
        return self.costs.cpu_ms("worker", "database", per=self.messages)

    @property
    def peak_megabytes(self) -> float:
        return self.costs.peak_megabytes["worker"]

    @property
    def decay(self) -> float:
        """The last quarter's rate as a share of the second's; 1.0 is none."""
        counts = self.report["per_second"][1:-1]
        quarter = len(counts) // 4
        if not quarter:
            return 1.0
        second, last = counts[quarter : 2 * quarter], counts[-quarter:]
        return statistics.mean(last) / statistics.mean(second)


def send(
    *,
    messages: int,
    workers: int,
    concurrency: int,
    latency: float,
    per_second: int = _UNLIMITED,
    tasks: int | None = None,
) -> Sent:
    """This will let a worker of ours drain an outbox of ``messages``.

    ``tasks`` of its processes send at once; all of them where it is not given.
    """
    with processes.running(
        SENDING_TASKS=tasks or workers,
        CONCURRENCY=concurrency,
        MESSAGES_PER_SECOND=per_second,
        BACKEND="whatsapp_notify.backends.cloud_api.CloudApiBackend",
    ) as started:
        _fill(messages)
        graph, _port = started.graph("--latency", str(latency))
        worker = started.worker(processes=workers)
        return _run(started, graph, worker, messages, lambda: _ring(started, workers))


def send_naively(*, messages: int, latency: float) -> Sent:
    """This will let the usual design send as many: a task each, 64 threads."""
    with processes.running(CONCURRENCY=1) as started:
        _fill(messages)
        graph, _port = started.graph("--latency", str(latency))
        worker = started.worker(processes=_NAIVE_THREADS, pool="threads")
        ids = list(Message.objects.filter(is_pending=True).values_list("pk", flat=True))

        def ring() -> None:
            for pk in ids:
                current_app.send_task(naive.SEND, args=[pk], queue=started.queue)

        return _run(started, graph, worker, messages, ring)


def latencies(*, backlog: int, count: int, workers: int, per_second: int) -> list[float]:
    """This will return, in seconds, how long urgent messages take from commit to Graph.

    Half a second apart, while a campaign of ``backlog`` messages is on its way.
    """
    with processes.running(
        SENDING_TASKS=workers,
        MESSAGES_PER_SECOND=per_second,
        BACKEND="whatsapp_notify.backends.cloud_api.CloudApiBackend",
    ) as started:
        if backlog:
            seeding.customers(count=backlog, now=timezone.now())
            seeding.outbox(count=backlog, now=timezone.now(), priority=30)
        graph, _port = started.graph("--latency", "0.15")
        started.worker(processes=workers + 1)
        current_app.conf.task_default_queue = started.queue
        _ring(started, workers)
        time.sleep(2)
        committed: dict[str, float] = {}
        for number in itertools.islice(itertools.count(seeding.urgent_customers()), count):
            phone, message = seeding.urgent(number, now=timezone.now())
            with transaction.atomic():
                outbox.enqueue(messages=[message], now=timezone.now())
            committed[phone] = time.monotonic()
            time.sleep(0.5)
        time.sleep(2)
        arrived = graph.stop()["urgent"]
    missing = committed.keys() - arrived.keys()
    if missing:
        raise processes.NotReady(f"{len(missing)} urgent messages have not arrived.")
    return [arrived[phone] - committed[phone] for phone in committed]


def lines_about(rounds: list[Sent]) -> list[str]:
    """This will write what some rounds have shown."""

    def cpu(part: str) -> str:
        return spread([each.costs.cpu_ms(part, per=each.messages) for each in rounds], digits=3)

    return [
        f"messages/s: {spread([each.per_second for each in rounds])}",
        (
            f"CPU ms a message: {spread([each.cpu_ms for each in rounds], digits=3)}: worker "
            f"{cpu('worker')}, database {cpu('database')}; beside them broker {cpu('broker')}, "
            f"Graph stub {cpu('graph')}"
        ),
        f"peak MB of a worker process: {spread([each.peak_megabytes for each in rounds])}",
    ]


def _fill(messages: int) -> None:
    now = timezone.now()
    seeding.customers(count=messages, now=now)
    seeding.outbox(count=messages, now=now)


def _ring(started: Processes, workers: int) -> None:
    for _each in range(workers):
        current_app.send_task(_DELIVER, queue=started.queue)


def _run(
    started: Processes,
    graph: processes.Process,
    worker: processes.Process,
    messages: int,
    ring: Callable[[], None],
) -> Sent:
    with measured({"worker": worker, "graph": graph}) as costs:
        ring()
        waiting, moved_at = _waiting(), time.monotonic()
        while waiting:
            time.sleep(_POLL_SECONDS)
            before, waiting = waiting, _waiting()
            if waiting != before:
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > _STANDSTILL_SECONDS:
                raise processes.NotReady(f"{waiting} messages do not leave.")
    report = graph.stop()
    if report["messages"] != messages or report["accepted"] != messages:
        raise processes.NotReady(
            f"Graph has seen {report['messages']} messages in {report['accepted']} calls "
            f"instead of {messages}."
        )
    seconds = report["last_at"] - report["first_at"]
    return Sent(messages=messages, report=report, costs=costs, seconds=seconds)


def _waiting() -> int:
    """This will tell how far the first message is that has not been sent, and 0 at the end."""
    first = Message.objects.filter(is_pending=True).order_by("priority", "due_at", "id").first()
    if first is not None:
        return first.pk
    return Message.objects.filter(call_expires_at__isnull=False).count()
