"""Whether brokers answer, as readiness asks."""

from __future__ import annotations

import asyncio

import pytest

from gateway.events.kafka.config import kafka_config
from gateway.events.kafka.setup import BrokersUnreachableError, TopicSetup
from tests.integration.kafka.playing import Cluster
from tests.support.kafka import Broker


async def test_readiness_hears_of_brokers_that_go_and_come(own_broker: Broker) -> None:
    """However many ask at once, and over one connection all the time."""
    setup = TopicSetup(kafka_config(Cluster(own_broker.address).settings()))
    await asyncio.gather(*(setup.ping() for _ in range(3)))

    await asyncio.to_thread(own_broker.stop)
    with pytest.raises(BrokersUnreachableError, match=own_broker.address):
        await setup.ping()

    await asyncio.to_thread(own_broker.start)
    async with asyncio.timeout(60):
        while not await _answers(setup):
            pass


async def _answers(setup: TopicSetup) -> bool:
    try:
        await setup.ping()
    except BrokersUnreachableError:
        return False
    return True
