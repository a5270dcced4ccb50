"""The weeks before the demo, lived through by the real services with the clock set back.

Messages are planned, decided, sent and answered as on any day; only the wire is shorter: calls
go straight into the simulator, and its webhooks straight into our inbox.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import zip_longest

from django.db import connection

from demo_shop.demo import memories
from whatsapp_notify.backends.base import Backend
from whatsapp_notify.cloud_api import answers, payloads
from whatsapp_notify.cloud_api.answers import Answer
from whatsapp_notify.domain.receipts import Outgoing, Receipt
from whatsapp_notify.models import Message
from whatsapp_notify.services import arrivals, delivery, events, sweep, webhooks
from whatsapp_notify.simulator import accepting, conf, courier, outgoing
from whatsapp_notify.simulator.errors import GraphError
from whatsapp_notify.simulator.fates import Fate

#: Acts that follow each other within this are settled together.
_TOGETHER = timedelta(minutes=10)
#: Seconds after an act at which the courier looks what has become of it.
_LOOKS = (2.0, 8.0)


def is_missing() -> bool:
    """This will tell whether the shop has no past yet."""
    return not Message.objects.exists()


def live_through(*, now: datetime) -> None:
    """This will fill the log, the chats and the ledger with all that has happened until now.

    No worker may run meanwhile: it would do today what is to be done weeks ago. The templates
    must be approved.
    """
    journey = _Journey()
    acts = sorted((act for act in memories.acts(now=now) if act.at < now), key=lambda act: act.at)
    for act, following in zip_longest(acts, acts[1:]):
        act.do(act.at)
        is_last_for_now = following is None or following.at - act.at > _TOGETHER
        if act.is_settled and is_last_for_now:
            journey.settle(act.at)
    sweep.sweep(now=now)


class _Journey:
    """A clock that has been set back, and everything that goes by it."""

    def __init__(self) -> None:
        self._moment = datetime.min.replace(tzinfo=UTC)
        self._set_at = 0.0
        self._graph = _ShortWire(self.clock)

    def clock(self) -> datetime:
        return self._moment + timedelta(seconds=time.monotonic() - self._set_at)

    def settle(self, moment: datetime) -> None:
        """This will do what worker and courier do, from this moment on, until all is quiet."""
        self._moment, self._set_at = moment, time.monotonic()
        sweep.sweep(now=moment)
        for _round in range(3):
            events.process(now=self.clock())
            sent = delivery.deliver(clock=self.clock, backend=self._graph)
            told = sum(self._bring_news(seconds) for seconds in _LOOKS)
            if not (sent.calls or told):
                return

    def _bring_news(self, seconds: float) -> int:
        self._moment += timedelta(seconds=seconds)
        courier.deliver_due(self.clock(), transport=self._post)
        return webhooks.process(now=self.clock())

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        arrivals.record(body=body, now=self.clock())
        return 200


class _ShortWire(Backend):
    """Puts real payloads into the simulator, without HTTP and at the time of the journey."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def send(self, outgoing: Outgoing) -> Receipt:
        payload = json.loads(payloads.message(outgoing=outgoing))
        try:
            return answers.to_receipt(answer=self._answer(payload))
        finally:
            # Each thread of the sender has one of its own.
            connection.close()

    def _answer(self, payload: dict[str, object]) -> Answer:
        settings = conf.get_settings()
        try:
            message = outgoing.read(payload, settings=settings, marketing_only=False)
            accepted = accepting.accept(message, settings=settings, now=self._clock())
            if accepted.fate == Fate.SERVER_ERROR:
                raise GraphError(131000)
        except GraphError as err:
            return _json(err.http_status, err.body(trace_id="PAST"))
        except accepting.BadGateway:
            return Answer(http_status=502, content_type="text/html", body=b"<html></html>")
        return _json(200, accepted.answer)


def _json(http_status: int, data: Mapping[str, object]) -> Answer:
    body = json.dumps(data).encode()
    return Answer(http_status=http_status, content_type="application/json", body=body)
