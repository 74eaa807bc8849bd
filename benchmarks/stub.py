"""A Stripe that answers each kind of call with the same words but for a new id; it keeps nothing.

It answers at once, or after the seconds that the environment variable `DELAY` names.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import secrets
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

AMOUNT_MINOR: Final = 1999
CURRENCY: Final = "eur"
DELAY: Final = "PAYGATE_BENCHMARK_STUB_DELAY_S"
MOST_AT_ONCE: Final = "/most_at_once"
"""Where it says how many calls it had under way at once at most."""


def _list(*items: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "has_more": False, "data": items}


_SAVED_CARD: Final = {
    "id": "pm_benchmark",
    "object": "payment_method",
    "allow_redisplay": "always",
    "type": "card",
    "card": {"brand": "visa", "exp_month": 12, "exp_year": 2040, "last4": "4242"},
}
_INTENT: Final = {
    "id": "{id}",
    "object": "payment_intent",
    "amount": AMOUNT_MINOR,
    "amount_capturable": 0,
    "amount_received": 0,
    "client_secret": "{id}_secret_x",
    "currency": CURRENCY,
    "latest_charge": None,
    "metadata": {},
    "next_action": None,
    "review": None,
    "status": "requires_payment_method",
}
_CUSTOMER: Final = {
    "id": "cus_benchmark",
    "object": "customer",
    "invoice_settings": {"default_payment_method": "pm_benchmark"},
}
_ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "/v1/payment_intents": _INTENT,
    "/v1/customers/{id}": _CUSTOMER,
    "/v1/customers/{id}/payment_methods": _list(_SAVED_CARD),
    "/v1/events": _list(),
}
"""By path, for every method; `{id}` in one stands for a new id of a payment."""


class _Stub:
    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._under_way = 0
        self._most = 0
        self._ids = (f"pi_{secrets.token_hex(8)}_{number}" for number in itertools.count())

    def routes(self) -> list[web.RouteDef]:
        """Return the canned answers, and the count."""
        canned = [web.route("*", path, self._answering(each)) for path, each in _ANSWERS.items()]
        return [*canned, web.get(MOST_AT_ONCE, self.most)]

    def _answering(self, answer: dict[str, Any]) -> Handler:
        template = json.dumps(answer)

        async def handle(request: web.Request) -> web.Response:
            await request.read()
            self._under_way += 1
            self._most = max(self._most, self._under_way)
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            self._under_way -= 1
            body = template.replace("{id}", next(self._ids))
            return web.Response(text=body, content_type="application/json")

        return handle

    async def most(self, _request: web.Request) -> web.Response:
        """Say how many there were at once."""
        return web.json_response(self._most)


async def serve(port: int) -> None:
    """Serve until canceled."""
    app = web.Application()
    app.add_routes(_Stub(float(os.environ.get(DELAY, "0"))).routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    # As many connections may wait to be taken as there are calls at the same time.
    await web.TCPSite(runner, "127.0.0.1", port, backlog=2048).start()
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
