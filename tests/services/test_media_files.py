"""Files on disk: what is in an archive, whoever has made it."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests import files
from whatsapp_notify.services import media_files


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> Path:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MEDIA_DIRECTORY": str(tmp_path)}
    return tmp_path


def names(data: bytes) -> tuple[str, ...]:
    with media_files.incoming() as file:
        file.write(data)
        return file.names()


class TestNames:
    def test_are_those_of_the_files_in_an_archive(self) -> None:
        assert names(files.DOCX) == ("[Content_Types].xml", "word/document.xml")

    def test_are_none_in_anything_else(self) -> None:
        assert names(files.PDF + files.DOCX) == ()

    def test_f101_no_broken_archive_breaks_us(self) -> None:
        rng = random.Random(101)
        for _each in range(400):
            data = bytearray(files.DOCX)
            for _byte in range(rng.randint(1, 8)):
                # Most of what is read stands at the end.
                data[rng.randint(len(data) // 2, len(data) - 1)] = rng.choice((0, 1, 127, 255))

            assert isinstance(names(bytes(data[: rng.randint(len(data) - 30, len(data))])), tuple)

    @pytest.mark.parametrize("at", [10, 12, 16], ids=["count", "size of the list", "its place"])
    def test_f101_a_list_that_lies_about_itself_is_no_list(self, at: int) -> None:
        end = files.DOCX.rindex(b"PK\x05\x06") + at
        data = files.DOCX[:end] + b"\xff\xff\x3f\x00" + files.DOCX[end + 4 :]

        assert "invoice.exe" not in names(data)


class TestKeep:
    def test_what_is_not_kept_leaves_nothing(self, place: Path) -> None:
        with media_files.incoming() as file:
            file.write(b"half")

        assert [path for path in place.rglob("*") if path.is_file()] == []

    def test_what_is_kept_is_whole(self, place: Path) -> None:
        with media_files.incoming() as file:
            for _each in range(3):
                file.write(b"x" * 5000)
            file.keep(name="ab/abc")

        assert (place / "ab" / "abc").read_bytes() == b"x" * 15_000
        assert (file.size, len(file.head)) == (15_000, 4096)
