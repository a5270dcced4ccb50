"""The demo shop as real processes, each of which a test may stop, kill and start."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import requests
from django.conf import settings
from django.urls import reverse

from demo_shop.demo.visitor import Visitor
from tests.servers import free_port
from tests.torture import graph
from tests.torture.graph import Script
from whatsapp_notify.cloud_api.signature import sign

Found = TypeVar("Found")

ROOT = Path(__file__).resolve().parents[2]
MANAGE = (sys.executable, "manage.py")
CELERY = (sys.executable, "-m", "celery", "--quiet", "--app", "demo_shop")
#: For whatever a test waits for. A busy machine of two cores takes long.
WAIT_SECONDS = 90.0

#: Makes the shop ready without HTTP: no simulator takes part in these tests.
_PREPARE = """
from django.utils import timezone
from demo_shop.demo import preparing
from whatsapp_notify.models import Template
preparing.set_up_shop(now=timezone.now())
Template.objects.update(status="APPROVED")
"""


def clean_environment(**changes: str) -> dict[str, str]:
    """This will return an environment in which nothing points to the suite or to a shop."""
    ours = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "CELERY_BROKER_URL", "DEBUG", "SECRET_KEY"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(("DEMO_", "WHATSAPP_", "PYTEST_", "COV_"))
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **changes}


#: What stands in the log of a worker that is kept up, each time.
_STARTS = "The worker is started."


class RunningShop:
    """A shop with its own folder, port, database, queue and Graph server."""

    def __init__(self, *, folder: Path, database_url: str = "", broker_url: str = "") -> None:
        self.folder = folder
        self.port, self._graph_port = free_port(), free_port()
        self._database_url = database_url
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = clean_environment(
            DEMO_DATA_DIR=str(folder / "data"),
            DEMO_PORT=str(self.port),
            DEBUG="1",
            SKIP_CHECKS="1",
            WHATSAPP_GRAPH_URL=f"http://127.0.0.1:{self._graph_port}",
            **({"DATABASE_URL": database_url} if database_url else {}),
            **({"CELERY_BROKER_URL": broker_url} if broker_url else {}),
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # Processes

    def start_web(self) -> None:
        self._start("web", *MANAGE, "runserver", str(self.port), "--noreload", "--skip-checks")
        self.wait_for("the shop to answer", self._answers)

    def start_event_loop(self) -> None:
        """This will start the shop under ASGI, in the way that the documentation tells."""
        server = (sys.executable, "-m", "gunicorn", "demo_shop.asgi:application")
        options = ("--worker-class", "uvicorn_worker.UvicornWorker", "--log-level", "warning")
        self._start("web", *server, "--bind", f"127.0.0.1:{self.port}", *options)
        self.wait_for("the shop to answer", self._answers)

    def start_graph(self) -> None:
        command = (sys.executable, "-m", "tests.torture.graph")
        self._start("graph", *command, str(self._graph_port), str(self.folder))
        self.wait_for("Graph to listen", lambda: _listens(self._graph_port))

    def start_worker(self, *, pool: str = "threads") -> None:
        self._start("worker", *_worker(pool))

    def keep_up_worker(self) -> None:
        """This will start a worker, and start it again when it ends, as a supervisor does.

        Kombu 5.7 ends a worker that loses its Redis while a task is reserved, by
        ``AttributeError: 'NoneType' object has no attribute 'hostname'``. See ``starts``.
        """
        keep_up = f'while :; do echo "{_STARTS}"; "$@"; sleep 1; done'
        self._start("worker", "sh", "-c", keep_up, "-", *_worker("threads"))

    @property
    def starts(self) -> int:
        """How often the worker that is kept up has been started."""
        return (self.folder / "worker.log").read_text(errors="replace").count(_STARTS)

    def start_beat(self) -> None:
        self._start("beat", *CELERY, "beat", "--loglevel", "WARNING")

    def start(self, name: str, *arguments: str) -> None:
        """This will start a management command."""
        self._start(name, *MANAGE, *arguments)

    def kill(self, name: str) -> None:
        """This will end a process as a power cut would."""
        os.killpg(self._processes[name].pid, signal.SIGKILL)
        self._processes.pop(name).wait()

    def stop(self, name: str, *, timeout_seconds: float = 30.0) -> float:
        """This will ask a process to end, and return how many seconds it took."""
        process = self._processes.pop(name)
        begun = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"{name} did not end in {timeout_seconds} s") from None
        return time.monotonic() - begun

    def ask_all_to_stop(self, name: str) -> None:
        """This will ask a process and its children to end, as systemd does by default."""
        os.killpg(self._processes[name].pid, signal.SIGTERM)

    def end(self) -> None:
        for name in tuple(self._processes):
            self.kill(name)

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/account/login/", timeout=10):
                return True
        except OSError:
            return False

    # Acts

    def buy(self, number: int) -> float:
        """This will order as a guest who wants news of it; returns the checkout's seconds."""
        visitor = Visitor(base_url=self.url)
        slug = ["usva-enamel-mug"]
        visitor.submit(
            reverse("shop:add_to_cart", args=slug),
            {"quantity": "1"},
            form_on=reverse("shop:product", args=slug),
        )
        values = {
            "first_name": "Guest",
            "email": "guest@example.com",
            "phone": phone(number),
            "language": "en",
            "whatsapp_consent_orders": "on",
        }
        begun = time.monotonic()
        visitor.submit(reverse("shop:checkout"), values)
        return time.monotonic() - begun

    def bring_status(self, entry: Mapping[str, str], status: str) -> None:
        """This will post a signed webhook as Meta does, about a call in Graph's ledger."""
        value = {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": "358457390190",
                "phone_number_id": settings.WHATSAPP_NOTIFY["PHONE_NUMBER_ID"],
            },
            "statuses": [
                {
                    "id": entry["wamid"],
                    "status": status,
                    "timestamp": str(int(time.time())),
                    "recipient_id": entry["to"].lstrip("+"),
                    "biz_opaque_callback_data": entry["opaque"],
                }
            ],
        }
        change = {"value": value, "field": "messages"}
        account = settings.WHATSAPP_NOTIFY["BUSINESS_ACCOUNT_ID"]
        body = json.dumps(
            {
                "object": "whatsapp_business_account",
                "entry": [{"id": account, "changes": [change]}],
            }
        ).encode()
        signature = sign(body, settings.WHATSAPP_NOTIFY["APP_SECRET"])
        answer = requests.post(
            f"{self.url}/whatsapp/webhook/",
            data=body,
            headers={"X-Hub-Signature-256": signature},
            timeout=20,
        )
        assert answer.status_code == 200

    def fill_outbox(self, *, first: int, count: int) -> None:
        """This will queue messages to that many new customers."""
        code = f"from tests.functional import filling; filling.fill({first=}, {count=})"
        subprocess.run(
            [*MANAGE, "shell", "--verbosity", "0", "-c", code],
            cwd=ROOT,
            env=self.environment,
            check=True,
            timeout=WAIT_SECONDS,
        )

    def slow_down_graph(self, seconds: float) -> None:
        graph.write_script(self.folder, Script(weights={graph.SLOW: 1}, seconds=seconds))

    # Looks

    def ledger(self) -> list[dict[str, Any]]:
        """This will return what Graph has accepted, oldest first."""
        file = self.folder / graph.LEDGER
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [call for line in lines if (call := json.loads(line))["accepted"]]

    def confirmations(self) -> list[tuple[str, str]]:
        """This will return state and reason of each order confirmation, oldest first."""
        return self.rows(
            "SELECT state, reason FROM whatsapp_notify_message "
            "WHERE event_name = 'order.confirmed' ORDER BY id"
        )

    def states(self) -> list[str]:
        return [state for state, _reason in self.confirmations()]

    def rows(self, sql: str) -> list[Any]:
        if self._database_url:
            with psycopg.connect(self._database_url) as connection:
                return connection.execute(sql).fetchall()
        with closing(sqlite3.connect(self.folder / "data" / "demo.sqlite3", timeout=20)) as file:
            return file.execute(sql).fetchall()

    def wait_for(self, what: str, look: Callable[[], Found]) -> Found:
        """This will look until something is seen.

        Raises:
            AssertionError: It was not, in WAIT_SECONDS; with the last lines of all logs.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := look()):
            if time.monotonic() > deadline:
                raise AssertionError(f"Waited in vain for {what}.\n{self._logs()}")
            time.sleep(0.1)
        return found

    def _logs(self) -> str:
        tails = []
        for file in sorted(self.folder.glob("*.log")):
            lines = file.read_text(errors="replace").splitlines()[-60:]
            tails += [f"-- {file.stem}{self._ended(file.stem)}", *lines]
        return "\n".join([*tails, f"-- states: {self.states()}"])

    def _ended(self, name: str) -> str:
        process = self._processes.get(name)
        code = process.poll() if process else None
        return "" if code is None else f", ended with {code}"


def _worker(pool: str) -> tuple[str, ...]:
    options = ("--pool", pool, "--concurrency", "4", "--loglevel", "WARNING")
    return (*CELERY, "worker", *options)


def phone(number: int) -> str:
    """This will return the phone of a customer; no two numbers share one."""
    return f"+3584573902{number:02d}"


@contextmanager
def prepared(shop: RunningShop, *, model: Path | None = None) -> Iterator[RunningShop]:
    """This will give the shop its tables, goods and templates, and end it afterwards."""
    data = shop.folder / "data"
    if model is None:
        data.mkdir(exist_ok=True)
        prepare(shop.environment)
    else:
        shutil.copytree(model, data)
    try:
        yield shop
    finally:
        shop.end()


def prepare(environment: Mapping[str, str]) -> None:
    subprocess.run(
        [*MANAGE, "shell", "--verbosity", "0", "-c", _PREPARE],
        cwd=ROOT,
        env=environment,
        check=True,
        timeout=120,
    )


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False
