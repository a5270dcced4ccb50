"""Black and white as a picture that WhatsApp takes.

WhatsApp wants eight bits for each of red, green and blue; programs that draw QR codes write
one bit for black or white.
Source: WhatsApp Cloud API, "Media", read 2026-11; https://www.w3.org/TR/png-3/, read 2026-11.
"""

import struct
import zlib
from collections.abc import Sequence

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BLACK, _WHITE = b"\x00\x00\x00", b"\xff\xff\xff"
_BITS, _RGB = 8, 2


def draw(squares: Sequence[Sequence[bool]], *, scale: int) -> bytes:
    """This will draw rows of squares, True for black, each ``scale`` dots wide and high."""
    width, height = len(squares[0]) * scale, len(squares) * scale
    header = struct.pack(">IIBBBBB", width, height, _BITS, _RGB, 0, 0, 0)
    lines = b"".join(_line(row, scale) * scale for row in squares)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _line(row: Sequence[bool], scale: int) -> bytes:
    # The first byte says that the dots stand as they are.
    return b"\x00" + b"".join((_BLACK if black else _WHITE) * scale for black in row)


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
