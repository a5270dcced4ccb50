"""The tables of docs/operations.md say what the code does."""

import re
from pathlib import Path

from whatsapp_notify.services.health_rules import RULES

TEXT = (Path(__file__).parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")


def rows(section: str) -> list[list[str]]:
    """This will return the cells of the tables in a section, without their heads."""
    (body,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    lines = [line for line in body.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


class TestHealth:
    def test_names_each_figure_with_its_limits(self) -> None:
        def limit(value: int | None) -> str:
            return "–" if value is None else str(value)

        told = {name.strip("`"): (warn, bad) for name, _value, warn, bad in rows("Health")}

        assert told == {
            name: (limit(rule.warn_above), limit(rule.bad_above)) for name, rule in RULES.items()
        }
