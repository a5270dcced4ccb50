"""The tables of the README say what the code says."""

import inspect
import re
from pathlib import Path

from django.dispatch import Signal

from whatsapp_notify import conf, signals

README = Path(__file__).parent.parent / "README.md"


def table(heading: str) -> dict[str, list[str]]:
    """The rows below a heading, by the name in their first cell."""
    section = README.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) > 1 and (name := re.fullmatch(r"`(\w+)`", cells[0])):
            rows[name[1]] = cells[1:]
    return rows


def comments(source: str, pattern: str) -> dict[str, str]:
    """The ``#:`` comment above each name that the pattern finds."""
    found, lines = {}, []
    for line in source.splitlines():
        text = line.strip()
        if text.startswith("#:"):
            lines.append(text[2:].strip())
        elif (name := re.match(pattern, text)) and lines:
            found[name[1]] = " ".join(lines)
            lines = []
        else:
            lines = []
    return found


def settings_of_the_code() -> dict[str, list[str]]:
    words = comments(inspect.getsource(conf.Settings), r"([A-Z_]+):")
    return {
        field.name: [f"`{field.default!r}`".replace("|", r"\|"), words[field.name]]
        for field in conf.FIELDS
    }


def signals_of_the_code() -> dict[str, list[str]]:
    return {
        name: [text]
        for name, text in comments(inspect.getsource(signals), r"(\w+) = Signal").items()
    }


class TestReadme:
    def test_its_settings_table_is_the_code(self) -> None:
        assert table("Settings") == settings_of_the_code()

    def test_its_signals_table_is_the_code(self) -> None:
        assert table("Signals") == signals_of_the_code()
        declared = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
        assert set(signals_of_the_code()) == declared

    def test_every_link_to_a_file_leads_somewhere(self) -> None:
        text = README.read_text(encoding="utf-8")
        targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)

        missing = [target for target in targets if not (README.parent / target).exists()]

        assert missing == []
