"""Files at the desk: the one in the box, those in the chat, and the door to them."""

from collections.abc import Mapping
from typing import Any

from django.http import FileResponse, Http404, HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import file_answer, words
from whatsapp_notify.domain import file_types
from whatsapp_notify.domain.chat_content import MAX_CAPTION
from whatsapp_notify.models import Conversation, Message, OutboundMedia
from whatsapp_notify.services import media_files, outbound_media
from whatsapp_notify.services.outbound_media import LIMITS, Fault

#: What the dialogue of the browser offers first.
ACCEPT = ",".join(
    [*file_types.SENDABLE, *(f".{file_types.EXTENSIONS[each]}" for each in file_types.SENDABLE)]
)
_FAULTS: Mapping[Fault, words.Words] = {
    Fault.NO_PLACE: gettext_lazy("Files cannot be sent here: the settings name no place for them."),
    Fault.EMPTY: gettext_lazy("The file is empty. Choose another one."),
    Fault.TYPE: gettext_lazy(
        "This kind of file cannot be sent. Save it as a picture (JPEG, PNG) or a document (PDF, "
        "Word, Excel, PowerPoint, text), and choose it again."
    ),
    Fault.LIE: gettext_lazy(
        "The file is something else than its name says. Open it, save it anew as a picture or a "
        "PDF, and choose it again."
    ),
    Fault.DISK: gettext_lazy(
        "The file could not be kept here, so nothing was sent. Try again; if that lasts, tell "
        "whoever runs the shop."
    ),
}


def fault(code: Fault) -> str:
    """This will say why a file is not sent, and what to do."""
    if code is Fault.TOO_LARGE:
        return _("The file is too large. %(limits)s") % {"limits": _limits()}
    return str(_FAULTS[code])


def context(file: OutboundMedia | None) -> dict[str, Any]:
    """This will gather what the box shows of files."""
    return {
        "can_attach": outbound_media.are_sent(),
        "accept": ACCEPT,
        "limits": _limits(),
        "max_caption": MAX_CAPTION,
        "file": {"id": file.pk, "label": label(file)} if file else None,
    }


def in_chat(message: Message, conversation_id: int) -> dict[str, str]:
    """This will return address and words of the file of a message; empty without a file."""
    file: OutboundMedia | None = getattr(message, "media", None)
    if file is None:
        return {}
    if not file.file:
        return {"url": "", "label": _("The file was deleted when its time was over.")}
    url = reverse("admin:whatsapp_notify_conversation_file", args=[conversation_id, file.pk])
    # The name of a document stands in its bubble.
    name = file.filename if file.kind == "image" else _("Open the file")
    return {"url": url, "label": f"{name} {_measure(file)}"}


def label(file: OutboundMedia) -> str:
    """This will name a file, with its kind and size."""
    return f"{file.filename} {_measure(file)}"


def answer(request: HttpRequest, conversation: Conversation, *, pk: int) -> FileResponse:
    """This will hand out a file that was sent in this conversation.

    Raises:
        Http404: There is none, or none any more.
    """
    rows = OutboundMedia.objects.filter(
        pk=pk, conversation=conversation, message__contact_id=conversation.contact_id
    )
    row = rows.exclude(file="").first()
    if row is None or not media_files.are_kept():
        raise Http404
    file = file_answer.opened(str(row.file.name))
    return file_answer.of(request, file, found=row.detected_type, stem=f"staff-file-{row.pk}")


def _measure(file: OutboundMedia) -> str:
    kind = file_types.EXTENSIONS.get(file.detected_type, "").upper()
    return f"({kind}, {filesizeformat(file.size)})"


def _limits() -> str:
    return _("Pictures (JPEG, PNG) may have %(image)s, documents %(document)s.") % {
        "image": filesizeformat(LIMITS["image"]),
        "document": filesizeformat(LIMITS["document"]),
    }
