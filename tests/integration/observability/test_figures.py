"""The figures after a purchase that was really played, as Prometheus reads them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from gateway.demo.acting import TOTAL, creation
from gateway.demo.stage import PATIENCE_S, Stage, open_stage, stage_settings
from gateway.gauges import Gauges
from tests.integration.observability.playing import purchase

Samples = dict[str, float]


async def _scrape(address: str) -> Samples:
    async with aiohttp.ClientSession() as session, session.get(f"{address}/metrics") as answer:
        text = await answer.text()
    pairs = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


async def _comes(address: str, name: str, least: float) -> Samples:
    """Return the figures once one of them has come so far."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            samples = await _scrape(address)
            if samples.get(name, -1.0) >= least:
                return samples
            await asyncio.sleep(0.05)


async def test_a_purchase_is_counted_all_the_way(stage: Stage) -> None:
    """RPC, PSP, webhook, steps; nothing waits and nothing is unknown when it is over."""
    await purchase(stage)
    method = "/paygate.v1.PaymentService/CreatePayment"
    rpc = f'paygate_rpc_duration_seconds_count{{code="OK",method="{method}"}}'
    delivered = 'paygate_job_step_duration_seconds_count{job_name="delivery",outcome="done"}'
    samples = await _comes(stage.gateway.http_address, delivered, 1)

    assert samples[rpc] == 1
    for operation in ("create_payment", "capture_payment"):
        labels = f'account="stripe_eu",operation="{operation}",outcome="ok"'
        assert samples[f"paygate_psp_call_duration_seconds_count{{{labels}}}"] == 1
    assert samples['paygate_webhooks_total{account="stripe_eu",outcome="received"}'] >= 1
    applied = 'paygate_job_step_duration_seconds_count{job_name="inbox",outcome="applied"}'
    assert samples[applied] >= 1
    assert samples["paygate_backlog_read"] == 1
    assert samples['paygate_open_operations{state="unknown"}'] == 0
    assert samples['paygate_psp_breaker{account="stripe_eu",state="closed"}'] == 1
    assert 'paygate_job_done_timestamp_seconds{job_name="sweeper"}' in await _comes(
        stage.gateway.http_address, 'paygate_job_done_timestamp_seconds{job_name="sweeper"}', 1
    )


async def test_what_waits_grows_while_nobody_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without workers webhooks and unknown operations wait, and their age is told."""
    monkeypatch.setattr(Gauges, "fresh_s", 0.0)
    settings = stage_settings(tmp_path).model_copy(update={"worker_poll_interval_s": 60.0})
    async with open_stage(tmp_path, settings) as stage:
        await stage.gateway.application.workers.stop()
        await stage.store_draft("order-1", TOTAL)
        created = await stage.client.create_payment(creation("order-1"))
        stage.sandbox.browser_confirm(created.next_action.confirm.client_secret, "pm_card_visa")
        stage.sandbox.inject("error_before", path_prefix="/v1/payment_intents", count=10)
        await stage.store_draft("order-2", TOTAL)
        await stage.client.create_payment(creation("order-2"))
        address = stage.gateway.http_address
        first = await _comes(address, 'paygate_waiting{queue="inbox"}', 1)
        second = await _scrape(address)

    assert first['paygate_open_operations{state="unknown"}'] == 1
    for age in (
        'paygate_waiting_oldest_seconds{queue="inbox"}',
        'paygate_open_operations_oldest_seconds{state="unknown"}',
    ):
        assert 0 < first[age] < second[age]
