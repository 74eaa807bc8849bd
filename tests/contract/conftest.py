"""The server that every contract test calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from tests.contract.edge import RunningEdge, running_edge


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    """A server with its default options, for one test."""
    async with running_edge() as running:
        yield running


@pytest.fixture
def lines() -> Iterator[list[structlog.typing.EventDict]]:
    """Every log line of the test, with what is bound to its context."""
    captured = structlog.testing.LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, captured])
    yield captured.entries
    structlog.configure(**before)
