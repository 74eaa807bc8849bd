"""Brokers that go and come back: nothing is lost, and the gateway goes on taking payments."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.events.kafka.delivery import open_kafka
from gateway.settings import SettingsError
from legacy_bridge.port import DraftOrder, OrderState
from tests.integration.kafka.playing import (
    Cluster,
    eventually,
    gateway,
    nothing_left,
    pay,
    released,
)
from tests.support.kafka import Broker
from tests.support.rig import Rig

_IMPATIENT = {"message.timeout.ms": 1000, "reconnect.backoff.max.ms": 500}


async def test_a_broker_that_restarts_loses_nothing(rig: Rig, own_broker: Broker) -> None:
    """What is paid while it is gone is released once it is back."""
    settings = Cluster(own_broker.address).settings(options=_IMPATIENT, kafka_lease_s=5)
    async with gateway(rig, settings):
        await pay(rig, "order-1")
        await eventually(lambda: released(rig, "order-1"))

        await asyncio.to_thread(own_broker.stop)
        await pay(rig, "order-2")
        assert not await released(rig, "order-2")
        await asyncio.to_thread(own_broker.start)

        await eventually(lambda: released(rig, "order-2"))
        await eventually(lambda: nothing_left(rig))

    assert [await rig.releases(order_id) for order_id in ("order-1", "order-2")] == [1, 1]


async def test_a_gateway_starts_without_brokers(rig: Rig, own_broker: Broker) -> None:
    """It takes payments and webhooks meanwhile, and creates the topics when they are there."""
    await asyncio.to_thread(own_broker.stop)
    settings = Cluster(own_broker.address).settings(options=_IMPATIENT)
    async with gateway(rig, settings):
        await pay(rig, "order-1")
        await asyncio.to_thread(own_broker.start)

        await eventually(lambda: released(rig))


async def test_missing_topics_are_named(cluster: Cluster) -> None:
    """A gateway that may not create them does not start, and says which."""
    with pytest.raises(SettingsError) as refused:
        async with open_kafka(cluster.settings(kafka_create_topics=False)):
            pass

    topics = cluster.topics
    for line, name in zip(
        refused.value.lines(), (*topics.sources, *topics.dead_letters), strict=True
    ):
        assert line.startswith(f"PAYGATE_KAFKA_CREATE_TOPICS: the topic {name} is missing: ")


@pytest.mark.parametrize(
    "name", ["no.such.option", "security.protocol", "session.timeout.ms", "batch.size"]
)
async def test_options_that_the_library_refuses_are_named(cluster: Cluster, name: str) -> None:
    """At start, whichever client they are for, and without their values."""
    with pytest.raises(SettingsError) as refused:
        async with open_kafka(cluster.settings(options={name: "hunter2"})):
            pass

    (line,) = refused.value.lines()
    assert f"the library refuses the option {name}" in line
    assert "hunter2" not in line


async def test_what_was_not_done_is_not_committed(rig: Rig, cluster: Cluster) -> None:
    """A gateway that ends in the middle leaves its message to the next one."""
    held = HeldOffice(rig.office)
    settings = cluster.settings()
    office, rig.office = rig.office, held  # type: ignore[assignment]  # all but one call is the office's
    async with gateway(rig, settings):
        await pay(rig, "order-1")
        await held.reached.wait()
    rig.office = office
    assert await rig.order_state() is OrderState.DRAFT

    async with gateway(rig, settings):
        await eventually(lambda: released(rig))
        await eventually(lambda: nothing_left(rig))
    assert await rig.releases() == 1


class HeldOffice:
    """A back office that hangs when it is asked to release."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.reached = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def release_order(self, *_order: Any, **_more: Any) -> DraftOrder:
        self.reached.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody lets it go on")
