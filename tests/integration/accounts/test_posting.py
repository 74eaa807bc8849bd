"""Postings reach the back office once each, whatever fails and whoever dies."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import structlog

from gateway.accounts.commands import ReportCommand
from gateway.domain.backlog import Waiting
from gateway.domain.posting import Posting, PostingState
from gateway.storage.account_postings import (
    get_posting,
    open_postings_of_customer,
)
from legacy_bridge.errors import BackOfficeUnavailableError
from legacy_bridge.port import AccountMovement, MovementKind
from psp.money import Money
from tests.integration.accounts.ledger import FULL_MINOR, Ledger, in_parcel, invoiced
from tests.support.accounts import unposted
from tests.support.payments import NOW
from tests.support.rig import CrashError

_DUE = Posting(
    key="refund-due:ref_1",
    customer_id="shopper-1",
    order_id="order-1",
    kind=MovementKind.REFUND_CREDIT,
    amount=Money(500, "EUR"),
    reference="ref_1",
    booking_time=NOW,
)
_MOST_STEPS = 60


async def _insist(ledger: Ledger, command: ReportCommand) -> None:
    """Send the same again if there was no answer."""
    for _ in range(2):
        with suppress(CrashError):
            await ledger.send(command)
            return
        ledger.restart()
    raise AssertionError("never answered")


async def test_a_crash_at_any_step_leaves_one_movement_each(ledger: Ledger) -> None:
    """An invoice, two parcels and their postings, for every place to die at."""
    for crash_at in range(1, _MOST_STEPS):
        order_id = f"order-{crash_at}"
        await ledger.open_order(order_id, crash_at, customer_id := f"shopper-{crash_at}")
        ledger.restart(crash_at)
        steps = ledger.steps
        await _insist(ledger, invoiced(FULL_MINOR, f"I-{crash_at}", order_id=order_id))
        await _insist(ledger, in_parcel(999, f"P-{crash_at}", order_id=order_id))
        await _insist(ledger, in_parcel(1000, f"Q-{crash_at}", order_id=order_id))
        await ledger.work()

        assert len(await ledger.movements(customer_id)) == 3, crash_at
        assert await ledger.office.balance(customer_id) == {"EUR": 0}
        assert set(await ledger.states(order_id)) == {PostingState.POSTED}
        if not steps.crashed:
            return
    raise AssertionError("more steps than this test knows of")


async def test_a_back_office_that_is_away_is_tried_again(ledger: Ledger) -> None:
    """With longer and longer pauses; the movement is posted when it is back."""
    await ledger.write(_DUE)
    await ledger.office.close()
    away = ledger.office
    ledger.office = _Away()  # type: ignore[assignment] # all that posting asks of it
    ledger.restart()

    for attempts in (1, 2, 3):
        await ledger.work()
        stored = await get_posting(ledger.database, _DUE.key)
        assert stored is not None
        assert (stored.state, stored.attempts) == (PostingState.DUE, attempts)
        assert "no answer in time" in stored.last_error
        ledger.now += timedelta(minutes=1)
    assert await unposted(ledger.database) == Waiting(1, NOW)

    ledger.office = away
    ledger.restart()
    await ledger.work()
    assert await ledger.movements() == [_DUE.movement]
    assert await unposted(ledger.database) == Waiting(0, None)


class _Away:
    async def post_movement(self, movement: AccountMovement) -> None:
        raise BackOfficeUnavailableError("post movement", "no answer in time")


async def test_a_key_that_stands_for_another_movement_raises_an_alarm(ledger: Ledger) -> None:
    """It is not tried again by itself, it is not forgotten, and it holds up nobody else."""
    await ledger.office.post_movement(replace(_DUE, amount=Money(499, "EUR")).movement)
    await ledger.write(_DUE)
    await ledger.write(other := replace(_DUE, key="refund-due:ref_2"))

    with structlog.testing.capture_logs() as logs:
        await ledger.work()

    (alarm,) = [line for line in logs if line["log_level"] == "error"]
    assert (alarm["event"], alarm["movement"]) == ("account_movement_refused", _DUE.key)
    (left,) = await open_postings_of_customer(ledger.database, "shopper-1")
    assert (left.key, left.state) == (_DUE.key, PostingState.REFUSED)
    assert [each.key for each in await ledger.movements()] == [_DUE.key, other.key]

    assert await ledger.accounts.retry(_DUE.key)
    assert not await ledger.accounts.retry(other.key)
    await ledger.work()
    assert set(await ledger.states()) == {PostingState.REFUSED, PostingState.POSTED}


async def test_a_movement_finds_its_account_by_the_order(ledger: Ledger) -> None:
    """Where the payment names no shopper: the back office knows who ordered."""
    await ledger.open_order()
    await ledger.write(replace(_DUE, customer_id=""))

    await ledger.work()

    assert await ledger.movements() == [_DUE.movement]
    stored = await get_posting(ledger.database, _DUE.key)
    assert stored is not None
    assert stored.customer_id == "shopper-1"


async def test_a_guests_refund_goes_where_the_invoice_went(ledger: Ledger) -> None:
    """One account an order."""
    await ledger.open_order(customer_id="")
    await ledger.invoice(customer_id="shopper-9")
    await ledger.write(replace(_DUE, customer_id=""))

    await ledger.work()

    assert len(await ledger.movements("shopper-9")) == 2


async def test_a_guest_without_an_account_moves_nothing(ledger: Ledger) -> None:
    """The row says why; what names no order is the same."""
    await ledger.open_order(customer_id="")
    await ledger.write(replace(_DUE, customer_id=""))
    await ledger.write(replace(_DUE, key="refund-due:ref_2", customer_id="", order_id=""))

    await ledger.work()

    assert await ledger.states() == await ledger.states("") == [PostingState.NO_ACCOUNT]


async def test_a_refund_waits_for_its_orders_draft(ledger: Ledger) -> None:
    """Money may come, and go back, before the draft is stored; it is the shopper's all the same."""
    await ledger.write(replace(_DUE, customer_id=""))
    await ledger.work()
    assert await ledger.states() == [PostingState.DUE]
    assert await unposted(ledger.database) == Waiting(0, None)  # nobody is woken for it

    await ledger.open_order()
    ledger.now += timedelta(minutes=1)
    await ledger.work()

    assert await ledger.movements() == [_DUE.movement]


async def test_a_refund_of_an_order_that_never_appears_moves_nothing(ledger: Ledger) -> None:
    """After a day, and so does what settles it, however young that is."""
    await ledger.write(replace(_DUE, customer_id=""))
    await ledger.work()
    ledger.now += timedelta(hours=24)
    settled = replace(
        _DUE,
        key="refund-settled:stripe_eu:re_1",
        kind=MovementKind.REFUND_DEBIT,
        customer_id="",
        booking_time=ledger.now,
    )
    await ledger.write(settled)

    await ledger.work()

    assert set(await ledger.states()) == {PostingState.NO_ACCOUNT}


async def test_what_closes_a_movement_goes_where_that_went(ledger: Ledger) -> None:
    """The invoice of a guest names a shopper only after the refund was due to nobody."""
    await ledger.open_order(customer_id="")
    await ledger.write(replace(_DUE, customer_id=""))
    await ledger.work()
    await ledger.invoice(customer_id="shopper-9")
    settled = replace(
        _DUE, key="refund-settled:stripe_eu:re_1", kind=MovementKind.REFUND_DEBIT, customer_id=""
    )
    await ledger.write(settled)

    await ledger.work()

    assert [each.kind for each in await ledger.movements("shopper-9")] == [
        MovementKind.INVOICE_CREDIT
    ]


async def test_a_posting_that_was_written_again_is_the_first_one(ledger: Ledger) -> None:
    """The key is there: the same news heard twice moves once."""
    await ledger.write(_DUE)
    await ledger.work()
    await ledger.write(replace(_DUE, booking_time=NOW + timedelta(days=1)))

    assert await ledger.states() == [PostingState.POSTED]
    assert await ledger.movements() == [_DUE.movement]


async def test_two_processes_share_what_is_due(ledger: Ledger) -> None:
    """Each movement is posted by one of them."""
    for number in range(20):
        posting = replace(_DUE, key=f"refund-due:ref_{number}", order_id=f"order-{number}")
        await ledger.write(posting)
    here = ledger.accounts
    ledger.restart()
    there = ledger.accounts

    while await here.posting.run_once() + await there.posting.run_once():
        await here.posting.lanes.join()
        await there.posting.lanes.join()

    assert len(await ledger.movements()) == 20
    assert await unposted(ledger.database) == Waiting(0, None)
