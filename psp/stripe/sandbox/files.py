"""The files host: finished reports, downloaded with the API key of their account."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from psp.sandboxing.serving import dropped
from psp.stripe.sandbox.accounts import Accounts
from psp.stripe.sandbox.api_errors import ApiError, missing
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.drifting import DriftKind
from psp.stripe.sandbox.faults import Fault, FaultKind, Faults, refusal, server_error
from psp.stripe.sandbox.model import ReportRun
from psp.stripe.sandbox.report_files import report_chunks
from psp.stripe.sandbox.reporting import ACTIVITY_REPORT

_DELAYS: Final = frozenset({FaultKind.DELAY_BEFORE, FaultKind.DELAY_AFTER})
_ANSWERS_500: Final = frozenset({FaultKind.ERROR_AFTER, FaultKind.ERROR_FORGOTTEN})


class FilesEdge:
    """Answers GET /v1/files/{id}/contents."""

    def __init__(self, accounts: Accounts, faults: Faults) -> None:
        self._accounts = accounts
        self._faults = faults

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Send one file, or fail to as a fault or a drift demands."""
        fault = self._faults.take(request.method, request.path)
        kind = fault.kind if fault else None
        if fault is not None and kind in _DELAYS:
            await asyncio.sleep(fault.delay_s)
        if kind is FaultKind.DROP_BEFORE:
            return dropped(request)
        try:
            books, run = self._found(request, fault)
        except ApiError as error:
            return web.json_response(error.body(), status=error.status, headers=error.headers)
        drift = books.world.drift
        # One thing is wrong at a time: of the three reports of a period, the longest.
        how = drift.kind if drift and run.report_type == ACTIVITY_REPORT.id else None
        if kind is FaultKind.DROP_AFTER or how is DriftKind.TRUNCATED:
            return await _cut(request, b"".join(report_chunks(books, run)))
        if how is DriftKind.TRUNCATED_LINE:
            whole = b"".join(report_chunks(books, run))
            return await _sent(request, [whole[: -(len(whole.splitlines()[-1]) // 2)]])
        return await _sent(request, report_chunks(books, run))

    def _found(self, request: web.Request, fault: Fault | None) -> tuple[Books, ReportRun]:
        instead = refusal(fault, "")
        if instead is not None:
            raise instead
        books = self._accounts.authorised(request.headers.get("Authorization", ""))
        if fault is not None and fault.kind in _ANSWERS_500:
            raise server_error()
        file_id = request.match_info["id"]
        for run in books.report_runs.values():
            if run.file == file_id and run.status == "succeeded":
                return books, run
        raise missing("file upload", file_id, "file", in_path=True)


async def _sent(request: web.Request, chunks: Iterable[bytes]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/csv; charset=utf-8"})
    await response.prepare(request)
    for chunk in chunks:
        await response.write(chunk)
    await response.write_eof()
    return response


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    headers = {"Content-Type": "text/csv; charset=utf-8", "Content-Length": str(len(body))}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await response.write(body[: len(body) * 2 // 3])
    dropped(request)
    return response
