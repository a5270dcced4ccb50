"""Settings of the suite: the demo shop's own, with what tests need to be quick and apart."""

import os
import tempfile
from pathlib import Path

# Before the import: the demo's folders must not be touched by tests.
os.environ.setdefault("DEMO_DATA_DIR", tempfile.mkdtemp(prefix="whatsapp-notify-tests-"))

from demo_shop.settings import *  # noqa: F403
from demo_shop.settings import DATABASES, WHATSAPP_NOTIFY, WHATSAPP_SIMULATOR

DEBUG = False
SECRET_KEY = "only-for-tests"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {}

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {
        "NAME": str(Path(os.environ["DEMO_DATA_DIR"]) / f"test-{os.getpid()}.sqlite3")
    }

WHATSAPP_NOTIFY = {
    **WHATSAPP_NOTIFY,
    "BACKEND": "whatsapp_notify.backends.locmem.LocmemBackend",
    "CREATE_SCHEDULES": False,
    "BIRTHDAY_TIME": "09:00",
    # Tests that want a bot, or a place for files, name their own.
    "BOT": "",
    "MEDIA_DIRECTORY": "",
}
WHATSAPP_SIMULATOR = {**WHATSAPP_SIMULATOR, "ALLOW_WITHOUT_DEBUG": True}
