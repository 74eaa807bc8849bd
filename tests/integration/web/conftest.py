"""The HTTP edge of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.web.fakes import Edge, running_edge


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    """Return a running HTTP edge."""
    async with running_edge() as running:
        yield running
