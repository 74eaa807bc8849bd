"""A process and its parent hear of each other."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from types import SimpleNamespace

import pytest

from gateway import lifeline
from gateway.lifeline import ParentLine, ProcessLine

_LONG_S = 60.0
"""Only there to end a hang."""


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessLine]:
    """The parent's end; this process's standard input is the other."""
    with closing(ProcessLine()) as line:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=line.others.fileno))
        yield line


async def test_a_process_goes_on_beating(
    line: ProcessLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For as long as its loop turns; before the first beat there is none."""
    monkeypatch.setattr(lifeline, "BEAT_EVERY_S", 0.001)
    parent = ParentLine()
    assert not await line.heard(0.01)

    parent.beat()

    for _ in range(3):
        assert await line.heard(_LONG_S)


async def test_a_parent_that_does_not_read_stops_nobody(
    line: ProcessLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beats that do not fit any more are lost, and the process goes on."""
    monkeypatch.setattr(lifeline, "BEAT_EVERY_S", _LONG_S)
    parent = ParentLine()
    with suppress(BlockingIOError):
        while True:
            line.others.send(b"." * 4096)

    parent.beat()

    assert await line.heard(_LONG_S)


async def test_a_parent_that_dies_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system closes its end."""
    parents, own = socket.socketpair()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=own.fileno))
    ended = asyncio.Event()
    with own:
        with parents:
            ParentLine().on_end(ended.set)
            await asyncio.sleep(0)
            assert not ended.is_set()

        async with asyncio.timeout(_LONG_S):
            await ended.wait()
