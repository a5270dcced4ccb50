"""All sequences of statuses up to length five: each must end as the join of its set.

Each sequence is the news of one message, told in one webhook or in several, with our own
answer recorded before it, after it, at each place between, or never. What a row says at the
end follows from *what* was told, not from when; it is written down here anew, apart from the
product's own rules.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests import webhook_bodies
from tests.torture.campaign import Counts, Run
from tests.torture.world import World
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.domain import opaque
from whatsapp_notify.domain.content import TextContent
from whatsapp_notify.domain.receipts import Accepted, Outgoing
from whatsapp_notify.models import DeliveryEvent, Installation, Message, UnreadWebhook, WebhookEvent
from whatsapp_notify.models.set_based import insert_rows
from whatsapp_notify.services import arrivals, receipts, statuses, webhooks

WORDS = ("sent", "delivered", "read", "failed")
LONGEST = 5
#: All of them: 4 + 16 + 64 + 256 + 1024.
COUNT = sum(len(WORDS) ** length for length in range(1, LONGEST + 1))

#: From the least to the most, as ``docs/architecture.md`` has it.
_ORDER = ("accepted", "sent", "failed", "delivered", "read")
#: One that stops neither a person nor a template nor a number.
_CODE = 131000
#: Seconds after the call at which each happened.
_SECONDS = {"sent": 1, "failed": 2, "delivered": 3, "read": 4}
_ANSWER_SECONDS = 5
_NEVER = -1
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """One way in which a sequence comes in."""

    words: tuple[str, ...]
    #: How many statuses have come before our answer is recorded; ``_NEVER``.
    answer_at: int
    #: The statuses, as bodies of webhooks.
    bodies: tuple[tuple[str, ...], ...]
    #: Whether the bodies go through the whole way, and not to ``statuses.apply`` at once.
    is_raw: bool = False

    def __str__(self) -> str:
        told = " | ".join(", ".join(body) for body in self.bodies)
        when = "never" if self.answer_at == _NEVER else f"after {self.answer_at}"
        return f"[{told}], answer {when}{', as raw bytes' if self.is_raw else ''}"


def run(world: World, run: Run) -> Counts:
    """This will play the first ``run.size`` sequences, shortest first; ``COUNT`` are all."""
    world.reset(people=1)
    rng = run.rng("sequences")
    chosen = list(_sequences())[: run.size]
    ways = [way for words in chosen for way in _ways(words, rng)]
    now = world.clock().replace(microsecond=0)
    ids = _calling(world, len(ways), now)
    paths = dict(zip(ids, ways, strict=True))
    for step in range(LONGEST + 1):
        _record_answers(paths, step, now)
        _tell(paths, step, now)
    problems = tuple(f"sequences, seed {run.seed}: {words}" for words in _wrong(paths, now))
    return Counts(sequences=len(chosen), messages=len(ways), problems=problems)


def _sequences() -> Iterator[tuple[str, ...]]:
    for length in range(1, LONGEST + 1):
        yield from itertools.product(WORDS, repeat=length)


def _ways(words: tuple[str, ...], rng: random.Random) -> Iterator[_Way]:
    """One status a body with the answer at each place; all in one; and split by lot."""
    single = tuple((word,) for word in words)
    for place in range(_NEVER, len(words) + 1):
        yield _Way(words=words, answer_at=place, bodies=single)
    for place in (_NEVER, 0, len(words)):
        yield _Way(words=words, answer_at=place, bodies=(words,), is_raw=True)
    if len(words) > 2:
        cut = rng.randint(1, len(words) - 1)
        bodies = (words[:cut], words[cut:])
        place = rng.choice((_NEVER, 0, cut, len(words)))
        yield _Way(words=words, answer_at=place, bodies=bodies, is_raw=rng.random() < 0.5)


def _calling(world: World, count: int, now: datetime) -> list[int]:
    """This will write messages whose call has begun and not ended."""
    (pattern_id,) = world.queue(1)
    pattern = Message.objects.get(pk=pattern_id)
    pattern.state, pattern.attempt, pattern.is_pending = "calling", 1, False
    pattern.called_at, pattern.call_expires_at = now, now + timedelta(minutes=1)
    names = [each.attname for each in Message._meta.concrete_fields]
    row = {name: getattr(pattern, name) for name in names if name not in {"id", "token"}}
    pattern.delete()
    insert_rows(
        model=Message, rows=[{"key": f"sequence:{number}"} for number in range(count)], same=row
    )
    return list(Message.objects.order_by("id").values_list("id", flat=True))


def _record_answers(paths: Mapping[int, _Way], step: int, now: datetime) -> None:
    answers = [
        (_outgoing(pk), Accepted(provider_message_id=_wamid(pk)))
        for pk, way in paths.items()
        if way.answer_at == step
    ]
    for start in range(0, len(answers), _CHUNK):
        chunk = answers[start : start + _CHUNK]
        receipts.record(answers=chunk, now=now + timedelta(seconds=_ANSWER_SECONDS))


def _outgoing(pk: int) -> Outgoing:
    words = TextContent(body="")
    return Outgoing(
        message_id=pk, attempt=1, phone="+358457300000", user_id="", content=words, opaque_id=""
    )


def _tell(paths: Mapping[int, _Way], step: int, now: datetime) -> None:
    """This will tell the bodies that begin with the status of this step."""
    instance = Installation.objects.get().instance
    tokens = dict(Message.objects.filter(pk__in=paths).values_list("id", "token"))
    news: list[dict[str, Any]] = []
    for pk, way in paths.items():
        starts = list(itertools.accumulate(map(len, way.bodies), initial=0))
        if step not in starts[:-1]:
            continue
        body = way.bodies[starts.index(step)]
        ours = opaque.encode(instance=instance, message_id=pk, token=tokens[pk], attempt=1)
        elements = [_status(pk, word, ours, now) for word in body]
        if way.is_raw:
            arrivals.record(body=webhook_bodies.body(statuses=elements), now=now)
        else:
            news += elements
    webhooks.process(now=now)
    for start in range(0, len(news), _CHUNK):
        parsed = wire.parse(webhook_bodies.body(statuses=news[start : start + _CHUNK]))
        statuses.apply(statuses=parsed.statuses, now=now)


def _status(pk: int, word: str, opaque_id: str, now: datetime) -> dict[str, Any]:
    element: dict[str, Any] = {
        "id": _wamid(pk),
        "status": word,
        "timestamp": str(int(now.timestamp()) + _SECONDS[word]),
        "recipient_id": "358457300000",
        "biz_opaque_callback_data": opaque_id,
    }
    if word == "failed":
        element |= {"errors": [{"code": _CODE, "title": "Something went wrong"}]}
    return element


def _wamid(pk: int) -> str:
    return f"wamid.SEQUENCE{pk}"


# What must come of it

_LOOKED_AT = (
    "state", "reason", "is_pending", "needs_attention", "call_expires_at", "provider_message_id",
    "error_code", "attempt", "failures", "accepted_at", "sent_at", "delivered_at", "read_at",
    "failed_at",
)  # fmt: skip


def _join(pk: int, way: _Way, now: datetime) -> dict[str, Any]:
    told = set(way.words)
    happened = {word: now + timedelta(seconds=_SECONDS[word]) for word in told}
    state = max(told, key=_ORDER.index)
    times = list(happened.values())
    if way.answer_at != _NEVER:
        times.append(now + timedelta(seconds=_ANSWER_SECONDS))
    return {
        "state": state,
        "reason": "provider_failed" if state == "failed" else "",
        "is_pending": False,
        "needs_attention": state == "failed",
        "call_expires_at": None,
        "provider_message_id": _wamid(pk),
        "error_code": _CODE if state == "failed" else None,
        "attempt": 1,
        "failures": 0,
        "accepted_at": min(times),
        **{f"{word}_at": happened.get(word) for word in WORDS},
    }


def _wrong(paths: Mapping[int, _Way], now: datetime) -> Iterator[str]:
    rows = Message.objects.filter(pk__in=paths).values("id", *_LOOKED_AT)
    lines = _timelines(list(paths))
    for row in rows:
        pk = row.pop("id")
        way = paths[pk]
        expected = _join(pk, way, now)
        for name, value in row.items():
            if value != expected[name]:
                yield f"{way}: {name} is {value}, not {expected[name]}"
        told = {*way.words, *(["accepted"] if way.answer_at != _NEVER else [])}
        if lines.get(pk, []) != sorted(told):
            yield f"{way}: its timeline tells {lines.get(pk)}"
    for pk in UnreadWebhook.objects.values_list("pk", flat=True):
        yield f"webhook {pk} waits"
    for pk in WebhookEvent.objects.filter(is_quarantined=True).values_list("id", flat=True):
        yield f"webhook {pk} is in quarantine"


def _timelines(ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for pk, kind in DeliveryEvent.objects.filter(message_id__in=ids).values_list(
        "message_id", "kind"
    ):
        found.setdefault(pk, []).append(kind)
    return {pk: sorted(kinds) for pk, kinds in found.items()}
