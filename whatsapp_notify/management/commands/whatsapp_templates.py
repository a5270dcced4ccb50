"""The message templates: what we have, what Meta has, what is to be reviewed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from whatsapp_notify.cloud_api.exceptions import GraphError, GraphUnavailable
from whatsapp_notify.management import submission
from whatsapp_notify.models import Template
from whatsapp_notify.services import templates

_ROW = "{name:<32} {language:<6} {category:<14} {status:<18} {quality}"
_SUBMITTABLE = (Template.Status.DRAFT, Template.Status.REJECTED)


class Command(BaseCommand):
    help = "Lists templates, copies their state from Meta (sync), or submits drafts for review."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|sync|submit")
        actions.add_parser("list", help="Show all templates as they were at the last sync.")
        actions.add_parser("sync", help="Copy all templates of the business account from Meta.")
        submit = actions.add_parser("submit", help="Hand drafts and rejected ones to Meta.")
        submit.add_argument("names", nargs="*", help="Only templates of these names.")

    def handle(
        self, *args: Any, action: str, verbosity: int, names: tuple[str, ...] = (), **options: Any
    ) -> None:
        match action:
            case "list":
                self._list()
            case "sync":
                self._sync(verbosity=verbosity)
            case "submit":
                self._submit(names, verbosity=verbosity)

    def _list(self) -> None:
        self.stdout.write(
            _ROW.format(
                name="name",
                language="lang",
                category="category",
                status="status",
                quality="quality",
            )
        )
        for row in Template.objects.order_by("name", "language", "id"):
            stopped = f" (stopped, code {row.stopped_code})" if row.stopped_at else ""
            line = _ROW.format(
                name=row.name,
                language=row.language,
                category=row.category,
                status=row.status + stopped,
                quality=row.quality,
            )
            self.stdout.write(line.rstrip())

    def _sync(self, *, verbosity: int) -> None:
        try:
            synced = templates.sync(now=timezone.now())
        except (GraphError, GraphUnavailable) as err:
            raise CommandError(str(err)) from err
        if verbosity > 0:
            self.stdout.write(
                f"Templates at Meta: {synced.seen}; changed here: {synced.changed}; "
                f"gone at Meta: {synced.gone}."
            )

    def _submit(self, names: tuple[str, ...], *, verbosity: int) -> None:
        rows = Template.objects.filter(status__in=_SUBMITTABLE).order_by("id")
        if names:
            unknown = set(names) - set(Template.objects.values_list("name", flat=True))
            if unknown:
                raise CommandError(f"There is no template {', '.join(sorted(unknown))}.")
            rows = rows.filter(name__in=names)
        submission.submit(self, rows=rows, now=timezone.now(), verbosity=verbosity)
