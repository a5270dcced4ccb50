"""A part of a file, for players that skip through a sound or a film.

One range at a time: who asks for several gets the whole file, as HTTP allows.
Source: RFC 9110, 14 "Range Requests" and 13.1.5 "If-Range", read 2026-11.
"""

import io
import os
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, BinaryIO

from django.http import HttpRequest

_ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
#: More digits than the size of any file has.
_MAX_DIGITS = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes of a file, from ``first``; of length 0 where the file has none that were asked for."""

    first: int
    length: int
    #: Of the whole file.
    size: int

    @property
    def http_status(self) -> int:
        """206 for a part, 416 for none."""
        if not self.length:
            return HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        return HTTPStatus.PARTIAL_CONTENT

    @property
    def content_range(self) -> str:
        """What the header says: "bytes 0-99/1234", or "bytes */1234" for none."""
        if not self.length:
            return f"bytes */{self.size}"
        return f"bytes {self.first}-{self.first + self.length - 1}/{self.size}"


def asked_for(request: HttpRequest, *, size: int) -> ByteRange | None:
    """This will return the part that a request is for; None where it is the whole file."""
    if request.method != "GET" or "Range" not in request.headers:
        return None
    # We tell no validator of a file: the part is wanted only if it is that of another answer.
    if "If-Range" in request.headers:
        return None
    match = _ONE_RANGE.fullmatch(request.headers["Range"].strip())
    if match is None or not any(match.groups()):
        return None
    return _range(*match.groups(), size=size)


def _range(first: str, last: str, *, size: int) -> ByteRange | None:
    if not first:
        length = min(_number(last), size)
        return ByteRange(first=size - length, length=length, size=size)
    start, end = _number(first), _number(last) if last else size
    if end < start and last:
        return None
    return ByteRange(first=start, length=max(0, min(end + 1, size) - start), size=size)


def _number(digits: str) -> int:
    return int(digits.lstrip("0")[:_MAX_DIGITS] or "0")


class Part(io.RawIOBase):
    """A part of a file as a file of its own, so that it is streamed like a whole one.

    It has no ``fileno``: a server would send the whole file by it.
    """

    def __init__(self, file: BinaryIO, *, first: int, length: int) -> None:
        self._file, self._first, self._length, self._at = file, first, length, 0

    def readable(self) -> bool:
        """This will tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """This will tell that it can be read from any place."""
        return True

    def readinto(self, buffer: Any) -> int:
        """This will read bytes of the part into a buffer, and return how many."""
        wanted = max(0, min(len(buffer), self._length - self._at))
        self._file.seek(self._first + self._at)
        found = self._file.read(wanted)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """This will go to a place within the part, and return which it is."""
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def tell(self) -> int:
        """This will return the place within the part."""
        return self._at

    def close(self) -> None:
        """This will close the file as well."""
        self._file.close()
        super().close()
