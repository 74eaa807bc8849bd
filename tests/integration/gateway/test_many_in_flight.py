"""Hundreds of payments wait at a PSP that takes its time: none fails, none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.client import AsyncPaygateClient
from gateway.demo.acting import creation
from gateway.running import load_checked, running_gateway
from gateway.settings import load_settings
from paygate.v1.payment_service_pb2 import PAYMENT_STATE_AWAITING_CUSTOMER

_IN_FLIGHT: Final = 300
_PATIENCE_S: Final = 300.0
_CONFIGURATION: Final = """
[accounts.stripe_eu]
psp = "stripe"
api_key = "file:{folder}/key"
publishable_key = "pk_test_slow"
webhook_secrets = ["file:{folder}/secret"]
api_base = "{stripe}"
read_timeout_s = 80.0
total_timeout_s = 120.0

[countries.FR]
currencies = ["EUR"]

[[countries.FR.methods]]
method = "card"
account = "stripe_eu"
"""


class _Crowd:
    """A Stripe that answers nobody until so many wait for it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._came = 0
        self._complete = asyncio.Event()

    async def create(self, request: web.Request) -> web.Response:
        """Answer a new payment once the crowd is complete."""
        form = await request.post()
        self._came += 1
        reference = f"pi_{self._came}"
        if self._came >= self._size:
            self._complete.set()
        await self._complete.wait()
        return web.json_response(
            {
                "id": reference,
                "object": "payment_intent",
                "amount": int(str(form["amount"])),
                "amount_capturable": 0,
                "amount_received": 0,
                "client_secret": f"{reference}_secret_x",
                "currency": str(form["currency"]),
                "latest_charge": None,
                "metadata": {},
                "next_action": None,
                "review": None,
                "status": "requires_payment_method",
            }
        )


@asynccontextmanager
async def _stripe(crowd: _Crowd) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/payment_intents", crowd.create)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=_IN_FLIGHT)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _serving(folder: Path, url: str, stripe: str) -> AsyncIterator[AsyncPaygateClient]:
    (folder / "key").write_text("sk_test_slow")
    (folder / "secret").write_text("whsec_slow")
    file = folder / "slow.toml"
    file.write_text(_CONFIGURATION.format(folder=folder, stripe=stripe), encoding="utf-8")
    settings = load_settings(
        config_file=file,
        database_url=url,
        back_office_url=f"sqlite+aiosqlite:///{folder}/back_office.db",
        grpc_port=0,
        http_port=0,
        operation_lease_s=600.0,
        shutdown_grace_s=0.0,
    )
    async with (
        running_gateway(settings, load_checked(settings), with_workers=False) as gateway,
        AsyncPaygateClient.connect(gateway.grpc_address, caller="tests") as client,
    ):
        yield client


async def test_hundreds_in_flight_all_end_well(migrated_url: str, tmp_path: Path) -> None:
    """Every payment is at the PSP before one is answered, and each is created, once."""
    crowd = _Crowd(_IN_FLIGHT)
    async with _stripe(crowd) as stripe, _serving(tmp_path, migrated_url, stripe) as client:
        answers = await asyncio.gather(
            *(
                client.create_payment(creation(f"order-{number}"), timeout_s=_PATIENCE_S)
                for number in range(_IN_FLIGHT)
            )
        )
    payments = [answer.payment for answer in answers]
    assert {each.state for each in payments} == {PAYMENT_STATE_AWAITING_CUSTOMER}
    assert len({each.psp_reference for each in payments}) == _IN_FLIGHT
