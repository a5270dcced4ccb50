"""Puts aside what may have been sent before the database was restored."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from whatsapp_notify.services import quarantine
from whatsapp_notify.services.quarantine import Quarantined


class Command(BaseCommand):
    help = (
        "For a database that was restored from a backup: run it before the first worker starts. "
        "What waited when the backup was made may have been sent since, and would be sent "
        "again. This puts it aside: messages are “outcome unknown” in the delivery log, where "
        "WhatsApp's late statuses settle them, or a person says “It was sent”, “Send again” or "
        "“Drop”; shop events are “failed” and can be tried again. Customers are not answered "
        "again either: webhooks that waited are read as “whatsapp_replay” reads, which brings "
        "back what is in them and begins nothing, and answers that a worker still had to ask the "
        "shop or the bot for are left to a person at the reply desk. Messages planned for later "
        "stay. Nothing is deleted, and a second run finds nothing more to do. What was planned "
        "only after the backup is not in the database: the reconcile scan and the birthdays may "
        "plan it anew, so keep their schedules off until you have looked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Only count what would be put aside."
        )

    def handle(self, *args: Any, dry_run: bool, verbosity: int, **options: Any) -> None:
        now = timezone.now()
        if dry_run:
            found = quarantine.count(now=now)
        else:
            found = quarantine.put_aside(actor="whatsapp_quarantine", now=now)
        if verbosity > 0:
            self._tell(found, is_dry=dry_run)

    def _tell(self, found: Quarantined, *, is_dry: bool) -> None:
        write = self.stdout.write
        write("Would be put aside:" if is_dry else "Put aside:")
        write(f"  messages that waited           {found.queued}")
        write(f"  messages that were being sent  {found.calling}")
        write(f"  shop events                    {found.events}")
        write(f"  answers, left to a person      {found.errands}")
        read = "to be read" if is_dry else "read"
        write(f"Webhooks that waited, {read} without an answer: {found.webhooks}")
        if found.unreadable:
            write(f"Cannot be read, see the quarantine in the admin: {found.unreadable}")
        write(f"Planned for later, and left: {found.left}")
