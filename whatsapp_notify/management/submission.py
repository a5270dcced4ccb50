"""Templates on their way to Meta, with a word about each; shared by two commands."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.core.management.base import BaseCommand, CommandError

from whatsapp_notify.cloud_api.exceptions import GraphError, GraphUnavailable
from whatsapp_notify.domain.templates import lint
from whatsapp_notify.models import Template
from whatsapp_notify.services import sender_health, templates


def submit(
    command: BaseCommand, *, rows: Iterable[Template], now: datetime, verbosity: int
) -> None:
    """This will hand templates to Meta for review, but none that the linter finds fault with.

    Raises:
        CommandError: Graph did not answer or does not know us, or any template was refused by
            it or by the linter.
    """
    rows = list(rows)
    good = [template for template in rows if not _faults(template)]
    problems = [f"{template}: {fault}" for template in rows for fault in _faults(template)]
    taken = 0
    try:
        # First, so that a wrong token or number is one sentence, not one for each template.
        sender_health.refresh(now=now)
        sender_health.subscribe()
        for each in templates.submit(templates=_shown(command, good), now=now):
            if each.problem:
                problems.append(f"{each.name} ({each.language}): {each.problem}")
            taken += not each.problem
    except GraphError as err:
        raise CommandError(str(err)) from err
    except GraphUnavailable as err:
        problems.append(f"{err} Templates that were taken are kept; run this again.")
    if verbosity > 0:
        command.stdout.write(f"Templates in review: {taken} of {len(rows)}.")
    if problems:
        raise CommandError("Not submitted:\n  " + "\n  ".join(problems))


def _faults(template: Template) -> list[str]:
    return [
        f"{problem.key} {problem.code} {problem.detail}".strip()
        for problem in lint(template.definition())
    ]


def _shown(command: BaseCommand, rows: list[Template]) -> Iterator[Template]:
    """This will show which template is being handed over, on a terminal only."""
    is_shown = command.stdout.isatty()
    for number, template in enumerate(rows, start=1):
        if is_shown:
            command.stdout.write(f"\r{number}/{len(rows)} {template}\033[K", ending="")
            command.stdout.flush()
        yield template
    if is_shown and rows:
        command.stdout.write("\r\033[K", ending="")
