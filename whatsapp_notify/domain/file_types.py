"""What a file is by its bytes, whatever its sender calls it; and what we keep of each kind."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

#: So many bytes are enough to tell.
HEAD_BYTES = 4096

_MEGABYTE = 1024 * 1024

_OFFICE_XML = "application/vnd.openxmlformats-officedocument."
_OFFICE = {
    "word/": f"{_OFFICE_XML}wordprocessingml.document",
    "xl/": f"{_OFFICE_XML}spreadsheetml.sheet",
    "ppt/": f"{_OFFICE_XML}presentationml.presentation",
}
_OLD_OFFICE = frozenset(
    {"application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"}
)
_OLE = "application/x-ole-storage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is kept of one kind of message."""

    max_bytes: int
    types: frozenset[str]


_IMAGES = frozenset({"image/jpeg", "image/png", "image/webp"})
_VIDEOS = frozenset({"video/mp4", "video/3gpp"})
_AUDIO = frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"})
_DOCUMENTS = frozenset({"application/pdf", "text/plain", *_OFFICE.values(), *_OLD_OFFICE})

#: By Meta's word for the kind of message.
#: Source: WhatsApp Cloud API, "Media", supported media types, read 2026-11.
KINDS: Mapping[str, Kind] = {
    "image": Kind(max_bytes=5 * _MEGABYTE, types=_IMAGES),
    "sticker": Kind(max_bytes=500 * 1024, types=frozenset({"image/webp"})),
    "video": Kind(max_bytes=16 * _MEGABYTE, types=_VIDEOS),
    "audio": Kind(max_bytes=16 * _MEGABYTE, types=_AUDIO),
    "document": Kind(max_bytes=100 * _MEGABYTE, types=_DOCUMENTS | _IMAGES),
}

#: A browser may show these in a page.
SHOWN_INLINE = _IMAGES


def bare(mime_type: str) -> str:
    """This will return a type without its parameters: "audio/ogg" of "audio/ogg; codecs=opus"."""
    return mime_type.partition(";")[0].strip().lower()


def detect(file: BinaryIO, *, kind: str) -> str:
    """This will tell the type by the bytes; empty for all that is not known here.

    ``kind`` decides between sound and picture, which share containers. Reads from the start and
    leaves the position anywhere.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    for offset, magic, found in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return found
    if head[4:8] == b"ftyp":
        if kind == "audio":
            return "audio/mp4"
        return "video/3gpp" if head[8:11] == b"3gp" else "video/mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:1] == b"\xff" and head[1:2] and head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    if _is_mpeg_audio(head):
        return "audio/mpeg"
    if head[:4] == b"PK\x03\x04":
        return _office_type(file)
    return "text/plain" if _is_text(file) else ""


def is_told_truly(*, declared: str, found: str) -> bool:
    """This will tell whether the type that was told is the one that was found.

    Old office files all begin alike, and audio in an MP4 container has several names.
    """
    declared = bare(declared)
    if found == _OLE:
        return declared in _OLD_OFFICE
    if found in {"audio/mp4", "video/mp4"}:
        return declared in {found, "audio/x-m4a", "audio/m4a", "video/quicktime"} or (
            declared.partition("/")[0] == found.partition("/")[0]
        )
    aliases = {"image/jpg": "image/jpeg", "audio/mp3": "audio/mpeg", "audio/opus": "audio/ogg"}
    return aliases.get(declared, declared) == found


def is_kept(*, kind: str, declared: str, found: str) -> bool:
    """This will tell whether a file of this type is kept for this kind of message."""
    types = KINDS[kind].types
    return found in types or (found == _OLE and bare(declared) in types & _OLD_OFFICE)


_MAGIC = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"OggS", "audio/ogg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLE),
)


def _is_mpeg_audio(head: bytes) -> bool:
    # Eleven set bits begin a frame; layer 00 is AAC in ADTS.
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0


def _office_type(file: BinaryIO) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ""
    # A macro is a program.
    if "[Content_Types].xml" not in names or any("vbaProject" in name for name in names):
        return ""
    for folder, found in _OFFICE.items():
        if any(name.startswith(folder) for name in names):
            return found
    return ""


def _is_text(file: BinaryIO) -> bool:
    """This will tell whether it is text and no page or program that a browser would run."""
    file.seek(0)
    data = file.read(_MEGABYTE)
    if not data or b"\x00" in data or data[:2] in {b"#!", b"MZ"}:
        return False
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as err:
        # The megabyte may end in the middle of a character.
        if err.start < len(data) - 3 or len(data) < _MEGABYTE:
            return False
        text = data[: err.start].decode("utf-8")
    return not text.lstrip("\ufeff \t\r\n").startswith("<")
