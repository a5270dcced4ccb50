"""What a file is by its bytes; names and declared types are only claims."""

import io
import zipfile

import pytest

from whatsapp_notify.domain import file_types


def office(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


DOCX = office("[Content_Types].xml", "word/document.xml")

FILES = [
    ("image", b"\xff\xd8\xff\xe0" + b"0" * 20, "image/jpeg"),
    ("image", b"\x89PNG\r\n\x1a\n" + b"0" * 20, "image/png"),
    ("image", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
    ("video", b"\x00\x00\x00\x18ftypmp42" + b"0" * 20, "video/mp4"),
    ("video", b"\x00\x00\x00\x18ftyp3gp4" + b"0" * 20, "video/3gpp"),
    ("audio", b"\x00\x00\x00\x18ftypM4A " + b"0" * 20, "audio/mp4"),
    ("audio", b"OggS" + b"0" * 20, "audio/ogg"),
    ("audio", b"#!AMR\n" + b"0" * 20, "audio/amr"),
    ("audio", b"ID3\x04" + b"0" * 20, "audio/mpeg"),
    ("audio", b"\xff\xfb\x90\x00" + b"0" * 20, "audio/mpeg"),
    ("audio", b"\xff\xf1\x50\x80" + b"0" * 20, "audio/aac"),
    ("document", b"%PDF-1.7\n", "application/pdf"),
    ("document", "Hyvää päivää\n".encode(), "text/plain"),
    ("document", DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
]

REFUSED = {
    "nothing": b"",
    "a page": b"<!DOCTYPE html><script>alert(1)</script>",
    "a page after blanks": b"\n \xef\xbb\xbf<html>",
    "a drawing that may hold a script": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "a program of Windows": b"MZ\x90\x00" + b"0" * 20,
    "a program of Linux": b"\x7fELF" + b"\x00" * 20,
    "a script": b"#!/bin/sh\nrm -rf /\n",
    "an archive": office("evil.exe"),
    "a document with a macro": office("[Content_Types].xml", "word/x.xml", "word/vbaProject.bin"),
    "half an archive": DOCX[:30],
    "bytes": bytes(range(256)),
    "text in no alphabet": b"\xc3\x28" * 10,
}


class TestDetect:
    @pytest.mark.parametrize(("kind", "data", "found"), FILES, ids=[each[2] for each in FILES])
    def test_knows_what_meta_takes(self, kind: str, data: bytes, found: str) -> None:
        assert file_types.detect(io.BytesIO(data), kind=kind) == found
        assert file_types.is_kept(kind=kind, declared=found, found=found)

    @pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
    def test_f101_knows_nothing_else(self, data: bytes) -> None:
        assert file_types.detect(io.BytesIO(data), kind="document") == ""

    def test_reads_a_megabyte_of_text_that_ends_within_a_letter(self) -> None:
        text = ("x" * (1024 * 1024 - 1) + "ä" * 10).encode()

        assert file_types.detect(io.BytesIO(text), kind="document") == "text/plain"


class TestIsToldTruly:
    @pytest.mark.parametrize(
        ("declared", "found"),
        [
            ("image/jpeg", "image/jpeg"),
            ("image/jpg", "image/jpeg"),
            ("audio/ogg; codecs=opus", "audio/ogg"),
            ("audio/x-m4a", "audio/mp4"),
            ("application/msword", "application/x-ole-storage"),
        ],
    )
    def test_allows_for_other_names(self, declared: str, found: str) -> None:
        assert file_types.is_told_truly(declared=declared, found=found)

    @pytest.mark.parametrize(
        ("declared", "found"),
        [
            ("image/png", "image/jpeg"),
            ("application/pdf", "text/plain"),
            ("image/jpeg", "application/x-ole-storage"),
            ("text/html", "text/plain"),
        ],
    )
    def test_f101_finds_a_lie(self, declared: str, found: str) -> None:
        assert not file_types.is_told_truly(declared=declared, found=found)


class TestIsKept:
    @pytest.mark.parametrize(
        ("kind", "found"),
        [("image", "application/pdf"), ("sticker", "image/png"), ("audio", "video/mp4")],
    )
    def test_keeps_only_what_belongs_to_the_kind(self, kind: str, found: str) -> None:
        assert not file_types.is_kept(kind=kind, declared=found, found=found)
