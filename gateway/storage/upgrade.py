"""Bringing a database to the tables of this release, and telling whether it is there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from gateway.storage.database import Database
from gateway.storage.sqlite import connect, sqlite_file
from gateway.storage.writes import SchemaMissingError, StorageUnavailableError

_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_LOCK_KEY: Final = 0x7061_7967_6174_65
"""Of PostgreSQL's advisory lock: "paygate" as a number, since such locks have no names."""
_REVISION: Final = sa.select(sa.column("version_num", sa.Text)).select_from(
    sa.table("alembic_version")
)


def upgrade(url: str) -> str:
    """Bring the database at an SQLAlchemy URL to this release's revision, and return that.

    Makes an SQLite file and its folder. All or nothing; safe while another process does the same.
    Not to be called in a running event loop: use `asyncio.to_thread` there. Raises `ValueError`
    for a URL that cannot be served, and `StorageUnavailableError` if the database is not there, is
    no database, or lets nobody in.
    """
    kind = sa.make_url(url).drivername
    run = _UPGRADES.get(kind)
    if run is None:
        raise ValueError(f"database URL of kind {kind!r}: use one of {', '.join(_UPGRADES)}")
    try:
        run(url)
    except (sa.exc.DBAPIError, sqlite3.Error, OSError) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        raise StorageUnavailableError(f"{type(cause).__name__}: {cause}") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StorageUnavailableError(f"{type(error).__name__}: {error}") from error
    except TypeError as error:
        # SQLAlchemy hands what stands behind the question mark to the driver as it is.
        raise ValueError(f"an option of the URL is unknown to the driver: {error}") from error
    return head_revision()


async def current_revision(database: Database) -> str | None:
    """Return the revision that a database is at; None if it was never upgraded."""
    try:
        rows = await database.fetch(_REVISION, {})
    except SchemaMissingError:
        return None
    return str(rows[0][0]) if rows else None


async def is_current(database: Database) -> bool:
    """Tell whether a database is at this release's revision."""
    return await current_revision(database) == head_revision()


@cache
def head_revision() -> str:
    """Return the revision of this release."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError(f"no migrations in {_MIGRATIONS}: the installation is incomplete")
    return head


def _config() -> Config:
    config = Config()
    # A percent sign would begin an interpolation.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _migrate(connection: sa.Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _upgrade_sqlite(url: str) -> None:
    file = sqlite_file(url)
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine("sqlite://", creator=lambda: connect(file), poolclass=NullPool)

    @sa.event.listens_for(engine, "begin")
    def _lock(connection: sa.Connection) -> None:
        # Waits for another writer, and keeps every other out until the commit.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.begin() as connection:
        _migrate(connection)


def _upgrade_postgresql(url: str) -> None:
    asyncio.run(_upgrade_postgresql_async(url))


async def _upgrade_postgresql_async(url: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            # Held until the commit, so that whoever waits for it finds the work done.
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


_UPGRADES: Final[dict[str, Callable[[str], None]]] = {
    "sqlite+aiosqlite": _upgrade_sqlite,
    "postgresql+asyncpg": _upgrade_postgresql,
}
