"""A purchase whose work moves over topics from end to end."""

from __future__ import annotations

from datetime import timedelta

from gateway.bootstrap import Application
from gateway.domain.payment import PaymentState
from gateway.storage.journal import list_entries
from gateway.storage.outbox import deliveries_of
from gateway.traces import span
from paygate.v1 import events_pb2 as pb
from paygate.v1.order_service_pb2 import ORDER_STATE_RELEASED
from tests.integration.gateway.refunding import told
from tests.integration.kafka.playing import (
    Cluster,
    consumers_of,
    eventually,
    gateway,
    nothing_left,
    pay,
    released,
)
from tests.support.rig import Rig

_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_paid_order_is_released(rig: Rig, cluster: Cluster) -> None:
    """Webhook, inbox, topic, payment, journal, topic, order: once, and nothing is left over."""
    async with gateway(rig, cluster.settings()) as application:
        (payment,) = await pay(rig, "order-1")

        await eventually(lambda: released(rig))
        await eventually(lambda: nothing_left(rig))

        assert (await application.payments.get(payment.id)).state is PaymentState.CAPTURED
        assert await rig.releases() == 1


async def test_every_journal_line_is_published(rig: Rig, cluster: Cluster) -> None:
    """In the journal's order, under the order's key; what became of the order on its own topic."""
    async with gateway(rig, cluster.settings()):
        (payment,) = await pay(rig, "order-1")
        await eventually(lambda: released(rig))
        await eventually(lambda: nothing_left(rig))

    journal = await list_entries(rig.database, payment.id, 0, 100)
    payments, orders = cluster.read(cluster.topics.payments), cluster.read(cluster.topics.orders)
    changes = [pb.PaymentChanged.FromString(message.value or b"") for message in payments]
    assert {message.key for message in (*payments, *orders)} == {b"order-1"}
    assert [(change.event.sequence, change.event.type) for change in changes] == [
        (entry.sequence, entry.type) for entry in journal if not entry.type.startswith("order_")
    ]
    (told,) = (pb.OrderChanged.FromString(message.value or b"") for message in orders)
    assert (told.order_id, told.payment_id) == ("order-1", payment.id)
    assert told.state == ORDER_STATE_RELEASED


async def test_messages_belong_to_the_trace_of_what_caused_them(rig: Rig, cluster: Cluster) -> None:
    """From the call or webhook over inbox and outbox, through the consumers, to the order."""
    topics = cluster.topics
    async with gateway(rig, cluster.settings()):
        with span("work", trace=_TRACE):
            await rig.draft()
            created = await rig.create()
        await rig.confirm(created)
        await eventually(lambda: released(rig))
        await eventually(lambda: nothing_left(rig))

    first = pb.PaymentChanged.FromString(cluster.read(topics.payments)[0].value or b"")
    assert first.event.type == "payment_created"
    assert dict(cluster.read(topics.payments)[0].headers)["traceparent"] == _TRACE.encode()


async def test_what_is_published_twice_happens_once(rig: Rig, cluster: Cluster) -> None:
    """Every message comes again, in full, and changes nothing."""
    async with gateway(rig, cluster.settings()) as application:
        (payment,) = await pay(rig, "order-1")
        await eventually(lambda: released(rig))
        await eventually(lambda: nothing_left(rig))
        before = await application.payments.get(payment.id)

        topics = (cluster.topics.psp_events, cluster.topics.payments)
        published = [message for topic in topics for message in cluster.read(topic)]
        cluster.write(*published)

        await eventually(lambda: _is_done(cluster, 2 * len(published)))
        assert await application.payments.get(payment.id) == before
        assert await rig.releases() == 1
        assert cluster.read(f"{cluster.topics.payments}.dlq") == []


async def test_what_nobody_dealt_with_is_published_again(rig: Rig, cluster: Cluster) -> None:
    """A message that the brokers lose costs its lease, and nothing else."""
    settings = cluster.settings(kafka_lease_s=60)
    async with gateway(rig, settings) as application:
        inbox_relay = application.workers.jobs[0]
        await application.workers.stop()
        await pay(rig, "order-1")
        published = await inbox_relay.run_once()
        assert published > 0
        assert await inbox_relay.run_once() == 0

        rig.offset += timedelta(seconds=61)

        assert await inbox_relay.run_once() == published


async def test_two_gateways_share_the_work(rig: Rig, cluster: Cluster) -> None:
    """Each has partitions of its own; one that ends hands them over, and no order is forgotten."""
    orders = [f"order-{number}" for number in range(12)]
    settings = cluster.settings()
    async with gateway(rig, settings) as first:
        async with gateway(rig, settings) as second:
            await eventually(lambda: _share(first, second))
            await pay(rig, *orders[:6])
            await eventually(lambda: released(rig, *orders[:6]))
        rig.application = first
        await pay(rig, *orders[6:])
        await eventually(lambda: released(rig, *orders))
        await eventually(lambda: nothing_left(rig))

    assert [await rig.releases(order_id) for order_id in orders] == [1] * len(orders)


async def test_money_for_an_order_that_nobody_has_is_told_and_waits_for_its_draft(
    rig: Rig, cluster: Cluster
) -> None:
    """No poison: the sweeper raises the alarm once, and a draft that appears is released."""
    async with gateway(rig, cluster.settings()):
        created = await rig.create()
        await rig.confirm(created)
        await eventually(lambda: _was_put_off(rig))

        rig.offset += timedelta(hours=25)
        await eventually(lambda: _was_alarmed(rig, created.payment.id))

        await rig.draft()
        rig.offset += timedelta(minutes=11)
        await eventually(lambda: released(rig))
        await eventually(lambda: nothing_left(rig))

    assert cluster.read(f"{cluster.topics.payments}.dlq") == []
    assert await rig.releases() == 1
    assert (await told(rig, created.payment.id)).count("order_conflict") == 1


async def _was_alarmed(rig: Rig, payment_id: str) -> bool:
    return "order_conflict" in await told(rig, payment_id)


async def _was_put_off(rig: Rig) -> bool:
    return any(
        "OrderUnknownError" in line.last_error
        for line in await deliveries_of(rig.database, "order-1")
    )


async def _share(*applications: Application) -> bool:
    members = [consumers_of(application) for application in applications]
    return all(consumer.assigned for consumers in members for consumer in consumers) and all(
        len(frozenset().union(*(each.assigned for each in of_group))) == 4
        for of_group in zip(*members, strict=True)
    )


async def _is_done(cluster: Cluster, messages: int) -> bool:
    topics = cluster.topics
    done = cluster.committed(topics.psp_events_group, topics.psp_events)
    return done + cluster.committed(topics.orders_group, topics.payments) >= messages
