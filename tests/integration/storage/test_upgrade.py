"""Bringing databases to this release's tables."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import gateway.storage.account_tables
import gateway.storage.reconciliation_tables
import gateway.storage.refund_file_tables  # noqa: F401 - their tables join the others
from gateway.storage.database import Database, open_database
from gateway.storage.tables import metadata
from gateway.storage.upgrade import current_revision, head_revision, is_current, upgrade
from tests.support.databases import Databases

POSTGRESQL_CATALOG = """
SELECT 'column', table_name, column_name,
       concat_ws(' ', ordinal_position, data_type, is_nullable, column_default)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
"""
SQLITE_CATALOG = "SELECT type, tbl_name, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
CATALOGS = {"postgresql": POSTGRESQL_CATALOG, "sqlite": SQLITE_CATALOG}


def in_transaction(url: str, work: Any) -> Any:
    """Run synchronous work on a connection, and commit."""

    async def run() -> Any:
        engine = create_async_engine(url, poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def catalog(url: str) -> Sequence[tuple[Any, ...]]:
    """Return all that the database itself says of our tables, whoever made them."""

    def read(connection: sa.Connection) -> list[tuple[Any, ...]]:
        rows = connection.execute(sa.text(CATALOGS[connection.dialect.name]))
        return sorted(
            (kind, table, name, " ".join(str(definition).split()))
            for kind, table, name, definition in rows
            if table != "alembic_version"
        )

    found: list[tuple[Any, ...]] = in_transaction(url, read)
    return found


def test_migrations_make_the_tables_that_the_code_names(migrated_url: str) -> None:
    """Alembic would add nothing to the migrations."""

    def compare(connection: sa.Connection) -> Sequence[Any]:
        found: Sequence[Any] = compare_metadata(MigrationContext.configure(connection), metadata)
        return found

    assert in_transaction(migrated_url, compare) == []


def test_migrations_agree_with_the_tables_to_the_last_condition(
    migrated_url: str, database_url: str
) -> None:
    """Also where alembic does not look: check constraints, and the conditions of indexes."""
    in_transaction(database_url, metadata.create_all)

    assert catalog(migrated_url) == catalog(database_url)


def test_an_upgraded_database_stays_as_it_is(database_url: str) -> None:
    """The second upgrade finds nothing to do."""
    first = upgrade(database_url)
    before = catalog(database_url)

    assert first == upgrade(database_url) == head_revision()
    assert catalog(database_url) == before


def test_two_processes_upgrade_at_once(database_url: str) -> None:
    """Each ends at this release's revision, whoever did the work."""
    code = "import sys; from gateway.storage.upgrade import upgrade; print(upgrade(sys.argv[1]))"
    command = [sys.executable, "-W", "error", "-c", code, database_url]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - our own interpreter
        for _ in range(4)
    ]

    outputs = [process.communicate()[0].strip() for process in processes]

    assert outputs == [head_revision()] * 4


def test_an_upgrade_that_fails_leaves_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be run again from the start: tables come in one transaction, on SQLite as well."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", fail)  # after the first table
        with pytest.raises(RuntimeError, match="the power went"):
            upgrade(database_url)
    assert catalog(database_url) == []

    assert upgrade(database_url) == head_revision()


async def test_a_database_knows_its_revision(
    databases: Databases, database: Database, tmp_path: Path
) -> None:
    """Readiness asks that: none, this release's, or another."""
    empty = open_database(databases.fresh(tmp_path, migrated=False))
    assert await current_revision(empty) is None
    assert not await is_current(empty)
    await empty.close()

    assert await current_revision(database) == head_revision()
    assert await is_current(database)


def test_an_older_database_is_not_current(migrated_url: str) -> None:
    """A process that starts before the upgrade says so rather than failing at its first query."""
    in_transaction(
        migrated_url,
        lambda connection: connection.execute(
            sa.text("UPDATE alembic_version SET version_num = '0000'")
        ),
    )

    async def ask() -> tuple[str | None, bool]:
        database = open_database(migrated_url)
        try:
            return await current_revision(database), await is_current(database)
        finally:
            await database.close()

    assert asyncio.run(ask()) == ("0000", False)


def test_the_folder_of_an_sqlite_file_is_made(tmp_path: Path) -> None:
    """The embedded default needs nothing prepared; odd characters in the path do no harm."""
    file = tmp_path / "a 100%" / "b" / "paygate.db"

    upgrade(f"sqlite+aiosqlite:///{file}")

    assert file.exists()


@pytest.mark.parametrize("url", ["mysql+aiomysql://db/paygate", "sqlite:///paygate.db"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    """The message names the kinds that are served."""
    for open_it in (open_database, upgrade):
        with pytest.raises(ValueError, match="sqlite\\+aiosqlite"):
            open_it(url)
