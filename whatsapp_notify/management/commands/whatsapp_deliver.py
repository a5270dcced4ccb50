"""Does without Celery what the tasks do."""

import logging
import signal
import threading
from argparse import ArgumentParser, ArgumentTypeError
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from whatsapp_notify.services import delivery, leases
from whatsapp_notify.services.rounds import Round, Rounds

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: Pause while the database is away.
_PAUSE_SECONDS = 10.0


class Command(BaseCommand):
    help = (
        "Reads webhooks, answers customers, plans messages and sends what is due: once, or with "
        "--watch until it is stopped. Exit code 0 when all was done or it was stopped, 1 when the "
        "database is not to be had."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--watch",
            action="store_true",
            help="Go on until SIGTERM or Ctrl-C; no call is cut off.",
        )
        parser.add_argument(
            "--interval",
            type=_seconds,
            default=2.0,
            metavar="SECONDS",
            help="Pause between two rounds with --watch. Default: %(default)s.",
        )

    def handle(
        self, *args: Any, watch: bool, interval: float, verbosity: int, **options: Any
    ) -> None:
        stop = threading.Event()
        rounds = Rounds(clock=timezone.now, stop=stop)
        with _StoppedBySignals(stop):
            if not watch:
                try:
                    self._run_once(rounds, stop, verbosity=verbosity)
                except (OperationalError, InterfaceError) as err:
                    raise CommandError("The database is busy or away; try again.") from err
                return
            while not stop.is_set():
                stop.wait(self._run(rounds, interval=interval, verbosity=verbosity))
        if verbosity > 0:
            self.stdout.write("Stopped; no call was cut off.")

    def _run_once(self, rounds: Rounds, stop: threading.Event, *, verbosity: int) -> None:
        """This will do round after round until all that was due has been sent."""
        while True:
            done = rounds.run()
            self._tell(done, verbosity=verbosity)
            if not done.has_more or stop.is_set():
                break
        if verbosity > 0 and done.is_left_to_others and delivery.is_due(now=timezone.now()):
            self.stdout.write(
                "Another process is sending, and what is due is left to it. If it was killed, run "
                f"this again in {leases.LASTS.seconds} seconds."
            )

    def _run(self, rounds: Rounds, *, interval: float, verbosity: int) -> float:
        """This will do one round and return the seconds to wait before the next."""
        close_old_connections()
        try:
            done = rounds.run()
        except (OperationalError, InterfaceError):
            # Its text may quote data, so it is not logged.
            logger.warning("The database is busy or away; trying again")
            close_old_connections()
            return max(interval, _PAUSE_SECONDS)
        if not done.is_idle:
            self._tell(done, verbosity=verbosity)
        return 0.0 if done.has_more else interval

    def _tell(self, done: Round, *, verbosity: int) -> None:
        if verbosity > 0:
            self.stdout.write(
                f"webhooks {done.webhooks}, errands {done.errands}, events {done.events}, "
                f"calls {done.calls}, files {done.files}"
            )


class _StoppedBySignals:
    """While it lasts, the first signal stops gracefully; a second one ends the process."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> None:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)

    def __exit__(self, *args: object) -> None:
        self._restore()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()
        self._restore()

    def _restore(self) -> None:
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError as err:
        raise ArgumentTypeError("a number of seconds") from err
    if not 0.1 <= seconds <= 3600:
        raise ArgumentTypeError("between 0.1 and 3600 seconds")
    return seconds
