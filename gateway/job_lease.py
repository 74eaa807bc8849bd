"""A job that one replica at a time does: taken, kept while it lasts, and given back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from gateway.clock import Clock
from gateway.storage.database import Database
from gateway.storage.job_leases import read_cursor, release, renew, save_cursor, try_lease
from gateway.storage.writes import GuardFailedError

_LENGTH: Final = timedelta(minutes=5)
"""After a crash the job rests at most so long; longer than any pause between two `keep`s."""


class LeaseLostError(Exception):
    """Somebody else has the job by now: this process was too slow, and stops."""


class JobLease:
    """One job's lease, and the time up to which the job is done."""

    def __init__(self, database: Database, name: str, holder: str, clock: Clock) -> None:
        self._database = database
        self._name = name
        self._holder = holder
        self._clock = clock
        self._until = clock()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[bool]:
        """Have the job inside of the context; False if somebody else has it."""
        now = self._clock()
        self._until = now + _LENGTH
        if not await try_lease(self._database, self._name, self._holder, now, self._until):
            yield False
            return
        try:
            yield True
        finally:
            await release(self._database, self._name, self._holder, self._clock())

    async def keep(self) -> None:
        """Renew the lease if it is time to; call it often. Raises `LeaseLostError`."""
        now = self._clock()
        if self._until - now > _LENGTH / 2:
            return
        self._until = now + _LENGTH
        if not await renew(self._database, self._name, self._holder, self._until):
            raise LeaseLostError(self._name)

    async def done_until(self) -> datetime | None:
        """Return the time up to which the job was done, by anybody; None if it never was."""
        cursor = await read_cursor(self._database, self._name)
        return datetime.fromisoformat(cursor) if cursor else None

    async def save(self, done_until: datetime) -> None:
        """Store the time up to which the job is done. Raises `LeaseLostError`."""
        write = save_cursor(self._name, self._holder, done_until.isoformat())
        try:
            await self._database.commit([write])
        except GuardFailedError as failed:
            raise LeaseLostError(self._name) from failed
