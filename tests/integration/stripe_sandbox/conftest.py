"""A running sandbox, a shop that uses it, and somebody who listens."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from psp.stripe.sandbox import StripeSandbox, running_sandbox
from tests.integration.stripe_sandbox.support import (
    API_KEY,
    ManualClock,
    Receiver,
    Shop,
    running_receiver,
)


@pytest.fixture
def clock() -> ManualClock:
    """Return the time around the sandbox."""
    return ManualClock()


@pytest.fixture
async def sandbox(clock: ManualClock) -> AsyncIterator[StripeSandbox]:
    """Return a sandbox that repeats webhooks without waiting."""
    async with running_sandbox(now=clock, webhook_retry_gaps_s=(0, 0)) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return HTTP connections."""
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def shop(sandbox: StripeSandbox, session: aiohttp.ClientSession) -> Shop:
    """Return a merchant."""
    return Shop(sandbox, session, API_KEY)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Return somebody who takes webhooks."""
    async with running_receiver() as running:
        yield running
