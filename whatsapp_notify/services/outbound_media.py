"""Files that the staff send: looked at, kept, handed to WhatsApp, and deleted.

A file is kept before it is uploaded, and uploaded before a message names it; see Note [Each file
has a row] of ``models.outbound_media``.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection
from django.db.models import Q

from whatsapp_notify import backends, conf
from whatsapp_notify.domain import chat_content, file_types
from whatsapp_notify.domain.receipts import NotUploaded, Uploaded
from whatsapp_notify.models import Conversation, Message, OutboundMedia
from whatsapp_notify.services import media_files
from whatsapp_notify.services.media_files import Incoming

logger = logging.getLogger(__name__)

_MEGABYTE = 1024 * 1024
#: The most bytes of each kind. Somebody waits while it is uploaded, so that less than WhatsApp
#: takes has to do for documents.
LIMITS = {"image": file_types.LIMITS["image"], "document": 16 * _MEGABYTE}
#: For so long a file waits in a form.
_WAITS_FOR = timedelta(hours=1)
#: Longer than an upload: what is deleted sooner than that is taken by no message any more.
_MARGIN = timedelta(minutes=2)
#: Files that cannot be deleted are tried again so often.
_DELETE_AGAIN = timedelta(hours=1)
_CHUNK = 100


class Fault(StrEnum):
    """Why a file is not kept, and so not sent."""

    #: There is no place for files, or no way to send one.
    NO_PLACE = "no_place"
    EMPTY = "empty"
    TYPE = "type"
    LIE = "lie"
    TOO_LARGE = "too_large"
    DISK = "disk"


def are_sent() -> bool:
    """This will tell whether files can be sent at all: kept here, and taken by the backend."""
    return media_files.are_kept() and backends.takes_files()


def keep(
    *,
    conversation: Conversation,
    user: Any,
    chunks: Iterable[bytes],
    told: str,
    name: str,
    now: datetime,
) -> OutboundMedia | Fault:
    """This will keep a file that somebody has chosen, for an hour, until a message takes it.

    ``told`` is the type as the browser says, ``name`` as the file was called there.
    """
    if not are_sent():
        return Fault.NO_PLACE
    try:
        with media_files.incoming() as file:
            return _look(file, chunks, told, name, conversation, user, now)
    except OSError as err:
        logger.error(
            "A file of the staff could not be written", extra={"fault": type(err).__name__}
        )
        return Fault.DISK


def chosen(
    *, pk: int, conversation: Conversation, user: Any, now: datetime
) -> OutboundMedia | None:
    """This will find a file that the same person has chosen in the same conversation.

    Also one that is sent already: then the same form has come twice.
    """
    is_sent = Q(message__isnull=False) & ~Q(file="")
    rows = OutboundMedia.objects.filter(is_sent | _is_unsent(now))
    return rows.filter(pk=pk, conversation=conversation, author=user).first()


def upload(*, row: OutboundMedia) -> NotUploaded | OSError | None:
    """This will hand the file to the backend, unless that has been done. Never in a transaction.

    Returns:
        None, or what has hindered it; the row then waits as before.

    Raises:
        RuntimeError: A transaction is open.
    """
    if row.media_id:
        return None
    if connection.in_atomic_block:
        raise RuntimeError("Files are uploaded outside of any transaction.")
    try:
        content = media_files.path_of(str(row.file.name)).read_bytes()
    except OSError as err:
        logger.error("A file of the staff could not be read", extra={"fault": type(err).__name__})
        return err
    extension = file_types.EXTENSIONS[row.detected_type]
    # What the staff called it is for the customer alone, and stands in the message.
    found = backends.load().upload(
        content=content, mime_type=row.detected_type, filename=f"file.{extension}"
    )
    if not isinstance(found, Uploaded):
        return found
    row.media_id = found.media_id[:200]
    # Not saved: whoever deletes the row meanwhile is told by ``join``.
    OutboundMedia.objects.filter(pk=row.pk).update(media_id=row.media_id)
    return None


def join(*, row: OutboundMedia, message: Message, now: datetime) -> bool:
    """This will note that a message has taken the file, which is kept for its retention.

    Returns:
        Whether the file was still there to be taken.
    """
    kept_for = timedelta(days=conf.load().MEDIA_RETENTION_DAYS)
    changes = {"message": message, "delete_at": now + kept_for}
    rows = OutboundMedia.objects.filter(_is_unsent(now), pk=row.pk)
    return rows.update(**changes) > 0


def forget(*, row: OutboundMedia) -> None:
    """This will delete a file that nobody sends; one that was sent stays."""
    unsent = OutboundMedia.objects.filter(pk=row.pk, message__isnull=True)
    if unsent.exists() and _is_deleted(row):
        unsent.delete()


def delete_old(*, now: datetime) -> int:
    """This will delete files whose time is over, a chunk a time; rows of messages stay."""
    old = OutboundMedia.objects.filter(delete_at__lte=now).order_by("delete_at", "id")
    count = 0
    for row in old[:_CHUNK]:
        same = OutboundMedia.objects.filter(pk=row.pk, delete_at=row.delete_at)
        # The file first: who dies in between comes again.
        if not _is_deleted(row):
            same.update(delete_at=now + _DELETE_AGAIN)
        elif row.message_id is None:
            count += same.delete()[0]
        else:
            count += same.update(file="", filename="", media_id="", delete_at=None)
    return count


def _is_unsent(now: datetime) -> Q:
    """This will tell files that wait, but for those that are deleted in a moment."""
    return Q(message__isnull=True, delete_at__gt=now + _MARGIN)


def _look(
    file: Incoming,
    chunks: Iterable[bytes],
    told: str,
    name: str,
    conversation: Conversation,
    user: Any,
    now: datetime,
) -> OutboundMedia | Fault:
    most = max(LIMITS.values())
    for chunk in chunks:
        file.write(chunk)
        if file.size > most:
            return Fault.TOO_LARGE
    verdict = file_types.judge_ours(told=told, head=file.head, names=file.names())
    if verdict.reason:
        return Fault(verdict.reason)
    kind = file_types.SENDABLE[verdict.type]
    if file.size > LIMITS[kind]:
        return Fault.TOO_LARGE
    row = OutboundMedia(
        conversation=conversation,
        author=user,
        kind=kind,
        detected_type=verdict.type,
        filename=file_types.file_name(
            media_files.clean_name(name), type=verdict.type, max_length=chat_content.MAX_FILENAME
        ),
        sha256=file.sha256,
        size=file.size,
        created_at=now,
        delete_at=now + _WAITS_FOR,
    )
    row.file = row.file.field.generate_filename(row, "")
    row.save()
    file.keep(name=str(row.file.name))
    return row


def _is_deleted(row: OutboundMedia) -> bool:
    """This will delete a file; a disk that does not let it must stop nothing else."""
    try:
        media_files.delete(name=str(row.file.name or ""))
    except OSError as err:
        logger.warning(
            "A file of the staff could not be deleted", extra={"fault": type(err).__name__}
        )
        return False
    return True
