"""What a file is, whatever it says: each kind that is kept, and its near misses."""

import io
import zipfile

import pytest

from tests import files
from whatsapp_notify.domain import file_types
from whatsapp_notify.domain.file_types import Verdict


def names(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.namelist()


class TestDetect:
    @pytest.mark.parametrize(
        ("head", "found"),
        [
            (files.JPEG, "image/jpeg"),
            (files.PNG, "image/png"),
            (files.GIF, "image/gif"),
            (files.WEBP, "image/webp"),
            (files.PDF, "application/pdf"),
            (files.AAC, "audio/aac"),
            (files.AMR, "audio/amr"),
            (b"#!AMR-WB\n\x3c", "audio/amr"),
            (files.MP3, "audio/mpeg"),
            (files.MP3_BARE, "audio/mpeg"),
            (files.OPUS, "audio/ogg"),
            (files.iso(b"isom"), "video/mp4"),
            (files.iso(b"mp42"), "video/mp4"),
            (files.iso(b"3gp4"), "video/3gpp"),
            (files.iso(b"M4A "), "audio/mp4"),
            (files.DOCX, "application/zip"),
            ("Kiitos! Спасибо!".encode(), "text/plain"),
            (b"\xef\xbb\xbfa;b\r\n1;2\r\n", "text/plain"),
            ("Tämä on vanha".encode("latin-1"), "text/plain"),
            (("x" + "ж" * 3000).encode()[:4096], "text/plain"),
            (b"%PD", "text/plain"),
            (b"3 < 4 and 5 > 2", "text/plain"),
        ],
    )
    def test_knows_what_is_kept(self, head: bytes, found: str) -> None:
        assert file_types.detect(head) == found

    @pytest.mark.parametrize(
        "head",
        [
            b"\xff\xd8",
            b"\x89PNG\n\x1a\n",
            b"GIF88a\x00\x01",
            b"RIFF\x24\x00\x00\x00WAVE",
            b"#!AM",
            files.THEORA,
            files.iso(b"qt  "),
            files.iso(b"heic"),
            files.iso(b"avif"),
            b"\xff\xff\xff\xff",
            files.HTML,
            b"  \n" + files.HTML,
            b"\xef\xbb\xbf" + files.SVG,
            b"Dear shop, <ScRiPt>alert(1)</script>",
            b"<?xml version='1.0'?><a/>",
            b"<?php phpinfo();",
            files.SHELL,
            files.PROGRAM,
            b"\x7fELF\x02\x01\x01",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"{\\rtf1\\ansi",
            b"%!PS-Adobe-3.0",
            b"Rar!\x1a\x07\x01\x00",
            b"plain, and then \x00 something",
            b"   \n",
        ],
    )
    def test_f101_knows_nothing_else(self, head: bytes) -> None:
        assert file_types.detect(head) == ""


class TestOfficeType:
    @pytest.mark.parametrize(
        ("data", "found"),
        [
            (files.DOCX, file_types.DOCX),
            (files.XLSX, file_types.XLSX),
            (files.PPTX, file_types.PPTX),
            (files.DOCM, ""),
            (files.archive("word/document.xml"), ""),
            (files.archive("[Content_Types].xml", "invoice.exe"), ""),
        ],
    )
    def test_tells_documents_from_macros_and_other_archives(self, data: bytes, found: str) -> None:
        assert file_types.office_type(names(data)) == found


class TestJudge:
    @pytest.mark.parametrize(
        ("kind", "told", "head", "found"),
        [
            ("image", "image/jpeg", files.JPEG, "image/jpeg"),
            ("image", "image/jpeg", files.PNG, "image/png"),
            ("image", "", files.WEBP, "image/webp"),
            ("sticker", "image/webp", files.WEBP, "image/webp"),
            ("audio", "audio/ogg; codecs=opus", files.OPUS, "audio/ogg"),
            ("audio", "audio/mp4", files.iso(b"isom"), "audio/mp4"),
            ("audio", "audio/aac", files.iso(b"M4A "), "audio/mp4"),
            ("video", "video/3gpp", files.iso(b"3gp5"), "video/3gpp"),
            ("document", "application/pdf", files.PDF, "application/pdf"),
            ("document", "application/octet-stream", files.PDF, "application/pdf"),
            ("document", "IMAGE/JPEG", files.JPEG, "image/jpeg"),
            ("document", "text/csv", b"a;b", "text/plain"),
        ],
    )
    def test_keeps_what_is_as_it_was_told(
        self, kind: str, told: str, head: bytes, found: str
    ) -> None:
        verdict = file_types.judge(kind=kind, told=told, head=head)

        assert verdict == Verdict(type=found)

    @pytest.mark.parametrize(
        ("kind", "told", "head", "reason"),
        [
            ("image", "image/jpeg", b"", "empty"),
            ("image", "image/jpeg", files.HTML, "type"),
            ("image", "image/svg+xml", files.SVG, "type"),
            ("document", "text/html", files.HTML, "type"),
            ("document", "text/html", b"Hello", "lie"),
            ("document", "text/javascript", b"alert(1)", "lie"),
            ("image", "image/jpeg", files.PDF, "lie"),
            ("image", "image/svg+xml", files.PNG, "lie"),
            ("image", "image/gif", files.GIF, "lie"),
            ("sticker", "image/webp", files.PNG, "lie"),
            ("audio", "audio/mpeg", files.PDF, "lie"),
            ("video", "video/mp4", files.MP3, "lie"),
            ("document", "application/pdf", files.JPEG, "lie"),
            ("document", "application/pdf", files.PROGRAM, "type"),
            ("hologram", "", files.JPEG, "lie"),
        ],
    )
    def test_f101_refuses_what_lies_and_what_is_not_kept(
        self, kind: str, told: str, head: bytes, reason: str
    ) -> None:
        assert file_types.judge(kind=kind, told=told, head=head).reason == reason

    def test_f101_looks_into_archives(self) -> None:
        told = file_types.DOCX
        good, bad = (
            file_types.judge(kind="document", told=told, head=data, names=names(data))
            for data in (files.DOCX, files.DOCM)
        )

        assert (good.type, good.reason) == (told, "")
        assert bad.reason == "type"

    def test_every_kept_type_has_an_extension(self) -> None:
        kept = frozenset().union(*file_types._BY_KIND.values())

        assert kept == set(file_types.EXTENSIONS)
        assert set(file_types.LIMITS) == set(file_types._BY_KIND)


class TestJudgeOurs:
    @pytest.mark.parametrize(
        ("told", "head", "found"),
        [
            ("image/jpeg", files.JPEG, "image/jpeg"),
            ("", files.PNG, "image/png"),
            ("application/pdf", files.PDF, "application/pdf"),
            ("text/csv", b"a;b", "text/plain"),
            (file_types.XLSX, files.XLSX, file_types.XLSX),
        ],
    )
    def test_lets_through_what_whatsapp_takes(self, told: str, head: bytes, found: str) -> None:
        inside = names(head) if head.startswith(b"PK") else ()

        assert file_types.judge_ours(told=told, head=head, names=inside) == Verdict(type=found)

    @pytest.mark.parametrize(
        ("told", "head", "reason"),
        [
            ("image/webp", files.WEBP, "type"),
            ("image/gif", files.GIF, "type"),
            ("video/mp4", files.iso(b"isom"), "type"),
            ("audio/mpeg", files.MP3, "type"),
            ("text/html", files.HTML, "type"),
            ("application/zip", files.archive("a.txt"), "type"),
            ("application/pdf", files.JPEG, "lie"),
            ("image/jpeg", files.PDF, "lie"),
            ("application/pdf", b"", "empty"),
        ],
    )
    def test_refuses_all_else(self, told: str, head: bytes, reason: str) -> None:
        assert file_types.judge_ours(told=told, head=head).reason == reason

    def test_knows_a_kind_a_limit_and_an_extension_of_each(self) -> None:
        for found, kind in file_types.SENDABLE.items():
            assert found in file_types.EXTENSIONS
            assert found in file_types._BY_KIND[kind]


class TestFileName:
    @pytest.mark.parametrize(
        ("given", "found", "name"),
        [
            ("invoice.pdf", "application/pdf", "invoice.pdf"),
            ("Invoice.PDF", "application/pdf", "Invoice.PDF"),
            ("invoice.pdf.exe", "application/pdf", "invoice.pdf.exe.pdf"),
            ("invoice", "application/pdf", "invoice.pdf"),
            ("", "application/pdf", "file.pdf"),
            (".pdf", "application/pdf", ".pdf.pdf"),
            ("photo.jpeg", "image/jpeg", "photo.jpeg"),
            ("photo.png", "image/jpeg", "photo.png.jpg"),
            ("prices.csv", "text/plain", "prices.csv"),
            ("x" * 300, "application/pdf", "x" * 16 + ".pdf"),
            ("x" * 300 + ".pdf", "application/pdf", "x" * 16 + ".pdf"),
        ],
    )
    def test_ends_with_what_the_file_is(self, given: str, found: str, name: str) -> None:
        assert file_types.file_name(given, type=found, max_length=20) == name
