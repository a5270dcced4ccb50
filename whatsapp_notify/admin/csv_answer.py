"""A CSV file as an answer, streamed."""

from collections.abc import Iterable

from django.http import StreamingHttpResponse
from django.utils import timezone


def stream(lines: Iterable[str], *, name: str) -> StreamingHttpResponse:
    """This will send lines as a file to keep; browsers never show it as a page."""
    day = timezone.localdate().isoformat()
    return StreamingHttpResponse(
        lines,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}-{day}.csv"',
            "Cache-Control": "no-store",
        },
    )
