"""Signed webhooks that nobody would send, through the door and the processing.

Nothing may be answered but 200, nothing may be raised, each body ends as read or put aside
with a reason; and what is good in a body is done, whatever stands beside it: into some bodies
a status and a message are put that must have their effect.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.test import RequestFactory

from tests import factories, webhook_bodies
from tests.torture.bodies import bodies
from tests.torture.campaign import Counts, Run
from tests.torture.graph import Script
from tests.torture.world import World
from whatsapp_notify.cloud_api import signature
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.domain import opaque
from whatsapp_notify.models import InboundMessage, Installation, Message, WebhookEvent
from whatsapp_notify.models.set_based import insert_rows
from whatsapp_notify.services import delivery, webhooks
from whatsapp_notify.webhooks import receiving
from whatsapp_notify.webhooks.views import WebhookView

#: Bodies that are posted until they are read.
_BATCH = 250
#: Turns in which a batch is read at the latest; a body of thousands of messages takes one alone.
_TURNS = 5
#: Batches until the database is emptied.
_ERA = 8
#: Messages of ours that the bodies speak of.
_OURS = 20
#: Share of bodies into which something good is put, as far as they have a place for it.
_MIXED = 0.1
#: A good element is no reason to be too large for the door.
_LARGEST_MIXED = 2_000_000
#: One in so many goes through the shop's address with all its middleware.
_THROUGH_THE_SHOP = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    raw: bytes
    #: Our message whose status was put in, and the id of the customer's message.
    message_id: int | None = None
    inbound_id: str = ""


def run(world: World, run: Run) -> Counts:
    """This will post ``run.size`` bodies and have them read."""
    total = Counts()
    post = _door(world)
    made: Iterator[bytes] = iter(())
    for number in itertools.count(1):
        rng = run.rng("fuzz", number)
        if number % _ERA == 1:
            ids = _begin_era(world)
            made = bodies(seed=rng.randrange(2**32), count=_ERA * _BATCH, ids=ids)
        where = f"fuzz, seed {run.seed}, batch {number}"
        size = min(_BATCH, run.size - total.fuzzed_webhooks)
        batch = _mixed(world, list(itertools.islice(made, size)), rng)
        total += Counts(fuzzed_webhooks=size)
        refused = list(_refused(world, batch, post))
        broken = [f"reading raised {err!r}" for err in _read(world)]
        lost = list(_lost(batch))
        total += Counts(
            answered_5xx=len(refused),
            silently_lost=len(lost),
            problems=tuple(f"{where}: {words}" for words in (*refused, *broken, *lost)),
        )
        run.say(f"{where}: {total.fuzzed_webhooks} of {run.size}")
        if total.fuzzed_webhooks >= run.size or not total.is_kept:
            break
    return total


def _begin_era(world: World) -> list[str]:
    """This will send some messages and return all ids by which a status may name them."""
    world.reset(people=_OURS)
    world.graph.follow(Script())
    for key in ("service", "feedback", "offers"):
        factories.topic(key)
    world.queue(_OURS)
    delivery.deliver(clock=world.clock)
    return [each for call in world.calls() for each in (call.wamid, call.opaque)]


def _door(world: World) -> Any:
    """This will return what posts a signed body; mostly to the view alone, which is quicker."""
    view, factory, numbers = WebhookView.as_view(), RequestFactory(), itertools.count(1)
    secret = world.settings["APP_SECRET"]

    def post(body: bytes) -> int:
        if next(numbers) % _THROUGH_THE_SHOP == 0:
            return world.post(body)
        headers = {"X-Hub-Signature-256": signature.sign(body, secret)}
        request = factory.post(
            "/whatsapp/webhook/", data=body, content_type="application/json", headers=headers
        )
        return int(view(request).status_code)

    return post


def _refused(world: World, batch: Sequence[_Body], post: Any) -> Iterator[str]:
    for body in batch:
        try:
            status = post(body.raw)
        except Exception as err:  # noqa: BLE001  # the shop would answer 500
            yield f"{_named(body)} made the view raise {err!r}"
        else:
            if status != 200:
                yield f"{_named(body)} was answered {status}"


def _read(world: World) -> Iterator[Exception]:
    """This will read as whoever is rung for does: what takes long is read in turns."""
    for _turn in range(_TURNS):
        try:
            webhooks.process(now=world.clock())
        except Exception as err:  # noqa: BLE001  # told with the rest
            yield err
        if not webhooks.waiting().exists():
            break


def _lost(batch: Sequence[_Body]) -> Iterator[str]:
    """What was neither read nor put aside, and what was good and had no effect."""
    digests = {hashlib.sha256(body.raw).digest(): body for body in batch}
    rows = WebhookEvent.objects.filter(digest__in=digests)
    kept = {bytes(row.digest): row for row in rows.select_related("unread")}
    for digest, body in digests.items():
        row = kept.get(digest)
        if row is None or hasattr(row, "unread"):
            yield f"{_named(body)} is {'not kept' if row is None else 'waiting'}"
            continue
        problem = row.problem
        if row.is_quarantined and not problem:
            yield f"{_named(body)} was put aside without a reason"
        elif "Error" in problem:
            # A reason is what is wrong with the body, never an exception of ours.
            yield f"{_named(body)} met {problem}"
    yield from _without_effect(batch)


def _without_effect(batch: Sequence[_Body]) -> Iterator[str]:
    good = [body for body in batch if body.message_id is not None and _is_json(body.raw)]
    told = dict(
        Message.objects.filter(pk__in=[body.message_id for body in good]).values_list("id", "state")
    )
    wanted = [body.inbound_id for body in good]
    inbound = set(
        InboundMessage.objects.filter(provider_message_id__in=wanted).values_list(
            "provider_message_id", flat=True
        )
    )
    for body in good:
        if told.get(body.message_id or 0) != "delivered":
            yield f"the good status in {_named(body)} had no effect"
        if body.inbound_id not in inbound:
            yield f"the good message in {_named(body)} was not kept"


def _is_json(raw: bytes) -> bool:
    """This will tell whether the body can be read at all; what cannot is put aside as one."""
    try:
        wire.parse(raw)
    except wire.MalformedBody:
        return False
    return True


def _named(body: _Body) -> str:
    return f"body {hashlib.sha256(body.raw).hexdigest()[:12]} ({body.raw[:60]!r}...)"


# Something good among what is not


def _mixed(world: World, made: Sequence[bytes], rng: random.Random) -> list[_Body]:
    """This will put a good status and a good message into some of the bodies."""
    chosen = {
        place: data
        for place, raw in enumerate(made)
        if rng.random() < _MIXED and (data := _with_entries(raw)) is not None
    }
    now = world.clock()
    witnesses = dict(zip(chosen, _witnesses(world, len(chosen), now), strict=True))
    instance = Installation.objects.get().instance
    batch = []
    for place, raw in enumerate(made):
        if place not in chosen:
            batch.append(_Body(raw=raw))
            continue
        pk, token = witnesses[place]
        ours = opaque.encode(instance=instance, message_id=pk, token=token, attempt=1)
        inbound_id = f"wamid.GOOD{pk}X{rng.getrandbits(64):x}"
        good = _put_in(chosen[place], _status(pk, ours, now), _message(pk, inbound_id, now), rng)
        if len(good) > receiving.MAX_BYTES:
            # It is written anew in ASCII, which may make three bytes of one.
            batch.append(_Body(raw=raw))
        else:
            batch.append(_Body(raw=good, message_id=pk, inbound_id=inbound_id))
    return batch


def _with_entries(raw: bytes) -> dict[str, Any] | None:
    if len(raw) > _LARGEST_MIXED:
        return None
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    # What is about another product of Meta's is none of ours.
    is_ours = isinstance(data, dict) and data.get("object") == "whatsapp_business_account"
    return data if is_ours and isinstance(data.get("entry"), list) else None


def _put_in(
    data: dict[str, Any], status: dict[str, Any], message: dict[str, Any], rng: random.Random
) -> bytes:
    """This will put the elements beside others of their kind, or into an entry of their own."""
    for kind, element in (("statuses", status), ("messages", message)):
        places = list(_lists(data["entry"], kind))
        if places and rng.random() < 0.6:
            chosen = rng.choice(places)
            chosen.insert(rng.randint(0, len(chosen)), element)
        else:
            entry = json.loads(webhook_bodies.body(**{kind: [element]}))["entry"][0]
            data["entry"].insert(rng.randint(0, len(data["entry"])), entry)
    return json.dumps(data).encode()


def _lists(entries: Sequence[Any], kind: str) -> Iterator[list[Any]]:
    for entry in _dicts(entries):
        for change in _dicts(entry.get("changes")):
            value = change.get("value")
            if change.get("field") == "messages" and isinstance(value, dict):
                elements = value.get(kind)
                if isinstance(elements, list):
                    yield elements


def _dicts(items: Any) -> Iterator[dict[str, Any]]:
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            yield item


def _witnesses(world: World, count: int, now: datetime) -> Collection[tuple[int, str]]:
    """This will write messages of whose call nobody knows the end, as (id, token)."""
    pattern = Message.objects.filter(template_name="template_orders").order_by("id")[0]
    names = [each.attname for each in Message._meta.concrete_fields]
    row = {name: getattr(pattern, name) for name in names if name not in {"id", "token"}}
    row |= {"state": "calling", "attempt": 1, "is_pending": False, "provider_message_id": None}
    row |= {"called_at": now, "call_expires_at": now + timedelta(minutes=1), "accepted_at": None}
    last = Message.objects.order_by("-id").values_list("id", flat=True)[0]
    keys = [{"key": f"witness:{last}:{number}"} for number in range(count)]
    insert_rows(model=Message, rows=keys, same=row)
    return list(Message.objects.filter(pk__gt=last).order_by("id").values_list("id", "token"))


def _status(pk: int, opaque_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": f"wamid.WITNESS{pk}",
        "status": "delivered",
        "timestamp": str(int(now.timestamp())),
        "recipient_id": "358457300000",
        "biz_opaque_callback_data": opaque_id,
    }


def _message(pk: int, inbound_id: str, now: datetime) -> dict[str, Any]:
    words = webhook_bodies.text("Hello?", wamid=inbound_id, wa_id=f"35845{pk:07d}")
    return words | {"timestamp": str(int(now.timestamp()))}
