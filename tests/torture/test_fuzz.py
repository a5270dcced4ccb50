"""Webhooks that nobody would send, and good elements among them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests import factories, webhook_bodies
from tests.torture import fuzz
from tests.torture.campaign import Run
from tests.torture.world import World
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.services import arrivals, webhooks


def test_f59_each_is_read_or_put_aside_and_the_good_in_it_done(world: World) -> None:
    counts = fuzz.run(world, Run(seed=59, size=500))

    assert counts.problems == ()
    assert counts.fuzzed_webhooks == 500
    assert set(factories.webhook_states()) == {"processed", "quarantined"}


@pytest.mark.parametrize(("turns", "is_read"), [(60, True), (1, False)])
def test_what_takes_long_is_read_in_turns(
    world: World, monkeypatch: pytest.MonkeyPatch, turns: int, is_read: bool
) -> None:
    monkeypatch.setattr(webhooks, "_BATCH_BYTES", 1)
    monkeypatch.setattr(webhooks, "_TURN_SECONDS", 0.0)
    monkeypatch.setattr(fuzz, "_TURNS", turns)

    counts = fuzz.run(world, Run(seed=59, size=50))

    assert any("waiting" in words for words in counts.problems) is not is_read


def test_what_has_no_effect_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks.statuses, "apply", lambda **rest: 0)

    counts = fuzz.run(world, Run(seed=59, size=50))

    assert any("the good status in" in words for words in counts.problems)


def test_a_door_that_breaks_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**rest: Any) -> bool:
        raise ValueError("no")

    monkeypatch.setattr(arrivals, "record", broken)

    counts = fuzz.run(world, Run(seed=59, size=10))

    assert counts.answered_5xx == 10


class TestMixing:
    STATUS = webhook_bodies.status(wamid="wamid.GOOD")
    MESSAGE = webhook_bodies.text("Hello?", wamid="wamid.GOODTOO")

    @pytest.mark.parametrize("seed", range(8))
    def test_keeps_what_was_there_and_adds_both(self, seed: int) -> None:
        there = webhook_bodies.status(wamid="wamid.THERE")
        data = fuzz._with_entries(webhook_bodies.body(statuses=[there]))
        assert data is not None

        mixed = wire.parse(fuzz._put_in(data, self.STATUS, self.MESSAGE, random.Random(seed)))

        told = {status.provider_message_id for status in mixed.statuses}
        assert told == {"wamid.THERE", "wamid.GOOD"}
        assert [each.provider_message_id for each in mixed.messages] == ["wamid.GOODTOO"]

    @pytest.mark.parametrize("raw", [b"", b"[]", b'{"object": "page", "entry": []}', b"{]"])
    def test_leaves_alone_what_has_no_place_for_it(self, raw: bytes) -> None:
        assert fuzz._with_entries(raw) is None
