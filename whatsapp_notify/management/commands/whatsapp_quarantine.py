"""Puts aside what may have been sent before the database was restored."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from whatsapp_notify.services import quarantine


class Command(BaseCommand):
    help = (
        "For a database that was restored from a backup: run it before the first worker starts. "
        "What waited when the backup was made may have been sent since, and would be sent "
        "again. This puts it aside: messages are “outcome unknown” in the delivery log, where "
        "WhatsApp's late statuses settle them, or a person says “It was sent”, “Send again” or "
        "“Drop”; shop events are “failed” and can be tried again. Messages planned for later "
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
            self.stdout.write("Would be put aside:" if dry_run else "Put aside:")
            self.stdout.write(f"  messages that waited           {found.queued}")
            self.stdout.write(f"  messages that were being sent  {found.calling}")
            self.stdout.write(f"  shop events                    {found.events}")
            self.stdout.write(f"Planned for later, and left: {found.left}")
