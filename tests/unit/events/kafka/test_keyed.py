"""One thing at a time for each key, different keys side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.events.kafka.keyed import KeyedWork


class Desk:
    """Does work when it is told to, and notes in which order."""

    def __init__(self) -> None:
        self.begun: list[list[str]] = []
        self.go_on = asyncio.Event()

    async def work(self, items: Sequence[str]) -> None:
        self.begun.append(list(items))
        await self.go_on.wait()


async def _a_moment() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_key_keeps_its_order_and_others_go_on() -> None:
    """What comes while its key is worked at waits, and is then one piece of work."""
    desk = Desk()
    work = KeyedWork(4, desk.work)
    for key, item in (("a", "a1"), ("a", "a2"), ("b", "b1")):
        work.add("road", key, item)
        await _a_moment()
    work.add("road", "a", "a3")

    assert desk.begun == [["a1"], ["b1"]]
    desk.go_on.set()
    await work.join()

    assert desk.begun == [["a1"], ["b1"], ["a2", "a3"]]


async def test_a_full_road_holds_up_no_other() -> None:
    """One account that hangs takes its own places only."""
    desk = Desk()
    work = KeyedWork(2, desk.work)
    for key in ("a", "b", "c"):
        work.add("hanging", key, key)
    work.add("sound", "d", "d")
    await _a_moment()

    assert desk.begun == [["a"], ["b"], ["d"]]
    desk.go_on.set()
    await work.join()
    assert desk.begun[3:] == [["c"]]


async def test_what_is_dropped_is_not_begun() -> None:
    """What is at work goes on, and is told of."""
    desk = Desk()
    work = KeyedWork(2, desk.work)
    for item in ("a1", "a2", "a3"):
        work.add("road", "a", item)
        await _a_moment()

    work.drop(lambda item: item == "a2")

    assert len(work.tasks_at(lambda item: item == "a1")) == 1
    assert work.tasks_at(lambda item: item == "a3") == []
    desk.go_on.set()
    await work.join()
    assert desk.begun == [["a1"], ["a3"]]


async def test_stopping_cancels() -> None:
    """Nothing is left under way."""
    desk = Desk()
    work = KeyedWork(1, desk.work)
    work.add("road", "a", "a1")
    work.add("road", "b", "b1")
    await _a_moment()

    await work.stop()
    await work.join()

    assert desk.begun == [["a1"]]
