"""``manage.py simulator_courier``: posts the simulator's webhooks until it is stopped."""

import signal
import threading
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from whatsapp_notify.simulator import conf, courier


class Command(BaseCommand):
    """Runs the courier in one or more threads."""

    help = "Post the simulator's webhooks to the shop, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="deliver what is due, then end")
        parser.add_argument("--threads", type=int, default=2, help="couriers at work (default: 2)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Deliver once, or until a signal comes."""
        if not conf.is_enabled():
            raise CommandError("The simulator works only with DEBUG, or ALLOW_WITHOUT_DEBUG.")
        if options["once"]:
            delivered = courier.deliver_due(timezone.now())
            self.stdout.write(f"{delivered} webhooks delivered")
            return
        self._run(threads=max(1, options["threads"]))

    def _run(self, *, threads: int) -> None:
        stop = threading.Event()

        def end(number: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGTERM, end)
        couriers = [
            threading.Thread(target=courier.run_forever, args=(stop,), name=f"courier-{number}")
            for number in range(threads)
        ]
        for thread in couriers:
            thread.start()
        self.stdout.write("The courier is at work. Ctrl-C ends it.")
        for thread in couriers:
            thread.join()
