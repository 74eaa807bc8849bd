"""Leases: kept while the work lasts, given back when it breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from gateway import leases
from gateway.leases import WorkLeases, new_holder, unbroken
from gateway.storage.database import Database
from gateway.storage.writes import StorageUnavailableError, Write
from tests.support.payments import NOW

LEASE = timedelta(seconds=30)


class Moves:
    """A database that notes how the end of a lease is moved; away as often as it is told."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.moved: list[tuple[datetime, datetime]] = []

    def move(self, held: datetime, until: datetime) -> Sequence[Write]:
        return cast("Sequence[Write]", [(held, until)])

    async def commit(self, writes: Sequence[Write]) -> None:
        if self.away:
            self.away -= 1
            raise StorageUnavailableError("away")
        self.moved += cast("Any", writes)

    def leases(self, length: timedelta = LEASE) -> WorkLeases:
        """Leases over this database, at a time that stands still."""
        return WorkLeases(cast("Database", self), lambda: NOW, length)


async def _fail() -> None:
    raise RuntimeError("work")


async def test_work_that_ends_moves_nothing() -> None:
    """It dealt with its rows itself."""
    moves = Moves()

    await moves.leases().keep(NOW + LEASE, moves.move, lambda: asyncio.sleep(0))

    assert moves.moved == []


async def test_work_that_fails_is_due_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the database is away at first."""
    monkeypatch.setattr(leases, "_PAUSES_S", (0.0, 0.0))
    moves = Moves(away=2)

    with pytest.raises(RuntimeError):
        await moves.leases().keep(NOW + LEASE, moves.move, _fail)

    assert moves.moved == [(NOW + LEASE, NOW)]


async def test_a_database_that_stays_away_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease ends by itself."""
    monkeypatch.setattr(leases, "_PAUSES_S", (0.0, 0.0))
    moves = Moves(away=9)

    with pytest.raises(RuntimeError):
        await moves.leases().keep(NOW + LEASE, moves.move, _fail)

    assert (moves.away, moves.moved) == (6, [])


async def test_canceled_work_is_given_back_before_it_ends() -> None:
    """Whoever stops the process waits for that."""
    moves, begun = Moves(), asyncio.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(moves.leases().keep(NOW + LEASE, moves.move, hang))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert moves.moved == [(NOW + LEASE, NOW)]


async def test_a_renewal_that_fails_is_tried_again() -> None:
    """The lease has two more thirds to go."""
    moves = Moves(away=1)

    async def until_renewed_twice() -> None:
        while len(moves.moved) < 2:  # noqa: ASYNC110 - the lease's own clock is what is waited for
            await asyncio.sleep(0)

    length = timedelta(milliseconds=3)
    held = NOW + LEASE
    await moves.leases(length).keep(held, moves.move, until_renewed_twice)

    assert moves.moved[:2] == [(held, NOW + length), (NOW + length, NOW + length)]


async def test_a_claim_is_not_broken_off() -> None:
    """What it got is in hands that give it back; only then the cancellation gets through."""
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def claim() -> None:
        begun.set()
        await may_end.wait()
        ended.set()

    task = asyncio.create_task(unbroken(claim()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ended.is_set()


def test_no_two_holders_have_one_name() -> None:
    """Also in one process, which may hold two gateways."""
    assert new_holder() != new_holder()
