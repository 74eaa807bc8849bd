"""A refund file against the Stripe sandbox, with its webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.domain.refund_movement import Standing
from gateway.domain.requests import RequestKey
from gateway.refund_files.results import BatchResult
from gateway.refund_files.values import BatchOptions
from gateway.storage.database import Database
from tests.integration.gateway.refunding import at_stripe
from tests.integration.refund_files.stage import file_of, line, pieces
from tests.support.rig import Rig, running_rig


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    """Return a gateway with a Stripe sandbox around it."""
    async with running_rig(database, tmp_path) as running:
        yield running
        await running.application.shield.drain(0)


async def _bought(rig: Rig, method: str) -> str:
    await rig.draft()
    created = await rig.create()
    await rig.confirm(created, method)
    await rig.settle()
    return created.payment.id


async def _submitted(rig: Rig, text: str) -> str:
    options = BatchOptions(RequestKey("tests", "SubmitRefundBatch", "r1"), "day.csv")
    submitted = await rig.application.refund_batches.submit(options, pieces(text.encode()))
    await rig.settle()
    return submitted.batch.id


@pytest.mark.parametrize(
    "method,first,later",
    [
        ("pm_card_visa", Standing.SUCCEEDED, Standing.SUCCEEDED),
        ("pm_card_pendingRefund", Standing.PENDING, Standing.SUCCEEDED),
        ("pm_card_refundFail", Standing.SUCCEEDED, Standing.FAILED),
    ],
)
async def test_a_movement_goes_the_way_of_its_refund(
    rig: Rig, method: str, first: Standing, later: Standing
) -> None:
    """Webhooks tell what became of it, also long after it had succeeded."""
    payment_id = await _bought(rig, method)
    batch_id = await _submitted(rig, file_of(line("M-1", payment_id)))
    batches = rig.application.refund_batches
    assert (await batches.get(batch_id)).counts == {first: 1}

    rig.pass_time(minutes=2)
    await rig.settle()

    progress = await rig.application.refund_batches.get(batch_id)
    assert progress.counts == {later: 1}
    (made,) = at_stripe(rig)
    result = [piece async for piece in BatchResult(rig.database, progress.batch).pieces()]
    assert f",M-1,accepted,{later},".encode() in result[1]
    assert made["id"].encode() in result[1]


async def test_a_payment_of_before_is_found_at_stripe(rig: Rig) -> None:
    """One that Stripe does not know is refused with its number."""
    payment_id = await _bought(rig, "pm_card_visa")
    held = await rig.application.payments.get(payment_id)
    batch_id = await _submitted(
        rig,
        file_of(
            line("M-1", "", psp_account="stripe_eu", psp_reference=held.psp_reference),
            line("M-2", "", psp_account="stripe_eu", psp_reference="pi_nobody"),
        ),
    )

    counts = (await rig.application.refund_batches.get(batch_id)).counts
    assert counts == {Standing.SUCCEEDED: 1, Standing.REFUSED: 1}
    assert len(at_stripe(rig)) == 1
