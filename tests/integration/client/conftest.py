"""A scripted gateway, and clients connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.client import AsyncPaygateClient
from tests.integration.client.scripted import ScriptedGateway, running_gateway


@pytest.fixture
async def script() -> AsyncIterator[ScriptedGateway]:
    """Return a server that answers by script."""
    async with running_gateway() as running:
        yield running


@pytest.fixture
async def client(script: ScriptedGateway) -> AsyncIterator[AsyncPaygateClient]:
    """Return a client of the scripted server."""
    async with AsyncPaygateClient.connect(script.address, caller="checkout") as connected:
        yield connected
