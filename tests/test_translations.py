"""All that people read is there in Finnish, Swedish and Russian."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).parent.parent
APPS = ("whatsapp_notify", "whatsapp_notify/simulator", "demo_shop")
LANGUAGES = ("fi", "sv", "ru")
CATALOGS = [
    pytest.param(
        ROOT / app / "locale" / language / "LC_MESSAGES" / "django.po", id=f"{app}-{language}"
    )
    for app in APPS
    for language in LANGUAGES
]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


@pytest.mark.parametrize("path", CATALOGS)
class TestCatalog:
    def test_everything_is_translated(self, path: Path) -> None:
        catalog = polib.pofile(str(path))

        assert [entry.msgid for entry in catalog.untranslated_entries()] == []
        assert [entry.msgid for entry in catalog.fuzzy_entries()] == []

    def test_placeholders_are_those_of_the_source(self, path: Path) -> None:
        wrong = []
        for entry in polib.pofile(str(path)):
            wanted = set(PLACEHOLDER.findall(entry.msgid + entry.msgid_plural))
            for text in entry.msgstr_plural.values() or [entry.msgstr]:
                found = set(PLACEHOLDER.findall(text))
                # A singular may write the number as a word.
                is_same = found == wanted if not entry.msgid_plural else found <= wanted
                if not is_same:
                    wrong.append((entry.msgid, text))

        assert wrong == []

    def test_the_compiled_file_is_up_to_date(self, path: Path) -> None:
        source, compiled = polib.pofile(str(path)), polib.mofile(str(path.with_suffix(".mo")))

        def texts(catalog: polib.POFile | polib.MOFile) -> dict[object, object]:
            return {
                (entry.msgctxt, entry.msgid): entry.msgstr_plural or entry.msgstr
                for entry in catalog
            }

        assert texts(compiled) == texts(source)


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="gettext is not installed")
@pytest.mark.parametrize("app", APPS)
def test_no_text_of_the_source_is_missing(app: str, tmp_path: Path) -> None:
    copy = tmp_path / Path(app).name
    shutil.copytree(ROOT / app, copy, ignore=shutil.ignore_patterns("__pycache__"))
    command = [
        "-m",
        "django",
        "makemessages",
        "-l",
        "fi",
        "--no-obsolete",
        "--ignore",
        "simulator/*",
    ]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": ""}
    subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, check=True, capture_output=True
    )

    catalog = polib.pofile(str(copy / "locale" / "fi" / "LC_MESSAGES" / "django.po"))

    new = [entry.msgid for entry in catalog if entry.fuzzy or not entry.translated()]
    assert new == []
