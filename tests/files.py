"""Files as customers send them, and as somebody sends them who means no good."""

import io
import struct
import zipfile

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + b"\x00" * 40 + b"\xff\xd9"
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
    b"\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99"
    b"=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00"
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + b"\x00" * 20
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
AAC = b"\xff\xf1\x50\x80\x2e\x7f\xfc"
AMR = b"#!AMR\n\x3c\x08"
MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00"
MP3_BARE = b"\xff\xfb\x90\x64\x00"
OPUS = b"OggS\x00\x02" + b"\x00" * 20 + b"\x01\x13OpusHead\x01\x01"
THEORA = b"OggS\x00\x02" + b"\x00" * 20 + b"\x01\x2a\x80theora\x03\x02"
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
SHELL = b"#!/bin/sh\nrm -rf /\n"
PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00"


def iso(brand: bytes) -> bytes:
    """The beginning of what may be a film, a sound, or a picture of a phone."""
    return struct.pack(">I4s4sI", 24, b"ftyp", brand, 512) + b"isommp42"


def archive(*names: str) -> bytes:
    """A ZIP with these files in it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as written:
        for name in names:
            written.writestr(name, "x")
    return data.getvalue()


DOCX = archive("[Content_Types].xml", "word/document.xml")
XLSX = archive("[Content_Types].xml", "xl/workbook.xml")
PPTX = archive("[Content_Types].xml", "ppt/presentation.xml")
DOCM = archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin")
