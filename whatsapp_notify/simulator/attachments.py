"""Files: what Meta takes, what customers send, and for how long Graph keeps them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, Final

from django.db.models import F
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from . import customers, identities
from .models import ChatMessage, SimulatedCustomer, StoredMedia

_MEGABYTE: Final = 1024 * 1024

#: Types that WhatsApp takes and their largest sizes in bytes.
#: Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media,
#: read 2026-11
SIZE_LIMITS: Final[dict[str, int]] = {
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * _MEGABYTE),
    "image/webp": 500 * 1024,
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * _MEGABYTE),
    **dict.fromkeys(
        ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16 * _MEGABYTE
    ),
    **dict.fromkeys(
        (
            "text/plain",
            "application/pdf",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ),
        100 * _MEGABYTE,
    ),
}

#: Kinds of messages that carry a file.
KINDS: Final = ("image", "video", "audio", "document", "sticker")

#: For how long Graph knows the id of a file: uploaded by the business, or sent by a customer.
UPLOAD_LIFETIME: Final = timedelta(days=30)
INBOUND_LIFETIME: Final = timedelta(days=7)


class BadFile(Exception):
    """WhatsApp does not take this file; the argument says why, to the person who chose it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file on its way to the shop. Nobody checks that the type is true."""

    data: bytes
    mime_type: str
    filename: str = ""
    caption: str = ""
    #: One of ``KINDS``, or blank: the kind of the type.
    kind: str = ""
    #: Recorded in the chat, and not chosen from files.
    is_voice: bool = False


def plain_type(mime_type: str) -> str:
    """This will return a type without its parameters."""
    return mime_type.partition(";")[0].strip().lower()


def kind_of(mime_type: str) -> str:
    """This will return the kind of message in which WhatsApp sends a type."""
    family = plain_type(mime_type).partition("/")[0]
    if plain_type(mime_type) == "image/webp":
        return "sticker"
    return family if family in KINDS else "document"


def check(*, mime_type: str, size: int) -> None:
    """This will refuse what WhatsApp itself would not send. Raises: BadFile."""
    limit = SIZE_LIMITS.get(plain_type(mime_type))
    if limit is None:
        raise BadFile(
            _("WhatsApp takes no files of the type %(type)s.") % {"type": mime_type or "?"}
        )
    if not size:
        raise BadFile(_("The file is empty."))
    if size > limit:
        raise BadFile(
            _("The file is too large: %(size)s, and files of this type may have %(limit)s.")
            % {"size": filesizeformat(size), "limit": filesizeformat(limit)}
        )


def send(
    customer: SimulatedCustomer,
    *,
    attachment: Attachment,
    now: datetime,
    context_wamid: str = "",
) -> ChatMessage:
    """This will send a file; the shop fetches it by its media id. Raises: nothing."""
    kind = attachment.kind or kind_of(attachment.mime_type)
    stored = store(
        data=attachment.data,
        mime_type=attachment.mime_type,
        filename=attachment.filename,
        expires_at=now + INBOUND_LIFETIME,
        now=now,
    )
    # Only documents travel with their names.
    filename = stored.filename if kind == "document" else ""
    media = {"kind": kind, "link": "", "media_id": stored.graph_id, "filename": filename}
    return customers.send(
        customer,
        kind=kind,
        value=_value(attachment, stored=stored, filename=filename),
        pieces={"media": media, "body": attachment.caption},
        context_wamid=context_wamid,
        now=now,
    )


def _value(attachment: Attachment, *, stored: StoredMedia, filename: str) -> dict[str, Any]:
    value: dict[str, Any] = {
        "mime_type": stored.mime_type,
        "sha256": stored.sha256,
        "id": stored.graph_id,
    }
    value |= {"caption": attachment.caption} if attachment.caption else {}
    value |= {"filename": filename} if filename else {}
    value |= {"voice": True} if attachment.is_voice else {}
    return value


def sample_photo(*, caption: str = "") -> Attachment:
    """This will return the picture that comes with the simulator: a parcel on a doorstep."""
    data = _sample("sample-photo.jpg")
    return Attachment(data=data, mime_type="image/jpeg", caption=caption)


def sample_voice() -> Attachment:
    """This will return three quiet seconds, as WhatsApp records them."""
    data = _sample("sample-voice.ogg")
    return Attachment(data=data, mime_type="audio/ogg; codecs=opus", is_voice=True)


def sample_document(*, caption: str = "") -> Attachment:
    """This will return a receipt of one page."""
    data, name = _sample("sample-receipt.pdf"), "receipt.pdf"
    return Attachment(data=data, mime_type="application/pdf", filename=name, caption=caption)


def _sample(name: str) -> bytes:
    folder = resources.files(__package__) / "static" / "whatsapp_simulator"
    return (folder / name).read_bytes()


def store(
    *, data: bytes, mime_type: str, filename: str, expires_at: datetime, now: datetime
) -> StoredMedia:
    """This will keep a file under a new Graph id."""
    return StoredMedia.objects.create(
        graph_id=identities.new_graph_id(),
        mime_type=mime_type[:100],
        sha256=hashlib.sha256(data).hexdigest(),
        file_size=len(data),
        filename=filename[:240],
        data=data,
        created_at=now,
        expires_at=expires_at,
    )


def expire(*, media_id: str, now: datetime) -> bool:
    """This will let Graph forget a file at once. Returns False when it knows none."""
    return bool(StoredMedia.objects.known(now=now).filter(graph_id=media_id).update(expires_at=now))


def fail_downloads(*, media_id: str, times: int, now: datetime) -> bool:
    """This will let the next downloads find their address expired. Returns False for no file."""
    rows = StoredMedia.objects.known(now=now).filter(graph_id=media_id)
    return bool(rows.update(failing_downloads=times))


def takes_failure(media: StoredMedia) -> bool:
    """This will tell whether this download fails, and count it."""
    rows = StoredMedia.objects.filter(pk=media.pk, failing_downloads__gt=0)
    return bool(rows.update(failing_downloads=F("failing_downloads") - 1))
