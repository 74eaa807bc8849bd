"""A Stripe that answers every new payment at once with the same words, and keeps nothing."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

AMOUNT_MINOR = 1999
CURRENCY = "eur"

_INTENT = json.dumps(
    {
        "id": "pi_benchmark",
        "object": "payment_intent",
        "amount": AMOUNT_MINOR,
        "amount_capturable": 0,
        "amount_received": 0,
        "client_secret": "pi_benchmark_secret_x",
        "currency": CURRENCY,
        "latest_charge": None,
        "metadata": {},
        "next_action": None,
        "review": None,
        "status": "requires_payment_method",
    }
).encode()


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=_INTENT, content_type="application/json")


async def serve(port: int) -> None:
    """Serve until canceled."""
    app = web.Application()
    app.router.add_route("*", "/v1/payment_intents", _answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
