"""Adapters connected to the servers of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from psp.stripe.provider import StripeProvider
from psp.stripe.sandbox import StripeSandbox, running_sandbox
from tests.support.scripted_http import ScriptedServer, running_script
from tests.unit.psp.stripe.support import account_config


@pytest.fixture
async def script() -> AsyncIterator[ScriptedServer]:
    """Return a server that answers by script."""
    async with running_script() as running:
        yield running


@pytest.fixture
async def provider(script: ScriptedServer) -> AsyncIterator[StripeProvider]:
    """Return an adapter that believes the scripted server to be Stripe."""
    made = StripeProvider("stripe_fr", account_config(api_base=script.address))
    yield made
    await made.close()


@pytest.fixture
async def sandbox() -> AsyncIterator[StripeSandbox]:
    """Return a sandbox."""
    async with running_sandbox(webhook_retry_gaps_s=(0,)) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return HTTP connections."""
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def hasty(sandbox: StripeSandbox, session: aiohttp.ClientSession) -> StripeProvider:
    """Return an adapter that gives up at the first failure: what follows is the test's."""
    config = account_config(api_base=sandbox.address, max_network_retries=0)
    return StripeProvider("stripe_fr", config, session)


@pytest.fixture
def patient(sandbox: StripeSandbox, session: aiohttp.ClientSession) -> StripeProvider:
    """Return an adapter that repeats what failed."""
    return StripeProvider("stripe_fr", account_config(api_base=sandbox.address), session)
