"""STOP against send: no call starts after an opt-out that was committed before the last look.

Each interleaving has customers of its own, one or two senders, and somebody who stops them in
one of the ways in which that really happens; see ``turns`` for how they take turns.
"""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from unittest import mock

from django.db import transaction

from tests import factories, webhook_bodies
from tests.torture import recovery, turns
from tests.torture.audit import audit
from tests.torture.campaign import Counts, Run
from tests.torture.graph import Script
from tests.torture.turns import Order, Turns
from tests.torture.world import World
from whatsapp_notify import signals
from whatsapp_notify.domain import opaque
from whatsapp_notify.models import ConsentRecord, Contact, DeliveryEvent, Identity, Message
from whatsapp_notify.services import (
    arrivals,
    calls,
    claims,
    consent,
    delivery,
    outbox,
    senders,
    webhooks,
)
from whatsapp_notify.services.claims import PlannedCall
from whatsapp_notify.services.consent import Proof

#: Interleavings until the shop is brought to rest and held against the ledger.
_BATCH = 50
#: Batches until the database is emptied and it is noon again.
_ERA = 10
#: Steps of an interleaving, until one of its kind has been played.
_LENGTH = 60
#: So that a busy machine does not have a sender look for work before its calls are answered.
_COLLECT_SECONDS = 5.0
#: From one interleaving to the next; longer than any pause after which something is done anew.
_SECONDS = 6
_SHARES_OF_CUSTOMERS = (1, 1, 1, 1, 2, 3, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One way in which customers, or the shop, say that no message shall leave any more."""

    name: str
    act: Callable[[Sequence[Contact], datetime], object]
    #: The topic of the messages that it stops.
    topic: str = "orders"


def _withdraw(people: Sequence[Contact], now: datetime) -> None:
    for person in people:
        proof = Proof(source=ConsentRecord.Source.STAFF)
        consent.withdraw(contact=person, proof=proof, occurred_at=now, now=now)


def _withdraw_together(people: Sequence[Contact], now: datetime) -> None:
    """In one transaction of the shop's, which does something else before and after."""
    with transaction.atomic():
        list(Identity.objects.filter(contact__in=people))
        _withdraw(sorted(people, key=lambda each: each.pk), now)
        list(Identity.objects.filter(contact__in=people))


def _write_stop(people: Sequence[Contact], now: datetime) -> None:
    messages = [
        {
            **webhook_bodies.text("STOP", wamid=f"wamid.STOP{each.pk}", wa_id=_wa_id(each)),
            "timestamp": str(int(now.timestamp())),
        }
        for each in people
    ]
    arrivals.record(body=webhook_bodies.body(messages=messages), now=now)
    webhooks.process(now=now)


def _stop_at_provider(people: Sequence[Contact], now: datetime) -> None:
    stops = [
        {
            "wa_id": _wa_id(each),
            "detail": "User requested to stop marketing messages",
            "category": "marketing_messages",
            "value": "stop",
            "timestamp": int(now.timestamp()),
        }
        for each in people
    ]
    arrivals.record(body=webhook_bodies.body(user_preferences=stops), now=now)
    webhooks.process(now=now)


def _press_red_button(people: Sequence[Contact], now: datetime) -> None:
    senders.stop(sender=senders.current(), actor="staff", now=now)


def _wa_id(person: Contact) -> str:
    phone = Identity.objects.get(contact=person, kind=Identity.Kind.PHONE).value
    return phone.lstrip("+")


RED_BUTTON = Stop(name="red button", act=_press_red_button)
STOPS = (
    Stop(name="withdrawal", act=_withdraw),
    Stop(name="withdrawals in one transaction", act=_withdraw_together),
    Stop(name="written STOP", act=_write_stop),
    Stop(name="stop at the provider", act=_stop_at_provider, topic="offers"),
    RED_BUTTON,
)


@dataclass(slots=True, kw_only=True)
class _Log:
    """What happened when, of one batch; times are steps of ``Turns.now``."""

    #: The contact of each message that may be stopped.
    contacts: dict[int, int] = field(default_factory=dict)
    opted_out_at: dict[int, int] = field(default_factory=dict)
    #: From the commit of the red button to its release.
    stopped: list[tuple[int, int]] = field(default_factory=list)
    looked_at: dict[int, int] = field(default_factory=dict)
    #: The last look before each call: by message and attempt.
    starts: dict[tuple[int, int], int] = field(default_factory=dict)
    #: Steps of the latest interleaving of each kind.
    lengths: dict[tuple[str, int, int], int] = field(default_factory=dict)
    #: What went wrong apart from calls.
    problems: list[str] = field(default_factory=list)

    def was_forbidden(self, message_id: int, attempt: int) -> bool:
        """This will tell whether a stop had been committed before the last look at the call."""
        looked_at = self.starts.get((message_id, attempt))
        opted_out_at = self.opted_out_at.get(self.contacts[message_id])
        if looked_at is None:
            # Made after the races, when all stops stood.
            return opted_out_at is not None
        if opted_out_at is not None and opted_out_at < looked_at:
            return True
        return any(begin < looked_at < end for begin, end in self.stopped)


def run(world: World, run: Run) -> Counts:
    """This will play ``run.size`` interleavings of STOP and send."""
    counts, _tally = play(world, run)
    return counts


def play(world: World, run: Run, *, stops: Sequence[Stop] = STOPS) -> tuple[Counts, Counter[str]]:
    """This will do so with these stops, and also tell how the races ended."""
    total, rows, tally = Counts(), Counts(), Counter[str]()
    for number in itertools.count(1):
        if number % _ERA == 1:
            total, rows = total + rows, Counts()
            begin_era(world)
        where = f"STOP and send, seed {run.seed}, batch {number}"
        rng = run.rng("races", number)
        size = min(_BATCH, run.size - total.interleavings)
        known = len(world.calls())
        log = _play_batch(world, rng, [rng.choice(stops) for _each in range(size)])
        total += Counts(interleavings=size) + recovery.recover(world, since=known, rng=rng)
        total += _judge(world, log, since=known, where=where)
        tally += _endings(log)
        rows = audit(calls=world.calls(), where=where)
        run.say(f"{where}: {total.interleavings} of {run.size}")
        if total.interleavings >= run.size or not (total + rows).is_kept:
            # What is broken would be found again with each batch to come.
            break
    return total + rows, tally


def begin_era(world: World, *, people: int = 1) -> None:
    """This will empty the database, and make it noon again: no quiet hours are near."""
    world.clock.advance(seconds=(factories.NOW - world.clock()).total_seconds())
    world.reset(people=people)
    world.graph.follow(Script())
    for key in ("service", "offers"):
        factories.topic(key)


def _play_batch(world: World, rng: random.Random, stops: Sequence[Stop]) -> _Log:
    log = _Log()
    with turns.taken() as taken, _watched(taken, log):
        for stop in stops:
            # It stands still meanwhile: what happens must not depend on how quickly.
            world.clock.advance(seconds=_SECONDS)
            _play_one(taken, stop, rng, log, now=world.clock().replace(microsecond=0))
        log.problems += [f"the database broke off: {words}" for words in taken.conflicts]
    world.graph.settle()
    return log


def _play_one(taken: Turns, stop: Stop, rng: random.Random, log: _Log, *, now: datetime) -> None:
    count = rng.choice(_SHARES_OF_CUSTOMERS)
    people = [factories.contact(consents=(stop.topic,), now=now) for _each in range(count)]
    log.contacts |= _queue(people, topic=stop.topic, now=now)
    stopping = rng.sample(people, rng.randint(1, count))
    works: dict[str, turns.Work] = {"stop": lambda: stop.act(stopping, now)}
    for number in range(rng.choice((1, 1, 1, 2))):
        works[f"sender {number}"] = lambda: delivery.deliver(clock=lambda: now)
    taken.commits.clear()
    kind = (stop.name, count, len(works))
    order = Order(rng=rng, names=list(works), length=log.lengths.get(kind, _LENGTH))
    broken = taken.play(works, order=order)
    log.lengths[kind] = order.steps
    log.problems += [f"{stop.name}: {name} raised {err!r}" for name, err in broken.items()]
    if stop is RED_BUTTON:
        # The button is the first thing that it commits.
        log.stopped.append((taken.commits["stop"][0], taken.now))
        senders.release(sender=senders.current(), actor="staff", now=now)
        delivery.deliver(clock=lambda: now)


def _queue(people: Sequence[Contact], *, topic: str, now: datetime) -> dict[int, int]:
    rows = [factories.draft(person, key=topic, now=now) for person in people]
    outbox.enqueue(messages=rows, now=now)
    found = Message.objects.filter(key__in=[row.key for row in rows])
    return dict(found.values_list("id", "contact_id"))


@contextmanager
def _watched(taken: Turns, log: _Log) -> Iterator[None]:
    """This will write down who opts out, looks and starts, and let turns be taken there."""
    look, start_due, begin = claims.look, calls.Calls.start_due, calls.Calls._begin

    def note_opt_out(record_id: int, **rest: Any) -> None:
        record = ConsentRecord.objects.get(pk=record_id)
        if record.action == ConsentRecord.Action.WITHDRAW:
            log.opted_out_at.setdefault(record.contact_id, taken.now)

    def noted_look(*, planned: Collection[PlannedCall]) -> frozenset[int]:
        taken.pause()
        for each in planned:
            log.looked_at[each.outgoing.message_id] = taken.now
        with taken.muted():
            return look(planned=planned)

    def start_all(self: calls.Calls) -> None:
        # All together: how many are looked at with each other must not depend on the clock.
        if self._places:
            time.sleep(max(0.0, self._places[-1] - time.monotonic()))
        start_due(self)

    def noted_begin(self: calls.Calls, call: calls._Ready, *, at: float) -> None:
        taken.pause()
        outgoing = call.outgoing
        looked_at = log.looked_at[outgoing.message_id]
        log.starts[outgoing.message_id, outgoing.attempt] = looked_at
        begin(self, call, at=at)

    signals.consent_changed.connect(note_opt_out)
    with (
        mock.patch.object(claims, "look", noted_look),
        mock.patch.object(calls.Calls, "start_due", start_all),
        mock.patch.object(calls.Calls, "_begin", noted_begin),
        mock.patch.object(delivery, "COLLECT_SECONDS", _COLLECT_SECONDS),
    ):
        try:
            yield
        finally:
            signals.consent_changed.disconnect(note_opt_out)


def _judge(world: World, log: _Log, *, since: int, where: str) -> Counts:
    """This will hold the ledger and the rows against what was stopped, and when."""
    late = []
    called = set()
    for call in world.calls()[since:]:
        ours = opaque.decode(call.opaque)
        # An answer to what the customer wrote may leave.
        if ours is None or ours.message_id not in log.contacts:
            continue
        called.add(ours.message_id)
        if log.was_forbidden(ours.message_id, ours.attempt):
            late.append(f"{where}: message {ours.message_id} was sent after a committed stop")
    lost = [f"{where}: {words}" for words in _unreasoned(log, called)]
    others = [f"{where}: {words}" for words in log.problems]
    return Counts(
        sent_after_opt_out=len(late),
        silently_lost=len(lost),
        problems=(*late, *lost, *others),
    )


def _unreasoned(log: _Log, called: Collection[int]) -> Iterator[str]:
    """Who was not called has opted out, and the row says so."""
    rows = Message.objects.filter(pk__in=log.contacts).values_list("id", "state", "reason")
    for pk, state, reason in rows:
        if pk in called:
            continue
        if log.contacts[pk] not in log.opted_out_at:
            yield f"message {pk} never left, though nobody stopped it: {state} {reason}"
        elif (state, reason) not in {("blocked", "consent"), ("blocked", "provider_stop")}:
            yield f"message {pk} was stopped, and says {state} {reason}"


def _endings(log: _Log) -> Counter[str]:
    """This will count how races ended, so that a test can tell that there were any."""
    lines = DeliveryEvent.objects.filter(message_id__in=log.contacts, reason="reconsider")
    taken_back = set(lines.values_list("message_id", flat=True))
    stopped = {pk for pk, contact in log.contacts.items() if contact in log.opted_out_at}
    started = {pk for pk, _attempt in log.starts}
    return Counter(
        {
            "stopped at the gate": len(stopped - taken_back - started),
            "taken back by the last look": len(taken_back),
            "left before the stop": len(stopped & started),
        }
    )
