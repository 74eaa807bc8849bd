"""Adapters connected to the servers of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.sandboxed import register_at_ogone
from psp.ogone.provider import OgoneProvider
from psp.ogone.sandbox import OgoneSandbox, running_sandbox
from tests.integration.ogone_adapter.sandboxed import PAYS, Receiver, receiving
from tests.support.scripted_http import ScriptedServer, running_script
from tests.unit.psp.ogone.support import account_config


@pytest.fixture
async def script() -> AsyncIterator[ScriptedServer]:
    """Return a server that answers by script."""
    async with running_script() as running:
        yield running


@pytest.fixture
async def provider(script: ScriptedServer) -> AsyncIterator[OgoneProvider]:
    """Return an adapter that believes the scripted server to be Ogone."""
    made = OgoneProvider("ogone_be", account_config(api_base=script.address))
    yield made
    await made.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Return somebody who takes notifications."""
    async with receiving() as running:
        yield running


@pytest.fixture
async def sandbox(receiver: Receiver) -> AsyncIterator[OgoneSandbox]:
    """Return a sandbox that knows our account and one alias of it."""
    async with running_sandbox(notification_retry_gaps_s=(0,)) as running:
        config = account_config()
        register_at_ogone(running, config, receiver.url)
        running.add_alias(config.pspid, "als_1", PAYS)
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return HTTP connections."""
    async with aiohttp.ClientSession() as opened:
        yield opened
