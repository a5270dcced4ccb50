"""What the package imports is what it declares, so that no shop's resolver has to guess."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parent.parent

#: Parts of celery, which alone knows their versions.
_OF_CELERY = {"billiard", "kombu"}


def imported() -> set[str]:
    """This will find all packages that are imported anywhere."""
    known = packages_distributions()
    sources = (ROOT / "whatsapp_notify").rglob("*.py")
    modules = set(chain.from_iterable(map(_modules, sources)))
    ours = {"whatsapp_notify", *sys.stdlib_module_names}
    return {known.get(each, [each])[0].lower() for each in modules - ours}


def _modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    return {re.split(r"[^a-z0-9-]", each)[0] for each in chain(project["dependencies"], *extras)}


def test_declares_what_it_imports() -> None:
    assert imported() - declared() - _OF_CELERY == set()
