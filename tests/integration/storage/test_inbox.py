"""Webhooks as rows, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.storage.database import Database
from gateway.storage.inbox import (
    claim_due_events,
    finish_event,
    get_event,
    insert_event,
    postpone_event,
)
from gateway.storage.writes import AlreadyExistsError
from psp.port import PspEvent, PspEventSubject
from tests.support.payments import NOW

LATER = NOW + timedelta(minutes=1)


def received(event_id: str = "evt_1", account: str = "stripe_eu", after_s: int = 0) -> InboxEvent:
    """A webhook that came so long after now."""
    return InboxEvent(
        psp_account=account,
        event=PspEvent(
            event_id=event_id,
            event_type="payment_intent.succeeded",
            subject=PspEventSubject.PAYMENT,
            psp_reference="pi_1",
            payment_id="pay_1",
            occurred_time=NOW - timedelta(seconds=5),
        ),
        receive_time=NOW + timedelta(seconds=after_s),
    )


async def due(database: Database, now: datetime, payments: int = 10) -> list[InboxEvent]:
    """Claim what is due of so many payments, until now: it is due again at once."""
    return await claim_due_events(database, "stripe_eu", now, now, payments)


async def test_a_webhook_is_read_as_it_was_stored(database: Database) -> None:
    """Every field survives."""
    await database.commit([insert_event(received())])

    assert await get_event(database, "stripe_eu", "evt_1") == received()
    assert await get_event(database, "stripe_eu", "evt_2") is None
    assert await get_event(database, "stripe_us", "evt_1") is None


async def test_a_webhook_is_received_once(database: Database) -> None:
    """The same event again exists already; the same id at another account is another event."""
    await database.commit([insert_event(received())])

    with pytest.raises(AlreadyExistsError) as exists:
        await database.commit([insert_event(received(after_s=9))])
    await database.commit([insert_event(received(account="stripe_us"))])

    assert exists.value.table == "inbox"
    assert await get_event(database, "stripe_eu", "evt_1") == received()


async def test_due_webhooks_come_in_the_order_of_receipt(database: Database) -> None:
    """At once when received, and of at most so many payments."""
    events = [
        replace(each, event=replace(each.event, psp_reference=f"pi_{number}"))
        for number, each in enumerate(
            [received("evt_b", after_s=-1), received("evt_c"), received("evt_a", after_s=1)]
        )
    ]
    await database.commit([insert_event(one) for one in reversed(events)])

    assert await due(database, NOW) == events[:2]
    assert await due(database, LATER) == events
    assert await due(database, LATER, 1) == events[:1]


@pytest.mark.parametrize("outcome", sorted(set(InboxOutcome) - {InboxOutcome.WAITING}))
async def test_a_finished_webhook_is_kept_and_not_due(
    database: Database, outcome: InboxOutcome
) -> None:
    """It stays to be looked up, and to refuse its duplicates."""
    await database.commit([insert_event(received()), insert_event(received("evt_2"))])

    await database.commit([finish_event("stripe_eu", "evt_1", outcome)])

    assert await get_event(database, "stripe_eu", "evt_1") == replace(received(), outcome=outcome)
    assert await due(database, LATER) == [received("evt_2")]
    with pytest.raises(AlreadyExistsError):
        await database.commit([insert_event(received())])


async def test_a_webhook_that_is_put_off_comes_again(database: Database) -> None:
    """Each time it counts an attempt."""
    await database.commit([insert_event(received())])

    for attempts in (1, 2):
        (read,) = await due(database, LATER)
        await database.commit([postpone_event(read, LATER)])
        assert await due(database, NOW) == []
        assert await due(database, LATER) == [replace(received(), attempts=attempts)]
