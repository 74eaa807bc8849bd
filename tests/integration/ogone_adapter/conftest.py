"""Adapters connected to the servers of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from psp.ogone.provider import OgoneProvider
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
