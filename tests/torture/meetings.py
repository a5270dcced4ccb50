"""Two or more at the same thing: staff, senders, the sweep, webhooks, web workers.

Each meeting is prepared, played with its actors taking turns (see ``turns``), and held against
what must be true whoever came first.
"""

from __future__ import annotations

import itertools
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import ClassVar
from unittest import mock

from demo_shop.models import Order as ShopOrder
from tests import factories, webhook_bodies
from tests.torture import graph, recovery, turns
from tests.torture.audit import audit
from tests.torture.campaign import Counts, Run
from tests.torture.graph import Script
from tests.torture.races import begin_era
from tests.torture.turns import Order, Turns, Work
from tests.torture.world import World
from whatsapp_notify import backends, conf
from whatsapp_notify.domain.receipts import Outgoing, Receipt
from whatsapp_notify.domain.statuses import PROVIDER_ORDER, State
from whatsapp_notify.exceptions import StateChanged
from whatsapp_notify.models import DeliveryEvent, Message, ShopEvent
from whatsapp_notify.services import (
    arrivals,
    claims,
    delivery,
    events,
    outbox,
    receipts,
    settlement,
    sweep,
    webhooks,
)

#: Meetings until the shop is brought to rest and held against the ledger.
_BATCH = 24
#: So many that nobody is written to too often for WhatsApp.
_PEOPLE = 12
_LENGTH = 40
#: See ``races``.
_COLLECT_SECONDS = 5.0
#: Until a call whose answer has not come is swept away.
_LOST_SECONDS = 60
_WORKERS = 8


class Meeting(ABC):
    """Some who meet over one thing."""

    name: ClassVar[str]

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world, self.rng = world, rng

    @abstractmethod
    def prepare(self) -> dict[str, Work]:
        """This will make the thing ready and return who shall meet over it."""

    @abstractmethod
    def wrong(self) -> Iterator[str]:
        """This will say what is not as it must be when all have gone."""

    def _deliver(self) -> object:
        return delivery.deliver(clock=self.world.clock)

    def _call(self, count: int = 1) -> list[tuple[Outgoing, Receipt]]:
        """This will call, and keep the answers: nobody has recorded them yet."""
        self.ids = self.world.queue(count)
        planned = claims.claim(limit=count, now=self.world.clock()).calls
        return [(each.outgoing, backends.load().send(each.outgoing)) for each in planned]

    def _expect(self, *, state: State, **columns: object) -> Iterator[str]:
        for row in Message.objects.filter(pk__in=self.ids):
            expected = {"state": state, "is_pending": False, "call_expires_at": None, **columns}
            for name, value in expected.items():
                if getattr(row, name) != value:
                    yield f"message {row.pk}: {name} is {getattr(row, name)}, not {value}"


class Claimers(Meeting):
    """F13: several senders want the same messages."""

    name = "senders meet over messages"

    def prepare(self) -> dict[str, Work]:
        self.ids = self.world.queue(self.rng.randint(1, 4))
        return {f"sender {number}": self._deliver for number in range(self.rng.randint(2, 3))}

    def wrong(self) -> Iterator[str]:
        self._deliver()  # whatever one has passed over because another looked at it
        yield from self._expect(state=State.ACCEPTED, attempt=1)


class Resenders(Meeting):
    """F99: two of the staff press "send again"."""

    name = "staff meet over a doubt"

    def prepare(self) -> dict[str, Work]:
        self.world.graph.follow(Script(weights={graph.CUT: 1}))
        self.ids = self.world.queue(1)
        self._deliver()
        self.world.graph.follow(Script())
        self.pressed: list[str] = []
        return {
            "first": lambda: self._press("first"),
            "second": lambda: self._press("second"),
            "sender": self._deliver,
        }

    def _press(self, name: str) -> None:
        try:
            settlement.settle(
                message_id=self.ids[0],
                verdict=settlement.Verdict.SEND_AGAIN,
                expected_attempt=1,
                actor=name,
                now=self.world.clock(),
            )
        except StateChanged:
            return
        self.pressed.append(name)

    def wrong(self) -> Iterator[str]:
        self._deliver()
        lines = DeliveryEvent.objects.filter(message_id=self.ids[0], kind="resent").count()
        if len(self.pressed) != 1 or lines != 1:
            yield f"{len(self.pressed)} were told yes, {lines} lines say so: {self.ids}"
        yield from self._expect(state=State.ACCEPTED, attempt=2)


class LateAnswer(Meeting):
    """F17: an answer comes while the sweep gives its call up."""

    name = "an answer meets the sweep"

    def prepare(self) -> dict[str, Work]:
        answers = self._call(self.rng.randint(1, 3))
        now = self.world.clock()
        later = now + timedelta(seconds=_LOST_SECONDS)
        return {
            "sender": lambda: receipts.record(answers=answers, now=now),
            "sweep": lambda: sweep.sweep(now=later),
        }

    def wrong(self) -> Iterator[str]:
        yield from self._expect(state=State.ACCEPTED, needs_attention=False, reason="")


class EarlyNews(Meeting):
    """F55: statuses come while the answer to their call is being written."""

    name = "an answer meets its webhooks"

    def prepare(self) -> dict[str, Work]:
        answers = self._call()
        call = self.world.calls()[-1]
        message = Message.objects.get(pk=self.ids[0])
        words = ("sent", "delivered", "read", "failed")
        self.words = self.rng.sample(words, self.rng.randint(1, 3))
        # Without our own id they wait until the provider's id is known.
        with_ours = self.rng.random() < 0.5
        seconds = int((self.world.clock() - factories.NOW).total_seconds())
        news = [
            webhook_bodies.status(
                message,
                word,
                wamid=call.wamid,
                seconds=seconds,
                with_opaque_id=with_ours,
                code=131000 if word == "failed" else None,
            )
            for word in self.words
        ]
        cut = self.rng.randint(0, len(news))
        works: dict[str, Work] = {
            "sender": lambda: receipts.record(answers=answers, now=self.world.clock())
        }
        for name, some in (("first", news[:cut]), ("second", news[cut:])):
            if some:
                works[f"webhook {name}"] = lambda some=some: self._tell(some)  # type: ignore[misc]
        return works

    def _tell(self, news: Sequence[dict[str, object]]) -> None:
        arrivals.record(body=webhook_bodies.body(statuses=news), now=self.world.clock())
        webhooks.process(now=self.world.clock())

    def wrong(self) -> Iterator[str]:
        webhooks.process(now=self.world.clock())
        sweep.sweep(now=self.world.clock())  # finds what has crossed its message
        state = max(map(State, self.words), key=PROVIDER_ORDER.index)
        yield from self._expect(state=state, needs_attention=state is State.FAILED)


class Caps(Meeting):
    """F85: eight senders have more promotions to one person than the cap allows."""

    name = "senders meet over the cap"

    def prepare(self) -> dict[str, Work]:
        self.cap = conf.load().CAP_PROMOTIONS
        now = self.world.clock()
        person = factories.contact(consents=("offers",), now=now)
        rows = [factories.draft(person, key="offers", now=now) for _each in range(self.cap + 3)]
        outbox.enqueue(messages=rows, now=now)
        self.ids = list(Message.objects.filter(contact=person).values_list("id", flat=True))
        some = lambda: delivery.deliver(clock=self.world.clock, at_most=self.cap)  # noqa: E731
        return {f"sender {number}": some for number in range(_WORKERS)}

    def wrong(self) -> Iterator[str]:
        self._deliver()
        rows = list(Message.objects.filter(pk__in=self.ids).values_list("state", "reason"))
        if (left := rows.count(("accepted", ""))) != self.cap:
            yield f"{left} promotions to one person, of {self.cap} allowed: {self.ids}"
        if (kept := rows.count(("blocked", "frequency_cap"))) != 3:
            yield f"{kept} promotions were kept back for the cap, not 3: {self.ids}"


class Tellers(Meeting):
    """F04: two web workers save the same order as shipped, and read what they have told."""

    name = "web workers meet over an order"

    def prepare(self) -> dict[str, Work]:
        self.order = self.world.new_order()
        self.order.save()
        return {"left": self._ship, "right": self._ship}

    def _ship(self) -> None:
        order = ShopOrder.objects.get(pk=self.order.pk)
        order.status = ShopOrder.Status.SHIPPED
        order.save()
        events.process(now=self.world.clock())

    def wrong(self) -> Iterator[str]:
        events.process(now=self.world.clock())
        told = ShopEvent.objects.filter(
            name="order.shipped", subject_pk=str(self.order.pk)
        ).values_list("id", flat=True)
        messages = Message.objects.filter(event_id__in=told).count()
        if len(told) != 1 or messages != 1:
            yield f"order {self.order.pk}: {len(told)} events, {messages} messages"


MEETINGS: tuple[type[Meeting], ...] = (
    Claimers, Resenders, LateAnswer, EarlyNews, Caps, Tellers,
)  # fmt: skip


def run(world: World, run: Run) -> Counts:
    """This will play ``run.size`` meetings, all kinds in turn."""
    return play(world, run)


def play(world: World, run: Run, *, kinds: Sequence[type[Meeting]] = MEETINGS) -> Counts:
    """This will do so with these kinds."""
    total, rows, done = Counts(), Counts(), 0
    waiting = itertools.cycle(kinds)
    for number in itertools.count(1):
        # Each time: what one person is sent in a day, and the hour, are then as they were.
        total += rows
        begin_era(world, people=_PEOPLE)
        where = f"meetings, seed {run.seed}, batch {number}"
        rng = run.rng("meetings", number)
        size = min(_BATCH, run.size - done)
        total += _play_batch(world, rng, list(itertools.islice(waiting, size)), where)
        done += size
        total += Counts(other_interleavings=size)
        total += recovery.recover(world, since=0, rng=rng)
        rows = audit(calls=world.calls(), where=where)
        run.say(f"{where}: {done} of {run.size}")
        if done >= run.size or not (total + rows).is_kept:
            break
    return total + rows


def _play_batch(
    world: World, rng: random.Random, kinds: Sequence[type[Meeting]], where: str
) -> Counts:
    problems = []
    with turns.taken() as taken, mock.patch.object(delivery, "COLLECT_SECONDS", _COLLECT_SECONDS):
        for kind in kinds:
            meeting = kind(world, rng)
            problems += [f"{where}: {kind.name}: {words}" for words in _play_one(meeting, taken)]
        problems += [f"{where}: the database broke off: {words}" for words in taken.conflicts]
    return Counts(problems=tuple(problems))


def _play_one(meeting: Meeting, taken: Turns) -> Iterator[str]:
    works = meeting.prepare()
    order = Order(rng=meeting.rng, names=list(works), length=_LENGTH * len(works) // 2)
    broken = taken.play(works, order=order)
    yield from (f"{name} raised {err!r}" for name, err in broken.items())
    yield from meeting.wrong()
