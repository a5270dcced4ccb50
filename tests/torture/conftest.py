"""A world for each test, on the test's own database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture import world as worlds
from tests.torture.world import World


@pytest.fixture
def world(transactional_db: None, tmp_path: Path) -> Iterator[World]:
    with worlds.opened(tmp_path) as opened:
        opened.reset(people=10)
        yield opened
