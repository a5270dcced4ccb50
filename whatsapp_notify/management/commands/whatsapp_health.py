"""Tells monitoring how well all is."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error
from django.utils import timezone

from whatsapp_notify.services import health
from whatsapp_notify.services.health import Health


class Command(BaseCommand):
    help = (
        "Tells how well queue, webhooks, senders, worker and scheduler are, and what to do. "
        "Exit code 0 when all is well, 1 when something needs attention, 2 when messages are "
        "late, are not sent, or the database cannot be read."
    )
    # A wrong setting must not keep monitoring from its figures.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="Print one JSON document."
        )

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        now = timezone.now()
        try:
            found = health.look(now=now)
        except Error:
            # Whatever it is: 1 would say that messages go out. Its text may quote data.
            found = health.unreachable(now=now)
        self.stdout.write(json.dumps(found.as_dict(), indent=2) if as_json else _table(found))
        if found.exit_code:
            sys.exit(found.exit_code)


def _table(found: Health) -> str:
    lines = []
    for item in found.items:
        limits = [f"warn above {item.warn_above}"] if item.warn_above is not None else []
        limits += [f"bad above {item.bad_above}"] if item.bad_above is not None else []
        value = "never" if item.value is None else str(item.value)
        name = f"{item.name} ({item.subject})" if item.subject else item.name
        lines.append(f"{item.state:<4}  {name}: {value}  [{', '.join(limits)}]  {item.sentence}")
    return "\n".join([*lines, f"{found.state}"])
