"""Failures that no real broker makes on demand, by librdkafka's mock cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError

from gateway.settings import Settings
from tests.integration.kafka.playing import (
    COOPERATIVE,
    Cluster,
    consumers_of,
    eventually,
    gateway,
    nothing_left,
    pay,
    released,
)
from tests.support.kafka_mock import MockCluster, Request, running_mock_cluster
from tests.support.rig import Rig


@pytest.fixture
def dialect() -> str:
    """One kind of database: the brokers are what fails here."""
    return "sqlite"


@pytest.fixture
def mock() -> Iterator[MockCluster]:
    """Brokers that fail as they are told to."""
    with running_mock_cluster() as cluster:
        yield cluster


def _settings(mock: MockCluster, **options: Any) -> Settings:
    cluster = Cluster(mock.address)
    mock.create((*cluster.topics.sources, *cluster.topics.dead_letters))
    return cluster.settings(
        options={**COOPERATIVE, "message.timeout.ms": 2000, **options}, kafka_lease_s=10
    )


@pytest.mark.parametrize(
    "request_kind,errors",
    [
        pytest.param(
            Request.PRODUCE,
            [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND],
            id="the library tries again",
        ),
        pytest.param(
            Request.PRODUCE,
            [KafkaError.TOPIC_AUTHORIZATION_FAILED] * 3,
            id="the relay tries again",
        ),
        pytest.param(
            Request.INIT_PRODUCER_ID,
            [KafkaError.CLUSTER_AUTHORIZATION_FAILED],
            id="the producer is made anew",
        ),
        pytest.param(
            Request.OFFSET_COMMIT,
            [KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.GROUP_AUTHORIZATION_FAILED],
            id="a commit fails",
        ),
        pytest.param(
            Request.FIND_COORDINATOR,
            [KafkaError.COORDINATOR_NOT_AVAILABLE] * 2,
            id="the group is not there yet",
        ),
        pytest.param(
            Request.FETCH, [KafkaError.NOT_LEADER_FOR_PARTITION] * 2, id="the leader moved"
        ),
    ],
)
async def test_an_error_loses_nothing(
    rig: Rig, mock: MockCluster, request_kind: Request, errors: list[int]
) -> None:
    """Whatever the brokers answer, the order is released, and once."""
    mock.fail(request_kind, *errors)
    async with gateway(rig, _settings(mock)):
        await pay(rig, "order-1")

        await eventually(lambda: released(rig))
        await eventually(lambda: nothing_left(rig))

    assert await rig.releases() == 1


async def test_a_network_that_fails_loses_nothing(rig: Rig, mock: MockCluster) -> None:
    """All brokers go at once, and come back."""
    async with gateway(rig, _settings(mock)):
        await pay(rig, "order-1")
        await eventually(lambda: released(rig, "order-1"))

        mock.set_up(up=False)
        await pay(rig, "order-2")
        mock.set_up(up=True)

        await eventually(lambda: released(rig, "order-2"))
        await eventually(lambda: nothing_left(rig))

    assert [await rig.releases(order_id) for order_id in ("order-1", "order-2")] == [1, 1]


async def test_partitions_move_cooperatively(rig: Rig, mock: MockCluster) -> None:
    """A second member takes over some partitions; the first keeps the others, and works on."""
    orders = [f"order-{number}" for number in range(8)]
    settings = _settings(mock)
    async with gateway(rig, settings) as first:
        await eventually(lambda: _have(4, first))
        async with gateway(rig, settings) as second:
            await pay(rig, *orders[:4])
            await eventually(lambda: _have(4, first, second))
            assert all(consumer.assigned for consumer in consumers_of(second))
            await eventually(lambda: released(rig, *orders[:4]))
        rig.application = first
        await pay(rig, *orders[4:])
        await eventually(lambda: released(rig, *orders))
        await eventually(lambda: nothing_left(rig))

    assert [await rig.releases(order_id) for order_id in orders] == [1] * len(orders)


async def _have(partitions: int, *applications: Any) -> bool:
    """Whether every member has some, and each group all."""
    for members in zip(*(consumers_of(each) for each in applications), strict=True):
        assigned = [member.assigned for member in members]
        if not all(assigned) or len(frozenset().union(*assigned)) != partitions:
            return False
    return True
