"""One canonical line for each RPC, webhook and job's step: enough to begin an investigation."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.demo.acting import TOTAL, creation
from gateway.demo.stage import PATIENCE_S, Stage
from paygate.v1.payment_service_pb2 import GetPaymentRequest
from tests.integration.observability.playing import purchase
from tests.support.watching import Lines


async def _line(lines: Lines, event: str, **wanted: object) -> dict[str, Any]:
    """Return the first line that says all that, once it is there."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for line in lines.of(event):
                if wanted.items() <= line.items():
                    return line
            await asyncio.sleep(0.02)


async def test_a_calls_line_tells_whose_payment_and_where_the_time_went(
    stage: Stage, lines: Lines
) -> None:
    """Ids, country, account, outcome, trace; the PSP's time and the database's."""
    await stage.store_draft("order-1", TOTAL)
    created = await stage.client.create_payment(creation("order-1"))
    line = await _line(lines, "rpc", method="/paygate.v1.PaymentService/CreatePayment")

    assert {
        "payment_id": created.payment.id,
        "order_id": "order-1",
        "country": "FR",
        "psp_account": "stripe_eu",
        "code": "OK",
        "caller": "demo-checkout",
    }.items() <= line.items()
    assert len(line["trace_id"]) == 32
    assert 0 < line["psp_ms"] < line["duration_ms"]
    assert 0 < line["database_ms"] < line["duration_ms"]


async def test_a_read_asks_no_psp(stage: Stage, lines: Lines) -> None:
    """GetPayment has the payment's facts too, and spends nothing at the PSP."""
    await stage.store_draft("order-1", TOTAL)
    created = await stage.client.create_payment(creation("order-1"))
    await stage.client.get_payment(GetPaymentRequest(payment_id=created.payment.id))
    line = await _line(lines, "rpc", method="/paygate.v1.PaymentService/GetPayment")

    assert (line["order_id"], line["country"]) == ("order-1", "FR")
    assert line["database_ms"] > 0
    assert "psp_ms" not in line


async def test_a_webhooks_line_leads_to_its_steps(stage: Stage, lines: Lines) -> None:
    """Webhook, inbox and delivery are one trace; each says what it was about and what it took."""
    payment_id = await purchase(stage)
    delivery = await _line(lines, "job_step", job="delivery", outcome="done")
    inbox = await _line(lines, "job_step", job="inbox", trace_id=delivery["trace_id"])
    webhook = await _line(lines, "webhook", trace_id=delivery["trace_id"])

    assert (webhook["account"], webhook["outcome"]) == ("stripe_eu", "received")
    assert webhook["payment_id"] == payment_id
    assert webhook["database_ms"] > 0
    assert inbox["outcome"] == "applied"
    for step in (inbox, delivery):
        assert {
            "payment_id": payment_id,
            "order_id": "order-1",
            "country": "FR",
            "psp_account": "stripe_eu",
            "road": "stripe_eu",
        }.items() <= step.items()
        assert step["psp_ms"] > 0
        assert step["database_ms"] > 0
    assert delivery["back_office_ms"] > 0


async def test_every_call_has_one_line(stage: Stage, lines: Lines) -> None:
    """Not none, not two; and the numbers of two calls are not added up."""
    await stage.store_draft("order-1", TOTAL)
    created = await stage.client.create_payment(creation("order-1"))
    for _ in range(3):
        await stage.client.get_payment(GetPaymentRequest(payment_id=created.payment.id))
    await _line(lines, "rpc", method="/paygate.v1.PaymentService/GetPayment")
    found = [line for line in lines.of("rpc") if line["method"].endswith("GetPayment")]

    assert len(found) == 3
    assert len({line["trace_id"] for line in found}) == 3
    assert all(line["database_ms"] <= line["duration_ms"] for line in found)


async def test_what_is_put_off_says_so(stage: Stage, lines: Lines) -> None:
    """A delivery that the back office cannot take yet is a step with another outcome."""
    created = await stage.client.create_payment(creation("order-nobody-stored"))
    stage.sandbox.browser_confirm(created.next_action.confirm.client_secret, "pm_card_visa")
    line = await _line(lines, "job_step", job="delivery", outcome="put_off")

    assert line["key"] == line["order_id"] == "order-nobody-stored"
