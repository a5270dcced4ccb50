"""Pieces of work that are broken off at each of their lines.

A scene is prepared in a process that lives, played in one that dies, and cleared up in one
that lives, so that the next play of it begins as this one did. What it leaves must pass the
audit, whatever the line; what the audit does not know of is told by ``missing``.
"""

from __future__ import annotations

import mmap
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from django.db import transaction

from demo_shop.models import Order
from tests import factories, webhook_bodies
from tests.torture import graph, ledger
from tests.torture.graph import Script
from tests.torture.world import World
from whatsapp_notify.models import (
    AutomaticReply,
    Enquiry,
    Identity,
    InboundMessage,
    KeywordReply,
    Message,
    ShopEvent,
)
from whatsapp_notify.services import delivery, errands, events, reconcile, webhooks
from whatsapp_notify.shop import BotReply, BotTurn

#: Longer than Meta's shortest brake and the pause between two messages to one person.
_BREATH_SECONDS = 10.0
_TRIES = 4
#: Longer than an event or a webhook waits after its worker has died.
_LEASE_MINUTES = 2.0


class Scene(ABC):
    """One piece of work, of one size."""

    name: ClassVar[str]
    #: Whether Meta's news of its messages are part of it, and not of the recovery.
    brings_webhooks: ClassVar[bool] = False

    def __init__(self, world: World, *, size: int) -> None:
        self.world, self.size = world, size

    def __str__(self) -> str:
        return f"{self.name} x{self.size}"

    def begin(self) -> None:
        """This will forget earlier plays, whose rows may be gone."""
        return

    def script(self, seed: int) -> Script:
        """This will return what Graph does meanwhile."""
        return Script(seed=seed)

    @abstractmethod
    def prepare(self) -> None:
        """This will make ready what the next play takes up."""

    @abstractmethod
    def play(self) -> None:
        """This will do the work; in a process that may die of it."""

    def clear(self) -> None:
        """This will finish what a dead process has not begun, and let some time pass."""
        self.world.clock.advance(seconds=_BREATH_SECONDS)

    def unanswered(self) -> list[bytes]:
        """This will return the webhooks that got no 200, for Meta to repeat them."""
        return []

    def missing(self) -> Iterator[str]:
        """This will name what is lost of what this scene alone knows of."""
        yield from ()

    def _send_rest(self) -> None:
        for _try in range(_TRIES):
            self.world.clock.advance(seconds=_BREATH_SECONDS)
            if not Message.objects.filter(is_pending=True).exists():
                return
            delivery.deliver(clock=self.world.clock, at_most=self.size)


class Sending(Scene):
    """Claim, call, record; with one kind of answer, or whatever comes."""

    name = "send"

    def __init__(self, world: World, *, size: int, outcome: str = "") -> None:
        super().__init__(world, size=size)
        self._outcomes = [outcome] if outcome else graph.OUTCOMES

    def __str__(self) -> str:
        what = self._outcomes[0] if len(self._outcomes) == 1 else "any answer"
        return f"send ({what}) x{self.size}"

    def script(self, seed: int) -> Script:
        return Script(
            seed=seed,
            weights=dict.fromkeys(self._outcomes, 1),
            later={graph.ACCEPTED: 1},
            seconds=0.02,
        )

    def prepare(self) -> None:
        self.world.queue(self.size)

    def play(self) -> None:
        # What was throttled would be waited for.
        delivery.deliver(clock=self.world.clock, at_most=self.size)

    def clear(self) -> None:
        self._send_rest()


class Saving(Scene):
    """The shop saves an order that has been shipped; in a transaction of its own, or in none."""

    name = "save"

    def __init__(self, world: World, *, size: int, is_atomic: bool) -> None:
        super().__init__(world, size=size)
        self._is_atomic = is_atomic

    def __str__(self) -> str:
        return f"save ({'atomic' if self._is_atomic else 'autocommit'}) x{self.size}"

    def prepare(self) -> None:
        self._orders = [self.world.new_order() for _each in range(self.size)]
        for order in self._orders:
            order.save()

    def play(self) -> None:
        if self._is_atomic:
            with transaction.atomic():
                self._ship()
        else:
            self._ship()

    def _ship(self) -> None:
        for order in self._orders:
            order.status = Order.Status.SHIPPED
            order.save()

    def missing(self) -> Iterator[str]:
        # In one transaction with its order: nothing is left for the scan to find.
        told = set(ShopEvent.objects.values_list("subject_pk", flat=True))
        if self._is_atomic:
            for pk in Order.objects.filter(status="shipped").values_list("pk", flat=True):
                if str(pk) not in told:
                    yield f"order {pk} was committed without its event"


class Planning(Scene):
    """Events become messages."""

    name = "plan"

    def prepare(self) -> None:
        for _each in range(self.size):
            self.world.new_order(status=Order.Status.SHIPPED).save()

    def play(self) -> None:
        events.process(now=self.world.clock())

    def clear(self) -> None:
        # Now: the next play would take it up and die of it again, until it is given up.
        self.world.clock.advance(minutes=_LEASE_MINUTES)
        events.process(now=self.world.clock())
        super().clear()


class Scanning(Scene):
    """The scan finds orders of which no signal told."""

    name = "scan"

    def prepare(self) -> None:
        orders = [self.world.new_order(status=Order.Status.SHIPPED) for _each in range(self.size)]
        Order.objects.bulk_create(orders)

    def play(self) -> None:
        reconcile.scan(now=self.world.clock())

    def clear(self) -> None:
        reconcile.scan(now=self.world.clock())
        super().clear()


class Listening(Scene):
    """Meta posts statuses and a customer's STOP; the bytes are kept, then read."""

    name = "listen"
    brings_webhooks = True

    def __init__(self, world: World, *, size: int) -> None:
        super().__init__(world, size=size)
        self._got_200 = mmap.mmap(-1, 1)
        self._body = b""
        self.begin()

    def begin(self) -> None:
        self._messages: list[int] = []
        self._inbound: list[str] = []
        self._unanswered: list[bytes] = []

    def prepare(self) -> None:
        known = len(self.world.calls())
        self._messages += self.world.queue(self.size)
        self._send_rest()
        calls = self.world.calls()[known:]
        stop = _stop(now=int(self.world.clock().timestamp()))
        self._inbound.append(stop["id"])
        self._body = webhook_bodies.body(
            statuses=ledger.statuses(calls, now=self.world.clock()), messages=[stop]
        )
        self._got_200[0] = 0

    def play(self) -> None:
        if self.world.post(self._body) == 200:
            self._got_200[0] = 1
        webhooks.process(now=self.world.clock())

    def clear(self) -> None:
        if not self._got_200[0]:
            self._unanswered.append(self._body)
        # See ``Planning.clear``.
        self.world.clock.advance(minutes=_LEASE_MINUTES)
        webhooks.process(now=self.world.clock())
        super().clear()

    def unanswered(self) -> list[bytes]:
        bodies, self._unanswered = self._unanswered, []
        return bodies

    def missing(self) -> Iterator[str]:
        told = Message.objects.in_bulk(self._messages)
        yield from (
            f"message {pk} was read by its customer, and nobody knows"
            for pk in self._messages
            if told[pk].state != "read"
        )
        stops = InboundMessage.objects.filter(provider_message_id__in=self._inbound)
        handled = dict(stops.values_list("provider_message_id", "handled_as"))
        yield from (
            f"the STOP of play {number} was {handled.get(wamid, 'never read')}"
            for number, wamid in enumerate(self._inbound)
            if handled.get(wamid) != InboundMessage.HandledAs.OPT_OUT
        )


class Answering(Scene):
    """Customers write at the same time: read together, and answered by words or by a bot."""

    name = "answer"

    #: One after the other, each by somebody else.
    TEXTS = ("Returns", "Do you have a blue one?", "STOP", "Is there a red one?", "Thanks!")

    def __init__(self, world: World, *, size: int) -> None:
        super().__init__(world, size=size)
        self._got_200 = mmap.mmap(-1, size)
        self._bodies: list[bytes] = []
        self.begin()

    def begin(self) -> None:
        self._written: dict[str, str] = {}
        self._unanswered: list[bytes] = []

    def prepare(self) -> None:
        if not KeywordReply.objects.exists():
            factories.topic("service")
            KeywordReply.objects.create(phrases="returns", body="Within 30 days.")
            AutomaticReply.objects.create(kind="greeting", body="Welcome!")
        self._bodies = [self._write(self.TEXTS[n % len(self.TEXTS)]) for n in range(self.size)]
        self._got_200[:] = bytes(self.size)

    def _write(self, text: str) -> bytes:
        wamid = f"wamid.{secrets.token_hex(12)}"
        self._written[wamid] = text
        person = factories.contact(now=self.world.clock())
        phone = Identity.objects.get(contact=person, kind=Identity.Kind.PHONE).value
        written = webhook_bodies.text(text, wamid=wamid, wa_id=phone.removeprefix("+"))
        written["timestamp"] = str(int(self.world.clock().timestamp()))
        return webhook_bodies.body(messages=[written])

    def play(self) -> None:
        for number, body in enumerate(self._bodies):
            if self.world.post(body) == 200:
                self._got_200[number] = 1
        self._work()

    def clear(self) -> None:
        self._unanswered += [
            body
            for body, is_answered in zip(self._bodies, self._got_200[:], strict=True)
            if not is_answered
        ]
        # See ``Planning.clear``.
        self.world.clock.advance(minutes=_LEASE_MINUTES)
        self._work()
        super().clear()

    def _work(self) -> None:
        webhooks.process(now=self.world.clock())
        errands.run(now=self.world.clock())

    def unanswered(self) -> list[bytes]:
        bodies, self._unanswered = self._unanswered, []
        return bodies

    def missing(self) -> Iterator[str]:
        rows = InboundMessage.objects.filter(provider_message_id__in=self._written)
        told = {row.provider_message_id: row for row in rows}
        for wamid, text in self._written.items():
            row = told.get(wamid)
            if row is None:
                yield f"{text!r} was never read"
            elif row.errand:
                yield f"{text!r} still waits for a worker"
            elif text == "STOP":
                if row.handled_as != InboundMessage.HandledAs.OPT_OUT:
                    yield f"the STOP was {row.handled_as}"
            elif text != "Thanks!" and not _is_answered(row):
                yield f"{text!r} was neither answered nor given to a person"


def _is_answered(row: InboundMessage) -> bool:
    # After an hour nothing is answered by itself: a person is called.
    is_called = Enquiry.objects.filter(conversation__contact=row.contact).exists()
    return is_called or Message.objects.filter(in_reply_to=row).exists()


def bot(turn: BotTurn) -> BotReply:
    """This will answer whatever is asked."""
    return BotReply(f"Yes: {len(turn.text)} letters.")


def _stop(*, now: int) -> dict[str, Any]:
    """This will write the STOP of somebody who has never been heard of."""
    return {
        "from": factories.phone().lstrip("+"),
        "id": f"wamid.{secrets.token_hex(12)}",
        "timestamp": str(now),
        "type": "text",
        "text": {"body": "STOP"},
    }


def all_of(world: World) -> list[Scene]:
    """This will return all scenes, those of one message and those of several."""
    sending = [Sending(world, size=1, outcome=outcome) for outcome in graph.OUTCOMES]
    sending += [Sending(world, size=5)]
    saving = [
        Saving(world, size=2, is_atomic=True),
        Saving(world, size=1, is_atomic=False),
    ]
    others = [kind(world, size=size) for kind in (Planning, Scanning, Listening) for size in (1, 3)]
    others += [Answering(world, size=size) for size in (1, 5)]
    return [*sending, *saving, *others]
