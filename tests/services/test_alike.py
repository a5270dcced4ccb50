"""Random days of what customers write: read one by one and together, the same comes of it."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction

from tests import chat_day, shop
from whatsapp_notify.services import errands, webhooks

pytestmark = pytest.mark.django_db

#: Another day each; ``ALIKE_DAYS`` plays more.
DAYS = range(int(os.environ.get("ALIKE_DAYS", "5")))


@pytest.fixture(autouse=True)
def open_shop(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(
        PHONE_NUMBER_ID="100000000000001",
        DEFAULT_LANGUAGE="en",
        ADAPTER="tests.chat_day.Adapter",
        BOT="tests.chat_day.bot",
    )


@contextmanager
def undone() -> Iterator[None]:
    """All is taken back; inside, transactions begin and end as if there were none around."""
    around: Any = transaction.atomic()
    around._from_testcase = True
    with around:
        yield
        transaction.set_rollback(True)


def play(day: int, together: int, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Counter[str]]:
    monkeypatch.setattr(webhooks, "_TOGETHER", together)
    monkeypatch.setattr(errands, "_TOGETHER", together)
    with undone():
        return chat_day.Day(day).play()


@pytest.mark.parametrize("day", DAYS)
def test_the_same_comes_of_a_day(day: int, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = play(day, 1, monkeypatch)
    together = play(day, 100, monkeypatch)

    only_alone = {name: sorted(alone[name] - together[name]) for name in alone}
    only_together = {name: sorted(together[name] - alone[name]) for name in alone}
    assert only_alone == only_together
