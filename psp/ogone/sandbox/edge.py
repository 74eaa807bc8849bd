"""Ogone's pages over HTTP: what goes wrong, then the page itself."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from aiohttp import web

from psp.ogone.sandbox.acquiring import Doubt
from psp.ogone.sandbox.answering import Answer, Answerer, Asked
from psp.ogone.sandbox.faults import Fault, FaultKind, Faults
from psp.ogone.sandbox.parameters import LATIN1, UTF8, parse_parameters
from psp.ogone.sandbox.replies import document, query_failed
from psp.sandboxing.serving import dropped

_API: Final = re.compile(r"/ncol/(?P<env>test|prod)/(?P<page>[a-z_]+?)(?P<utf8>_utf8)?\.asp")
_SHOPPER: Final = re.compile(r"/ncol/(?P<env>test|prod)/(?P<page>pay|acs)/(?P<token>\w+)")

_ERROR: Final = Answer(b"Internal Server Error", "text/plain", 500)
_GARBAGE: Final = Answer(b"<html><body>Service temporarily unavail", "text/html")
_INSTEAD: Final = {FaultKind.ERROR_BEFORE: _ERROR, FaultKind.GARBAGE_BEFORE: _GARBAGE}
_AFTERWARDS: Final = {FaultKind.ERROR_AFTER: _ERROR, FaultKind.GARBAGE_AFTER: _GARBAGE}


class Edge:
    """Answers everything under /ncol/."""

    def __init__(self, answerer: Answerer, faults: Faults) -> None:
        self._answerer = answerer
        self._faults = faults

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, or fail to as a fault demands."""
        asked = await read_request(request)
        if asked is None or not self._answerer.knows(asked):
            raise web.HTTPNotFound(text="no such page")
        if not self._answerer.takes(asked):
            raise web.HTTPMethodNotAllowed(asked.method, ["POST"], text="POST a form")
        operation = asked.parameters.text("OPERATION")
        fault = self._faults.take(request.path, asked.changes, operation)
        kind = fault.kind if fault else None
        if kind is FaultKind.DROP_BEFORE:
            return dropped(request)
        if kind in _INSTEAD:
            return written(_INSTEAD[kind])
        if kind is FaultKind.QUERY_FAILED:
            xml = document(query_failed(asked.parameters), asked.parameters.encoding)
            return written(Answer(xml))
        answer = await self._acted(asked, fault)
        if kind is FaultKind.DROP_AFTER:
            return dropped(request)
        told = answer if kind is None else _AFTERWARDS.get(kind, answer)
        return written(told) if told.blocks is None else await streamed(request, told)

    async def _acted(self, asked: Asked, fault: Fault | None) -> Answer:
        if fault is not None and fault.kind is FaultKind.DELAY_BEFORE:
            await asyncio.sleep(fault.delay_s)
        # Nothing else happens while it acts, as there is nothing to wait for.
        answer = self._answerer.answer(asked, fault.doubt if fault else Doubt.NONE)
        if fault is not None and fault.kind is FaultKind.DELAY_AFTER:
            await asyncio.sleep(fault.delay_s)
        return answer


async def read_request(request: web.Request) -> Asked | None:
    """Read a request to its end; None if it asks for no page of Ogone's."""
    found = _API.fullmatch(request.path) or _SHOPPER.fullmatch(request.path)
    if found is None:
        return None
    parts = found.groupdict()
    # The shopper's own pages are UTF-8.
    encoding = UTF8 if parts.get("utf8") or "token" in parts else LATIN1
    parameters = parse_parameters(await request.read(), encoding, request.remote or "")
    return Asked(request.method, parts["env"], parts["page"], parts.get("token", ""), parameters)


def written(answer: Answer) -> web.Response:
    """Return an answer as HTTP."""
    headers = {"Cache-Control": "no-store", "Content-Type": answer.content_type}
    if answer.location:
        headers["Location"] = answer.location
    return web.Response(body=answer.body, status=answer.status, headers=headers)


async def streamed(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Send an answer block by block, and end it, or close the connection where it is cut."""
    headers = {"Cache-Control": "no-store", "Content-Type": answer.content_type}
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    for block in answer.blocks or ():
        await response.write(block)
    if answer.is_cut:
        dropped(request)
    else:
        await response.write_eof()
    return response
