"""Work that is done at the same time, each on its own connection to the database."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from django.db import connection, connections, models, transaction

Returned = TypeVar("Returned")

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has no row locks to look at"
)


def together(*works: Callable[[], Any]) -> list[Any]:
    """All begin at the same moment; returns what they return, and raises what one raises."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=10)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(run, work) for work in works]
        return [future.result(timeout=60) for future in futures]


def beside(work: Callable[[], Any]) -> Any:
    """One piece of work in a thread of its own, on a connection of its own."""
    return together(work)[0]


@contextmanager
def held_by_the_shop(row: models.Model) -> Iterator[None]:
    """As long as the payment provider takes."""
    is_held, is_paid = threading.Event(), threading.Event()

    def pay() -> None:
        try:
            with transaction.atomic():
                type(row)._default_manager.select_for_update().get(pk=row.pk)
                is_held.set()
                is_paid.wait(30)
        finally:
            connections.close_all()

    thread = threading.Thread(target=pay)
    thread.start()
    try:
        assert is_held.wait(10)
        yield
    finally:
        is_paid.set()
        thread.join(10)


@contextmanager
def by_hand() -> Iterator[None]:
    """As where Django's AUTOCOMMIT is off: whoever writes has to commit, and nobody does."""
    connection.set_autocommit(False)
    try:
        yield
    finally:
        connection.rollback()
        connection.set_autocommit(True)


def in_a_loop(coroutine: Coroutine[Any, Any, Returned]) -> Returned:
    """An event loop of its own, in a thread: that of the browser may run in this one."""
    returned: Returned = beside(lambda: asyncio.run(coroutine))
    return returned


def process(script: str) -> "subprocess.Popen[str]":
    """A Python process on the test's database; its errors come with its output."""
    settings = connections["default"].settings_dict
    if connection.vendor == "postgresql":
        host = str(settings["HOST"]).replace("/", "%2F")
        login = f"{settings['USER']}:{settings['PASSWORD']}"
        port = f":{settings['PORT']}" if settings["PORT"] else ""
        url = f"postgresql://{login}@{host}{port}/{settings['NAME']}"
    else:
        url = f"sqlite:///{settings['NAME']}"
    return subprocess.Popen(  # our own script
        [sys.executable, "-c", f"import django; django.setup()\n{script}"],
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
