"""The whole shop in one terminal; or its story, headless."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils import timezone

from demo_shop.demo import parts, past, preparing
from demo_shop.demo.own_place import is_own_place, is_port_free, own_place
from demo_shop.demo.preparing import NotPossible
from demo_shop.demo.processes import Ensemble, PartEnded
from demo_shop.demo.report import Report
from demo_shop.demo.story import Story
from demo_shop.seed import CUSTOMER_PASSWORD
from whatsapp_notify import tasks

_WEB_SECONDS = 30.0

_WELCOME = """
  The shop   {url}/
  The phone  {url}/simulator/
  The admin  {url}/admin/   {name} / {password}

  What to try:
  1. Buy something and tick the boxes. Your number: {number}
  2. See the confirmation arrive on the phone, and answer it.
  3. In the admin, under Orders, mark the order as shipped, then as delivered.
  4. On the phone, write: VERKKOKAUPPA 9 kiitos - and later: STOP
  5. In the admin, open Delivery log, then one message: Why was it sent?

  Customers log in as customer.one@example.com, password “{customer_password}”.
  Ctrl-C ends it all.
"""


class _Stopped(Exception):
    """Ctrl-C, or the system asks to end."""


class Command(BaseCommand):
    help = "Runs the shop, a worker, beat and a simulated WhatsApp in this terminal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will declare the options."""
        parser.add_argument("--port", type=int, default=int(settings.DEMO_PORT))
        parser.add_argument("--reset", action="store_true", help="forget all data first")
        parser.add_argument(
            "--once",
            action="store_true",
            help="play a story headless, on a database of its own; exit code 0 if all went well",
        )
        parser.add_argument(
            "--json", action="store_true", help="with --once: one JSON document on stdout"
        )
        parser.add_argument("--no-browser", action="store_true", help="open no browser")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will run the demo until it is stopped, or the story until its end."""
        if not settings.DEBUG:
            raise CommandError("The demo is for this machine only and needs DEBUG=1.")
        if options["json"] and not options["once"]:
            raise CommandError("--json goes with --once.")
        try:
            with _stopping_on_signals():
                if not options["once"]:
                    self._run(options)
                elif is_own_place():
                    self._play(is_json=options["json"])
                else:
                    self._play_elsewhere(options)
        except (NotPossible, PartEnded) as err:
            raise CommandError(str(err)) from err
        except _Stopped:
            self.stderr.write("Stopped.")
            if options["once"]:
                # A story that was not played to its end has not ended as it should.
                raise SystemExit(1) from None

    # The demo

    def _run(self, options: dict[str, Any]) -> None:
        port = options["port"]
        if str(port) != settings.DEMO_PORT:
            self._begin_again(port, options)
        with _only_one():
            if not is_port_free(port):
                raise CommandError(
                    f"Port {port} is taken by another program. Choose another one, for "
                    f'instance: make demo ARGS="--port {port + 1}"'
                )
            preparing.require_servers()
            if options["reset"]:
                preparing.forget_all()
            with self._ensemble(sys.stdout) as ensemble:
                password = self._open(ensemble, port)
                self._welcome(password, is_quiet=options["no_browser"])
                while True:
                    ensemble.watch()
                    time.sleep(0.3)

    def _begin_again(self, port: int, options: dict[str, Any]) -> None:
        """This will become the same command with the port in its environment.

        Addresses in templates, links and settings all follow from it.
        """
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo"]
        command += [
            f"--{name.replace('_', '-')}" for name in ("reset", "no_browser") if options[name]
        ]
        os.execve(command[0], command, {**os.environ, "DEMO_PORT": str(port)})  # noqa: S606

    def _open(self, ensemble: Ensemble, port: int) -> str:
        now = timezone.now()
        self.stdout.write("Preparing the shop ...")
        password = preparing.set_up_shop(now=now)
        is_own = preparing.talks_to_own_simulator()
        ensemble.start(parts.web(port=port))
        _await_web(ensemble)
        if is_own:
            preparing.submit_templates(now=timezone.now())
            if past.is_missing():
                self.stdout.write("Living through the past weeks ...")
                past.live_through(now=timezone.now())
                preparing.forget_queue()
        else:
            self.stdout.write(
                "Messages go to WHATSAPP_GRAPH_URL, not to the simulator: submit the templates "
                "by manage.py whatsapp_templates submit."
            )
        # Connections do not travel well into other people's processes.
        connections.close_all()
        ensemble.start(parts.worker(), parts.beat(), parts.courier())
        tasks.greet_birthdays.delay()
        return password

    def _welcome(self, password: str, *, is_quiet: bool) -> None:
        url = settings.SHOP_BASE_URL
        self.stdout.write(
            _WELCOME.format(
                url=url,
                name=preparing.ADMIN_NAME,
                password=password,
                number="045 739 00110",
                customer_password=CUSTOMER_PASSWORD,
            )
        )
        has_screen = sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
        if not is_quiet and has_screen and sys.stdout.isatty():
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    # The story

    def _play_elsewhere(self, options: dict[str, Any]) -> None:
        preparing.require_servers()
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo", "--once"]
        command += ["--json"] if options["json"] else []
        with own_place() as environment:
            player = subprocess.Popen(  # noqa: S603 - ourselves
                command, env=environment, start_new_session=True
            )
            try:
                code = player.wait()
            finally:
                if player.poll() is None:
                    player.terminate()
                    player.wait(timeout=20)
        if code:
            raise SystemExit(code)

    def _play(self, *, is_json: bool) -> None:
        begun = time.monotonic()
        out = self.stderr if is_json else self.stdout

        def tell(line: str) -> None:
            out.write(line, style_func=str)

        with self._ensemble(sys.stderr) as ensemble:
            tell("Preparing a shop for this run ...")
            password = preparing.set_up_shop(now=timezone.now())
            ensemble.start(parts.web(port=int(settings.DEMO_PORT)))
            ensemble.start(parts.worker(), parts.beat(), parts.courier())
            _await_web(ensemble)
            preparing.submit_templates(now=timezone.now())
            story = Story(
                base_url=settings.SHOP_BASE_URL,
                admin_password=password,
                ensemble=ensemble,
                tell=tell,
            )
            missing = story.play()
        preparing.forget_queue()
        report = Report(missing=missing, seconds=time.monotonic() - begun)
        report.tell(tell)
        if is_json:
            self.stdout.write(json.dumps(report.as_json(), indent=2))
        if missing:
            raise SystemExit(1)

    def _ensemble(self, log: TextIO) -> Ensemble:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "demo_shop.settings",
            "PYTHONUNBUFFERED": "1",
            # This command has made the checks.
            "SKIP_CHECKS": "1",
        }
        return Ensemble(environment=environment, folder=settings.BASE_DIR, log=log)


def _await_web(ensemble: Ensemble) -> None:
    url = f"{settings.SHOP_BASE_URL}/account/login/"
    deadline = time.monotonic() + _WEB_SECONDS
    while time.monotonic() < deadline:
        ensemble.watch()
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise NotPossible(f"The shop did not answer within {_WEB_SECONDS:.0f} seconds.")


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """While it lasts, SIGINT, SIGTERM and SIGHUP end what is done here; a second one is ignored."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise _Stopped

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _only_one() -> Iterator[None]:
    """This will keep a second demo from the same data."""
    with (settings.DATA_DIR / "demo.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            raise NotPossible(
                "The demo is running already, in another terminal. For a second one, set "
                "DEMO_DATA_DIR to another folder and choose another --port."
            ) from err
        yield
