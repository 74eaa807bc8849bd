"""SQLite: a unit of work is one IMMEDIATE transaction, its writes one after the other.

SQLAlchemy writes the SQL, the standard library's driver runs it: one thread writes, a few read
beside it. A unit is one hop to its thread, and once there it runs to its end, canceled or not.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import local
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite as dialects

from gateway.storage.compiled import Compiled, Compiler
from gateway.storage.database import Row
from gateway.storage.writes import (
    AlreadyExistsError,
    GuardFailedError,
    SchemaMissingError,
    StorageUnavailableError,
    Write,
)

_BUSY_TIMEOUT_S: Final = 10.0
_READERS: Final = 4

_UNIQUE: Final = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})
_UNAVAILABLE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_NOMEM,
    }
)
_PRIMARY_CODE: Final = 0xFF
"""Of an extended result code, the bits that tell the kind (SQLite, "Result and Error Codes")."""


def sqlite_file(url: str) -> Path:
    """Return the file that an SQLAlchemy URL names; raises `ValueError` if it names none."""
    database = sa.make_url(url).database
    if database in {None, "", ":memory:"}:
        raise ValueError("the gateway needs a database file: sqlite+aiosqlite:///FILE")
    return Path(str(database))


def connect(file: Path, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open a connection that is durable: WAL, synchronous=FULL; foreign keys are on.

    Transactions are left to us: the driver would begin them deferred, and too late.
    """
    connection = sqlite3.connect(
        file, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
    )
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


class SqliteDatabase:
    """A file. One writer at a time: writers wait in line here rather than poll SQLite's lock.

    `busy_timeout_s` is how long to wait for a writer in another process.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> None:
        self._file = sqlite_file(url)
        self._busy_timeout_s = busy_timeout_s
        self._compile = Compiler(dialects.dialect())
        self._writer = ThreadPoolExecutor(1, "sqlite-writer")
        self._readers = ThreadPoolExecutor(_READERS, "sqlite-reader")
        self._of_thread = local()
        self._connections: list[sqlite3.Connection] = []

    async def fetch(
        self, statement: sa.Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """See `Database.fetch`."""
        compiled = self._compile(statement)
        read = partial(self._read, compiled.sql, compiled.arguments(parameters))
        return compiled.rows(await asyncio.get_running_loop().run_in_executor(self._readers, read))

    async def commit(self, writes: Sequence[Write]) -> None:
        """See `Database.commit`."""
        if not writes:
            return
        unit = [(self._compile(write.statement), write) for write in writes]
        await asyncio.get_running_loop().run_in_executor(self._writer, self._write, unit)

    async def claim(self, statement: sa.Update, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """See `Database.claim`."""
        compiled = self._compile(statement)
        take = partial(self._take, compiled.sql, compiled.arguments(parameters))
        return compiled.rows(await asyncio.get_running_loop().run_in_executor(self._writer, take))

    async def load(self, table: sa.Table, rows: Sequence[Row]) -> None:
        """See `Database.load`."""
        places = ", ".join("?" for _ in table.columns)
        sql = f"INSERT INTO {table.name} VALUES ({places})"  # noqa: S608 - a name of ours
        add = partial(self._load, sql, rows)
        await asyncio.get_running_loop().run_in_executor(self._writer, add)

    async def ping(self) -> None:
        """See `Database.ping`."""
        read = partial(self._read, "SELECT 1", ())
        await asyncio.get_running_loop().run_in_executor(self._readers, read)

    async def close(self) -> None:
        """See `Database.close`."""
        for threads in (self._writer, self._readers):
            await asyncio.to_thread(threads.shutdown)
        for connection in self._connections:
            connection.close()

    def _read(self, sql: str, arguments: Sequence[Any]) -> Sequence[Row]:
        try:
            with closing(self._connection().execute(sql, arguments)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            raise _translated(error) from error

    def _write(self, unit: Sequence[tuple[Compiled, Write]]) -> None:
        with self._transaction() as connection:
            # As on PostgreSQL, where a unit is one statement: keys are checked at its end.
            connection.execute("PRAGMA defer_foreign_keys=ON")
            for compiled, write in unit:
                _run(connection, compiled, write)

    def _take(self, sql: str, arguments: Sequence[Any]) -> Sequence[Row]:
        with (
            self._transaction() as connection,
            closing(connection.execute(sql, arguments)) as cursor,
        ):
            return cursor.fetchall()

    def _load(self, sql: str, rows: Sequence[Row]) -> None:
        with self._transaction() as connection:
            connection.executemany(sql, rows).close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise _translated(error) from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = connect(self._file, self._busy_timeout_s)
            self._connections.append(connection)
        return connection


def _run(connection: sqlite3.Connection, compiled: Compiled, write: Write) -> None:
    with closing(connection.execute(compiled.sql, compiled.arguments(write.parameters))) as cursor:
        if write.guard and cursor.rowcount != 1:
            raise GuardFailedError(write.guard)


def _translated(error: sqlite3.Error) -> Exception:
    # Errors of the driver itself, such as a closed connection, have no code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _UNIQUE:
        # Its text is "UNIQUE constraint failed: " and then TABLE.column, TABLE.column.
        return AlreadyExistsError(str(error).rpartition(": ")[2].partition(".")[0])
    if code & _PRIMARY_CODE in _UNAVAILABLE:
        return StorageUnavailableError(f"{type(error).__name__}: {error}")
    if str(error).startswith(("no such table", "no such column")):
        return SchemaMissingError(str(error))
    return error
