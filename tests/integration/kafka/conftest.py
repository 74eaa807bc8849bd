"""A broker for all tests of a worker, and a gateway around which everything else runs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.storage.database import Database
from tests.integration.kafka.playing import Cluster
from tests.support.kafka import Broker, BrokerMissingError, running_broker
from tests.support.rig import Rig, running_rig

BROKERS_VARIABLE = "PAYGATE_TEST_KAFKA_BOOTSTRAP_SERVERS"


@pytest.fixture(scope="session")
def broker_address() -> Iterator[str]:
    """Where brokers are found: given ones, or one of this worker's own."""
    given = os.environ.get(BROKERS_VARIABLE)
    if given:
        yield given
        return
    try:
        with running_broker() as broker:
            yield broker.address
    except BrokerMissingError as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """A broker that the test may stop."""
    with running_broker() as broker:
        yield broker


@pytest.fixture
def cluster(broker_address: str) -> Cluster:
    """Return brokers, and names of topics that no other test uses."""
    return Cluster(broker_address)


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    """Return a PSP, a back office and a database; tests run gateways around them."""
    async with running_rig(database, tmp_path) as running:
        yield running
        await running.application.shield.drain(0)
