"""From what happened to the outbox: shop events planned, and messages put in by hundreds."""

import time
from dataclasses import dataclass

from django.utils import timezone

from whatsapp_notify.management.bench import seeding
from whatsapp_notify.models import Contact, Message, ShopEvent, Template
from whatsapp_notify.models.automation import Event
from whatsapp_notify.services import events, outbox, starter
from whatsapp_notify.services.events import Happening

_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One round."""

    rows: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.rows / self.seconds


def enqueue(*, messages: int) -> Planned:
    """This will put planned messages into the outbox, as a campaign does."""
    now = timezone.now()
    seeding.customers(count=messages, now=now)
    drafts = seeding.drafts(count=messages, now=now)
    begun = time.monotonic()
    rows = sum(
        outbox.enqueue(messages=drafts[start : start + _CHUNK], now=now)
        for start in range(0, messages, _CHUNK)
    )
    return Planned(rows=rows, seconds=time.monotonic() - begun)


def plan(*, events_count: int) -> Planned:
    """This will turn shop events into messages: adapter, automation, words, gate, row."""
    now = timezone.now()
    seeding.customers(count=events_count, now=now)
    starter.install(now=now, base_url="https://shop.example")
    Template.objects.update(status=Template.Status.APPROVED)
    before = Message.objects.count()
    ids = Contact.objects.order_by("id").values_list("id", flat=True)[:events_count]
    events.record(
        *(
            Happening(
                name=Event.CUSTOMER_JOINED,
                key=f"bench:{before}:{pk}",
                contact_id=pk,
                occurred_at=now,
            )
            for pk in ids
        ),
        now=now,
    )
    begun = time.monotonic()
    while ShopEvent.objects.filter(is_pending=True).exists():
        events.process(now=timezone.now())
    seconds = time.monotonic() - begun
    return Planned(rows=Message.objects.count() - before, seconds=seconds)
