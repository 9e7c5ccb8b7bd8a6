"""Every test of the store's verbs runs against each database that is here."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairlead.store.database import Database
from fairlead.store.postgres import PostgresDatabase
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from tests.store.small_postgres import cluster, why_not


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a cluster of our own."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Database]:
    """Opens this test's own empty database, as often as it is asked."""
    if request.param == "sqlite":
        return lambda: SqliteDatabase(tmp_path / "traffic.db")
    url: str = request.getfixturevalue("postgres_url")
    first = PostgresDatabase(url)
    first.change([("DROP SCHEMA IF EXISTS public CASCADE", {}), ("CREATE SCHEMA public", {})])
    first.close()
    return lambda: PostgresDatabase(url)


@pytest.fixture
def store(opened: Callable[[], Database]) -> Iterator[SqlStore]:
    found = SqlStore(opened)
    yield found
    found.close()
