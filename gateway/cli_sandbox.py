"""`paygate sandbox`: Stripe's simulator as a process of its own."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from gateway.cli_output import print_json, print_line
from psp.stripe.sandbox import StripeSandbox, serve_sandbox


async def play(host: str, port: int, *, json_output: bool) -> None:
    """Serve until SIGTERM or SIGINT. Says where, once it answers."""

    def ready(sandbox: StripeSandbox) -> None:
        if json_output:
            print_json({"api_base": sandbox.address})
        else:
            print_line(f'Stripe sandbox: api_base = "{sandbox.address}"; Ctrl-C ends it')

    playing = asyncio.ensure_future(serve_sandbox(host, port, ready))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    with suppress(asyncio.CancelledError):
        await playing
