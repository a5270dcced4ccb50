"""A shop to be tortured: its database, its customers, its clock, and Graph beside it."""

from __future__ import annotations

import itertools
import logging
import mmap
import secrets
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from django.core.management.color import no_style
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from demo_shop.models import Order
from tests import factories, shop
from tests.torture import ledger
from tests.torture.ledger import Call, Graph
from whatsapp_notify.cloud_api import signature
from whatsapp_notify.models import Contact, Identity, Message
from whatsapp_notify.receivers import queue
from whatsapp_notify.services import outbox, reconcile, senders

#: Tables that migrations have filled; all others are emptied by ``World.reset``.
_KEPT_TABLES = frozenset({"django_migrations", "django_content_type", "auth_permission"})

#: The clock may be moved far before a message is sent.
_LIFETIME = timedelta(days=90)

#: Short, so that answers that never come do not keep the kit waiting.
CALL_DEADLINE_SECONDS = 0.5

_SETTINGS = {
    "BACKEND": "whatsapp_notify.backends.cloud_api.CloudApiBackend",
    "MESSAGES_PER_SECOND": 1000,
    "CONCURRENCY": 8,
    "CALL_DEADLINE_SECONDS": CALL_DEADLINE_SECONDS,
    "BOT": "tests.torture.scenes.bot",
    "WATCH": [
        {
            "event": "order.shipped",
            "model": "demo_shop.Order",
            "field": "status",
            "value": "shipped",
            "since": "updated_at",
        }
    ],
}


class Clock:
    """Goes on by itself from ``factories.NOW`` and can be moved ahead.

    Processes that were forked share it: what one moves, all see.
    """

    def __init__(self) -> None:
        self._ahead = mmap.mmap(-1, 8)
        self._begun = time.monotonic()

    def __call__(self) -> datetime:
        (ahead,) = struct.unpack("d", self._ahead[:8])
        return factories.NOW + timedelta(seconds=time.monotonic() - self._begun + ahead)

    def advance(self, **units: float) -> None:
        """This will move the clock ahead: ``advance(minutes=1)``."""
        (ahead,) = struct.unpack("d", self._ahead[:8])
        self._ahead[:8] = struct.pack("d", ahead + timedelta(**units).total_seconds())


class World:
    """The database of this process's settings, with a Graph server and a clock of its own.

    Whatever is done to it is committed: no transaction may be open.
    """

    def __init__(self, *, graph: Graph) -> None:
        self.graph = graph
        self.clock = Clock()
        self.people: list[Contact] = []
        self._next_person: Iterator[Contact] = iter(())
        self._first_call = 0

    @property
    def database(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return connection.vendor

    @property
    def settings(self) -> dict[str, Any]:
        return shop.configured(**_SETTINGS, GRAPH_URL=self.graph.url)

    def reset(self, *, people: int = 40) -> None:
        """This will empty the database and let customers in who want to hear of their orders.

        Graph forgets nothing: ``calls`` leaves out those of before.
        """
        self.graph.settle()
        self._first_call = len(self.graph.calls())
        _empty_database()
        self.people = [factories.contact(now=self.clock()) for _each in range(people)]
        self._next_person = itertools.cycle(self.people)
        shop.automation()
        senders.current()
        reconcile.start(now=self.clock())

    def calls(self) -> Sequence[Call]:
        """This will return all calls since the database was emptied, oldest first."""
        return self.graph.calls()[self._first_call :]

    def queue(self, count: int, *, due_in: Sequence[float] = ()) -> list[int]:
        """This will put messages into the outbox, to one customer after the other.

        Returns:
            Their ids. ``due_in`` holds the seconds until each is due, if not now.
        """
        now = self.clock()
        rows = [
            factories.draft(
                next(self._next_person),
                now=now,
                due_at=now + timedelta(seconds=seconds),
                expires_at=now + _LIFETIME,
            )
            for seconds in due_in or [0.0] * count
        ]
        outbox.enqueue(messages=rows, now=now)
        keys = [row.key for row in rows]
        return list(
            Message.objects.filter(key__in=keys).order_by("id").values_list("id", flat=True)
        )

    def new_order(self, *, status: str = "placed") -> Order:
        """This will return an unsaved order of the next customer."""
        person = next(self._next_person)
        phone = Identity.objects.get(contact=person, kind=Identity.Kind.PHONE).value
        # By lot: forked processes would count alike.
        number = f"T{secrets.token_hex(8)}"
        return shop.new_order(number=number, phone=phone, status=status)

    def post(self, body: bytes) -> int:
        """This will post a signed webhook through the shop's address; returns the status."""
        client = Client(raise_request_exception=False)
        signed = signature.sign(body, self.settings["APP_SECRET"])
        answer = client.post(
            "/whatsapp/webhook/",
            data=body,
            content_type="application/json",
            headers={"X-Hub-Signature-256": signed},
        )
        return answer.status_code


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    """This will run Graph, set the shop up for it, and put all back afterwards.

    The database is that of the settings, with all its tables; ``World.reset`` fills it.
    """
    level = logging.root.manager.disable
    with ledger.running(folder) as graph:
        world = World(graph=graph)
        with (
            override_settings(WHATSAPP_NOTIFY=world.settings),
            mock.patch.object(timezone, "now", world.clock),
            # No broker: whoever works looks by itself for what there is to do.
            mock.patch.object(queue, "ringer", mock.Mock(spec=queue.ringer)),
        ):
            # Thousands of killed processes have much to say.
            logging.disable(logging.CRITICAL)
            try:
                yield world
            finally:
                logging.disable(level)


def _empty_database() -> None:
    tables = sorted(set(connection.introspection.table_names()) - _KEPT_TABLES)
    statements = connection.ops.sql_flush(
        no_style(), tables, reset_sequences=True, allow_cascade=True
    )
    connection.ops.execute_sql_flush(statements)
