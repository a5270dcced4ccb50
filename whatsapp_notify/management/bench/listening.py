"""What customers write, at a rate: from the signed POST to the answer at Graph."""

import itertools
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from celery import current_app
from django.urls import reverse
from django.utils import timezone

from whatsapp_notify import conf
from whatsapp_notify.domain.policy import LawfulBasis, Purpose
from whatsapp_notify.management.bench import bodies, load, processes, seeding
from whatsapp_notify.management.bench.costs import Costs, measured
from whatsapp_notify.management.bench.http import request
from whatsapp_notify.models import (
    AutomaticReply,
    InboundMessage,
    KeywordReply,
    Message,
    Survey,
    Topic,
)
from whatsapp_notify.services import delivery, errands, webhooks

#: Customers who take turns; each writes several times.
_CUSTOMERS = 3000
_KEYWORDS = 60
_CONNECTIONS = 32
_TICK_SECONDS = 5.0
_PATIENCE_SECONDS = 60.0
#: What ten messages are: three keywords, one letter to a person, and so on.
TEXTS = (
    "Keyword 7",
    "Can you deliver to the moon?",
    "Keyword 31, please",
    "Thanks!",
    "Where is my order?",
    "BENCH 9 all was well",
    "Keyword 58",
    "👍",
    "I have waited for three weeks now and would like to know what is going on.",
    "Stop",
)


@dataclass(slots=True, kw_only=True)
class Heard:
    """One run of customers who write."""

    messages: int
    report: dict[str, Any] = field(default_factory=dict)
    costs: Costs = field(default_factory=Costs)
    #: Sampled each second: the age of the oldest webhook that was not read yet.
    ages: list[float] = field(default_factory=list)
    #: Seconds from the last POST until all was read.
    read_seconds: float = 0.0
    #: Seconds from the last POST until all that it caused was done and had left.
    done_seconds: float = 0.0
    handled: dict[str, int] = field(default_factory=dict)
    replies: int = 0

    def lines(self) -> list[str]:
        """This will write what the run has shown."""
        handled = ", ".join(f"{name} {count:,}" for name, count in sorted(self.handled.items()))
        cpu = self.costs.cpu_ms("worker", "database", per=self.messages)
        return [
            (
                f"{self.report['per_second']:,.0f} messages/s posted, answered "
                f"{self.report['statuses']}, p50 {self.report['p50_ms']:.1f} ms, "
                f"p99 {self.report['p99_ms']:.1f} ms"
            ),
            (
                "age of the oldest unread s: median "
                f"{statistics.median(self.ages):.2f}, longest {max(self.ages):.2f}; all read "
                f"{self.read_seconds:.1f} s after the last, all answered {self.done_seconds:.1f} s"
            ),
            f"handled: {handled}; replies {self.replies:,}",
            f"CPU ms a message, worker and database: {cpu:.2f}",
            "CPU of two cores: "
            + ", ".join(
                f"{name} {used / self.costs.seconds:.2f}" for name, used in self.costs.cpu.items()
            ),
        ]


def run(*, per_second: int, seconds: float, server: str, workers: int, latency: float) -> Heard:
    """This will let customers write at a rate, and wait until all has been read."""
    now = timezone.now()
    seeding.customers(count=_CUSTOMERS, now=now)
    words()
    count = int(per_second * seconds)
    heard = Heard(messages=count)
    with processes.running(
        BACKEND="whatsapp_notify.backends.cloud_api.CloudApiBackend",
        MESSAGES_PER_SECOND=1000,
        AUTOMATIC_REPLIES_PER_HOUR=1000,
    ) as started:
        web, port = started.web(server=server, workers=2)
        graph, _port = started.graph("--latency", str(latency))
        worker = started.worker(processes=workers)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "requests"
            load.write_requests(file, _requests(port=port, count=count))
            parts = {"worker": worker, "web": web, "graph": graph}
            with measured(parts) as costs:
                poster = started.load(
                    *(str(file), "--port", str(port), "--connections", str(_CONNECTIONS)),
                    *("--per-second", str(per_second)),
                )
                _watch(heard, poster, queue=started.queue)
            heard.report = poster.stop()
        heard.costs = costs
    rows = InboundMessage.objects.values_list("handled_as", flat=True)
    for handled_as in rows:
        heard.handled[handled_as] = heard.handled.get(handled_as, 0) + 1
    heard.replies = Message.objects.filter(key__startswith="answer:").count()
    return heard


def _watch(heard: Heard, poster: processes.Process, *, queue: str) -> None:
    """This will sample how far the reading is behind, until nothing is left to do."""
    ticked_at, ended_at, deadline = 0.0, 0.0, 0.0
    while True:
        now = time.monotonic()
        if not ended_at and poster.popen.poll() is not None:
            ended_at, deadline = now, now + _PATIENCE_SECONDS
        waiting = webhooks.waiting()
        received_at = waiting.values_list("received_at", flat=True).first()
        if not ended_at:
            age = (timezone.now() - received_at).total_seconds() if received_at else 0.0
            heard.ages.append(age)
        else:
            if received_at is not None or not heard.read_seconds:
                heard.read_seconds = now - ended_at
            heard.done_seconds = now - ended_at
            if now > deadline or (received_at is None and not _is_anything_due()):
                return
        if now - ticked_at >= _TICK_SECONDS:
            ticked_at = now
            current_app.send_task("whatsapp_notify.tick", queue=queue)
        time.sleep(1.0 if not ended_at else 0.1)


def _is_anything_due() -> bool:
    """This will tell whether the bot or the shop is still to be asked, or an answer to leave."""
    now = timezone.now()
    calling = Message.objects.filter(call_expires_at__isnull=False)
    return errands.is_due(now=now) or delivery.is_due(now=now) or calling.exists()


def words() -> None:
    """This will write the shop's words that the texts are met with."""
    Topic.objects.get_or_create(
        key="bench-service",
        defaults={
            "name": "Answers",
            "purpose": Purpose.SERVICE,
            "lawful_basis": LawfulBasis.CONTRACT,
            "is_offered": False,
        },
    )
    for kind in AutomaticReply.Kind:
        AutomaticReply.objects.get_or_create(kind=kind, language="", defaults={"body": "Hello."})
    if not KeywordReply.objects.exists():
        KeywordReply.objects.bulk_create(
            [
                KeywordReply(phrases=f"keyword {number}\nword {number}", body="As you like it.")
                for number in range(_KEYWORDS)
            ]
        )
    Survey.objects.get_or_create(keyword="BENCH", defaults={"name": "Bench"})


def _requests(*, port: int, count: int) -> Iterator[bytes]:
    path, host = reverse("whatsapp_notify:webhook"), f"127.0.0.1:{port}"
    secret = conf.load().app_secrets[0]
    first, begun = seeding.first_customer(), time.time()
    texts = itertools.cycle(TEXTS)
    for number in range(count):
        # Another text each time that a customer's turn comes.
        if number and number % _CUSTOMERS == 0:
            next(texts)
        body = bodies.text(
            wamid=f"wamid.BENCHIN{number}",
            digits=seeding.phone(first + number % _CUSTOMERS).lstrip("+"),
            at=begun,
            words=next(texts),
        )
        header = bodies.signature_header(body, secret=secret)
        yield request(path=path, host=host, body=body, headers=header)
