"""A file that is handed to a member of the staff, and that no browser takes for a page."""

from typing import BinaryIO

from django.http import FileResponse, Http404

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


def of(file: BinaryIO, *, found: str, stem: str) -> FileResponse:
    """This will answer with a file of the type that was found, under a name of ours.

    The admin itself says that nothing of it may be stored.
    """
    extension = file_types.EXTENSIONS.get(found, "bin")
    response = FileResponse(
        file,
        as_attachment=found not in file_types.INLINE,
        filename=f"{stem}.{extension}",
        content_type=found if found.startswith(_PLAYABLE) else "application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
