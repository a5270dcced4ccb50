"""Files of customers, and of the staff for them, on our disk.

# Note [A file is seen when it is whole]
What comes in is written below ``incoming/``, under a name of chance, readable by nobody else. It
gets its own name, which its row knows before the first byte comes, once it has been looked at. A
process that dies in between leaves a file in ``incoming/``, which the tick removes an hour later,
or one under a name that the next try of the same row takes again.
"""

import hashlib
import os
import re
import secrets
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path

from whatsapp_notify import conf
from whatsapp_notify.domain import file_types
from whatsapp_notify.models import private_files

_INCOMING = "incoming"
_STALE_AFTER = timedelta(hours=1)
#: The end of an archive: mark, then sizes; a comment of up to 64 KB may follow.
#: Source: PKWARE, "APPNOTE.TXT", 4.3.16, read 2026-11.
_ZIP_END = struct.Struct("<4s4H2LH")
_ZIP_MARK = b"PK\x05\x06"
_MAX_COMMENT = 65_535
#: A list of files beyond that belongs to no document.
_MAX_ZIP_LIST = 4 * 1024 * 1024
_NOT_IN_NAMES = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)


class Incoming:
    """A file that is being written; what is known of it so far."""

    def __init__(self, *, path: Path, file: FileIO) -> None:
        self.path = path
        self.size = 0
        self.head = b""
        self._file = file
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """
        Raises:
            OSError: The disk is full, or away.
        """
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._digest.update(chunk)
        self.size += len(chunk)
        self.head += chunk[: max(0, file_types.HEAD_BYTES - len(self.head))]

    def keep(self, *, name: str) -> None:
        """This will give the file its own name, for good.

        Raises:
            OSError: The disk is full, or away.
        """
        os.fsync(self._file.fileno())
        path = path_of(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self.path.replace(path)

    def names(self) -> tuple[str, ...]:
        """This will return what is in it, where it is an archive that can be read."""
        if not self.head.startswith(b"PK\x03\x04") or not self._has_short_list():
            return ()
        try:
            with zipfile.ZipFile(self.path) as archive:
                return tuple(archive.namelist())
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OSError):
            return ()  # OSError too: a list that points before the beginning of the file

    def _has_short_list(self) -> bool:
        """The list of an archive is read into memory as a whole, however long it says it is."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.size - _ZIP_END.size - _MAX_COMMENT))
            tail = file.read()
        at = tail.rfind(_ZIP_MARK)
        if at < 0 or len(tail) - at < _ZIP_END.size:
            return False
        return bool(_ZIP_END.unpack_from(tail, at)[5] <= _MAX_ZIP_LIST)


def are_kept() -> bool:
    """This will tell whether there is a place for files at all."""
    return bool(conf.load().MEDIA_DIRECTORY)


@contextmanager
def incoming() -> Iterator[Incoming]:
    """This will open a file to be written; without ``keep`` nothing of it stays.

    Raises:
        OSError: The directory is missing or full, or may not be written to.
    """
    path = _root() / _INCOMING / secrets.token_hex(16)
    # Its parent is not made: a disk that is not mounted must not be written beside.
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with FileIO(handle, "w") as file:
            yield Incoming(path=path, file=file)
    finally:
        path.unlink(missing_ok=True)


def path_of(name: str) -> Path:
    """This will return where a file lies, never outside of the directory.

    Raises:
        django.core.exceptions.SuspiciousFileOperation: The name leads out of it.
    """
    return Path(private_files.storage().path(name))


def clean_name(name: str) -> str:
    """This will return what can be shown of a file's name: no path, nothing that hides its end."""
    last = re.split(r"[/\\]", name)[-1]
    return " ".join(_NOT_IN_NAMES.sub("", last).split())[:255]


def delete(*, name: str) -> None:
    """This will delete a file, unless that has been done already.

    Raises:
        OSError: It may not be deleted.
    """
    if name:
        path_of(name).unlink(missing_ok=True)


def delete_stale(*, now: datetime) -> int:
    """This will remove what processes that died have left half written."""
    limit, count = (now - _STALE_AFTER).timestamp(), 0
    try:
        with os.scandir(_root() / _INCOMING) as entries:
            for entry in entries:
                if entry.stat(follow_symlinks=False).st_mtime < limit:
                    os.unlink(entry.path)
                    count += 1
    except OSError:
        return count  # none has come yet, or another process was faster
    return count


def _root() -> Path:
    return Path(private_files.storage().location)
