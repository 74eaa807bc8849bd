"""A Stripe at which every payment that it is asked about is authorised, and captured once asked to.

It knows a PaymentIntent by its id alone, `pi_` and then our id of the payment, and keeps of it
nothing but whether it was captured.
"""

from __future__ import annotations

import asyncio
import json
from typing import Final

from aiohttp import web

from benchmarks.stub import AMOUNT_MINOR, CURRENCY

PREFIX: Final = "pi_"


class _Books:
    def __init__(self) -> None:
        self._captured: set[str] = set()

    async def retrieve(self, request: web.Request) -> web.Response:
        """Answer as the payment stands."""
        return self._answer(request.match_info["id"])

    async def capture(self, request: web.Request) -> web.Response:
        """Capture in full."""
        await request.read()
        self._captured.add(request.match_info["id"])
        return self._answer(request.match_info["id"])

    def _answer(self, intent_id: str) -> web.Response:
        taken = AMOUNT_MINOR if intent_id in self._captured else 0
        intent = {
            "id": intent_id,
            "object": "payment_intent",
            "amount": AMOUNT_MINOR,
            "amount_capturable": AMOUNT_MINOR - taken,
            "amount_received": taken,
            "client_secret": f"{intent_id}_secret_x",
            "currency": CURRENCY,
            "latest_charge": {
                "id": f"ch_{intent_id}",
                "object": "charge",
                "amount": AMOUNT_MINOR,
                "amount_captured": taken,
                "amount_refunded": 0,
                "captured": bool(taken),
                "created": 1_750_000_000,
                "payment_method_details": {"type": "card", "card": {"brand": "visa"}},
                "review": None,
                "status": "succeeded",
            },
            "metadata": {"paygate_payment_id": intent_id.removeprefix(PREFIX)},
            "next_action": None,
            "review": None,
            "status": "succeeded" if taken else "requires_capture",
        }
        return web.Response(body=json.dumps(intent).encode(), content_type="application/json")


async def _no_events(_request: web.Request) -> web.Response:
    """Answer a worker that catches up at its start: all webhooks are sent by the benchmark."""
    return web.json_response({"object": "list", "data": [], "has_more": False})


async def serve(port: int) -> None:
    """Serve until canceled."""
    books, app = _Books(), web.Application()
    app.router.add_get("/v1/payment_intents/{id}", books.retrieve)
    app.router.add_get("/v1/events", _no_events)
    app.router.add_post("/v1/payment_intents/{id}/capture", books.capture)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
