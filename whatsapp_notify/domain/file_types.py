"""What a file really is, by its first bytes, and which files are kept, or sent by us.

An own table, not a guess by a library: what is asked is not what a file may be, but whether it
is one of the few kinds that a shop has a use for. All else - pages, drawings with scripts,
programs, archives, documents with macros - is nothing that we know.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

#: So many bytes from the beginning are looked at.
HEAD_BYTES = 4096

JPEG, PNG, GIF, WEBP = "image/jpeg", "image/png", "image/gif", "image/webp"
MP4, GPP = "video/mp4", "video/3gpp"
AAC, AMR, MP3, OGG, M4A = "audio/aac", "audio/amr", "audio/mpeg", "audio/ogg", "audio/mp4"
PDF, TEXT, ZIP = "application/pdf", "text/plain", "application/zip"
_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX = f"{_OFFICE}.wordprocessingml.document"
XLSX = f"{_OFFICE}.spreadsheetml.sheet"
PPTX = f"{_OFFICE}.presentationml.presentation"

_MEGABYTE = 1024 * 1024
#: Kind of message -> the most bytes.
#: Source: WhatsApp Cloud API, "Media", read 2026-11.
LIMITS: Mapping[str, int] = {
    "image": 5 * _MEGABYTE,
    "video": 16 * _MEGABYTE,
    "audio": 16 * _MEGABYTE,
    "document": 100 * _MEGABYTE,
    "sticker": 500 * 1024,
}
_VIDEOS = frozenset({MP4, GPP})
_SOUNDS = frozenset({AAC, AMR, MP3, OGG, M4A})
_BY_KIND: Mapping[str, frozenset[str]] = {
    "image": frozenset({JPEG, PNG, WEBP}),
    "sticker": frozenset({WEBP}),
    "video": _VIDEOS,
    "audio": _SOUNDS,
    "document": frozenset({JPEG, PNG, GIF, WEBP, PDF, TEXT, DOCX, XLSX, PPTX}) | _VIDEOS | _SOUNDS,
}
#: What WhatsApp takes from us, of what we know -> kind of message.
#: Source: WhatsApp Cloud API, "Media", supported types, read 2026-11. Films and sounds are taken in
#: few of their inner formats, which the first bytes do not tell.
SENDABLE: Mapping[str, str] = {
    JPEG: "image", PNG: "image", PDF: "document", TEXT: "document", DOCX: "document",
    XLSX: "document", PPTX: "document",
}  # fmt: skip
#: Pictures that every browser draws and nothing in them runs.
INLINE = frozenset({JPEG, PNG, WEBP})
EXTENSIONS: Mapping[str, str] = {
    JPEG: "jpg", PNG: "png", GIF: "gif", WEBP: "webp", MP4: "mp4", GPP: "3gp", AAC: "aac",
    AMR: "amr", MP3: "mp3", OGG: "ogg", M4A: "m4a", PDF: "pdf", TEXT: "txt", DOCX: "docx",
    XLSX: "xlsx", PPTX: "pptx",
}  # fmt: skip

#: Ends of names that say the same, where there are several.
_EQUAL_ENDS: Mapping[str, frozenset[str]] = {
    JPEG: frozenset({"jpg", "jpeg"}),
    TEXT: frozenset({"txt", "csv"}),
}
#: Says nothing about the type.
_NO_CLAIM = frozenset({"", "application/octet-stream", "binary/octet-stream"})
#: What else the types are called.
_ALIASES: Mapping[str, str] = {
    "text/csv": TEXT,
    "application/csv": TEXT,
    "application/ogg": OGG,
    "application/x-pdf": PDF,
}
_MP4_BRANDS = re.compile(rb"isom|iso[2-9]|mp4[12]|avc1|M4V |MSNV|dash|mmp4")
_MARKUP = re.compile(
    rb"<(?:!doctype|!--|html|head|body|script|svg|iframe|object|embed|meta|link|style|img|a\s"
    rb"|\?xml|\?php|\?=|%)",
    re.IGNORECASE,
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a file is, or why it is not kept."""

    #: The type as found; empty where it is none that we know.
    type: str
    #: "" for one that is kept, else "empty", "type" or "lie".
    reason: str = ""


def judge(*, kind: str, told: str, head: bytes, names: Iterable[str] = ()) -> Verdict:
    """This will say what a file is, and whether it is what it was said to be.

    ``kind`` is that of the message, ``told`` the type as told, ``head`` the first HEAD_BYTES,
    ``names`` those of the files in it where it is an archive. A picture may be another kind
    of picture than was told, a sound another kind of sound: neither does any harm.
    """
    if not head:
        return Verdict(type="", reason="empty")
    told = told.partition(";")[0].strip().lower()
    told = _ALIASES.get(told, told)
    found = detect(head)
    if found == ZIP:
        found = office_type(names)
    if found == MP4 and (kind == "audio" or told.startswith("audio/")):
        found = M4A
    if not found:
        return Verdict(type="", reason="type")
    is_fitting = found in _BY_KIND.get(kind, frozenset())
    if not is_fitting or (told not in _NO_CLAIM and _family(told) != _family(found)):
        return Verdict(type=found, reason="lie")
    return Verdict(type=found)


def judge_ours(*, told: str, head: bytes, names: Iterable[str] = ()) -> Verdict:
    """This will say what a file that we would send is, and whether it is one of ``SENDABLE``."""
    verdict = judge(kind="document", told=told, head=head, names=names)
    if verdict.reason or verdict.type in SENDABLE:
        return verdict
    return Verdict(type=verdict.type, reason="type")


def file_name(given: str, *, type: str, max_length: int) -> str:  # noqa: A002  # as in Verdict
    """This will return a name whose end says what the file is, as its reader's phone goes by it."""
    extension = EXTENSIONS[type]
    stem, dot, end = given.rpartition(".")
    if dot and stem and end.lower() in _EQUAL_ENDS.get(type, {extension}):
        extension = end
    else:
        stem = given
    return f"{stem[: max_length - len(extension) - 1] or 'file'}.{extension}"


def detect(head: bytes) -> str:
    """This will return the type that the first bytes prove, or ""."""
    return next((found for test in _TESTS if (found := test(head))), "")


def office_type(names: Iterable[str]) -> str:
    """This will return which document of Office an archive is; "" for others and for macros."""
    inside = {name.lower() for name in names}
    if "[content_types].xml" not in inside or any(n.endswith("vbaproject.bin") for n in inside):
        return ""
    main = {"word/document.xml": DOCX, "xl/workbook.xml": XLSX, "ppt/presentation.xml": PPTX}
    return next((found for name, found in main.items() if name in inside), "")


def _family(mime_type: str) -> str:
    top, _slash, _rest = mime_type.partition("/")
    return top if top in {"image", "audio", "video"} and mime_type != "image/svg+xml" else mime_type


def _beginning(head: bytes) -> str:
    return next((found for start, found in _BEGINNINGS if head.startswith(start)), "")


def _riff(head: bytes) -> str:
    return WEBP if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else ""


def _iso(head: bytes) -> str:
    """The container of MP4: its brand tells films from others, such as HEIC and QuickTime."""
    if head[4:8] != b"ftyp":
        return ""
    brand = head[8:12]
    if brand in {b"M4A ", b"M4B "}:
        return M4A
    if brand.startswith((b"3gp", b"3g2")):
        return GPP
    return MP4 if _MP4_BRANDS.fullmatch(brand) else ""


def _ogg(head: bytes) -> str:
    is_sound = b"OpusHead" in head[:128] or b"\x01vorbis" in head[:128]
    return OGG if head.startswith(b"OggS") and is_sound else ""


def _frames(head: bytes) -> str:
    """Sound without a container: twelve bits of a frame, then the layer."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xF0 != 0xF0:
        return ""
    return {0b00: AAC, 0b01: MP3}.get(head[1] >> 1 & 0b11, "")


def _text(head: bytes) -> str:
    """Letters in any alphabet, without markup that a browser could take for a page."""
    body = head.removeprefix(_BOM)
    if not body.strip() or body.startswith((b"#!", b"%!", b"{\\rtf")):
        return ""
    if _CONTROLS.search(body) or _MARKUP.search(body):
        return ""
    return TEXT if _is_utf8(body) or _is_of_latin_letters(body) else ""


def _is_utf8(body: bytes) -> bool:
    try:
        # The last letter may be cut off.
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return False
    return True


def _is_of_latin_letters(body: bytes) -> bool:
    """Old texts of Windows: an accent here and there."""
    return 4 * sum(byte >= 0x80 for byte in body) <= len(body)


_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"%PDF-", PDF),
    (b"PK\x03\x04", ZIP),
    (b"#!AMR\n", AMR),
    (b"#!AMR-WB\n", AMR),
    (b"ID3", MP3),
)
#: In this order; text last, for most of what is above could pass for it.
_TESTS: tuple[Callable[[bytes], str], ...] = (_beginning, _riff, _iso, _ogg, _frames, _text)
