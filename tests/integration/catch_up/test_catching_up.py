"""After an outage what webhooks did not bring is read from the PSP's own list of events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from gateway.catch_up.job import FIRST_REACH, OVERLAP
from gateway.catch_up.progress import CatchUpSource, CaughtUp
from gateway.domain.payment import PaymentState
from gateway.events.errors import UnknownAccountError
from gateway.storage.tables import inbox, job_leases
from legacy_bridge.port import OrderState
from psp.errors import UnavailableError
from psp.port import Capability
from tests.support.rig import ACCOUNT, Rig

_EVENTS = sa.select(inbox.c.event_id, inbox.c.event_type)
_LEASES = sa.select(job_leases.c.name, job_leases.c.cursor)


async def _catch_up(rig: Rig, since: datetime) -> CaughtUp:
    return await rig.application.catch_up.catch_up(ACCOUNT, since, lambda _: None)


async def _paid_in_an_outage(rig: Rig, order_id: str = "order-1") -> None:
    """Let a shopper pay while webhooks reach nobody."""
    rig.sandbox.webhooks.hold()
    await rig.draft(order_id)
    await rig.confirm(await rig.create(request_id=order_id, order_id=order_id))


async def test_a_gateway_that_starts_reads_what_it_missed(rig: Rig) -> None:
    """No webhook ever arrives, and the order ships."""
    await _paid_in_an_outage(rig)

    await rig.settle()

    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)


async def test_a_webhook_that_arrives_after_all_is_a_duplicate(rig: Rig) -> None:
    """The list and the webhook tell the same event under the same id."""
    await _paid_in_an_outage(rig)
    await rig.settle()
    rows = await rig.database.fetch(_EVENTS, {})

    rig.sandbox.webhooks.release()
    await rig.settle()

    again = await rig.database.fetch(_EVENTS, {})
    assert len({row[0] for row in again}) == len(again)
    assert {row[0] for row in rows} <= {row[0] for row in again}
    assert await rig.releases() == 1


async def test_the_next_pass_begins_a_little_before_the_last_one(rig: Rig) -> None:
    """The list may lag: a pass reads the end of the one before again."""
    asked: list[datetime] = []
    listing = rig.psp.list_events

    def note(since: datetime) -> object:
        asked.append(since)
        return listing(since)

    rig.provider.list_events = note  # type: ignore[attr-defined] # goes before the adapter's own
    first = rig.now()
    await rig.settle()
    rig.pass_time(minutes=11)
    await rig.settle()

    assert first - FIRST_REACH <= asked[0] <= rig.now() - FIRST_REACH
    assert first - OVERLAP <= asked[1] <= first - OVERLAP + timedelta(minutes=1)
    assert len(asked) == 2


async def test_a_pass_that_broke_off_is_made_again(rig: Rig) -> None:
    """Its cursor stays, so nothing lies between two passes."""
    calls = 0

    def broken(_: datetime) -> object:
        nonlocal calls
        calls += 1
        raise UnavailableError(ACCOUNT, "down")

    rig.provider.list_events = broken  # type: ignore[attr-defined] # as above
    await rig.settle()
    leases = {row[0]: row[1] for row in await rig.database.fetch(_LEASES, {})}
    assert (calls, leases[f"catch_up:{ACCOUNT}"]) == (1, "")

    del rig.provider.list_events
    await _paid_in_an_outage(rig)
    rig.pass_time(minutes=11)
    await rig.settle()

    assert await rig.order_state() is OrderState.RELEASED


async def test_a_gap_that_no_list_reaches_over_is_told(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lies further back than the PSP lists is for reconciling, and somebody has to know."""
    await rig.settle()
    rig.pass_time(days=20)
    await rig.settle()
    assert "events_lost" not in capsys.readouterr().out

    rig.pass_time(days=31)
    await _paid_in_an_outage(rig)
    await rig.settle()

    assert capsys.readouterr().out.count("events_lost") == 1
    assert await rig.order_state() is OrderState.RELEASED


async def test_by_command_from_any_moment(rig: Rig) -> None:
    """What is there already is counted, and stored once; what is about nothing of ours is not."""
    await _paid_in_an_outage(rig)

    caught = await _catch_up(rig, datetime.now(UTC) - timedelta(days=20))
    again = await _catch_up(rig, datetime.now(UTC) - timedelta(days=20))

    assert (caught.source, caught.failed) == (CatchUpSource.EVENTS, 0)
    assert caught.seen == again.seen >= caught.new >= 2
    assert again.new == 0
    assert len(await rig.database.fetch(_EVENTS, {})) == caught.new


async def test_an_account_that_is_not_configured_is_refused(rig: Rig) -> None:
    """By its name."""
    with pytest.raises(UnknownAccountError, match="stripe_mars"):
        await rig.application.catch_up.catch_up("stripe_mars", datetime.now(UTC), lambda _: None)


async def test_a_psp_without_a_list_is_asked_about_each_open_payment(rig: Rig) -> None:
    """Only by command, only what it sent nothing of, and what is final is left alone."""
    rig.provider.capabilities = rig.psp.capabilities - {Capability.LIST_EVENTS}  # type: ignore[attr-defined] # goes before the adapter's own
    await rig.draft("order-paid")
    paid = await rig.paid(request_id="paid", order_id="order-paid")
    await _paid_in_an_outage(rig)
    await rig.settle()
    assert await rig.order_state() is OrderState.DRAFT
    assert paid.state is PaymentState.CAPTURED

    caught = await _catch_up(rig, datetime.now(UTC) - timedelta(hours=1))
    await rig.settle()

    assert (caught.source, caught.seen, caught.new) == (CatchUpSource.PAYMENTS, 1, 1)
    assert await rig.order_state() is OrderState.RELEASED


async def test_what_was_heard_of_since_is_not_asked_about(rig: Rig) -> None:
    """A webhook came after the outage: its payment is as the PSP has it."""
    rig.provider.capabilities = rig.psp.capabilities - {Capability.LIST_EVENTS}  # type: ignore[attr-defined] # as above
    await rig.draft()
    await rig.create()
    await rig.settle()

    heard = await _catch_up(rig, datetime.now(UTC) - timedelta(hours=1))
    not_since = await _catch_up(rig, rig.now() + timedelta(seconds=1))

    assert (heard.seen, not_since.seen) == (0, 1)
