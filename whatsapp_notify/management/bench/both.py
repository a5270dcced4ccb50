"""Both directions at once: messages out, and the news of each of them in."""

import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from celery import current_app
from django.urls import reverse
from django.utils import timezone

from whatsapp_notify.domain.policy import PRIORITIES
from whatsapp_notify.management.bench import processes, seeding
from whatsapp_notify.management.bench.costs import Costs, measured
from whatsapp_notify.models import Message
from whatsapp_notify.services import delivery, webhooks

#: Customers who take turns; at 1,000 messages a second each is written to every 30 seconds.
_CUSTOMERS = 30_000
#: What Meta grants a number that sends so much. A pace set little above what is fed makes up for no
#: pause: each vacuum would add to the queue.
_GRANTED_PER_SECOND = 1000
_STEP_SECONDS = 0.1
_TICK_SECONDS = 5.0
#: How long the rest may take after the last message was fed.
_PATIENCE_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class Loop:
    """One run of both directions."""

    messages: int
    seconds: float
    costs: Costs
    report: dict[str, Any] = field(default_factory=dict)
    #: Sampled each second while messages were fed: how late the oldest was.
    queue_ages: list[float] = field(default_factory=list)
    webhook_ages: list[float] = field(default_factory=list)
    unread: int = 0
    unmoved: int = 0

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds

    @property
    def webhooks(self) -> dict[str, Any]:
        return dict(self.report["webhooks"])

    def lines(self) -> list[str]:
        """This will write what the run has shown."""
        told = self.webhooks
        return [
            (
                f"messages/s fed: {self.per_second:,.0f}; accepted {self.report['accepted']:,} of "
                f"{self.messages:,}, in {self.report['messages']:,} messages"
            ),
            (
                f"statuses told: {told['told']:,} ({told['told'] / self.seconds:,.0f}/s), answered "
                f"{told['statuses']}"
            ),
            (
                f"webhook ms: p50 {told['p50_ms']:.1f}, p95 {told['p95_ms']:.1f}, "
                f"p99 {told['p99_ms']:.1f}, longest {told['longest_ms']:.0f}"
            ),
            (
                f"queue age s: median {statistics.median(self.queue_ages):.2f}, "
                f"longest {max(self.queue_ages):.2f}"
            ),
            (
                f"age of the oldest unread webhook s: median "
                f"{statistics.median(self.webhook_ages):.2f}, longest {max(self.webhook_ages):.2f}"
            ),
            (
                f"webhooks unread at the end: {self.unread}; messages not read at the end: "
                f"{self.unmoved}"
            ),
            "CPU of two cores: "
            + ", ".join(
                f"{name} {used / self.costs.seconds:.2f}" for name, used in self.costs.cpu.items()
            ),
        ]


def run(
    *,
    per_second: int,
    seconds: float,
    server: str,
    web_workers: int,
    workers: int,
    per_body: int,
    connections: int,
    latency: float = 0.15,
    nice: int = 0,
    way: str = "",
) -> Loop:
    """This will feed messages at a rate and let their news come back, then wait for the rest.

    Args:
        per_body: Statuses in one webhook, at most.
        connections: Over which webhooks come. How many Meta holds is not told; what it asks of a
            shop, a median of 250 ms at 3,300 webhooks a second, would be 825 at the same time.
            Source: WhatsApp Cloud API, "Throughput", 2025-11-21.
        nice: How far the worker gives way to the web server.
    """
    now = timezone.now()
    seeding.customers(count=_CUSTOMERS, now=now)
    seeding.outbox(count=0, now=now)
    with processes.running(
        SENDING_TASKS=1,
        CONCURRENCY=512,
        MESSAGES_PER_SECOND=max(_GRANTED_PER_SECOND, int(per_second * 1.2)),
        BACKEND="whatsapp_notify.backends.cloud_api.CloudApiBackend",
        **({way: True} if way else {}),
    ) as started:
        web, port = started.web(server=server, workers=web_workers)
        graph, _port = started.graph(
            *("--latency", str(latency), "--webhooks", str(port), "--per-body", str(per_body)),
            *("--path", reverse("whatsapp_notify:webhook")),
            *("--connections", str(connections)),
        )
        worker = started.worker(processes=workers, nice=nice)
        loop = Loop(messages=0, seconds=0.0, costs=Costs())
        with measured({"worker": worker, "web": web, "graph and load": graph}) as costs:
            _feed(loop, queue=started.queue, per_second=per_second, seconds=seconds)
        loop.costs = costs
        _wait(loop, queue=started.queue)
        loop.report = graph.stop()
    return loop


def _feed(loop: Loop, *, queue: str, per_second: int, seconds: float) -> None:
    """This will put messages into the outbox, step by step, and ring as a shop would."""
    begun = time.monotonic()
    contact, ticked_at, sampled_at = 0, 0.0, begun
    first = seeding.first_customer()
    while (passed := time.monotonic() - begun) < seconds:
        wanted = int(min(passed + _STEP_SECONDS, seconds) * per_second) - loop.messages
        ids = [first + (contact + number) % _CUSTOMERS for number in range(wanted)]
        contact += wanted
        seeding.messages(contact_ids=ids, now=timezone.now())
        loop.messages += wanted
        current_app.send_task("whatsapp_notify.deliver", queue=queue)
        if time.monotonic() - ticked_at >= _TICK_SECONDS:
            ticked_at = time.monotonic()
            current_app.send_task("whatsapp_notify.tick", queue=queue)
        if time.monotonic() - sampled_at >= 1.0:
            sampled_at = time.monotonic()
            _sample(loop)
        time.sleep(max(0.0, begun + passed + _STEP_SECONDS - time.monotonic()))
    loop.seconds = time.monotonic() - begun


def _sample(loop: Loop) -> None:
    now = timezone.now()
    by_priority = (delivery.due(priority=each, now=now) for each in PRIORITIES.values())
    firsts = (each.values_list("due_at", flat=True).first() for each in by_priority)
    oldest = min((each for each in firsts if each), default=now)
    loop.queue_ages.append((now - oldest).total_seconds())
    waiting = webhooks.waiting()
    received_at = waiting.values_list("received_at", flat=True).first()
    loop.webhook_ages.append((now - received_at).total_seconds() if received_at else 0.0)


def _wait(loop: Loop, *, queue: str) -> None:
    """This will let what is under way come to its end."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        loop.unread = webhooks.waiting().count()
        loop.unmoved = Message.objects.exclude(state="read").count()
        if not loop.unread and not loop.unmoved:
            return
        current_app.send_task("whatsapp_notify.tick", queue=queue)
        time.sleep(1.0)
