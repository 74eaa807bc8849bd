"""Jobs that one replica at a time does, on each database."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway.storage.database import Database
from gateway.storage.job_leases import read_cursor, release, renew, save_cursor, try_lease
from gateway.storage.writes import GuardFailedError
from tests.support.payments import NOW

JOB, ONE, OTHER = "sweeper", "host-a:17:5eed", "host-b:17:beef"
LEASE = timedelta(seconds=30)
UNTIL = NOW + LEASE


async def test_one_at_a_time_has_a_job(database: Database) -> None:
    """The first of many takes it; another job is another matter."""
    holders = [f"host:{number}:0" for number in range(8)]

    taken = await asyncio.gather(*(try_lease(database, JOB, each, NOW, UNTIL) for each in holders))

    assert sum(taken) == 1
    assert await try_lease(database, "catch-up", OTHER, NOW, UNTIL)


async def test_a_lease_that_ended_goes_to_another(database: Database) -> None:
    """Its holder may be dead; if it is not, it is told when it renews."""
    await try_lease(database, JOB, ONE, NOW, UNTIL)

    assert not await try_lease(database, JOB, OTHER, UNTIL - timedelta(microseconds=1), UNTIL)
    assert await try_lease(database, JOB, OTHER, UNTIL, UNTIL + LEASE)
    assert not await renew(database, JOB, ONE, UNTIL + LEASE)
    assert await renew(database, JOB, OTHER, UNTIL + 2 * LEASE)


async def test_a_renewed_lease_holds_longer(database: Database) -> None:
    """Renewed by its holder, or taken by it again."""
    await try_lease(database, JOB, ONE, NOW, UNTIL)

    assert await renew(database, JOB, ONE, UNTIL + LEASE)
    assert not await try_lease(database, JOB, OTHER, UNTIL, UNTIL + LEASE)
    assert await try_lease(database, JOB, ONE, UNTIL, UNTIL + 2 * LEASE)
    assert not await try_lease(database, JOB, OTHER, UNTIL + LEASE, UNTIL + 2 * LEASE)


async def test_a_released_job_is_free_at_once(database: Database) -> None:
    """By its holder alone."""
    await try_lease(database, JOB, ONE, NOW, UNTIL)

    await release(database, JOB, OTHER, NOW)
    assert not await try_lease(database, JOB, OTHER, NOW, UNTIL)
    await release(database, JOB, ONE, NOW)
    assert await try_lease(database, JOB, OTHER, NOW, UNTIL)


async def test_the_cursor_outlives_its_holder(database: Database) -> None:
    """Whoever takes over goes on from there; whoever lost the job cannot move it."""
    assert await read_cursor(database, JOB) == ""
    await try_lease(database, JOB, ONE, NOW, UNTIL)
    await database.commit([save_cursor(JOB, ONE, "evt_17")])
    await try_lease(database, JOB, OTHER, UNTIL, UNTIL + LEASE)

    assert await read_cursor(database, JOB) == "evt_17"
    with pytest.raises(GuardFailedError, match="job_lease"):
        await database.commit([save_cursor(JOB, ONE, "evt_18")])
    assert await read_cursor(database, JOB) == "evt_17"
