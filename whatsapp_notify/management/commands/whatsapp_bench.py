"""Measures this package on this machine, side by side in one run."""

import os
import platform
import statistics
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.test.utils import override_settings

_NEEDED = ("psutil",)
#: By web server; those with -asgi and -uvicorn run an event loop, with WebhookFirst of
#: ``webhooks.asgi``.
_NEEDED_BY = {
    "granian": ("granian",),
    "granian-asgi": ("granian",),
    "gunicorn": ("gunicorn",),
    "gunicorn-uvicorn": ("gunicorn", "uvicorn_worker"),
}
#: These start one.
_WITH_SERVER = {"webhook", "loop", "inbound"}
#: Several turns of a sending task, and what is lost between them.
_SECONDS_OF_RATE = 95


class Command(BaseCommand):
    help = (
        "Measures, in a database and a queue of its own that are removed afterwards. save: what "
        "the receiver costs an order. send: messages out through a real Celery worker. rate: "
        "whether the set rate is kept and used. latency: from commit to Graph, also during a "
        "campaign. webhook: the view under a real web server, and bodies folded into rows. loop: "
        "both directions at once. inbound: what customers write, and its answers. enqueue, "
        "plan: into the outbox. The Graph that is called runs "
        "on this machine. Needs the extra “bench”."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "what",
            choices=[
                "save", "send", "rate", "latency", "webhook", "loop", "inbound", "enqueue", "plan",
            ],
        )  # fmt: skip
        parser.add_argument("--rounds", type=int, help="How often; the spread is over them.")
        parser.add_argument("--messages", type=int, help="Messages or events of one round.")
        parser.add_argument(
            "--against", choices=["naive"], help="Measures the usual design in the same run."
        )
        parser.add_argument(
            "--processes", type=int, nargs="+", default=[2], help="Worker processes. Default: 2."
        )
        parser.add_argument(
            "--concurrency", type=int, default=256, help="Calls at once in each. Default: 256."
        )
        parser.add_argument(
            "--latency",
            type=float,
            default=0.15,
            help="Seconds until Graph answers. Default: 0.15.",
        )
        parser.add_argument(
            "--rate",
            type=int,
            help="rate, loop, inbound: messages a second. latency: of the campaign.",
        )
        parser.add_argument("--seconds", type=float, default=60.0, help="loop, inbound: how long.")
        parser.add_argument("--server", choices=_NEEDED_BY, default="gunicorn", help="Web server.")
        parser.add_argument(
            "--direct", action="store_true", help="webhook, loop: before the shop's middleware."
        )
        parser.add_argument("--nice", type=int, default=0, help="loop: of the Celery worker.")
        parser.add_argument("--per-body", type=int, nargs="+", default=[1], help="Statuses a body.")
        parser.add_argument(
            "--connections",
            type=int,
            default=128,
            help="loop: over how many the webhooks come at the same time. Default: 128.",
        )

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        needed = (*_NEEDED, *(_NEEDED_BY[options["server"]] if what in _WITH_SERVER else ()))
        missing = [name for name in needed if find_spec(name) is None]
        if missing and what != "save":
            raise CommandError(
                f'Install "whatsapp-notify[bench]": {", ".join(missing)} is missing.'
            )
        from whatsapp_notify.management.bench.database import database

        self.stdout.write(
            f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
            f"{connection.vendor}"
        )
        with database(), override_settings(DEBUG=False):
            for line in _MEASUREMENTS[what](options):
                self.stdout.write(line)


def _save(options: dict[str, Any]) -> Iterator[str]:
    from whatsapp_notify.management.bench.saving import line, time_saves

    rounds = options["rounds"] or 1000
    yield f"{rounds} saves of each kind, in turns"
    for way in ("in a transaction", "in autocommit"):
        plain, watched = time_saves(rounds=rounds, is_atomic=way == "in a transaction")
        slower = statistics.median(watched) - statistics.median(plain)
        yield f"{way}: {slower * 1000:.2f} ms slower at the median"
        yield line("without the receiver", plain)
        yield line("with the receiver", watched)


def _send(options: dict[str, Any]) -> Iterator[str]:
    from whatsapp_notify.management.bench import sending

    rounds, messages = options["rounds"] or 3, options["messages"] or 20_000
    naively = max(500, messages // 20)
    for workers in options["processes"]:
        ours, theirs = [], []
        for _round in range(rounds):
            ours.append(
                sending.send(
                    messages=messages,
                    workers=workers,
                    concurrency=options["concurrency"],
                    latency=options["latency"],
                )
            )
            if options["against"]:
                theirs.append(sending.send_naively(messages=naively, latency=options["latency"]))
        yield (
            f"{rounds} rounds of {messages:,} messages, {workers} worker processes with "
            f"{options['concurrency']} calls each, Graph after {options['latency']} s"
        )
        yield from (f"  {line}" for line in sending.lines_about(ours))
        yield f"  last quarter against the second: {min(each.decay for each in ours):.2f}"
        if theirs:
            ratio = statistics.median(each.per_second for each in ours) / statistics.median(
                each.per_second for each in theirs
            )
            yield f"naive, in turns with it: {rounds} rounds of {naively:,} messages"
            yield from (f"  {line}" for line in sending.lines_about(theirs))
            yield f"ratio of messages/s: {ratio:.1f}"


def _rate(options: dict[str, Any]) -> Iterator[str]:
    from whatsapp_notify.management.bench import sending

    rate, rounds = options["rate"] or 80, options["rounds"] or 1
    asked = [(each, tasks) for each in options["processes"] for tasks in sorted({1, each})]
    for workers, tasks in asked:
        for _round in range(rounds):
            sent = sending.send(
                messages=options["messages"] or rate * _SECONDS_OF_RATE,
                workers=workers,
                tasks=tasks,
                concurrency=options["concurrency"],
                latency=options["latency"],
                per_second=rate,
            )
            used = (sent.messages - 1) / sent.seconds / rate
            yield (
                f"{workers} worker processes, {tasks} of them sending at once, {rate} messages/s "
                "set: fullest second "
                f"{sent.report['fullest_second']}, used {used:.1%}"
            )


def _latency(options: dict[str, Any]) -> Iterator[str]:
    from whatsapp_notify.management.bench import sending
    from whatsapp_notify.management.bench.costs import spread

    count, rate = options["rounds"] or 60, options["rate"] or 80
    for backlog in (0, options["messages"] or 100_000):
        seconds = sending.latencies(
            backlog=backlog, count=count, workers=options["processes"][0], per_second=rate
        )
        quantiles = statistics.quantiles(seconds, n=20)
        yield (
            f"{count} urgent messages beside a campaign of {backlog:,} at {rate}/s, commit to "
            f"Graph: {spread([each * 1000 for each in seconds])} ms, 95 %: "
            f"{quantiles[-1] * 1000:,.0f} ms"
        )


def _webhook(options: dict[str, Any]) -> Iterator[str]:
    from whatsapp_notify.management.bench import receiving
    from whatsapp_notify.management.bench.costs import spread

    rounds, messages = options["rounds"] or 3, options["messages"] or 20_000
    server, workers = options["server"], options["processes"][0]
    receiving.accepted_messages(count=messages)
    unlimited: list[float] = []
    for per_second in (None, 1000.0):
        posted = [
            receiving.post(
                requests=messages,
                server=server,
                workers=workers,
                per_second=per_second,
                way="BENCH_IS_DIRECT" if options["direct"] else "",
            )
            for _round in range(rounds)
        ]
        yield (
            f"{'before the middleware' if options['direct'] else 'view'}, {server}, "
            f"{workers} workers, "
            f"{f'{per_second:,.0f} requests/s offered' if per_second else 'as fast as it goes'}, "
            f"{rounds} rounds of {messages:,}: {spread([each.per_second for each in posted])} "
            f"requests/s, answered {dict(sum((each.answers for each in posted), Counter()))}"
        )
        if per_second is None:
            unlimited = [each.per_second for each in posted]
        for name in ("p50_ms", "p99_ms"):
            yield f"  {name}: {spread([each.report[name] for each in posted], digits=1)}"
        cpu = [each.costs.cpu_ms("web", "database", per=each.requests) for each in posted]
        yield f"  CPU ms a request, web server and database: {spread(cpu, digits=3)}"
    if options["against"]:
        naive = receiving.post(
            requests=messages // 4,
            server=server,
            workers=workers,
            per_second=None,
            way="BENCH_IS_NAIVE",
        )
        ratio = statistics.median(unlimited) / naive.per_second
        yield (
            f"naive view, as fast as it goes: {naive.per_second:,.0f} requests/s; ratio {ratio:.1f}"
        )
    for per_body in options["per_body"]:
        folded = [
            receiving.fold(statuses=messages, per_body=per_body, workers=workers)
            for _round in range(rounds)
        ]
        cpu = [each.costs.cpu_ms("worker", "database", per=each.statuses) for each in folded]
        yield (
            f"folded, {per_body} a body, {workers} worker processes: "
            f"{spread([each.per_second for each in folded])} statuses/s, CPU ms each "
            f"{spread(cpu, digits=3)}"
        )


def _loop(options: dict[str, Any]) -> Iterator[str]:
    from whatsapp_notify.management.bench import both

    rate = options["rate"] or 500
    for per_body in options["per_body"]:
        loop = both.run(
            per_second=rate,
            seconds=options["seconds"],
            server=options["server"],
            web_workers=2,
            workers=options["processes"][0],
            per_body=per_body,
            connections=options["connections"],
            latency=options["latency"],
            nice=options["nice"],
            way="BENCH_IS_DIRECT" if options["direct"] else "",
        )
        yield (
            f"{rate} messages/s for {options['seconds']:.0f} s, {options['server']} with 2 "
            f"workers, {options['processes'][0]} Celery processes at nice {options['nice']}, "
            f"{per_body} statuses a body, {options['connections']} connections"
        )
        yield from (f"  {line}" for line in loop.lines())


def _inbound(options: dict[str, Any]) -> Iterator[str]:
    from whatsapp_notify.management.bench import listening

    rate = options["rate"] or 300
    for workers in options["processes"]:
        heard = listening.run(
            per_second=rate,
            seconds=options["seconds"],
            server=options["server"],
            workers=workers,
            latency=options["latency"],
        )
        yield (
            f"{rate} messages of customers/s for {options['seconds']:.0f} s, "
            f"{options['server']} with 2 workers, {workers} Celery processes"
        )
        yield from (f"  {line}" for line in heard.lines())


def _enqueue(options: dict[str, Any]) -> Iterator[str]:
    from whatsapp_notify.management.bench import planning
    from whatsapp_notify.management.bench.costs import spread

    rounds, messages = options["rounds"] or 3, options["messages"] or 10_000
    done = [planning.enqueue(messages=messages) for _round in range(rounds)]
    yield f"into the outbox: {spread([each.per_second for each in done])} messages/s"


def _plan(options: dict[str, Any]) -> Iterator[str]:
    from whatsapp_notify.management.bench import planning
    from whatsapp_notify.management.bench.costs import spread

    rounds, messages = options["rounds"] or 3, options["messages"] or 2_000
    done = [planning.plan(events_count=messages) for _round in range(rounds)]
    yield (
        f"from events to the outbox: {spread([each.per_second for each in done])} messages/s, "
        f"{done[0].rows:,} from {messages:,} events"
    )


_MEASUREMENTS = {
    "save": _save,
    "send": _send,
    "rate": _rate,
    "latency": _latency,
    "webhook": _webhook,
    "loop": _loop,
    "inbound": _inbound,
    "enqueue": _enqueue,
    "plan": _plan,
}
