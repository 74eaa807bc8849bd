"""A process ends while work is under way that nobody waits for any more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from gateway.client import AsyncPaygateClient
from gateway.demo.acting import creation
from gateway.embedded import prepare_databases
from gateway.running import load_checked, running_gateway
from gateway.sandboxed import introduce, running_sandboxes, write_configuration
from gateway.settings import load_settings
from paygate.v1.payment_service_pb2 import PAYMENT_STATE_AWAITING_CUSTOMER, ListPaymentsRequest


async def test_what_its_caller_left_ends_inside_the_grace(tmp_path: Path) -> None:
    """Stripe's answer is waited for and kept: nothing is left for the resolver to find out."""
    async with running_sandboxes() as sandboxes:
        settings = load_settings(
            config_file=write_configuration(sandboxes, tmp_path),
            database_url=f"sqlite+aiosqlite:///{tmp_path}/paygate.db",
            back_office_url=f"sqlite+aiosqlite:///{tmp_path}/back_office.db",
            grpc_port=0,
            http_port=0,
        )
        await prepare_databases(settings)
        configuration = load_checked(settings)
        introduce(sandboxes, configuration, "http://127.0.0.1:9")  # nobody listens
        sandboxes.stripe.inject(
            "delay_after", method="POST", path_suffix="/payment_intents", delay_s=0.5
        )
        async with running_gateway(settings, configuration) as gateway:
            shield = gateway.application.shield
            async with AsyncPaygateClient.connect(gateway.grpc_address, caller="tests") as client:
                call = asyncio.create_task(client.create_payment(creation("order-1"), timeout_s=20))
                while not shield.running:  # noqa: ASYNC110 - it sets no event
                    await asyncio.sleep(0.01)
                call.cancel()
                with suppress(asyncio.CancelledError):
                    await call
            assert shield.running == 1

        async with (
            running_gateway(settings, configuration, with_workers=False) as again,
            AsyncPaygateClient.connect(again.grpc_address, caller="tests") as client,
        ):
            listed = await client.list_payments(ListPaymentsRequest(order_id="order-1"))

    (payment,) = listed.payments
    assert payment.state == PAYMENT_STATE_AWAITING_CUSTOMER
    assert payment.psp_reference.startswith("pi_")
