"""Webhooks in: the view under a real web server, and raw bodies folded into rows."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from celery import current_app
from django.db import connection
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from whatsapp_notify import conf
from whatsapp_notify.management.bench import bodies, load, processes, seeding
from whatsapp_notify.management.bench.costs import Costs, measured
from whatsapp_notify.management.bench.http import request
from whatsapp_notify.models import Message, UnreadWebhook, WebhookEvent
from whatsapp_notify.services import arrivals, installation, webhooks

_PROCESS = "whatsapp_notify.process_webhooks"
_POLL_SECONDS = 0.02
_WORDS = ("sent", "delivered", "read")
#: Over which webhooks are posted as fast as they go.
_CONNECTIONS = 32
#: Posted before anything is measured: so much later all threads of a web server are warm.
_WARM_UP = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One round of posting to the view."""

    requests: int
    report: dict[str, Any]
    costs: Costs

    @property
    def per_second(self) -> float:
        return float(self.report["per_second"])

    @property
    def answers(self) -> Counter[str]:
        """How many requests were answered with which status, or lost with their connection."""
        return Counter(self.report["statuses"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """One round of folding what stands in the table."""

    statuses: int
    costs: Costs

    @property
    def per_second(self) -> float:
        return self.statuses / self.costs.seconds


def post(
    *, requests: int, server: str, workers: int, per_second: float | None, way: str = ""
) -> Posted:
    """This will post single-status webhooks to a web server of the shop's.

    ``way``: through the shop's middleware, ``BENCH_IS_DIRECT`` before it, ``BENCH_IS_NAIVE``.
    """
    with processes.running(**({way: True} if way else {})) as started:
        web, port = started.web(server=server, workers=workers)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "requests"
            load.write_requests(file, _requests(port=port, count=_WARM_UP + requests))
            rate = ("--per-second", str(per_second)) if per_second else ()
            options = ("--connections", str(_CONNECTIONS), "--warm-up", str(_WARM_UP), *rate)
            poster = started.load(str(file), "--port", str(port), *options)
            with measured({"web": web}) as costs:
                poster.popen.wait()
        # What is folded afterwards is counted.
        UnreadWebhook.objects.all().delete()
        WebhookEvent.objects.all().delete()
        return Posted(requests=requests, report=poster.stop(), costs=costs)


def fold(*, statuses: int, per_body: int, workers: int) -> Folded:
    """This will let a worker read a backlog of recorded webhooks.

    They are news of messages that nothing is known of yet but that Graph has taken them: what is
    told again writes no line, and so would look quicker.
    """
    messages = -(-statuses // len(_WORDS))
    accepted_messages(count=messages)
    with processes.running() as started:
        bodies_in_turn = _bodies(per_body=per_body, messages=messages)
        for body in itertools.islice(bodies_in_turn, statuses // per_body):
            arrivals.record(body=body, now=timezone.now())
        seeding.analyze()
        worker = started.worker(processes=workers)
        with measured({"worker": worker}) as costs:
            for _each in range(workers):
                current_app.send_task(_PROCESS, queue=started.queue)
            while webhooks.waiting().exists():
                time.sleep(_POLL_SECONDS)
        return Folded(statuses=statuses, costs=costs)


def accepted_messages(*, count: int) -> None:
    """This will see to it that there are messages that Graph has accepted, to have news of."""
    now = timezone.now()
    missing = count - _accepted().count()
    seeding.customers(count=count, now=now)
    seeding.outbox(
        count=max(0, missing),
        now=now,
        state="accepted",
        attempt=1,
        is_pending=False,
        accepted_at=now,
        called_at=now,
    )
    table = connection.ops.quote_name(Message._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET provider_message_id = 'wamid.BENCH' || id "  # noqa: S608
            "WHERE provider_message_id IS NULL"
        )
    seeding.analyze()


def _accepted() -> QuerySet[Message]:
    return Message.objects.filter(state="accepted")


def _requests(*, port: int, count: int) -> Iterator[bytes]:
    path, host = reverse("whatsapp_notify:webhook"), f"127.0.0.1:{port}"
    secret = conf.load().app_secrets[0]
    for body in itertools.islice(_bodies(per_body=1, messages=count), count):
        header = bodies.signature_header(body, secret=secret)
        yield request(path=path, host=host, body=body, headers=header)


def _bodies(*, per_body: int, messages: int) -> Iterator[bytes]:
    """This will write news of accepted messages, over and over; no two bodies are alike."""
    statuses = _statuses(_accepted().order_by("id")[:messages])
    while filled := list(itertools.islice(statuses, per_body)):
        yield bodies.body(filled)


def _statuses(accepted: QuerySet[Message]) -> Iterator[str]:
    instance = installation.current(now=timezone.now()).instance
    columns = ("pk", "token", "attempt", "contact_id", "provider_message_id")
    messages = list(accepted.only(*columns))
    begun = time.time()
    for lap, word in zip(itertools.count(), itertools.cycle(_WORDS), strict=False):
        for message in messages:
            yield bodies.status(
                wamid=str(message.provider_message_id),
                word=word,
                # Read once more, a second later: another body, though nothing new.
                at=begun + lap,
                digits=seeding.phone(message.contact_id).lstrip("+"),
                opaque_id=message.opaque_id(instance=instance),
            )
