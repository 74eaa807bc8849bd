"""Fresh databases for tests: empty ones, and copies of one that is already migrated."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol, TypeVar

import asyncpg
import sqlalchemy as sa

from gateway.storage.upgrade import upgrade

T = TypeVar("T")

DIALECTS: Final = ("sqlite", "postgresql")
INTEGRITY_ERRORS: Final = (sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError)
"""What the drivers say of a broken rule that is no unique key: a fault, not an outcome."""


class Databases(Protocol):
    """Where databases of one dialect come from."""

    def fresh(self, folder: Path, *, migrated: bool) -> str:
        """Make a database and return its SQLAlchemy URL; `folder` is the test's own."""

    def drop(self, url: str) -> None:
        """Throw a database away, connected or not."""


class SqliteDatabases:
    """Files, in the folder of the test that asks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fresh(self, folder: Path, *, migrated: bool) -> str:
        file = folder / f"{secrets.token_hex(4)}.db"
        if migrated:
            shutil.copyfile(self._template, file)
        return _sqlite_url(file)

    def drop(self, url: str) -> None:
        """Leave the file to pytest, which keeps the last few folders."""

    @cached_property
    def _template(self) -> Path:
        file = self._folder / "template.db"
        # Its last connection closed, all of it stands in this one file.
        upgrade(_sqlite_url(file))
        return file


class PostgresqlDatabases:
    """Databases of a server, made and dropped as its superuser."""

    def __init__(self, server_url: str) -> None:
        self._server = sa.make_url(server_url).set(drivername="postgresql+asyncpg")
        self._names: set[str] = set()

    def fresh(self, folder: Path, *, migrated: bool) -> str:
        return self._create(f"TEMPLATE {self._template}" if migrated else "")

    def drop(self, url: str) -> None:
        self._drop([str(sa.make_url(url).database)])

    def drop_all(self) -> None:
        """Drop what is left."""
        self._drop(sorted(self._names))

    @cached_property
    def _template(self) -> str:
        url = self._create("")
        _elsewhere(lambda: upgrade(url))
        return str(sa.make_url(url).database)

    def _create(self, options: str) -> str:
        name = f"paygate_test_{secrets.token_hex(8)}"
        self._run([f"CREATE DATABASE {name} {options}"])
        self._names.add(name)
        return self._server.set(database=name).render_as_string(hide_password=False)

    def _drop(self, names: Sequence[str]) -> None:
        self._run([f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in names])
        self._names.difference_update(names)

    def _run(self, statements: Sequence[str]) -> None:
        url = self._server.set(drivername="postgresql").render_as_string(hide_password=False)
        _elsewhere(lambda: asyncio.run(_execute(url, statements)))


async def _execute(url: str, statements: Sequence[str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _elsewhere(work: Callable[[], T]) -> T:
    """Run work that needs an event loop of its own, whatever loop this thread has."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def _sqlite_url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"
