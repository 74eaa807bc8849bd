"""Databases for every test that asks: each on SQLite and on PostgreSQL, each test its own."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc.aio
import pytest
import structlog

from gateway.logs import LibraryHandler
from gateway.storage.database import Database, open_database
from tests.support.databases import DIALECTS, Databases, PostgresqlDatabases, SqliteDatabases
from tests.support.postgresql import PostgresqlMissingError, shared_postgresql

POSTGRESQL_URL_VARIABLE = "PAYGATE_TEST_POSTGRESQL_URL"


# See `gateway.api.server.build_grpc_edge`: tests of clients alone need that thread too.
grpc.aio.init_grpc_aio()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undo what a command configured: it logs to a terminal that ends with its test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [each for each in root.handlers if isinstance(each, LibraryHandler)]:
        if handler not in handlers:
            root.removeHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    """Makes SQLite files."""
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The superuser's URL of a server: a given one, or one that all workers share."""
    given = os.environ.get(POSTGRESQL_URL_VARIABLE)
    if given:
        yield given
        return
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with ExitStack() as stack:
        try:
            url = stack.enter_context(shared_postgresql(folder))
        except PostgresqlMissingError as missing:
            pytest.fail(str(missing), pytrace=False)
        yield url


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_url: str) -> Iterator[PostgresqlDatabases]:
    """Makes databases on the server, and leaves none behind."""
    databases = PostgresqlDatabases(postgresql_url)
    yield databases
    databases.drop_all()


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """The kind of database that a test runs on: it runs on each."""
    kind: str = request.param
    return kind


@pytest.fixture
def databases(request: pytest.FixtureRequest, dialect: str) -> Databases:
    """Makes databases of the dialect."""
    # By name, so that tests on SQLite alone start no server.
    made: Databases = request.getfixturevalue(f"{dialect}_databases")
    return made


@pytest.fixture
def database_url(databases: Databases, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    url = databases.fresh(tmp_path, migrated=False)
    yield url
    databases.drop(url)


@pytest.fixture
def migrated_url(databases: Databases, tmp_path: Path) -> Iterator[str]:
    """A database with the gateway's tables, empty ones."""
    url = databases.fresh(tmp_path, migrated=True)
    yield url
    databases.drop(url)


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    """The database of `migrated_url`, opened."""
    opened = open_database(migrated_url)
    yield opened
    await opened.close()
