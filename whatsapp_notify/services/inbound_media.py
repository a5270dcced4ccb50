"""Files that customers send: fetched from Meta alone, looked at, and kept for a time.

# Note [The row knows the file]
The name is chosen and committed before the first byte is written, and the bytes go to a partial
file beside it. So whatever dies in between, the next try, or the end of the row, finds what lies
there: nothing of a customer's is left that no row knows of.
"""

import base64
import hashlib
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import BufferedRandom
from pathlib import Path

from django.db.models import F, Q, QuerySet

from whatsapp_notify import conf, signals
from whatsapp_notify.backends.cloud_api import graph_client
from whatsapp_notify.cloud_api.client import GraphClient
from whatsapp_notify.cloud_api.exceptions import GraphError, GraphUnavailable
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.domain import file_types
from whatsapp_notify.models import InboundMedia, InboundMessage, Message
from whatsapp_notify.services import doorbells, replaying

logger = logging.getLogger(__name__)

State = InboundMedia.State

#: Meta keeps files of customers for so long.
#: Source: WhatsApp Cloud API, "Media", read 2026-11.
KEPT_BY_META = timedelta(days=7)
#: Pause after a try that failed, by its number; after the last the file is given up.
PAUSES = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))
#: What was taken up is left to its worker for so long.
LEASE = timedelta(minutes=5)
#: A file that comes so long after news of an order is about that order.
_ABOUT_ORDER = timedelta(days=14)

_PARTIAL = ".part"
_CHUNK = 100


def note(*, inbound: InboundMessage, content: contents.Media, now: datetime) -> InboundMedia:
    """This will note that a message has a file, to be fetched if files are kept.

    Joined to the order that the customer was last told of, where it may be a receipt. Needs the
    transaction of the message.
    """
    is_kept = bool(conf.load().MEDIA_DIRECTORY) and content.kind in file_types.KINDS
    is_late = inbound.sent_at + KEPT_BY_META < now or replaying.is_on()
    row = InboundMedia(
        inbound=inbound,
        media_id=content.media_id[:200],
        kind=content.kind[:10],
        declared_type=content.mime_type[:100],
        filename=Path(content.filename.replace("\\", "/")).name[:255],
        sha256=content.sha256[:64],
        order_ref=_order_ref(inbound, content),
    )
    if not is_kept:
        row.state, row.reason = State.REFUSED, "not_kept"
    elif is_late:
        row.state, row.reason = State.FAILED, "expired"
    else:
        row.due_at = now
        doorbells.ring(signals.media_due, sender=InboundMedia)
    row.save()
    if row.order_ref:
        inbound.order_ref = row.order_ref
        inbound.save(update_fields=["order_ref"])
    return row


def fetch_due(*, now: datetime, client: GraphClient | None = None) -> int:
    """This will fetch files that wait, one after the other; HTTP in no transaction.

    Returns:
        How many were taken up.
    """
    total = 0
    if not conf.load().MEDIA_DIRECTORY:
        return total
    while (row := _take(now)) is not None:
        _fetch(row, client or graph_client(), now)
        total += 1
    return total


def is_due(*, now: datetime) -> bool:
    """This will tell whether a file waits to be fetched."""
    return InboundMedia.objects.filter(due_at__lte=now).exists()


def delete_old(*, now: datetime) -> int:
    """This will delete files whose time is over; the rows stay, and say so."""
    if not conf.load().MEDIA_DIRECTORY:
        return 0  # whoever took the directory away has what lies there
    old = list(InboundMedia.objects.filter(delete_at__lte=now).order_by("id")[:_CHUNK])
    for row in old:
        _remove(row)
        InboundMedia.objects.filter(pk=row.pk).update(
            state=State.DELETED, file="", delete_at=None, filename=""
        )
    return len(old)


def join_order(*, media: InboundMedia, order_ref: str) -> None:
    """This will say by hand which order a file is about; empty for none."""
    InboundMedia.objects.filter(pk=media.pk).update(order_ref=order_ref)
    InboundMessage.objects.filter(pk=media.inbound_id).update(order_ref=order_ref)


def _order_ref(inbound: InboundMessage, content: contents.Media) -> str:
    """This will find the order that a receipt is about: of the message it answers, or the last."""
    if inbound.answers is not None and inbound.answers.order_ref:
        return inbound.answers.order_ref
    if content.kind not in {"image", "document"}:
        return ""
    told = Message.objects.filter(
        ~Q(order_ref=""),
        contact_id=inbound.contact_id,
        called_at__gt=inbound.sent_at - _ABOUT_ORDER,
        called_at__lte=inbound.sent_at + timedelta(seconds=1),
    )
    return told.order_by("-id").values_list("order_ref", flat=True).first() or ""


def _take(now: datetime) -> InboundMedia | None:
    """This will leave one file to this process: see Note [The row knows the file]."""
    for row in InboundMedia.objects.filter(due_at__lte=now).order_by("due_at", "id")[:_CHUNK]:
        name = row.file.name or _new_name()
        mine = InboundMedia.objects.filter(pk=row.pk, due_at=row.due_at, tries=row.tries)
        if mine.update(due_at=now + LEASE, tries=F("tries") + 1, file=name):
            row.tries, row.due_at = row.tries + 1, now + LEASE
            row.file.name = name
            return row
    return None


def _new_name() -> str:
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name}"


def _fetch(row: InboundMedia, client: GraphClient, now: datetime) -> None:
    kind = file_types.KINDS[row.kind]
    with _partial(row) as file:
        try:
            client.download_media(media_id=row.media_id, max_bytes=kind.max_bytes, to=file)
        except GraphUnavailable as err:
            logger.warning(
                "A file could not be fetched",
                extra={"media": row.pk, "fault": type(err).__name__},
            )
            _try_later(row, now)
            return
        except GraphError as err:
            logger.warning("Graph refused a file", extra={"media": row.pk, "code": err.code})
            if _is_gone(err):
                _end(row, State.FAILED, "expired")
            else:
                _try_later(row, now)  # a token that has expired may be replaced
            return
        except ValueError:
            _end(row, State.REFUSED, "too_large")
            return
        problem, found = _problem_of(row, file)
        if problem:
            _end(row, State.REFUSED, problem, detected_type=found)
            return
        size = file.seek(0, os.SEEK_END)
        file.flush()
        os.fsync(file.fileno())
        _partial_path(row).replace(row.file.path)
    days = timedelta(days=conf.load().MEDIA_RETENTION_DAYS)
    _end(
        row,
        State.KEPT,
        "",
        detected_type=found,
        size=size,
        fetched_at=now,
        delete_at=row.inbound.received_at + days,
    )


def _problem_of(row: InboundMedia, file: BufferedRandom) -> tuple[str, str]:
    """This will return why a file is not kept, empty if it is, and what it is."""
    file.flush()
    found = file_types.detect(file, kind=row.kind)
    file.seek(0)
    if row.sha256 and not _is_same_hash(row.sha256, hashlib.file_digest(file, "sha256").digest()):
        return "hash", found
    if not file_types.is_kept(kind=row.kind, declared=row.declared_type, found=found):
        return "type", found
    if row.declared_type and not file_types.is_told_truly(declared=row.declared_type, found=found):
        return "type_lies", found
    return "", found


def _is_same_hash(told: str, digest: bytes) -> bool:
    # Meta writes it in Base64 in webhooks, and in hex when asked.
    return told in {digest.hex(), base64.b64encode(digest).decode()}


def _is_gone(err: GraphError) -> bool:
    # Graph's words for an id that it does not know (any more).
    return err.http_status in {400, 404} and err.code in {100, 131052, None}


def _try_later(row: InboundMedia, now: datetime) -> None:
    if row.tries > len(PAUSES):
        _end(row, State.FAILED, "unavailable")
        return
    _mine(row).update(due_at=now + PAUSES[row.tries - 1])


def _end(row: InboundMedia, state: InboundMedia.State, reason: str, **values: object) -> None:
    is_kept = state == State.KEPT
    name = {} if is_kept else {"file": ""}
    if _mine(row).update(state=state, reason=reason, due_at=None, **name, **values) and not is_kept:
        _remove(row)


def _mine(row: InboundMedia) -> QuerySet[InboundMedia]:
    return InboundMedia.objects.filter(pk=row.pk, tries=row.tries, due_at__isnull=False)


@contextmanager
def _partial(row: InboundMedia) -> Iterator[BufferedRandom]:
    """This will open the partial file, readable by its owner alone, and remove what is left."""
    partial = _partial_path(row)
    partial.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with open(partial, "w+b", opener=_private) as file:  # Path has no opener
            yield file
    finally:
        partial.unlink(missing_ok=True)


def _partial_path(row: InboundMedia) -> Path:
    return Path(f"{row.file.path}{_PARTIAL}")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _remove(row: InboundMedia) -> None:
    if row.file:
        Path(row.file.path).unlink(missing_ok=True)
        _partial_path(row).unlink(missing_ok=True)
