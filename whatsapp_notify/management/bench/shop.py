"""The shop's own settings, turned to the bench's database, queue and Graph.

Worker and web server of a measurement are processes of their own. They import this module,
which reads ``WHATSAPP_BENCH``, a JSON object: see ``Setup``.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import django
from django.conf import settings
from django.utils.module_loading import import_string

VARIABLE = "WHATSAPP_BENCH"


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What the processes of one measurement have in common."""

    database: str
    queue: str
    #: Keys of WHATSAPP_NOTIFY that differ from the shop's.
    changes: dict[str, Any] = field(default_factory=dict)

    def as_environment(self) -> dict[str, str]:
        """This will return the environment of a process."""
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}


def set_up() -> Setup:
    """This will set Django up as the environment says."""
    setup = Setup(**json.loads(os.environ[VARIABLE]))
    settings.DATABASES["default"]["NAME"] = setup.database
    # As docs/performance.md tells to: a new connection costs more than a webhook, and asking
    # whether it still lives as much as using it.
    settings.DATABASES["default"] |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}
    # Django remembers every statement otherwise.
    settings.DEBUG = False
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, **setup.changes}
    django.setup()
    return setup


def web_application(make: Callable[[], Any], *, interface: str) -> Any:
    """This will set up and return what a web server runs. ``interface``: wsgi or asgi."""
    setup = set_up()
    if setup.changes.get("BENCH_IS_NAIVE"):
        settings.ROOT_URLCONF = "whatsapp_notify.management.bench.naive_urls"
    # After the shop's own application.
    from celery import current_app

    current_app.conf.task_default_queue = setup.queue
    application = make()
    if setup.changes.get("BENCH_IS_DIRECT"):
        # By its name: commands and webhooks are layers beside each other.
        return import_string(f"whatsapp_notify.webhooks.{interface}.WebhookFirst")(application)
    return application
