"""Parts of a file: what is asked for, and a part that is read like a file."""

import io
import os

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from whatsapp_notify.admin import byte_ranges
from whatsapp_notify.admin.byte_ranges import Part

SIZE = 1000


def request(asked: str, **headers: str) -> HttpRequest:
    return RequestFactory().get("/", headers={"Range": asked, **headers})


class TestAskedFor:
    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ("bytes=0-0", "bytes 0-0/1000"),
            ("bytes=0-499", "bytes 0-499/1000"),
            ("bytes=500-", "bytes 500-999/1000"),
            ("bytes=999-", "bytes 999-999/1000"),
            ("bytes=0-1000", "bytes 0-999/1000"),
            ("bytes=990-99999999999999999999999999", "bytes 990-999/1000"),
            ("bytes=-1", "bytes 999-999/1000"),
            ("bytes=-1001", "bytes 0-999/1000"),
            ("BYTES=007-8", "bytes 7-8/1000"),
            ("bytes= 1-2 ", "bytes 1-2/1000"),
            ("bytes=1000-", "bytes */1000"),
            ("bytes=1000-1001", "bytes */1000"),
            (f"bytes={'9' * 5000}-", "bytes */1000"),
            ("bytes=-0", "bytes */1000"),
        ],
    )
    def test_is_one_part(self, asked: str, told: str) -> None:
        part = byte_ranges.asked_for(request(asked), size=SIZE)

        assert part is not None
        assert part.content_range == told

    @pytest.mark.parametrize(
        "asked",
        [
            "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1-2-3", "bytes=--1", "bytes=+1-2",
            "bytes=2-1", "bytes=2000-1999", "bytes=٠-١", "items=0-1", "bytes=0-1,4-5", "bytes=0-1,",
        ],
    )  # fmt: skip
    def test_is_the_whole_where_it_asks_for_no_single_part(self, asked: str) -> None:
        assert byte_ranges.asked_for(request(asked), size=SIZE) is None

    @pytest.mark.parametrize("validator", ['"abc"', "Wed, 25 Nov 2026 10:00:00 GMT"])
    def test_is_the_whole_where_another_answer_is_continued(self, validator: str) -> None:
        asked = request("bytes=0-1", **{"If-Range": validator})

        assert byte_ranges.asked_for(asked, size=SIZE) is None

    def test_is_the_whole_for_head(self) -> None:
        head = RequestFactory().head("/", headers={"Range": "bytes=0-1"})

        assert byte_ranges.asked_for(head, size=SIZE) is None

    def test_of_an_empty_file_there_is_no_part(self) -> None:
        part = byte_ranges.asked_for(request("bytes=0-"), size=0)

        assert part is not None
        assert (part.length, part.content_range) == (0, "bytes */0")


class TestPart:
    def part(self) -> Part:
        return Part(io.BytesIO(b"0123456789"), first=2, length=5)

    @pytest.mark.parametrize("step", [1, 2, 5, 99])
    def test_is_read_in_pieces_and_ends(self, step: int) -> None:
        part = self.part()

        assert b"".join(iter(lambda: part.read(step) or b"", b"")) == b"23456"
        assert part.tell() == 5

    def test_is_measured_from_its_own_beginning(self) -> None:
        part = self.part()

        assert (part.tell(), part.seek(0, os.SEEK_END)) == (0, 5)
        assert (part.seek(-2, os.SEEK_CUR), part.read()) == (3, b"56")
        assert (part.seek(1), part.read(2)) == (1, b"34")

    def test_has_nothing_beyond_its_end(self) -> None:
        part = self.part()
        part.seek(50)

        assert part.read(1) == b""

    def test_cannot_be_sent_by_its_number(self) -> None:
        with pytest.raises(io.UnsupportedOperation):
            self.part().fileno()

    def test_closes_the_file(self) -> None:
        file = io.BytesIO(b"0123456789")

        Part(file, first=0, length=1).close()

        assert file.closed
