"""Each failure that the documents name is played out by a test."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def documented() -> set[str]:
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    return {number.lower() for number in re.findall(r"^\| (F\d+) \|", text, re.MULTILINE)}


def claimed() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    names = (
        re.findall(r"def test_(f\d{2,3})_", path.read_text(encoding="utf-8")) for path in files
    )
    return {number for found in names for number in found}


def test_every_documented_failure_has_a_test() -> None:
    assert documented() - claimed() == set()


def test_every_number_in_the_suite_is_documented() -> None:
    assert claimed() - documented() == set()
