"""Commands as a person runs them."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from tests import shop

Run = Callable[..., str]


@pytest.fixture
def run() -> Run:
    """This will run a command and return what it wrote."""

    def run(*words: str, **options: Any) -> str:
        written = StringIO()
        call_command(*words, stdout=written, **options)
        return written.getvalue()

    return run


@pytest.fixture
def graph(live_server: Any, settings: Any) -> str:
    """The simulator's Graph API, over real HTTP."""
    url = f"{live_server.url}/simulator/graph"
    settings.WHATSAPP_NOTIFY = shop.configured(
        ADAPTER="demo_shop.whatsapp.DemoShopAdapter", GRAPH_URL=url
    )
    return url
