"""A pool of PostgreSQL connections for single statements: no reset, no checks on the wire.

General pools clean a connection up after each use, which here is a third of the cost of a read
and does nothing: statements outside transactions leave nothing to clean.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql import asyncpg as dialect_module

DIALECT: Final = dialect_module.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy left it untyped
_PATIENCE: Final = 1.25
"""How much longer we wait than the server: its own word that it gave up is worth more."""


class Connections:
    """At most `size` connections, opened when first needed; the last used is used first.

    `timeout_s` is how long to wait for one, and how long a statement may take: the server ends
    it then, so that no lock outlives a caller who stopped waiting.
    """

    def __init__(self, url: str, *, size: int, timeout_s: float) -> None:
        _, options = DIALECT.create_connect_args(make_url(url))  # type: ignore[no-untyped-call] # as above
        self._options: dict[str, Any] = {
            **options,
            "timeout": timeout_s,
            "command_timeout": timeout_s * _PATIENCE,
            "server_settings": {
                "application_name": "paygate",
                "statement_timeout": f"{round(timeout_s * 1000)}ms",
            },
        }
        self._timeout_s = timeout_s
        self._free = asyncio.Semaphore(size)
        self._idle: list[asyncpg.Connection] = []
        self._closed = False

    async def take(self) -> asyncpg.Connection:
        """Return a connection, to be given back; raises `TimeoutError` and the driver's errors."""
        if self._free.locked():
            async with asyncio.timeout(self._timeout_s):
                await self._free.acquire()
        else:
            await self._free.acquire()  # at once: a timer for nothing costs as much as the rest
        try:
            while self._idle:
                connection = self._idle.pop()
                # The driver knows without asking: a server that was restarted closed them all.
                if not connection.is_closed():
                    return connection
            return await asyncpg.connect(**self._options)
        except BaseException:
            self._free.release()
            raise

    def give_back(self, connection: asyncpg.Connection) -> None:
        """Take a connection back; one that was terminated is dropped."""
        if self._closed:
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append(connection)
        self._free.release()

    async def close(self) -> None:
        """Close what is idle now, and everything else when it is given back."""
        self._closed = True
        while self._idle:
            await self._idle.pop().close(timeout=self._timeout_s)
