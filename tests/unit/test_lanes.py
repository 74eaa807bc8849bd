"""Lanes: one thing at a time for each key, and no road holds up another."""

from __future__ import annotations

import asyncio

from gateway.lanes import Lanes
from gateway.signals import Wake


async def _nothing() -> None:
    """End at once."""


async def test_a_key_is_worked_on_once_at_a_time() -> None:
    """A second start waits its turn, whatever road it is on."""
    lanes, end = Lanes("test", 4, Wake()), asyncio.Event()

    assert lanes.start("a", "key", end.wait)
    assert not lanes.start("b", "key", _nothing)
    end.set()
    await lanes.join()
    assert lanes.start("b", "key", _nothing)
    await lanes.join()


async def test_a_road_that_hangs_holds_up_only_itself() -> None:
    """Stripe hangs with all its lanes taken; Ogone's payments go on."""
    lanes, hang, done = Lanes("test", 2, Wake()), asyncio.Event(), asyncio.Event()

    async def finish() -> None:
        done.set()

    assert lanes.start("stripe", "1", hang.wait)
    assert lanes.start("stripe", "2", hang.wait)
    assert not lanes.has_room("stripe")
    assert not lanes.start("stripe", "3", _nothing)
    assert lanes.start("ogone", "4", finish)
    await asyncio.wait_for(done.wait(), 5)
    hang.set()
    await lanes.join()
    assert lanes.has_room("stripe")


async def test_stopping_cancels_what_is_under_way() -> None:
    """Nothing is left behind."""
    lanes = Lanes("test", 2, Wake())
    lanes.start("a", "1", asyncio.Event().wait)

    await lanes.stop()

    assert lanes.has_room("a")
