"""From an empty database to a shop that writes to its customers."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from whatsapp_notify import conf
from whatsapp_notify.management import submission
from whatsapp_notify.models import Template
from whatsapp_notify.services import reconcile, schedules, starter

_NEXT_STEPS = """\
What to do next:
{steps}"""


class Command(BaseCommand):
    help = (
        "Adds topics, automations, templates and answers in four languages, labels and periodic "
        "tasks. "
        "Nothing that is there is changed, so it may be run again at any time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--base-url",
            default="",
            help="The shop's own address, such as https://shop.example; buttons lead there. "
            "Without it, the address of the setting BENEFIT_URL.",
        )
        parser.add_argument(
            "--submit", action="store_true", help="Hand all templates not submitted yet to Meta."
        )
        parser.add_argument("--dry-run", action="store_true", help="Only tell what would be added.")

    def handle(
        self, *args: Any, base_url: str, submit: bool, dry_run: bool, verbosity: int, **options: Any
    ) -> None:
        _require_settings()
        now = timezone.now()
        try:
            origin = starter.origin_of(base_url or _origin_of_benefits())
        except starter.BadBaseUrl as err:
            raise CommandError(f"{err} Use --base-url.") from err
        with transaction.atomic():
            installed = starter.install(now=now, base_url=origin)
            scheduled = schedules.install() if conf.load().CREATE_SCHEDULES else 0
            reconcile.start(now=now)
            transaction.set_rollback(dry_run)
        if verbosity > 0:
            self.stdout.write("Would be added:" if dry_run else "Added:")
            for name, count in {**asdict(installed), "schedules": scheduled}.items():
                self.stdout.write(f"  {name.replace('_', ' '):<17}  {count}")
        if dry_run:
            return
        if submit:
            drafts = Template.objects.filter(status=Template.Status.DRAFT).order_by("id")
            submission.submit(self, rows=drafts, now=now, verbosity=verbosity)
        if verbosity > 0:
            self.stdout.write(_next_steps())


def _require_settings() -> None:
    missing = [name for name in conf.REQUIRED if not getattr(conf.load(), name)]
    if missing:
        raise CommandError(
            f"{conf.NAME} lacks {', '.join(missing)}. Set them and run this again; "
            "“manage.py check” tells what each is for."
        )


def _origin_of_benefits() -> str:
    parts = urlsplit(conf.load().BENEFIT_URL)
    return f"{parts.scheme}://{parts.netloc}"


def _next_steps() -> str:
    steps = []
    if Template.objects.filter(status=Template.Status.DRAFT).exists():
        steps.append("Read the templates in the admin, then: manage.py whatsapp_templates submit")
    if Template.objects.filter(status=Template.Status.PENDING).exists():
        steps.append("When Meta has reviewed the templates: manage.py whatsapp_templates sync")
    steps += [
        "Register the webhook at Meta: your address of “webhook/”, with VERIFY_TOKEN.",
        "Keep a Celery worker and beat running, or: manage.py whatsapp_deliver --watch",
        "Show the consent boxes: whatsapp_notify.forms.WhatsAppConsentMixin in your checkout.",
    ]
    lines = (f"  {number}. {step}" for number, step in enumerate(steps, start=1))
    return _NEXT_STEPS.format(steps="\n".join(lines))
