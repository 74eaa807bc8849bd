"""A running sandbox, a shop that uses it, and somebody who listens."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from psp.ogone.sandbox import OgoneSandbox, running_sandbox
from tests.integration.ogone_sandbox.support import ManualClock, Receiver, Shop, running_receiver


@pytest.fixture
async def sandbox() -> AsyncIterator[OgoneSandbox]:
    """Return a sandbox that repeats notifications without waiting."""
    async with running_sandbox(now=ManualClock(), notification_retry_gaps_s=(0,) * 4) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return HTTP connections."""
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def shop(sandbox: OgoneSandbox, session: aiohttp.ClientSession) -> Shop:
    """Return a registered merchant."""
    merchant = Shop(sandbox, session)
    merchant.register()
    return merchant


@pytest.fixture
async def receiver(shop: Shop) -> AsyncIterator[Receiver]:
    """Return somebody who takes the merchant's notifications."""
    async with running_receiver() as running:
        shop.register(notification_url=running.url)
        yield running
