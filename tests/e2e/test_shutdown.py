"""A process is stopped under load: nothing is lost, and no caller hears of it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from gateway.client import AsyncPaygateClient
from paygate.v1.payment_service_pb2 import PAYMENT_STATE_AWAITING_CUSTOMER
from tests.e2e.serving import Shop, surroundings
from tests.support.databases import PostgresqlDatabases
from tests.support.processes import Process, eventually

_SHOPS: Final = 8
_SALES: Final = 3
"""Of each shop before the first process is stopped, and again after it ended."""


async def test_sigterm_under_load_is_not_noticed(
    postgresql_databases: PostgresqlDatabases, tmp_path: Path
) -> None:
    """Payments are being created as it comes; each is answered once, and made once."""
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(surroundings(postgresql_databases, tmp_path))
        processes = [await Process.start(around.environment, "serve") for _ in range(2)]
        for process in processes:
            stack.push_async_callback(process.stop)
        addresses = [(await process.says("serving"))["grpc"] for process in processes]
        around.slow_down()
        client = await stack.enter_async_context(
            AsyncPaygateClient.connect("ipv4:" + ",".join(addresses), caller="tests")
        )
        shops = [Shop(client, f"shop-{number}") for number in range(_SHOPS)]
        selling = [asyncio.create_task(shop.sell()) for shop in shops]

        async def sold(count: int) -> None:
            await eventually(
                lambda: (
                    any(task.done() for task in selling)
                    or all(len(shop.answers) >= count for shop in shops)
                )
            )

        await sold(_SALES)
        stopped = await processes[0].stop()
        await sold(max(len(shop.answers) for shop in shops) + _SALES)
        for shop in shops:
            shop.is_open = False
        await asyncio.gather(*selling)

        answered = [each.payment for shop in shops for each in shop.answers]
        assert {payment.state for payment in answered} == {PAYMENT_STATE_AWAITING_CUSTOMER}
        assert sorted(payment.id for payment in answered) == sorted(around.intents())
        served = [len(process.lines("rpc")) for process in processes]
        assert all(served), "both were under load"
        assert stopped == 0
        assert processes[0].lines("work_left_to_the_resolver", "rpc_fault") == []
        assert await processes[1].stop() == 0
