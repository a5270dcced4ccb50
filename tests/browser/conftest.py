"""The whole demo at work, and a Chromium to look at it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests import servers
from tests.functional.running_shop import MANAGE, ROOT, clean_environment

_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)

#: What a careful shop sends with every page.
POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'self'; frame-ancestors 'self'"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            if _CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="there is no Chromium on this machine"))


class Demo:
    """The demo that runs, and its admin's password."""

    def __init__(self, *, url: str, password: str) -> None:
        self.url = url
        self.password = password


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    data = tmp_path_factory.mktemp("demo")
    port = servers.free_port()
    process = subprocess.Popen(
        [*MANAGE, "demo", "--port", str(port), "--no-browser"],
        cwd=ROOT,
        env=clean_environment(DEMO_DATA_DIR=str(data)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        words = ""
        for line in process.stdout:
            words += line
            if "Ctrl-C ends it all." in line:
                break
        else:
            raise AssertionError(f"The demo ended early:\n{words}")
        password = (data / "admin-password.txt").read_text().strip()
        yield Demo(url=f"http://127.0.0.1:{port}", password=password)
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="session")
def staff_state(demo: Demo, browser: Browser) -> object:
    """The cookies of an admin who has logged in."""
    context = browser.new_context(base_url=demo.url)
    page = context.new_page()
    page.goto("/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Site administration").wait_for()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def desk(demo: Demo, browser: Browser) -> Iterator[BrowserContext]:
    """A visitor at a desk, who has not been here before."""
    context = browser.new_context(base_url=demo.url, viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture(params=[375, 1280], ids=["phone", "desk"])
def staff(
    request: pytest.FixtureRequest, demo: Demo, browser: Browser, staff_state: object
) -> Iterator[BrowserContext]:
    """An admin, at a desk or with a phone."""
    context = browser.new_context(
        base_url=demo.url,
        viewport={"width": request.param, "height": 800},
        storage_state=staff_state,  # type: ignore[arg-type]
    )
    yield context
    context.close()
