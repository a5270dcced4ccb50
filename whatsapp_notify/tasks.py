"""Celery tasks: ticks and doorbells. They carry nothing; the rows say what is to be done.

# Note [Celery carries no messages]
A lost, repeated or late task changes nothing: each drains what the database holds, and the
tick, an interval schedule, rings for what a lost doorbell forgot.

# Note [Celery repeats what it is told]
It logs the words of whatever a task raises, and hands them to its result backend. The words
of a database may quote a phone number, so that a task raises where it broke, and no words.

# Note [Processes of a pool are stopped too]
Celery does not tell the processes of a prefork pool that the worker stops; it waits for their
tasks. They share a byte of memory with the worker that forked them, which says so. systemd
sends SIGTERM to all processes of a service besides. Left alone that ends a process in the
middle of its task, and the worker then waits for that task until it is killed. While a task of
ours runs, it stops the task gracefully instead, and the worker ends the process when the task
is done.

# Note [What a process begins with stays]
Thousands of rows at a time make Python look for cycles of garbage often, each time through all
that Django and the shop have loaded: a third of the time of a claim. A process of a pool never
lets go of that, so it is put out of the collector's sight; and it looks once for a batch, not
for each few rows of it.
"""

import gc
import mmap
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from billiard.process import current_process
from celery import Task, shared_task
from celery.signals import worker_process_init, worker_shutting_down
from django.utils import timezone

from whatsapp_notify.services import (
    birthdays,
    drains,
    errands,
    events,
    faults,
    heartbeats,
    inbound_media,
    reconcile,
    sender_health,
    sweep,
    webhooks,
)

#: As many as a batch of some hundreds leaves.
_OBJECTS_BETWEEN_COLLECTIONS = 20_000


class _Stopping(threading.Event):
    """Set when the worker is asked to stop: nothing new is claimed, current calls end.

    Whoever waits for it is woken in this process only. See Note [Processes of a pool are
    stopped too].
    """

    def __init__(self) -> None:
        super().__init__()
        self._of_worker = mmap.mmap(-1, 1)

    def is_set(self) -> bool:
        return super().is_set() or self._of_worker[0] != 0

    def set_for_pool(self) -> None:
        """This will have it set in all processes that this one forks, or has forked."""
        self._of_worker[0] = 1
        self.set()


_stopping = _Stopping()
_is_pool_process = False


class TaskFailed(Exception):
    """A task broke. The lines say where; what it was about is left out of logs."""


class _Task(Task):
    """Runs ours: see Note [Celery repeats what it is told] and the one after it."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            with _heeding_the_stop():
                return super().__call__(*args, **kwargs)
        except Exception as err:  # noqa: BLE001  # whatever it is, its words stay here
            fault = faults.trace(err)
        # Outside of "except": a chained exception would be repeated with its words.
        raise TaskFailed(fault)


@contextmanager
def _heeding_the_stop() -> Iterator[None]:
    """See Note [Processes of a pool are stopped too]."""
    if not _is_pool_process:
        yield
        return
    before = signal.signal(signal.SIGTERM, _on_term)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        # It was for this task. If the worker stops, no other one comes; if it does not, the
        # next one must send.
        _stopping.clear()


def _on_term(number: int, frame: FrameType | None) -> None:
    _stopping.set()


@worker_process_init.connect(dispatch_uid="whatsapp_notify.tasks")
def _begin_pool_process(**kwargs: Any) -> None:
    global _is_pool_process
    # The solo pool says so in the worker itself, which has its own way to stop.
    _is_pool_process = current_process().name != "MainProcess"
    if _is_pool_process:
        # See Note [What a process begins with stays].
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


@worker_shutting_down.connect(dispatch_uid="whatsapp_notify.tasks")
def _stop(**kwargs: Any) -> None:
    _stopping.set_for_pool()


@shared_task(base=_Task, name="whatsapp_notify.process_events", ignore_result=True, acks_late=True)
def process_events(**kwargs: Any) -> None:
    """This will turn recorded shop events into messages."""
    events.process(now=timezone.now(), clock=timezone.now, is_stopping=_stopping.is_set)
    heartbeats.beat(name=heartbeats.WORKER, now=timezone.now())


@shared_task(base=_Task, name="whatsapp_notify.deliver", ignore_result=True, acks_late=True)
def deliver(**kwargs: Any) -> None:
    """This will send what is due; a long outbox goes on in a task of its own.

    So other tasks get their turn. At most SENDING_TASKS do it at once: the others find their
    work being done and end.
    """
    drained = drains.drain(clock=timezone.now, stop=_stopping)
    if drained.has_more and not _stopping.is_set():
        deliver.delay()
    heartbeats.beat(name=heartbeats.WORKER, now=timezone.now())


@shared_task(
    base=_Task, name="whatsapp_notify.process_webhooks", ignore_result=True, acks_late=True
)
def process_webhooks(**kwargs: Any) -> None:
    """This will read webhooks that were recorded."""
    webhooks.process(now=timezone.now(), clock=timezone.now)
    heartbeats.beat(name=heartbeats.WORKER, now=timezone.now())


@shared_task(base=_Task, name="whatsapp_notify.run_errands", ignore_result=True, acks_late=True)
def run_errands(**kwargs: Any) -> None:
    """This will ask the shop or the bot what customers' messages have left to a worker."""
    errands.run(now=timezone.now())
    heartbeats.beat(name=heartbeats.WORKER, now=timezone.now())


@shared_task(base=_Task, name="whatsapp_notify.fetch_media", ignore_result=True, acks_late=True)
def fetch_media(**kwargs: Any) -> None:
    """This will fetch files that customers have sent."""
    inbound_media.fetch_due(now=timezone.now())
    heartbeats.beat(name=heartbeats.WORKER, now=timezone.now())


@shared_task(base=_Task, name="whatsapp_notify.tick", ignore_result=True, acks_late=True)
def tick(**kwargs: Any) -> None:
    """This will move what has passed its time and ring for what waits. Every few seconds."""
    now = timezone.now()
    heartbeats.beat(name=heartbeats.BEAT, now=now)
    heartbeats.beat(name=heartbeats.WORKER, now=now)
    sweep.sweep(now=now)


@shared_task(base=_Task, name="whatsapp_notify.greet_birthdays", ignore_result=True, acks_late=True)
def greet_birthdays(**kwargs: Any) -> None:
    """This will record the birthdays whose local greeting time has come. Every 15 minutes."""
    birthdays.greet(now=timezone.now())


@shared_task(base=_Task, name="whatsapp_notify.reconcile", ignore_result=True, acks_late=True)
def reconcile_shop(**kwargs: Any) -> None:
    """This will find events that signals did not tell. Every five minutes."""
    reconcile.scan(now=timezone.now())


@shared_task(base=_Task, name="whatsapp_notify.refresh_sender", ignore_result=True, acks_late=True)
def refresh_sender(**kwargs: Any) -> None:
    """This will read the health of the sending number from Meta. Every hour."""
    sender_health.refresh(now=timezone.now())
