"""Files that customers send: noted with their message, fetched by a worker, kept for a while.

# Note [A claim is a try]
The claim counts the try and says until when nobody else takes the file up; it is committed
before Graph is called. The number of the try is the mark of the claim: who comes back too late
finds another number, and changes nothing.
"""

import base64
import binascii
import logging
import random
import re
import time
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q, QuerySet

from whatsapp_notify import conf, signals
from whatsapp_notify.backends.cloud_api import graph_client
from whatsapp_notify.cloud_api.client import GraphClient
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.domain import backoff, order_refs
from whatsapp_notify.models import InboundMedia, InboundMessage, Message
from whatsapp_notify.services import doorbells, last_calls, media_download, media_files
from whatsapp_notify.services.media_download import Away, Ended, Kept, Outcome

logger = logging.getLogger(__name__)

State = InboundMedia.State

#: Meta deletes what customers sent after that.
#: Source: WhatsApp Cloud API, "Media" and changelog of 2025-09-24, read 2026-11.
LIFETIME = timedelta(days=7)
#: Longer than the two calls for one file and the turn of a worker.
LEASE = timedelta(minutes=5)
#: Files that cannot be deleted are tried again so often.
_DELETE_AGAIN = timedelta(hours=1)
#: A long backlog is fetched in turns, so that a worker that is asked to stop is not kept.
_TURN_SECONDS = 5.0
_CHUNK = 100
#: The latest of our messages whose orders a customer may speak of.
_LATEST = 50
#: What may be a receipt is about the order that we told of at last, if that is no longer ago.
_RECEIPTS = frozenset({"image", "document"})
_ABOUT_ORDER = timedelta(days=14)
_HEX = re.compile(r"[0-9a-f]{64}")
_rng = random.Random()


def note(*, inbound: InboundMessage, content: contents.Media, now: datetime) -> InboundMedia:
    """This will keep in mind that a message has a file, and have it fetched. Needs a transaction.

    Without MEDIA_DIRECTORY it is noted as not kept. An order that the customer means is joined
    to both.
    """
    is_due = media_files.are_kept()
    _join_order(inbound, content)
    row = InboundMedia.objects.create(
        inbound=inbound,
        media_id=content.media_id[:200],
        kind=content.kind[:10],
        declared_type=content.mime_type.partition(";")[0].strip()[:100],
        filename=media_files.clean_name(content.filename),
        sha256=_to_hex(content.sha256),
        state=State.DUE if is_due else State.REFUSED,
        reason="" if is_due else "not_kept",
        order_ref=inbound.order_ref,
        due_at=now if is_due else None,
    )
    if is_due:
        doorbells.ring(signals.media_due, sender=InboundMedia)
    return row


def is_due(*, now: datetime) -> bool:
    """This will tell whether a file waits to be fetched."""
    # In the order of its index: see ``delivery.due``.
    return _due(now).order_by("due_at").values_list("pk").first() is not None


def fetch_due(*, now: datetime, client: GraphClient | None = None) -> int:
    """This will fetch what is due, one file after the other, for some seconds.

    Safe to run at any time, in several processes, and twice. Where Graph does not answer it
    ends: the others would wait for the same.

    Returns:
        How many were taken up.

    Raises:
        RuntimeError: A transaction is open.
    """
    if connection.in_atomic_block:
        raise RuntimeError("Files are fetched outside of any transaction.")
    if not media_files.are_kept():
        return _due(now).update(state=State.REFUSED, reason="not_kept", due_at=None)
    total, turn_ends_at = 0, time.monotonic() + _TURN_SECONDS
    own_client = client
    while (row := _claim(now)) is not None:
        own_client = own_client or graph_client()
        total += 1
        outcome = media_download.fetch(row=row, client=own_client)
        _record(row, outcome, now)
        if isinstance(outcome, Away):
            break
        if time.monotonic() > turn_ends_at:
            if is_due(now=now):
                doorbells.ring(signals.media_due, sender=InboundMedia)
            break
    if own_client is not None and client is None:
        own_client.close()
    return total


def set_order(*, media: InboundMedia, order_ref: str) -> None:
    """This will join a file and its message to an order, or to none."""
    InboundMedia.objects.filter(pk=media.pk).update(order_ref=order_ref)
    InboundMessage.objects.filter(pk=media.inbound_id).update(order_ref=order_ref)
    media.order_ref = order_ref


def can_fetch_again(*, media: InboundMedia, now: datetime) -> bool:
    """This will tell whether another try makes sense: Meta still has the file, and we a place."""
    is_open = media.state == State.FAILED or media.reason == "not_kept"
    return is_open and media_files.are_kept() and now < media.inbound.sent_at + LIFETIME


def fetch_again(*, media: InboundMedia, now: datetime) -> bool:
    """This will have a file fetched after all; False where that makes no sense any more."""
    if not can_fetch_again(media=media, now=now):
        return False
    rows = InboundMedia.objects.filter(pk=media.pk, state=media.state)
    if not rows.update(state=State.DUE, reason="", due_at=now):
        return False
    doorbells.ring(signals.media_due, sender=InboundMedia)
    return True


def delete_old(*, now: datetime) -> int:
    """This will delete files after their retention, a chunk a time; their rows stay."""
    if not media_files.are_kept():
        return 0
    count = 0
    old = InboundMedia.objects.filter(delete_at__lte=now).order_by("delete_at", "id")
    for row in old[:_CHUNK]:
        same = InboundMedia.objects.filter(pk=row.pk, delete_at=row.delete_at)
        # The file first: who dies in between comes again.
        if not _is_deleted(str(row.file.name)):
            same.update(delete_at=now + _DELETE_AGAIN)
            continue
        count += same.update(state=State.DELETED, file="", filename="", delete_at=None)
    return count


def _due(now: datetime) -> QuerySet[InboundMedia]:
    return InboundMedia.objects.filter(due_at__lte=now, state=State.DUE)


def _claim(now: datetime) -> InboundMedia | None:
    """See Note [A claim is a try]."""
    while True:
        row = _due(now).select_related("inbound").order_by("due_at", "id").first()
        if row is None:
            return None
        # See Note [A file is seen when it is whole] of ``media_files``.
        name = row.file.name or row.file.field.generate_filename(row, "")
        changes = {"due_at": now + LEASE, "tries": row.tries + 1, "file": name}
        if _mine(row).update(**changes):
            row.due_at, row.tries, row.file = now + LEASE, row.tries + 1, name
            return row


def _mine(row: InboundMedia) -> QuerySet[InboundMedia]:
    return InboundMedia.objects.filter(pk=row.pk, state=State.DUE, tries=row.tries)


def _record(row: InboundMedia, outcome: Outcome, now: datetime) -> None:
    name = str(row.file.name)
    match outcome:
        case Kept():
            kept_for = timedelta(days=conf.load().MEDIA_RETENTION_DAYS)
            is_mine = _mine(row).update(
                state=State.KEPT,
                reason="",
                detected_type=outcome.type,
                size=outcome.size,
                sha256=outcome.sha256,
                due_at=None,
                fetched_at=now,
                delete_at=row.inbound.received_at + kept_for,
            )
            # Whoever took over has kept the same file, or will; else nobody knows it any more.
            others = InboundMedia.objects.filter(pk=row.pk, state__in=[State.DUE, State.KEPT])
            if not is_mine and not others.exists():
                _is_deleted(name)
        case Ended(is_refused=True):
            _end(row, State.REFUSED, outcome.reason)
        case _ if now >= row.inbound.sent_at + LIFETIME:
            _end(row, State.FAILED, "expired")
        case Ended():
            _end(row, State.FAILED, outcome.reason)
        case _:
            again_at = backoff.fetch_again_at(now=now, tries=row.tries, rng=_rng)
            _mine(row).update(due_at=again_at, reason=outcome.reason)


def _end(row: InboundMedia, state: InboundMedia.State, reason: str) -> None:
    if _mine(row).update(state=state, reason=reason, due_at=None, file=""):
        _is_deleted(str(row.file.name))


def _is_deleted(name: str) -> bool:
    """This will delete a file; a disk that does not let it must stop nothing else."""
    try:
        media_files.delete(name=name)
    except OSError as err:
        logger.warning(
            "A file of a customer could not be deleted", extra={"fault": type(err).__name__}
        )
        return False
    return True


def _join_order(inbound: InboundMessage, content: contents.Media) -> None:
    """This will find the order that the customer means: answered, named, or the last one told of.

    Never another than one of the customer's own: we have written to them about it.
    """
    if inbound.order_ref:
        return
    found = inbound.answers.order_ref if inbound.answers else ""
    if not found:
        about = Q(contact_id=inbound.contact_id) & ~Q(order_ref="")
        written = Message.objects.filter(about).order_by("-id")
        known = written.values_list("order_ref", flat=True)[:_LATEST]
        found = order_refs.mentioned(content.caption, known=known) if content.caption else ""
        if not found and content.kind in _RECEIPTS:
            since, until = inbound.sent_at - _ABOUT_ORDER, inbound.sent_at + last_calls.SECOND
            told = last_calls.seen().filter(about, called_at__gt=since, called_at__lte=until)
            found = told.order_by("-id").values_list("order_ref", flat=True).first() or ""
    if found:
        inbound.order_ref = found
        inbound.save(update_fields=["order_ref"])


def _to_hex(sha256: str) -> str:
    """This will write a hash as Graph does; webhooks have it in base64. "" for what is none."""
    if _HEX.fullmatch(sha256.lower()):
        return sha256.lower()
    try:
        digest = base64.b64decode(sha256, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return digest.hex() if len(digest) == 32 else ""
