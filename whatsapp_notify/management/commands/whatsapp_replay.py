"""Reads the kept raw webhooks again."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from whatsapp_notify.services import replay
from whatsapp_notify.services.replay import Replayed


class Command(BaseCommand):
    help = (
        "Reads the raw webhooks of a time again, oldest first, and brings back what is missing: "
        "statuses, customers' messages, opt-outs, preferences and survey answers. Changes "
        "nothing where nothing is missing, sends nothing, and may be broken off and run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=_moment,
            required=True,
            metavar="WHEN",
            help="Webhooks that came then or later: 2026-11-20 or 2026-11-20T14:30, in the time "
            "zone of the shop unless one is given (2026-11-20T14:30Z).",
        )
        parser.add_argument(
            "--until", type=_moment, metavar="WHEN", help="Webhooks before then. Default: now."
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Only count what would be brought back."
        )
        parser.add_argument(
            "--quarantined",
            action="store_true",
            help="Also those in quarantine; what can be read now leaves it.",
        )

    def handle(
        self,
        *args: Any,
        since: datetime,
        until: datetime | None,
        dry_run: bool,
        quarantined: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        now = timezone.now()
        try:
            since, until = replay.span(since=since, until=until, now=now)
            events = replay.selection(since=since, until=until, with_quarantined=quarantined)
            progress = _Progress(self, total=events.count(), is_shown=verbosity > 0)
            done = replay.replay(events=events, now=now, is_dry=dry_run, on_read=progress.show)
        except replay.BadSpan as err:
            raise CommandError(str(err)) from err
        except (OperationalError, InterfaceError) as err:
            raise CommandError(
                "The database is busy or away. What was brought back stays; run it again."
            ) from err
        progress.end()
        if verbosity > 0:
            self._tell(done, is_dry=dry_run)

    def _tell(self, done: Replayed, *, is_dry: bool) -> None:
        write = self.stdout.write
        write(f"Webhooks read: {done.webhooks}")
        if done.is_unchanged:
            write("Nothing is missing.")
        else:
            write("Would be brought back:" if is_dry else "Brought back:")
            write(f"  statuses            {done.statuses}")
            write(f"  messages moved      {done.messages}")
            write(f"  customers' messages {done.inbound}")
            write(f"  consent records     {done.consents}")
            write(f"  survey answers      {done.survey_answers}")
        if done.unreadable:
            write(f"Cannot be read, see the quarantine in the admin: {done.unreadable}")


class _Progress:
    """A line that counts, on a terminal; nothing elsewhere."""

    def __init__(self, command: BaseCommand, *, total: int, is_shown: bool) -> None:
        self._stdout = command.stdout
        self._total = total
        self._count = 0
        self._is_shown = is_shown and self._stdout.isatty()

    def show(self, ids: Collection[int]) -> None:
        """This will add what has been read, and write the count over the one before."""
        self._count += len(ids)
        if self._is_shown:
            self._stdout.write(f"\r{self._count} of {self._total}", ending="")
            self._stdout.flush()

    def end(self) -> None:
        """This will leave the line."""
        if self._is_shown:
            self._stdout.write("")


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise ArgumentTypeError(f"no such time: {text}; write 2026-11-20 or 2026-11-20T14:30")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
