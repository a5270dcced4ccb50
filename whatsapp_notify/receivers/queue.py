"""Doorbells: what was committed wakes a worker.

Note [A silent doorbell]
    The row is the promise, the task only a hint. So ringing may fail, and nobody waits for
    it: a thread of its own tells the broker. It must not hang either: Kombu's own patience
    with a broker that is down is six seconds, measured with 5.6 and ``retry=False``, because
    connecting is tried again all the same. Doorbells have a connection pool without that
    patience, and after one failure the process does not ring for half a minute. The tick
    finds what waits.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

from celery import Task
from django.dispatch import Signal
from kombu import Connection, pools
from kombu.exceptions import KombuError

from whatsapp_notify import signals, tasks
from whatsapp_notify.receivers.ringer import Ringer

logger = logging.getLogger(__name__)

#: Seconds without ringing after the broker could not be reached.
SILENCE_SECONDS = 30.0
_CONNECT_SECONDS = 1.0
#: Webhooks that keep coming are read together so often.
_WEBHOOKS_TOGETHER_SECONDS = 0.8
# A pooled connection that the broker has closed meanwhile is replaced, once.
_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}

_TASKS: Mapping[Signal, Task] = {
    signals.events_recorded: tasks.process_events,
    signals.messages_due: tasks.deliver,
    signals.webhooks_recorded: tasks.process_webhooks,
    signals.media_due: tasks.fetch_media,
    signals.errands_due: tasks.run_errands,
}

_silent_until = 0.0


def connect() -> None:
    """This will let our signals wake our tasks."""
    for signal, task in _TASKS.items():
        signal.connect(_Doorbell(task), weak=False, dispatch_uid="whatsapp_notify.queue")


def ring(task: Task) -> bool:
    """This will wake a worker at once. See Note [A silent doorbell].

    Returns:
        False where the broker could not be told; the tick will do.
    """
    global _silent_until
    if time.monotonic() < _silent_until:
        return False
    try:
        with pools.producers[_connection(task)].acquire(block=True) as producer:
            task.apply_async(producer=producer, retry=True, retry_policy=_RETRY_POLICY)
    except (KombuError, OSError) as err:
        _silent_until = time.monotonic() + SILENCE_SECONDS
        logger.warning(
            "The broker cannot be reached; messages wait for the tick",
            extra={"fault": type(err).__name__},
        )
        return False
    return True


class _Doorbell:
    def __init__(self, task: Task) -> None:
        self._task = task

    def __call__(self, **kwargs: Any) -> None:
        ringer.ring(self._task)


#: Asked anew for each ring, so that a test can stand in its place.
ringer = Ringer(
    tell=lambda task: ring(task),
    longest_moments={tasks.process_webhooks.name: _WEBHOOKS_TOGETHER_SECONDS},
)


def _connection(task: Task) -> Connection:
    return task.app.connection_for_write(
        connect_timeout=_CONNECT_SECONDS,
        transport_options={"max_retries": 0, "socket_connect_timeout": _CONNECT_SECONDS},
    )
