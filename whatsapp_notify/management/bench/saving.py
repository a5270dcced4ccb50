"""What the receiver costs a save of the shop's, side by side in one run."""

import statistics
import time
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test.utils import override_settings

from whatsapp_notify import conf
from whatsapp_notify.models import ShopEvent

_BLOCK = 50
_PAUSE_SECONDS = 0.01


def time_saves(*, rounds: int, is_atomic: bool) -> tuple[list[float], list[float]]:
    """This will time saves in blocks of fifty, with and without the receiver in turns.

    The watched field is the password, which every user model has: each save changes it, so
    each is an event, with its INSERT, its commit and its doorbell. Between two saves there is
    a pause, as between two orders: what other threads do then is not the save's.
    """
    watch = {
        "event": f"bench.saved.{is_atomic}",
        "model": settings.AUTH_USER_MODEL,
        "field": "password",
        "changes": True,
    }
    times: dict[bool, list[float]] = {False: [], True: []}
    while len(times[True]) < rounds:
        for is_watched in (False, True):
            watches = [watch] if is_watched else []
            changed = {**getattr(settings, conf.NAME), "WATCH": watches}
            with override_settings(**{conf.NAME: changed}):
                times[is_watched].extend(_time_block(len(times[is_watched]), is_atomic=is_atomic))
    found = ShopEvent.objects.filter(name=watch["event"]).count()
    if found != len(times[True]):
        raise RuntimeError(f"{found} events were recorded instead of {len(times[True])}.")
    return times[False], times[True]


def _time_block(number: int, *, is_atomic: bool) -> list[float]:
    model = get_user_model()
    name = {model.USERNAME_FIELD: f"bench{number}@example.com"}
    user: Any = model(**name, password="first")  # noqa: S106  # no secret, only a value to change
    user.save()
    seconds = []
    for each in range(_BLOCK):
        user.password = f"{each:08}"
        start = time.perf_counter()
        with transaction.atomic() if is_atomic else nullcontext():
            user.save()
        seconds.append(time.perf_counter() - start)
        time.sleep(_PAUSE_SECONDS)
    user.delete()
    return seconds


def line(name: str, seconds: list[float]) -> str:
    quantiles = statistics.quantiles(seconds, n=20)
    return (
        f"{name:>22}: median {statistics.median(seconds) * 1000:.2f} ms, "
        f"5 % to 95 %: {quantiles[0] * 1000:.2f} to {quantiles[-1] * 1000:.2f} ms"
    )
