"""A whole gateway with sandboxes around it, watched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.demo.stage import Stage, open_stage
from tests.support.watching import Lines, Spans, watched_lines, watched_spans


@pytest.fixture
def spans() -> Iterator[Spans]:
    """Every span of the test."""
    with watched_spans() as watched:
        yield watched


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Every log line of the test."""
    with watched_lines() as watched:
        yield watched


@pytest.fixture
async def stage(spans: Spans, lines: Lines, tmp_path: Path) -> AsyncIterator[Stage]:
    """A gateway, its sandboxes and a client."""
    async with open_stage(tmp_path) as opened:
        yield opened
