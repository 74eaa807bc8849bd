"""The demo's books: the day's refund file, and what the PSPs say of it days later."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from gateway.client import AsyncPaygateClient
from gateway.demo.acting import TOTAL, create, creation, intents_of
from gateway.demo.stage import PATIENCE_S, Stage
from gateway.demo.telling import Telling, expect
from paygate.v1.order_service_pb2 import ORDER_STATE_RELEASED
from paygate.v1.payment_service_pb2 import PAYMENT_STATE_CAPTURED
from paygate.v1.reconciliation_service_pb2 import (
    DISCREPANCY_STATE_OPEN,
    DISCREPANCY_TYPE_MISSING_AT_PSP,
    RECONCILIATION_STATE_DONE,
    RECONCILIATION_STATE_WAITING_FOR_REPORT,
    Discrepancy,
    DiscrepancyType,
    ListDiscrepanciesRequest,
    Reconciliation,
    ReconciliationState,
    RunReconciliationRequest,
    SettlementBalance,
)
from paygate.v1.refund_service_pb2 import GetRefundBatchRequest, RefundBatch

_HEADER: Final = (
    "movement_id,order_id,payment_id,psp_account,psp_reference,amount,currency,reason,country"
)
_LOOK_EVERY_S: Final = 0.05
_RETURNED_MINOR: Final = 500


async def refund_by_file(stage: Stage, telling: Telling) -> None:
    """The back office's refund file: good lines go on beside bad ones, and twice is once."""
    payment_id = await _paid(stage, telling, "order-returned")
    good = f"mov-1,order-returned,{payment_id},,,5.00,EUR,requested_by_customer,FR"
    bad = [
        f'mov-2,order-returned,{payment_id},,,"3,50",EUR,,FR',
        f"mov-3,order-returned,{payment_id},,,99.00,EUR,,FR",
    ]
    for sending in ("the file", "the same file again"):
        batch = await _submitted(stage, [_HEADER, bad[0], good, bad[1]])
        told = {
            "lines": batch.lines,
            "accepted": batch.accepted,
            "duplicates": batch.duplicates,
            "refused": batch.refused,
        }
        telling.say(sending, told)
        expect(batch.accepted + batch.duplicates == 1, "one line is good")
        expect(batch.refused == len(bad), "a comma and too large an amount are refused")
    (intent,) = intents_of(stage, "order-returned")
    telling.say("Stripe's own books", {"refunded": f"{intent['refunded'] / 100:.2f} EUR"})
    expect(intent["refunded"] == _RETURNED_MINOR, "5.00 EUR went back, once")


async def reconcile(stage: Stage, telling: Telling) -> None:
    """Days later both PSPs' books are held against ours, and close to the cent."""
    payment_id = await _paid(stage, telling, "order-booked")
    # Ogone's evening run may have carried a capture over midnight.
    days = tuple(datetime.now(UTC).date() + timedelta(days=shift) for shift in (-1, 1))
    async with stage.days_later() as client:
        for account in ("stripe_eu", "ogone_be"):
            run = await _reconciled(client, account, *days)
            _tell_run(telling, account, run)
            expect(run.state == RECONCILIATION_STATE_DONE, "the PSP's report was read to its end")
            expect(run.found_count == 0, "nothing differs")
        payment = await stage.payment_in(payment_id, PAYMENT_STATE_CAPTURED)
        stage.sandbox.drift("missing", payment.psp_reference)
        telling.say("Stripe leaves one line out of its books")
        run = await _reconciled(client, "stripe_eu", *days)
        found = await _open_discrepancies(client)
        for discrepancy in found:
            kind = DiscrepancyType.Name(discrepancy.type).removeprefix("DISCREPANCY_TYPE_")
            telling.say("ListDiscrepancies", {"type": kind, "payment": discrepancy.reference})
        expect(len(found) == run.found_count == 1, "exactly one difference is named")
        expect(found[0].type == DISCREPANCY_TYPE_MISSING_AT_PSP, "a line is missing at the PSP")
        expect(found[0].payment_id == payment_id, "of that very payment")


async def _paid(stage: Stage, telling: Telling, order_id: str) -> str:
    await stage.store_draft(order_id, TOTAL)
    created = await create(stage, telling, creation(order_id))
    stage.sandbox.browser_confirm(created.next_action.confirm.client_secret, "pm_card_visa")
    await stage.order_in(order_id, ORDER_STATE_RELEASED)
    return created.payment.id


async def _submitted(stage: Stage, lines: Sequence[str]) -> RefundBatch:
    """Send a refund file, and wait until every movement has its PSP's answer."""
    file = "\n".join([*lines, ""]).encode()
    answer = await stage.client.submit_refund_batch([file], file_name="refunds.csv")
    wanted = GetRefundBatchRequest(batch_id=answer.batch.id)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            batch = (await stage.client.get_refund_batch(wanted)).batch
            if not batch.waiting and not batch.sent:
                return batch
            await asyncio.sleep(_LOOK_EVERY_S)


async def _reconciled(
    client: AsyncPaygateClient, account: str, first_day: date, last_day: date
) -> Reconciliation:
    """Run a reconciliation until its report is there; return the run."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            # A request_id of its own each time: a finished period is read anew.
            request = RunReconciliationRequest(
                psp_account=account,
                first_day=first_day.isoformat(),
                last_day=last_day.isoformat(),
            )
            steps = [step async for step in client.run_reconciliation(request)]
            run = steps[-1].reconciliation
            if run.state != RECONCILIATION_STATE_WAITING_FOR_REPORT:
                return run
            await asyncio.sleep(_LOOK_EVERY_S)


async def _open_discrepancies(client: AsyncPaygateClient) -> list[Discrepancy]:
    request = ListDiscrepanciesRequest(state=DISCREPANCY_STATE_OPEN)
    return list((await client.list_discrepancies(request)).discrepancies)


def _tell_run(telling: Telling, account: str, run: Reconciliation) -> None:
    state = ReconciliationState.Name(run.state).removeprefix("RECONCILIATION_STATE_")
    told = {"state": state, "lines": run.line_count, "differences": run.found_count}
    for balance in run.balances:
        told[balance.currency_code] = _closing(balance)
    telling.say(f"RunReconciliation of {account}", told)


def _closing(balance: SettlementBalance) -> str:
    activity = f"activity {balance.activity_minor / 100:.2f}"
    if not balance.HasField("opening_minor"):
        return activity
    opening, closing = balance.opening_minor / 100, balance.closing_minor / 100
    return f"opening {opening:.2f} + {activity} = closing {closing:.2f}"
