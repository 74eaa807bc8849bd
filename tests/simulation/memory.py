"""The gateway's own SQLite code over a database in memory: a seed needs no durability of disks."""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy.dialects import sqlite as dialects

from gateway.storage.compiled import Compiler
from gateway.storage.sqlite import SqliteDatabase
from gateway.storage.upgrade import upgrade

_COMPILE: Final = Compiler(dialects.dialect())
"""One for all runs of a process: to compile every statement anew would take longer than to run it.
It keeps them, so that whoever looks into the database regularly makes its statement once."""
_MOST_STATEMENTS: Final = 1000


class MemoryDatabase(SqliteDatabase):
    """A database that is as new, in memory, with the one connection of the one thread there is."""

    def __init__(self) -> None:
        super().__init__("sqlite+aiosqlite:///nowhere.db")
        self._compile = _COMPILE
        self._memory = sqlite3.connect(
            ":memory:", isolation_level=None, cached_statements=_MOST_STATEMENTS
        )
        _template().backup(self._memory)
        self._memory.execute("PRAGMA foreign_keys=ON").close()
        self._connections.append(self._memory)

    def _connection(self) -> sqlite3.Connection:
        return self._memory


@cache
def _template() -> sqlite3.Connection:
    """Return a migrated database to copy; made once in a process."""
    with TemporaryDirectory(prefix="paygate-simulation-") as folder:
        file = Path(folder) / "template.db"
        upgrade(f"sqlite+aiosqlite:///{file}")
        template = sqlite3.connect(":memory:")
        made = sqlite3.connect(file)
        made.backup(template)
        made.close()
    return template
