"""Measures this package on this machine, side by side in one run."""

import platform
import statistics
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import connection, transaction
from django.test.utils import override_settings

from whatsapp_notify import conf
from whatsapp_notify.models import ShopEvent

_BLOCK = 50
_PAUSE_SECONDS = 0.01


class Command(BaseCommand):
    help = (
        "Measures, in a database of its own that is removed afterwards. "
        "“save” compares saving a watched row with and without the package's receiver."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["save"])
        parser.add_argument("--rounds", type=int, default=1000, help="Saves of each kind.")

    def handle(self, *args: Any, **options: Any) -> None:
        rounds = options["rounds"]
        self.stdout.write(f"{platform.platform()}, Python {platform.python_version()}")
        self.stdout.write(f"{connection.vendor}, {rounds} saves of each kind, in turns")
        with _database():
            for way in ("in a transaction", "in autocommit"):
                plain, watched = _time_saves(rounds=rounds, is_atomic=way == "in a transaction")
                slower = statistics.median(watched) - statistics.median(plain)
                self.stdout.write(f"{way}: {slower * 1000:.2f} ms slower at the median")
                self.stdout.write(_line("without the receiver", plain))
                self.stdout.write(_line("with the receiver", watched))


@contextmanager
def _database() -> Iterator[None]:
    """This will make a database beside the real one, and remove it."""
    with tempfile.TemporaryDirectory() as folder:
        if connection.vendor == "sqlite":
            # Not in memory: a real file, as the shop has it.
            connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / "bench.sqlite3")
        old_name = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(old_name, verbosity=0)


def _time_saves(*, rounds: int, is_atomic: bool) -> tuple[list[float], list[float]]:
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


def _line(name: str, seconds: list[float]) -> str:
    quantiles = statistics.quantiles(seconds, n=20)
    return (
        f"{name:>22}: median {statistics.median(seconds) * 1000:.2f} ms, "
        f"5 % to 95 %: {quantiles[0] * 1000:.2f} to {quantiles[-1] * 1000:.2f} ms"
    )
