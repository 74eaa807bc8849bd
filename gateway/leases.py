"""Leases: work that is done in one process at a time, and elsewhere soon after that one died."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import structlog

from gateway.clock import Clock
from gateway.storage.database import Database
from gateway.storage.writes import StorageUnavailableError, Write

T = TypeVar("T")
Move = Callable[[datetime, datetime], Sequence[Write]]
"""Given the end of a lease as it is held and as it shall be, the writes that move it."""

_log = structlog.get_logger(__name__)
_RENEWALS_A_LEASE: Final = 3
_PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0)
"""Before rows are offered to the database again that it did not take back."""


def new_holder() -> str:
    """Name this process as no other one is: `host:pid:random`."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Await work that ends before a cancellation gets through.

    So that what it claims is in hands that can give it back.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("claim_failed_unheard", error=f"{type(error).__name__}: {error}")
        raise


class WorkLeases:
    """Keeps claimed rows while they are worked on, and gives back those whose work broke off."""

    def __init__(self, database: Database, clock: Clock, length: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._length = length

    def end(self) -> datetime:
        """Return when a lease ends that begins now."""
        return self._clock() + self._length

    async def keep(self, held: datetime, move: Move, work: Callable[[], Awaitable[object]]) -> None:
        """Do the work for rows that are held until then, and hold them until it is done.

        If it is canceled or fails they are due at once, unless it dealt with them already. If the
        process dies they are due when the lease ends.
        """
        lease = _Lease(held, move, self._database)
        renewals = _Renewals(lease, self.end, self._length.total_seconds() / _RENEWALS_A_LEASE)
        try:
            await work()
        except asyncio.CancelledError:
            await renewals.stop()
            await self._give_back(lease, ())
            raise
        except Exception:
            await renewals.stop()
            await self._give_back(lease, _PAUSES_S)
            raise
        finally:
            await renewals.stop()

    async def _give_back(self, lease: _Lease, pauses_s: Sequence[float]) -> None:
        """Make the rows due now. A database that was away may be back before the lease ends."""
        for pause_s in (*pauses_s, None):
            try:
                return await lease.move_to(self._clock())
            except StorageUnavailableError as error:
                _log.warning("lease_not_given_back", error=str(error), pause_s=pause_s)
            if pause_s is not None:
                await asyncio.sleep(pause_s)
        return None


class _Lease:
    """When rows are due again, as their holder knows it."""

    def __init__(self, held: datetime, move: Move, database: Database) -> None:
        self._held = held
        self._move = move
        self._database = database

    async def move_to(self, until: datetime) -> None:
        await self._database.commit(self._move(self._held, until))
        self._held = until


class _Renewals:
    """Moves the end of a lease on, well before it comes, until it is stopped.

    Most work is done long before: a task of its own begins with the first renewal.
    """

    def __init__(self, lease: _Lease, end: Callable[[], datetime], every_s: float) -> None:
        self._lease = lease
        self._end = end
        self._every_s = every_s
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._first = asyncio.get_running_loop().call_later(every_s, self._begin)

    async def stop(self) -> None:
        """Let one that is under way end: a lease half moved is one that nobody can move again."""
        self._first.cancel()
        self._ended.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._renew(), name="lease")

    async def _renew(self) -> None:
        while True:
            try:
                await self._lease.move_to(self._end())
            except StorageUnavailableError as error:
                _log.warning("lease_not_renewed", error=str(error))
            if await _comes(self._ended, self._every_s):
                return


async def _comes(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            return await event.wait()
    except TimeoutError:
        return False
