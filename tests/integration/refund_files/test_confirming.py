"""What no webhook confirmed is asked about: seldom at first, and never by everybody at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.domain.refund import RefundState
from gateway.domain.refund_movement import Standing
from gateway.refund_files.confirming import overdue_movements
from psp.errors import UnavailableError
from psp.port import RefundStatus
from tests.integration.refund_files.stage import Stage, file_of, line
from tests.support.shop import CARDS


@pytest.fixture
async def pending(stage: Stage) -> str:
    """The payment of a refund that its PSP accepted and that nobody told of since."""
    stage.jobs = frozenset({"refund_files", "refund_confirmations"})
    stage.restart()
    paid = await stage.paid()
    stage.psps[CARDS].refund_status = RefundStatus.PENDING
    await stage.submit(file_of(line("M-1", paid)))
    await stage.settle()
    return paid


def _questions(stage: Stage) -> int:
    return len(stage.psps[CARDS].calls_of("list_refunds"))


async def _state(stage: Stage, payment_id: str) -> RefundState:
    (refund,) = await stage.refunds(payment_id)
    return refund.state


async def test_a_young_refund_is_left_to_its_webhook(stage: Stage, pending: str) -> None:
    """Its PSP is asked nothing."""
    stage.pass_time(hours=5.9)
    await stage.settle()

    assert _questions(stage) == 0
    assert await _state(stage, pending) is RefundState.PENDING


async def test_an_old_one_is_asked_about(stage: Stage, pending: str) -> None:
    """And what the PSP says is taken over."""
    (made,) = stage.psps[CARDS].refunds
    stage.psps[CARDS].settle_refund(made)
    stage.pass_time(hours=6)
    await stage.settle()

    assert await _state(stage, pending) is RefundState.SUCCEEDED
    assert await stage.refunded_minor(pending) == 500


async def test_one_that_stays_pending_is_asked_about_at_its_ages(
    stage: Stage, pending: str
) -> None:
    """At six hours, at twelve, at a day; not each time somebody looks."""
    asked = []
    for _ in range(30):
        stage.pass_time(hours=1)
        await stage.settle()
        asked.append(_questions(stage))

    assert asked.index(1) + 1 == 6
    assert asked.index(2) + 1 == 12
    assert asked.index(3) + 1 == 24
    assert asked.index(4) + 1 == 30
    assert await _state(stage, pending) is RefundState.PENDING


async def test_a_psp_that_is_away_is_asked_at_the_next_age(stage: Stage, pending: str) -> None:
    """The refund stays as it is."""
    stage.psps[CARDS].fail("retrieve_payment", UnavailableError(CARDS, "maintenance"))
    stage.pass_time(hours=6)
    await stage.settle()
    assert await _state(stage, pending) is RefundState.PENDING

    (made,) = stage.psps[CARDS].refunds
    stage.psps[CARDS].settle_refund(made)
    stage.pass_time(hours=6)
    await stage.settle()
    assert await _state(stage, pending) is RefundState.SUCCEEDED


async def test_what_is_overdue_is_streamed_oldest_first(stage: Stage, pending: str) -> None:
    """Of every page; confirmed ones are not among them."""
    paid = await stage.paid(2)
    lines = [line(f"N-{number}", paid, "0.01", 2) for number in range(250)]
    await stage.submit(file_of(*lines), "r2")
    await stage.settle()
    before = stage.now()

    found = [each async for each in overdue_movements(stage.database, before)]

    assert len(found) == 251
    assert {each.standing for each in found} == {Standing.PENDING}
    assert found[0].movement_id == "M-1"
    assert [each.since for each in found] == sorted(each.since for each in found)
    early = [each async for each in overdue_movements(stage.database, before - timedelta(hours=1))]
    assert early == []
