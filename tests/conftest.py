"""What all tests share."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, settings

from whatsapp_notify.backends import locmem
from whatsapp_notify.services import calls

# The same examples on every machine, and no stopwatch: a busy machine is no counter-example.
settings.register_profile(
    "alike",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("alike")


@pytest.fixture(autouse=True)
def empty_outbox() -> Iterator[None]:
    """Each test starts with a backend that has sent nothing and accepts everything."""
    locmem.reset()
    yield
    locmem.reset()


@pytest.fixture(autouse=True)
def nothing_sent_within_the_last_second() -> None:
    """A test does not wait because others before it have used up the rate of this process."""
    calls.forget_turnstiles()


@pytest.fixture
def brief_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that outlive the test close their connection to the database after each use."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all that look at pages: Playwright runs one loop a process."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    # The loop runs in this thread, where Django would refuse the database.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
