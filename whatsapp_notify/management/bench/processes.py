"""Starting what a measurement needs, and reading from the system what it has cost."""

import json
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from celery import current_app
from django.db import connection

from whatsapp_notify import conf
from whatsapp_notify.management.bench.graph_stub import SECRET
from whatsapp_notify.management.bench.shop import Setup

_BENCH = "whatsapp_notify.management.bench"
_WAIT_SECONDS = 60.0
_STOP_SECONDS = 40.0


class NotReady(Exception):
    """A process of the measurement did not come up; its output stands above."""


@dataclass(slots=True)
class Process:
    """A process with all its children."""

    popen: "subprocess.Popen[str]"
    #: Where it writes its report when it is stopped.
    report_file: Path

    def cpu_seconds(self) -> float:
        """This will return user and system time of the process and its children so far."""
        return tree_cpu_seconds(self.popen.pid)

    def peak_megabytes(self) -> float:
        """This will return the most memory that any process of the tree has held."""
        pids = [self.popen.pid, *(each.pid for each in psutil.Process(self.popen.pid).children())]
        return max(_peak_megabytes(pid) for pid in pids)

    def stop(self) -> dict[str, Any]:
        """This will end it by SIGTERM and return its report."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        text = self.report_file.read_text() if self.report_file.exists() else "{}"
        return dict(json.loads(text))


class Processes:
    """The processes of one measurement; all of them end with it."""

    def __init__(self, *, folder: Path, changes: dict[str, Any]) -> None:
        self._folder = folder
        self._changes = changes
        self._stack = ExitStack()
        #: A queue of its own: the shop's workers do not take part, and ours not in theirs.
        self.queue = f"whatsapp-bench-{secrets.token_hex(4)}"

    @property
    def setup(self) -> Setup:
        return Setup(
            database=str(connection.settings_dict["NAME"]),
            queue=self.queue,
            changes=self._changes,
        )

    def change(self, **changes: Any) -> None:
        """This will set keys of WHATSAPP_NOTIFY for processes that are started from now on."""
        self._changes = {**self._changes, **changes}

    def graph(self, *options: str) -> tuple[Process, int]:
        """This will start a Graph stub, and return it with its port."""
        process = self._start("graph_stub", (sys.executable, "-m", f"{_BENCH}.graph_stub"), options)
        port = int(process.popen.stdout.readline())  # type: ignore[union-attr]  # a pipe
        self.change(GRAPH_URL=f"http://127.0.0.1:{port}")
        return process, port

    def load(self, *options: str) -> Process:
        """This will start a process that posts webhooks."""
        return self._start("load", (sys.executable, "-m", f"{_BENCH}.load"), options)

    def worker(self, *, processes: int, pool: str = "prefork", nice: int = 0) -> Process:
        """This will start a real Celery worker and wait until it takes tasks.

        ``nice``: how far it gives way to others on the same cores, as in ``nice -n``.
        """
        command = (
            *(("nice", "-n", str(nice)) if nice else ()),
            *(sys.executable, "-m", "celery", "--quiet", "--app", f"{_BENCH}.celery_app:app"),
            *("worker", "--pool", pool, "--concurrency", str(processes), "--loglevel", "WARNING"),
            *("--queues", self.queue, "--without-gossip", "--without-mingle"),
            *("--without-heartbeat", "--hostname", f"{self.queue}@localhost"),
        )
        process = self._start("worker", command, report=False)
        self._wait_for_worker(process)
        return process

    def web(self, *, server: str, workers: int) -> tuple[Process, int]:
        """This will start a web server of ``_SERVERS``, and return it with its port."""
        port = free_port()
        process = self._start("web", _SERVERS[server](port, workers), report=False)
        wait_until(lambda: listens(port), what=server, process=process)
        return process, port

    def stop_all(self) -> None:
        self._stack.close()

    def _start(
        self,
        name: str,
        command: Sequence[str],
        options: Sequence[str] = (),
        *,
        report: bool = True,
    ) -> Process:
        report_file = self._folder / f"{name}-{secrets.token_hex(4)}.json"
        popen = subprocess.Popen(  # noqa: S603  # our own modules
            [*command, *([str(report_file)] if report else []), *options],
            env={**self.setup.as_environment(), SECRET: conf.load().app_secrets[0]},
            stdout=subprocess.PIPE if report else subprocess.DEVNULL,
            text=True,
        )
        process = Process(popen, report_file)
        self._stack.callback(process.stop)
        return process

    def _wait_for_worker(self, process: Process) -> None:
        mark = self._folder / f"ping-{secrets.token_hex(4)}"
        current_app.send_task(PING, args=[str(mark)], queue=self.queue)
        wait_until(mark.exists, what="the Celery worker", process=process)


PING = "whatsapp_notify.bench.ping"


@contextmanager
def running(**changes: Any) -> Iterator[Processes]:
    """This will let processes be started, and end them all."""
    with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as folder:
        processes = Processes(folder=Path(folder), changes=changes)
        try:
            yield processes
        finally:
            processes.stop_all()


def wait_until(condition: Any, *, what: str, process: Process | None = None) -> None:
    """This will wait for a process to come up.

    Raises:
        NotReady: It has ended, or took too long.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        has_ended = process is not None and process.popen.poll() is not None
        if has_ended or time.monotonic() > deadline:
            raise NotReady(f"{what} did not come up.")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """This will tell whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """This will return a port of this machine on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tree_cpu_seconds(pid: int) -> float:
    """This will return user and system time of a process, its children, and those that ended."""
    total = 0.0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    except psutil.NoSuchProcess:
        return total
    return total


def database_cpu_seconds() -> float:
    """This will return what the database server has used; 0 for SQLite or one elsewhere."""
    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    try:
        parent = psutil.Process(backend).parent()
    except psutil.NoSuchProcess:
        return 0.0
    return tree_cpu_seconds(parent.pid) if parent is not None else 0.0


def broker_cpu_seconds() -> float:
    """This will return what Redis has used; 0 for a broker without a server."""
    url = str(current_app.conf.broker_url or "")
    if not url.startswith("redis"):
        return 0.0
    import redis

    used: Any = redis.Redis.from_url(url).info("cpu")
    return float(used["used_cpu_sys"] + used["used_cpu_user"])


def _peak_megabytes(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0].split()[1]) / 1024 if found else 0.0


def _gunicorn(port: int, workers: int) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "gunicorn", f"{_BENCH}.wsgi:application"),
        *("--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--threads", "16"),
        *("--worker-class", "gthread", "--keep-alive", "60", "--log-level", "warning"),
        # Or one worker takes nearly all connections that are opened together.
        "--reuse-port",
    )


def _gunicorn_with_uvicorn(port: int, workers: int) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "gunicorn", f"{_BENCH}.asgi:application"),
        *("--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--keep-alive", "60"),
        *("--worker-class", "uvicorn_worker.UvicornWorker", "--log-level", "warning"),
        "--reuse-port",
    )


def _granian(port: int, workers: int) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "granian", f"{_BENCH}.wsgi:application"),
        *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", "16", "--log-level", "warning"),
        "--no-access-log",
    )


def _granian_asgi(port: int, workers: int) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "granian", f"{_BENCH}.asgi:application"),
        # "nl": Django does without a lifespan.
        *("--interface", "asginl", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(workers), "--log-level", "warning", "--no-access-log"),
    )


_SERVERS = {
    "gunicorn": _gunicorn,
    "granian": _granian,
    "gunicorn-uvicorn": _gunicorn_with_uvicorn,
    "granian-asgi": _granian_asgi,
}
