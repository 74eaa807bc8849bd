"""A server that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]

    @property
    def idempotency_key(self) -> str:
        """The key it came with."""
        return self.headers.get("Idempotency-Key", "")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to give, or a way not to give it."""

    body: object = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    drop: bool = False
    """Close the connection without a word."""
    cut: bool = False
    """Close it in the middle of the body."""
    stall: bool = False
    """Say nothing until the client gives up."""


class ScriptedServer:
    """Answers in the order of its script; past its end it answers 500."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.address = ""
        self._script: deque[Answer] = deque()

    def will_answer(self, *answers: Answer) -> None:
        """Add to the script."""
        self._script.extend(answers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Remember a request and play the next answer."""
        text = request.query_string if request.method == "GET" else await request.text()
        self.asked.append(
            Asked(
                method=request.method,
                path=request.path,
                headers=request.headers.copy(),
                parameters=dict(parse_qsl(text, keep_blank_values=True)),
            )
        )
        answer = self._script.popleft() if self._script else Answer(status=500)
        return await self._play(answer, request)

    async def _play(self, answer: Answer, request: web.Request) -> web.StreamResponse:
        body = json.dumps(answer.body).encode() if answer.raw is None else answer.raw
        if answer.stall:
            await asyncio.Event().wait()
        if answer.drop or answer.cut:
            if answer.cut:
                cut = web.StreamResponse(headers={"Content-Length": str(len(body) + 10)})
                await cut.prepare(request)
                await cut.write(body)
            assert request.transport is not None
            request.transport.abort()
        return web.Response(body=body, status=answer.status, headers=answer.headers)


@asynccontextmanager
async def running_script() -> AsyncIterator[ScriptedServer]:
    """Serve a script on a free port of this machine."""
    script = ScriptedServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    script.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield script
    finally:
        await runner.cleanup()
