"""Bugs that others have shipped, to be planted into the running product; never into its code.

Each is a block in which the product has the bug: ``with written_after_the_call(): ...``. What
is forked inside the block has it, too.
"""

from __future__ import annotations

import dataclasses
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from unittest import mock

from django.db import transaction
from django.db.models import QuerySet

from whatsapp_notify import backends
from whatsapp_notify.backends.cloud_api import CloudApiBackend
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.domain.receipts import Action, Outgoing, Receipt, Refused, Unknown
from whatsapp_notify.domain.receipts import UnknownReason as Reason
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import Message, ShopEvent, Topic
from whatsapp_notify.models.set_based import update_rows
from whatsapp_notify.services import (
    claims,
    delivery,
    events,
    facts,
    news,
    receipts,
    webhooks,
)

_atomic = transaction.atomic


@contextmanager
def written_after_the_call() -> Iterator[None]:
    """Send, then write down that it was sent."""

    def send(outgoing: Outgoing, clock: Callable[[], datetime]) -> None:
        row = Message.objects.filter(pk=outgoing.message_id)
        row.update(state=State.QUEUED, is_pending=True, call_expires_at=None)
        receipt = backends.load().send(outgoing)
        row.update(state=State.CALLING, is_pending=False)
        receipts.record(answers=[(outgoing, receipt)], now=clock())

    with mock.patch.object(delivery, "deliver", _one_by_one(send, around=nullcontext)):
        yield


@contextmanager
def called_inside_the_transaction() -> Iterator[None]:
    """``calling`` is written before the call, but committed after it, locks and all."""

    def send(outgoing: Outgoing, clock: Callable[[], datetime]) -> None:
        receipt = backends.load().send(outgoing)
        receipts.record(answers=[(outgoing, receipt)], now=clock())

    with (
        mock.patch.object(claims, "commits", SimpleNamespace(transaction_of_its_own=_atomic)),
        mock.patch.object(delivery, "deliver", _one_by_one(send, around=_atomic)),
    ):
        yield


def _one_by_one(send: Callable[[Outgoing, Callable[[], datetime]], None], *, around: Any) -> Any:
    """This will make a simple sender: claim one, send it, the next."""

    def deliver(*, clock: Callable[[], datetime], at_most: int | None = None, **rest: Any) -> None:
        count = 0
        while at_most is None or count < at_most:
            with around():
                claimed = claims.claim(limit=1, now=clock())
                for planned in claimed.calls:
                    send(planned.outgoing, clock)
                    count += 1
            if not claimed.seen:
                return

    return deliver


@contextmanager
def repeated_when_unanswered() -> Iterator[None]:
    """A call that timed out, or whose connection was lost, is made once more."""
    send = CloudApiBackend.send

    def send_twice(self: CloudApiBackend, outgoing: Outgoing) -> Receipt:
        receipt = send(self, outgoing)
        lost = {Reason.TIMED_OUT, Reason.CONNECTION_LOST}
        if isinstance(receipt, Unknown) and receipt.reason in lost:
            return send(self, outgoing)
        return receipt

    with mock.patch.object(CloudApiBackend, "send", send_twice):
        yield


@contextmanager
def repeated_after_500() -> Iterator[None]:
    """A server error counts as "not sent, try again"."""
    send = CloudApiBackend.send

    def send_again(self: CloudApiBackend, outgoing: Outgoing) -> Receipt:
        receipt = send(self, outgoing)
        if isinstance(receipt, Unknown) and receipt.reason is Reason.SERVER_ERROR:
            return Refused(action=Action.RETRY)
        return receipt

    with mock.patch.object(CloudApiBackend, "send", send_again):
        yield


@contextmanager
def no_unique_key() -> Iterator[None]:
    """What was told twice is there twice."""
    with mock.patch.object(events, "_row", _with_a_key_of_its_own(events._row)):
        yield


@contextmanager
def looked_up_then_inserted() -> Iterator[None]:
    """Whether it was told before is asked first (GET), and noted then (SET); no unique key."""
    record = events.record

    def record_new(*happenings: events.Happening, now: datetime) -> int:
        known = [
            ShopEvent.objects.filter(key__startswith=f"{each.key}~").exists() for each in happenings
        ]
        fresh = [each for each, is_known in zip(happenings, known, strict=True) if not is_known]
        return record(*fresh, now=now) if fresh else 0

    with no_unique_key(), mock.patch.object(events, "record", record_new):
        yield


def _with_a_key_of_its_own(row: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def changed(happening: events.Happening, *, now: datetime) -> dict[str, Any]:
        made = row(happening, now=now)
        return made | {"key": f"{made['key']}~{secrets.token_hex(4)}"}

    return changed


@contextmanager
def first_status_only() -> Iterator[None]:
    """``entry[0].changes[0].value.statuses[0]``, and nothing beside it."""

    def parse(body: bytes) -> wire.Parsed:
        parsed = wire.parse(body)
        return dataclasses.replace(parsed, statuses=parsed.statuses[:1])

    changed = SimpleNamespace(parse=parse, Parsed=wire.Parsed, MalformedBody=wire.MalformedBody)
    with mock.patch.object(webhooks, "wire", changed):
        yield


@contextmanager
def latest_status_wins() -> Iterator[None]:
    """A status is written over whatever stands there."""
    with mock.patch.object(news, "join", lambda current, reported: reported):
        yield


@contextmanager
def consent_read_too_early() -> Iterator[None]:
    """Consent is read before the transaction that commits the call."""
    claim, read = claims.claim, facts._read_consents
    early = threading.local()

    def read_earlier(contact_ids: set[int], topic_ids: Any) -> Any:
        return getattr(early, "consents", None) or read(contact_ids, topic_ids)

    def claim_later(*, limit: int, now: datetime, **rest: Any) -> claims.Claimed:
        due = Message.objects.filter(is_pending=True, due_at__lte=now)
        contact_ids = set(due.values_list("contact_id", flat=True))
        early.consents = read(contact_ids, set(Topic.objects.values_list("id", flat=True)))
        try:
            return claim(limit=limit, now=now, **rest)
        finally:
            early.consents = None

    with (
        mock.patch.object(facts, "_read_consents", read_earlier),
        mock.patch.object(claims, "claim", claim_later),
    ):
        yield


@contextmanager
def trusting_skip_locked() -> Iterator[None]:
    """SELECT ... SKIP LOCKED, which SQLite ignores, then an UPDATE that compares nothing."""

    def update(rows: Sequence[dict[str, Any]], *, same: Any = None) -> frozenset[int]:
        return update_rows(model=Message, rows=rows, same=same)

    with (
        mock.patch.object(claims, "commits", SimpleNamespace(transaction_of_its_own=nullcontext)),
        mock.patch.object(QuerySet, "select_for_update", lambda self, **options: self.all()),
        mock.patch.object(claims, "_update", update),
    ):
        yield


@contextmanager
def no_last_look() -> Iterator[None]:
    """What the gate saw is good until the call starts."""
    with mock.patch.object(claims, "look", return_value=frozenset()):
        yield
