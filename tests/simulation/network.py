"""HTTP without a network: the adapters' session leads straight into the sandboxes, with faults.

A request that has left its process arrives, whatever becomes of the process meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from contextvars import Context
from typing import Any, Protocol, cast
from urllib.parse import urlencode, urlsplit

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from psp.ogone.sandbox import OgoneSandbox
from psp.stripe.sandbox import StripeSandbox
from tests.simulation.chaos import Chaos
from tests.simulation.exchanges import Request, Response
from tests.simulation.trace import Trace

STRIPE_ADDRESS = "http://127.0.0.1:12111"
OGONE_ADDRESS = "http://127.0.0.1:12112"
"""As config/sandbox.toml has them; nobody listens there."""
_USUAL_S = 0.05
_LATEST_S = 240.0
"""How late a request may still arrive: well below the gateway's own settling time."""
_AT_THE_SANDBOX = frozenset(
    {
        "rate_limited",
        "lock_timeout",
        "key_in_use",
        "error_before",
        "error_after",
        "error_forgotten",
        "garbage_before",
        "garbage_after",
        "query_failed",
        "uncertain_acted",
        "uncertain_lost",
        "refused_later",
    }
)
"""Faults that the sandboxes know how to play themselves."""


_OGONE_SAYS = re.compile(r'\b(?:PAYID|PAYIDSUB|STATUS|NCERROR|NCERRORPLUS)="[^"]+"')
_STRIPE_SAYS = re.compile(r'  "(?:id|status|review|amount_received)": |    "code": ')


Watch = Callable[[str, str, str, Mapping[str, str], str], Awaitable[None]]
"""Sees each request as it leaves: who sends it, to which PSP, path, headers, body."""


class Steps(Protocol):
    """The process that calls: it may die right before a call, and right after the answer."""

    name: str

    async def step(self, name: str) -> None:
        """Pass, or die here."""


class Bystander:
    """A caller that never dies: the shopper's browser."""

    name = "shopper"

    async def step(self, name: str) -> None:
        """Pass."""


class _Opening:
    """A request that is awaited, or entered, as aiohttp's are."""

    def __init__(self, opened: Coroutine[Any, Any, Response]) -> None:
        self._opened = opened

    def __await__(self) -> Generator[Any, None, Response]:
        return self._opened.__await__()

    async def __aenter__(self) -> Response:
        return await self._opened

    async def __aexit__(self, *_: object) -> None:
        """There is nothing to release."""


class Network:
    """Both sandboxes, and everything that can happen on the way to them."""

    def __init__(
        self,
        stripe: StripeSandbox,
        ogone: OgoneSandbox,
        chaos: Chaos,
        trace: Trace,
        now: Callable[[], float],
        watch: Watch,
    ) -> None:
        self._watch = watch
        self._stripe = stripe
        self._ogone = ogone
        self._chaos = chaos
        self._trace = trace
        self._now = now
        self._under_way: set[asyncio.Task[Response | None]] = set()

    async def carry(self, caller: Steps, request: Request, psp: str, fault: str) -> Response:
        """Carry a request there and its answer back, or fail as the fault demands."""
        said = f"{caller.name}: {request.method} {psp}{_said(request)}"
        await caller.step(f"before {request.method} {request.path}")
        await self._watch(caller.name, psp, request.path, request.headers, request.body.decode())
        if fault:
            said += f" [{fault}]"
        if fault == "refused":
            self._trace.add(self._now(), f"{said} -> connection refused")
            raise aiohttp.ConnectionTimeoutError
        there_s, back_s = self._chaos.latency_s(_USUAL_S), self._chaos.latency_s(_USUAL_S)
        if fault == "arrives_late":
            there_s = self._chaos.rng.uniform(5.0, _LATEST_S)
        if fault == "hang":
            back_s = self._chaos.rng.uniform(30.0, 300.0)
        if fault == "lost":
            await asyncio.sleep(there_s)
            self._trace.add(self._now(), f"{said} -> never arrived")
            raise aiohttp.ServerDisconnectedError
        loop = asyncio.get_running_loop()
        # In a context of its own: what is on its way does not die with who sent it.
        sent = loop.create_task(self._arrive(request, psp, fault, there_s, said), context=Context())
        self._under_way.add(sent)
        sent.add_done_callback(self._under_way.discard)
        answer = await asyncio.shield(sent)
        await asyncio.sleep(back_s)
        if answer is not None and fault == "drop_after" and request.is_download:
            return answer.cut_off()
        if answer is None or fault == "drop_after":
            raise aiohttp.ServerDisconnectedError
        await caller.step(f"after {request.method} {request.path}")
        return answer

    async def _arrive(
        self, request: Request, psp: str, fault: str, there_s: float, said: str
    ) -> Response | None:
        await asyncio.sleep(there_s)
        sandbox: Any = self._stripe if psp == "stripe" else self._ogone
        if fault in _AT_THE_SANDBOX:
            sandbox.inject(fault)
        # Nothing else runs in here, so that the fault meets this very request.
        try:
            answer = await self._edge(psp, request)(cast("web.Request", request))
        finally:
            sandbox.clear_faults()
        response = Response(answer, request)
        self._trace.add(self._now(), f"{said} -> {response.status} {_result(response.body)}")
        return None if request.transport.aborted else response

    def _edge(
        self, psp: str, request: Request
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        if psp == "ogone":
            return self._ogone.edge.handle
        return self._stripe.files.handle if request.file_id else self._stripe.api.handle


class Session:
    """Stands in for `aiohttp.ClientSession` in one process."""

    def __init__(self, network: Network, caller: Steps, chaos: Chaos, *, faults: bool) -> None:
        self._network = network
        self._caller = caller
        self._chaos = chaos
        self._faults = faults

    def post(self, url: str, **more: Any) -> _Opening:
        """See `aiohttp.ClientSession.post`."""
        return self.request("POST", url, **more)

    def get(self, url: str, **more: Any) -> _Opening:
        """See `aiohttp.ClientSession.get`."""
        return self.request("GET", url, **more)

    def request(self, method: str, url: str, **more: Any) -> _Opening:
        """See `aiohttp.ClientSession.request`."""
        return _Opening(self._request(method, url, **more))

    async def _request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109 - aiohttp's own signature
        allow_redirects: bool = False,
        auto_decompress: bool = True,
    ) -> Response:
        parts = urlsplit(url)
        given = CIMultiDict(headers or {})
        if isinstance(data, Mapping):
            data = urlencode(data)
            given["Content-Type"] = "application/x-www-form-urlencoded"
        body = data.encode() if isinstance(data, str) else data or b""
        request = Request(method.upper(), parts.path, parts.query, given, body)
        psp = "stripe" if url.startswith(STRIPE_ADDRESS) else "ogone"
        fault = self._chaos.http_fault(psp, refunds=_refunds(request)) if self._faults else ""
        # A download may take as long as it likes, but for a silence: here all of it is one.
        async with asyncio.timeout(timeout.total or timeout.sock_read if timeout else None):
            return await self._network.carry(self._caller, request, psp, fault)


def _refunds(request: Request) -> bool:
    """Whether it asks for a refund: POST /v1/refunds at Stripe, OPERATION=RFD or RFS at Ogone."""
    if request.method != "POST":
        return False
    return request.path.endswith("/v1/refunds") or b"OPERATION=RF" in request.body


def _said(request: Request) -> str:
    """What a person wants to see of a request: where to, its key, and its form, shortened."""
    query = f"?{request.query_string}" if request.query_string else ""
    key = request.headers.get("Idempotency-Key", "")
    form = request.body.decode(errors="replace")
    shown = "&".join(
        part
        for part in form.split("&")
        if part.partition("=")[0].lower()
        in {"amount", "operation", "orderid", "payid", "payidsub", "amount_to_capture"}
        or "payment_intent" in part
    )
    return f"{request.path}{query} {key} {shown}".rstrip()


def _result(answer: bytes) -> str:
    """What a person wants to see of an answer: statuses, ids and codes."""
    body = answer.decode(errors="replace")
    if "<ncresponse" in body:
        return " ".join(_OGONE_SAYS.findall(body))
    kept = [line.strip().strip(",") for line in body.splitlines() if _STRIPE_SAYS.match(line)]
    return " ".join(kept) if kept else body[:80].replace("\n", " ")
