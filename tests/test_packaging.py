"""The wheel: all that the package needs, and a shop that runs on it alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "whatsapp_notify"

pytestmark = [pytest.mark.functional, pytest.mark.xdist_group("functional")]

#: One of each kind that a build may forget, for a message that names it.
OF_EACH_KIND = (
    "py.typed",
    "migrations/0001_initial.py",
    "starter/templates.json",
    "static/whatsapp_notify/admin.css",
    "templates/admin/whatsapp_notify/overview.html",
    "simulator/migrations/0001_initial.py",
    "simulator/static/whatsapp_simulator/phone.css",
    "simulator/templates/whatsapp_simulator/chat.html",
)

_SHOP = """
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only-for-this-test",
    USE_TZ=True,
    ROOT_URLCONF="addresses",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "shop.sqlite3",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "django.contrib.staticfiles",
        "rest_framework",
        "django_celery_beat",
        "whatsapp_notify",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    STATIC_URL="static/",
    WHATSAPP_NOTIFY={
        "ADAPTER": "whatsapp_notify.shop.ShopAdapter",
        "BUSINESS_NAME": "Shop",
        "ACCESS_TOKEN": "token",
        "APP_SECRET": "secret",
        "VERIFY_TOKEN": "word",
        "PHONE_NUMBER_ID": "1",
        "BUSINESS_ACCOUNT_ID": "2",
    },
)
django.setup()

from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

import whatsapp_notify
from whatsapp_notify.services import starter

call_command("check", fail_level="ERROR")
call_command("migrate", verbosity=0)
call_command("makemigrations", "whatsapp_notify", check=True, dry_run=True, verbosity=0)
added = starter.install(now=timezone.now(), base_url="https://shop.example")
assert added.templates and added.automations and added.topics, added
client = Client(SERVER_NAME="localhost")
client.force_login(get_user_model().objects.create_superuser("staff"))
for address in ("/admin/whatsapp_notify/", "/admin/whatsapp_notify/message/"):
    assert client.get(address).status_code == 200, address
assert client.post("/whatsapp/webhook/", b"{}", content_type="application/json").status_code == 401
assert finders.find("whatsapp_notify/admin.css")
print(whatsapp_notify.__file__)
"""

_ADDRESSES = """
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("whatsapp/", include("whatsapp_notify.urls")),
]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing of an earlier build gets in."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    without_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, source / PACKAGE.name, ignore=without_caches)
    wheels = tmp_path_factory.mktemp("wheels")
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", str(wheels), str(source))
    (built,) = wheels.glob("*.whl")
    return built


class TestWheel:
    def test_holds_every_file_of_the_package(self, wheel: Path) -> None:
        ours = {
            file.relative_to(ROOT).as_posix()
            for file in PACKAGE.rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        }

        held = _names(wheel)

        assert ours - held == set()
        assert {f"whatsapp_notify/{name}" for name in OF_EACH_KIND} - held == set()

    def test_holds_translations_that_are_compiled(self, wheel: Path) -> None:
        held = _names(wheel)

        written = {name for name in held if name.endswith(".po")}

        assert {name.removesuffix(".po") + ".mo" for name in written} - held == set()

    def test_holds_nothing_else(self, wheel: Path) -> None:
        folders = {name.split("/")[0] for name in _names(wheel)}

        assert {name for name in folders if not name.endswith(".dist-info")} == {"whatsapp_notify"}

    def test_runs_a_shop_outside_of_the_checkout(self, wheel: Path, tmp_path: Path) -> None:
        _run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
        python = str(tmp_path / "venv" / "bin" / "python")
        constraints = str(ROOT / "constraints.txt")
        _run(python, "-m", "pip", "install", "--quiet", "--constraint", constraints, str(wheel))
        (tmp_path / "shop.py").write_text(_SHOP)
        (tmp_path / "addresses.py").write_text(_ADDRESSES)

        out = _run(python, "shop.py", folder=tmp_path)

        assert out.strip().splitlines()[-1].startswith(str(tmp_path / "venv"))


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _run(*command: str, folder: Path | None = None) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command[:4]}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout
