"""Everything that must stand before the demo's first page: tables, goods, templates, an admin."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import OperationalError, connection
from kombu.exceptions import OperationalError as BrokerAway

from demo_shop.seed import seed
from whatsapp_notify.exceptions import WhatsAppNotifyError
from whatsapp_notify.models import Template
from whatsapp_notify.services import reconcile, sender_health, starter, templates

ADMIN_NAME = "admin"

_PASSWORD_FILE = "admin-password.txt"
_WORDS = ("moss", "pine", "lake", "rain", "amber", "birch", "cloud", "dawn", "fern", "granite",
          "heather", "lantern", "linen", "meadow", "north", "otter", "pebble", "reed", "river",
          "sauna", "shore", "snow", "spruce", "stone", "thaw", "wool")  # fmt: skip


class NotPossible(WhatsAppNotifyError):
    """The demo cannot begin; the message says why and what to do."""


def require_servers() -> None:
    """This will make sure that database and broker answer.

    Raises:
        NotPossible: One does not.
    """
    try:
        connection.ensure_connection()
    except OperationalError as err:
        raise NotPossible("The database of DATABASE_URL cannot be reached. Is it running?") from err
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=3)
    except (BrokerAway, OSError) as err:
        raise NotPossible(
            "The broker of CELERY_BROKER_URL cannot be reached. Is it running? "
            "Without CELERY_BROKER_URL the demo needs none."
        ) from err


def set_up_shop(*, now: datetime) -> str:
    """This will bring tables and rows up to date, and return the admin's password."""
    call_command("migrate", verbosity=0, interactive=False)
    seed(now=now)
    starter.install(now=now, base_url=settings.SHOP_BASE_URL)
    # What the seed holds is the past: nobody is told of it as news.
    reconcile.start(now=now)
    return _admin_password()


def submit_templates(*, now: datetime) -> None:
    """This will have Meta, which is the simulator here, review the templates. It must be up.

    Raises:
        NotPossible: A template was refused.
    """
    drafts = Template.objects.filter(status=Template.Status.DRAFT).order_by("id")
    refused = [each for each in templates.submit(templates=drafts, now=now) if each.problem]
    if refused:
        each = refused[0]
        raise NotPossible(f"Template {each.name} ({each.language}) was refused: {each.problem}")
    sender_health.refresh(now=now)


def talks_to_own_simulator() -> bool:
    """This will tell whether messages go to this demo, and not to Meta or elsewhere."""
    return str(settings.WHATSAPP_NOTIFY["GRAPH_URL"]).startswith(f"{settings.SHOP_BASE_URL}/")


def forget_all() -> None:
    """This will begin anew: empty tables, an empty queue, no files. The schema stays."""
    if connection.vendor == "sqlite":
        connection.close()
        name = str(settings.DATABASES["default"]["NAME"])
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(name + suffix).unlink(missing_ok=True)
    else:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("flush", verbosity=0, interactive=False)
    (settings.DATA_DIR / _PASSWORD_FILE).unlink(missing_ok=True)
    forget_queue()


def forget_queue() -> None:
    """This will drop the doorbells that wait; what they ring for stands in the database."""
    current_app.control.purge()


def _admin_password() -> str:
    """This will make sure that there is an admin, whose password stays the same."""
    users = get_user_model().objects
    admin = users.filter(username=ADMIN_NAME).first()
    file = Path(settings.DATA_DIR) / _PASSWORD_FILE
    known = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    if known and admin is not None and admin.check_password(known):
        return known
    password = "-".join(secrets.choice(_WORDS) for _ in range(3)) + f"-{secrets.randbelow(90) + 10}"
    if admin is None:
        users.create_superuser(ADMIN_NAME, "admin@example.com", password)
    else:
        admin.set_password(password)
        admin.save(update_fields=["password"])
    file.touch(mode=0o600)
    file.write_text(f"{password}\n", encoding="utf-8")
    return password
