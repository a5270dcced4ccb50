"""Fills the outbox of a running shop: ``manage.py shell -c "from tests.functional import ..."``."""

from __future__ import annotations

from django.utils import timezone

from tests import factories
from whatsapp_notify.services import outbox


def fill(*, first: int, count: int) -> None:
    """This will queue one message each to ``count`` customers who are new to the shop."""
    now = timezone.now()
    rows = []
    for number in range(first, first + count):
        contact = factories.contact(phone=f"+3584573{number:05d}", now=now)
        rows.append(factories.draft(contact, now=now))
        rows[-1].key = f"fill:{number}"
    outbox.enqueue(messages=rows, now=now)
