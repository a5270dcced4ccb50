"""The courier: posts due webhooks to the shop, signed, until the shop answers 200.

The only module of the simulator that speaks HTTP.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import requests
from django.db import OperationalError, close_old_connections, connection
from django.utils import timezone

from whatsapp_notify.cloud_api.signature import sign

from . import webhooks
from .conf import SimulatorSettings, get_settings
from .models import OutboxWebhook

logger = logging.getLogger(__name__)

#: Takes address, raw body and headers; returns the HTTP status.
#: Raises: requests.RequestException when no answer came.
Transport = Callable[[str, bytes, Mapping[str, str]], int]

#: Seconds for which one courier keeps a webhook to itself.
CLAIM_SECONDS: Final = 60
#: Attempts before a webhook is given up, as Meta does after days.
MAX_ATTEMPTS: Final = 10
#: Longest pause between two attempts, in seconds.
MAX_PAUSE_SECONDS: Final = 60
#: Most webhooks looked at in one round.
ROUND_SIZE: Final = 200
#: Most statuses in one batched body.
BATCH_SIZE: Final = 1000
POLL_SECONDS: Final = 0.1
POST_TIMEOUT_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class _Parcel:
    """Webhooks that travel in one body."""

    rows: tuple[OutboxWebhook, ...]
    text: str


def http_transport() -> Transport:
    """This will return a transport that keeps its connection open, for one thread."""
    session = requests.Session()
    session.trust_env = False  # the shop is on this machine: no proxy, no .netrc

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        return session.post(
            url,
            data=body,
            headers=dict(headers),
            timeout=POST_TIMEOUT_SECONDS,
            allow_redirects=False,
        ).status_code

    return post


def deliver_due(
    now: datetime,
    *,
    transport: Transport | None = None,
    stop_event: threading.Event | None = None,
) -> int:
    """This will post all webhooks that are due, and return how many the shop took.

    Several couriers may run at once: each webhook is claimed by a conditional update. A shop
    that does not answer 200 gets it again after 1, 2, 4 ... seconds, ten times in all.
    Once the event is set no further one is begun; what is left stays due.
    Opens no transaction around the HTTP call. Without WEBHOOK_URL and APP_SECRET nothing moves.
    Raises: nothing of the shop's; database errors pass.
    """
    settings = get_settings()
    if not (settings.webhook_url and settings.app_secret):
        return 0
    due = OutboxWebhook.objects.claimable(now=now).filter(due_at__lte=now)
    rows = list(due.order_by("due_at", "id")[:ROUND_SIZE])
    if not rows:
        return 0
    post = transport or http_transport()
    singles = [[row] for row in rows if not row.batched]
    batches = [row for row in rows if row.batched][:BATCH_SIZE]
    groups = [*singles, batches] if batches else singles
    delivered = 0
    for group in groups:
        if stop_event is not None and stop_event.is_set():
            break
        delivered += _deliver(group, post=post, settings=settings, now=now)
    return delivered


def _deliver(
    group: list[OutboxWebhook], *, post: Transport, settings: SimulatorSettings, now: datetime
) -> int:
    rows = tuple(row for row in group if _claim(row, now=now))
    if not rows:
        return 0
    text = rows[0].body if len(rows) == 1 else webhooks.merged([row.body for row in rows])
    error = _post(_Parcel(rows, text), post=post, settings=settings)
    for row in rows:
        _record(row, error=error, now=now)
    return 0 if error else len(rows)


def _claim(row: OutboxWebhook, *, now: datetime) -> bool:
    rows = OutboxWebhook.objects.claimable(now=now).filter(pk=row.pk, attempts=row.attempts)
    return rows.update(claimed_until=now + timedelta(seconds=CLAIM_SECONDS)) == 1


def _post(parcel: _Parcel, *, post: Transport, settings: SimulatorSettings) -> str:
    """This will post one body and return what went wrong, or nothing."""
    body = parcel.text.encode("ascii")
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "facebookexternalua",
        "X-Hub-Signature-256": sign(body, settings.app_secret),
    }
    try:
        http_status = post(settings.webhook_url, body, headers)
    except requests.RequestException as err:
        return type(err).__name__
    return "" if http_status == 200 else f"HTTP {http_status}"


def _record(row: OutboxWebhook, *, error: str, now: datetime) -> None:
    row.attempts += 1
    row.last_error, row.claimed_until = error, None
    if not error:
        row.delivered_at = now
    elif row.attempts >= MAX_ATTEMPTS:
        row.gave_up_at = now
    else:
        pause = min(2 ** (row.attempts - 1), MAX_PAUSE_SECONDS)
        row.due_at = now + timedelta(seconds=pause)
    row.save(
        update_fields=[
            "attempts", "last_error", "claimed_until", "delivered_at", "gave_up_at", "due_at"
        ],
    )  # fmt: skip


def run_forever(stop_event: threading.Event, *, transport: Transport | None = None) -> None:
    """This will deliver until the event is set; meant for a thread of its own.

    A busy database is tried again in the next round. Raises: other database errors.
    """
    post = transport or http_transport()
    try:
        while not stop_event.wait(POLL_SECONDS):
            close_old_connections()
            try:
                deliver_due(timezone.now(), transport=post, stop_event=stop_event)
            except OperationalError:
                logger.warning("The database is busy; trying again")
    finally:
        connection.close()
