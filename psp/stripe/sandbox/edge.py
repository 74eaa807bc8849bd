"""The API over HTTP: who asks, under which key, what goes wrong, then the endpoint itself."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from aiohttp import web

from psp.sandboxing.serving import dropped
from psp.stripe.sandbox.accounts import Accounts
from psp.stripe.sandbox.api_errors import ApiError
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.charging import settle_later_charges
from psp.stripe.sandbox.checking import checked
from psp.stripe.sandbox.endpoints import ApiEndpoint, find_endpoint
from psp.stripe.sandbox.expanding import check_expansions, expand
from psp.stripe.sandbox.faults import Fault, FaultKind, Faults, refusal, server_error
from psp.stripe.sandbox.idempotency import Answer, IdempotencyKeys
from psp.stripe.sandbox.requests import Call, read_call, refused, write_answer
from psp.stripe.sandbox.timekeeping import catch_up
from psp.stripe.sandbox.world import Cause, World

_ANSWERS_500: Final = frozenset({FaultKind.ERROR_AFTER, FaultKind.ERROR_FORGOTTEN})


class ApiEdge:
    """Answers everything under /v1/."""

    def __init__(self, world: World, accounts: Accounts, faults: Faults) -> None:
        self.keys = IdempotencyKeys(world.clock)
        self._world = world
        self._accounts = accounts
        self._faults = faults

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, or fail to as a fault demands."""
        call = await read_call(request, self._world.ids.new("req"))
        fault = self._faults.take(call.method, call.path)
        kind = fault.kind if fault else None
        if kind is FaultKind.DROP_BEFORE:
            return dropped(request)
        instead = refusal(fault, call.idempotency_key)
        if instead is not None:
            return write_answer(call, refused(instead))
        answer = await self._answer(call, fault)
        if kind is FaultKind.DROP_AFTER:
            return dropped(request)
        if kind in _ANSWERS_500:
            answer = refused(server_error())
        return write_answer(call, answer)

    async def _answer(self, call: Call, fault: Fault | None) -> Answer:
        try:
            books = self._accounts.authorised(call.authorization)
            endpoint, object_id = find_endpoint(call.method, call.path)
            if call.method != "POST" or not call.idempotency_key:
                return await self._executed(call, fault, books, endpoint, object_id)
            fingerprint = json.dumps(call.parameters(), sort_keys=True)
            key = call.idempotency_key
            kept = self.keys.begin(books.account, key, call.path, fingerprint, call.request_id)
        except ApiError as error:
            return refused(error)
        if kept is not None:
            return kept
        try:
            answer = await self._executed(call, fault, books, endpoint, object_id)
        except BaseException:
            # A stopping server or a bug of the sandbox's own: the key must not stay in use.
            self.keys.release(books.account, key)
            raise
        is_forever_500 = fault is not None and fault.kind is FaultKind.ERROR_AFTER
        self.keys.finish(books.account, key, refused(server_error()) if is_forever_500 else answer)
        return answer

    async def _executed(
        self,
        call: Call,
        fault: Fault | None,
        books: Books,
        endpoint: ApiEndpoint,
        object_id: str,
    ) -> Answer:
        if fault is not None and fault.kind is FaultKind.DELAY_BEFORE:
            await asyncio.sleep(fault.delay_s)
        answer = self._act(call, books, endpoint, object_id)
        if fault is not None and fault.kind is FaultKind.DELAY_AFTER:
            await asyncio.sleep(fault.delay_s)
        return answer

    def _act(self, call: Call, books: Books, endpoint: ApiEndpoint, object_id: str) -> Answer:
        """Run the endpoint: nothing else happens meanwhile, as there is nothing to wait for."""
        catch_up(books)
        self._world.cause = Cause(call.request_id, call.idempotency_key or None)
        try:
            parameters = checked(call.parameters(), endpoint.rules)
            check_expansions(endpoint.answers, parameters.texts("expand"))
            body = endpoint.act(books, object_id, parameters)
            expand(body, parameters.texts("expand"), books)
        except ApiError as error:
            return refused(error)
        finally:
            self._world.cause = Cause()
            settle_later_charges(books)
        return Answer(200, body)
