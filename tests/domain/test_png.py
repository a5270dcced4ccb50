"""Squares as a picture, read back by hand."""

import struct
import zlib

import pytest

from whatsapp_notify.domain import png

SQUARES = [[True, False, False], [False, False, True]]


def chunks(picture: bytes) -> list[tuple[bytes, bytes]]:
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    found, rest = [], picture[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kind, data = rest[4:8], rest[8 : 8 + length]
        assert struct.unpack(">I", rest[8 + length : 12 + length]) == (zlib.crc32(kind + data),)
        found.append((kind, data))
        rest = rest[12 + length :]
    return found


def squares_of(picture: bytes, *, scale: int) -> list[list[bool]]:
    """What a picture shows; refuses squares that are not of one colour."""
    data = dict(chunks(picture))
    width, height = struct.unpack(">II", data[b"IHDR"][:8])
    raw = zlib.decompress(data[b"IDAT"])
    assert len(raw) == height * (1 + 3 * width)
    lines = [raw[start : start + 1 + 3 * width] for start in range(0, len(raw), 1 + 3 * width)]
    assert all(line[0] == 0 for line in lines)
    dots = [[line[1 + 3 * x : 4 + 3 * x] for x in range(width)] for line in lines]
    rows = []
    for top in range(0, height, scale):
        row = []
        for left in range(0, width, scale):
            square = {dots[top + y][left + x] for y in range(scale) for x in range(scale)}
            assert len(square) == 1
            row.append(square == {b"\x00\x00\x00"})
        rows.append(row)
    return rows


class TestDraw:
    @pytest.mark.parametrize("scale", [1, 5])
    def test_each_square_has_its_colour(self, scale: int) -> None:
        assert squares_of(png.draw(SQUARES, scale=scale), scale=scale) == SQUARES

    def test_has_eight_bits_of_each_colour(self) -> None:
        kinds = [kind for kind, _data in chunks(png.draw(SQUARES, scale=2))]
        header = dict(chunks(png.draw(SQUARES, scale=2)))[b"IHDR"]

        assert kinds == [b"IHDR", b"IDAT", b"IEND"]
        assert struct.unpack(">IIBBBBB", header) == (6, 4, 8, 2, 0, 0, 0)
