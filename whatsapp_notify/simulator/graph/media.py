"""Files: upload, look up, download."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from whatsapp_notify.simulator import accepting, attachments
from whatsapp_notify.simulator.errors import GraphError, missing, no_such_object
from whatsapp_notify.simulator.models import StoredMedia

from .gateway import GraphView

#: For how long the address of a file works.
URL_LIFETIME: Final = timedelta(minutes=5)


class UploadView(GraphView):
    """``POST /{PHONE_NUMBER_ID}/media``, multipart."""

    def post(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """Keep a file and return its id."""
        self.require_number(node_id)
        if request.POST.get("messaging_product") != "whatsapp":
            raise GraphError(100, details="The parameter messaging_product is required.")
        upload = request.FILES.get("file")
        if not isinstance(upload, UploadedFile):
            raise missing("file")
        mime_type = _mime_type(request, upload)
        if (upload.size or 0) > attachments.SIZE_LIMITS[mime_type]:
            raise GraphError(131053, details="The file is too large for its type.")
        accepting.refuse_upload_if_scripted()
        now = timezone.now()
        stored = attachments.store(
            data=upload.read(),
            mime_type=mime_type,
            filename=upload.name or "",
            expires_at=now + attachments.UPLOAD_LIFETIME,
            now=now,
        )
        return JsonResponse({"id": stored.graph_id})


def _mime_type(request: HttpRequest, upload: UploadedFile) -> str:
    stated = (request.POST.get("type") or upload.content_type or "").partition(";")[0].strip()
    if stated not in attachments.SIZE_LIMITS:
        raise GraphError(
            100, message="(#100) Param file must be a file with one of the supported types."
        )
    return stated


def media_node(request: HttpRequest, media: StoredMedia) -> dict[str, Any]:
    """This will return a file's node, with an address that works for five minutes."""
    expires = int((timezone.now() + URL_LIFETIME).timestamp())
    query = {"mid": media.graph_id, "ext": expires, "hash": _seal(media.graph_id, expires)}
    path = reverse("whatsapp_simulator:attachment")
    return {
        "messaging_product": "whatsapp",
        "url": request.build_absolute_uri(f"{path}?{urlencode(query)}"),
        "mime_type": media.mime_type,
        "sha256": media.sha256,
        "file_size": media.file_size,
        "id": media.graph_id,
    }


class AttachmentView(GraphView):
    """The address that a file's node names; it needs the token too."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the bytes; 404 once the address has expired."""
        media_id, expires = request.GET.get("mid", ""), request.GET.get("ext", "")
        media = StoredMedia.objects.known(now=timezone.now()).filter(graph_id=media_id).first()
        if media is None:
            raise no_such_object(method="get", node_id=media_id)
        if not _is_valid(media_id, expires, request.GET.get("hash", "")):
            return HttpResponse(status=404)
        if attachments.takes_failure(media):
            return HttpResponse(status=404)
        response = HttpResponse(bytes(media.data), content_type=media.mime_type)
        response["Content-Disposition"] = "attachment"
        response["X-Content-Type-Options"] = "nosniff"
        return response


def _seal(media_id: str, expires: int) -> str:
    value = f"{media_id}:{expires}"
    return salted_hmac("whatsapp_simulator.media", value, algorithm="sha256").hexdigest()[:32]


def _is_valid(media_id: str, expires: str, seal: str) -> bool:
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 11):
        return False
    wanted = _seal(media_id, int(expires))
    in_time = timezone.now() < datetime.fromtimestamp(int(expires), tz=UTC)
    return in_time and constant_time_compare(seal, wanted)
