"""The tables of docs/operations.md say what the code does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import whatsapp_notify
from whatsapp_notify.services.health_rules import RULES

PACKAGE = Path(whatsapp_notify.__file__).parent
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


class TestLogs:
    def test_names_each_line_of_a_log_with_its_keys(self) -> None:
        told = [row for row in rows("Logs") if len(row) == 4]

        logged = sorted(
            [f"`{logger}`", level, message, ", ".join(f"`{key}`" for key in keys) or "–"]
            for logger, level, message, keys in _logged()
        )
        assert sorted(told) == logged

    def test_explains_each_key(self) -> None:
        told = {row[0].strip("`") for row in rows("Logs") if len(row) == 2}

        assert told == {key for *_rest, keys in _logged() for key in keys}


def _logged() -> Iterator[tuple[str, str, str, list[str]]]:
    """This will read the package for what it logs: logger, level, message, keys of extra.

    It also holds that a message is a constant, and followed by nothing but a trace.
    """
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="logger"), attr=level)):
                    message, *others = node.args
                    assert isinstance(message, ast.Constant), f"{path}:{node.lineno}"
                    assert [ast.unparse(each) for each in others] in ([], ["faults.trace(err)"])
                    keys = [
                        str(ast.literal_eval(key))
                        for keyword in node.keywords
                        for key in _keys(keyword.value)
                    ]
                    assert [each.arg for each in node.keywords] in ([], ["extra"])
                    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
                    yield name, level, re.sub(r":\s%s$", "", str(message.value)), keys


def _keys(extra: ast.expr) -> list[ast.expr]:
    assert isinstance(extra, ast.Dict), "extra is written out where it is logged"
    return [key for key in extra.keys if key is not None]
