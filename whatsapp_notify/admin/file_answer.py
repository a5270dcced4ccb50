"""A file that is handed to a member of the staff, and that no browser takes for a page."""

import os
from typing import BinaryIO, cast

from django.http import FileResponse, Http404, HttpRequest

from whatsapp_notify.admin import byte_ranges
from whatsapp_notify.admin.byte_ranges import ByteRange
from whatsapp_notify.domain import file_types
from whatsapp_notify.services import media_files

#: Played by a page of ours, downloaded else.
_PLAYABLE = ("image/", "audio/", "video/")


def opened(name: str) -> BinaryIO:
    """This will open a file of ours.

    Raises:
        Http404: It is not there.
    """
    try:
        return media_files.path_of(name).open("rb")
    except OSError as err:
        raise Http404 from err


def of(request: HttpRequest, file: BinaryIO, *, found: str, stem: str) -> FileResponse:
    """This will answer with a file of the type that was found, under a name of ours.

    Players get the part that they ask for. The admin itself says that nothing may be stored.
    """
    extension = file_types.EXTENSIONS.get(found, "bin")
    part = byte_ranges.asked_for(request, size=os.fstat(file.fileno()).st_size)
    response = FileResponse(
        _part_of(file, part) if part else file,
        as_attachment=found not in file_types.INLINE,
        filename=f"{stem}.{extension}",
        content_type=found if found.startswith(_PLAYABLE) else "application/octet-stream",
    )
    response["Accept-Ranges"] = "bytes"
    if part:
        response.status_code = part.http_status
        response["Content-Range"] = part.content_range
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _part_of(file: BinaryIO, part: ByteRange) -> BinaryIO:
    # What FileResponse asks of a file, a raw one has as well.
    return cast(BinaryIO, byte_ranges.Part(file, first=part.first, length=part.length))
