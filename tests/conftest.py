"""What all tests share."""

from collections.abc import Iterator

import pytest

from whatsapp_notify.backends import locmem


@pytest.fixture(autouse=True)
def empty_outbox() -> Iterator[None]:
    """Each test starts with a backend that has sent nothing and accepts everything."""
    locmem.reset()
    yield
    locmem.reset()
