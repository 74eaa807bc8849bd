"""How the HTTP edge answers: in JSON, refusals too, and never with an exception's own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import hdrs, web

from gateway.ids import new_id

_log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_REFUSALS: Final = {
    404: ("not_found", "there is nothing at this address"),
    405: ("method_not_allowed", "this address takes other methods: see Allow"),
}
"""aiohttp's own refusals that a caller can meet; the others keep their name."""


def refusal(status: int, error: str, detail: str) -> web.Response:
    """Return an error answer."""
    return web.json_response({"error": error, "detail": detail}, status=status)


@web.middleware
async def answer_in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what handlers raise into JSON; an unexpected exception is logged and named by an id."""
    try:
        return await handler(request)
    except web.HTTPException as refused:
        error, detail = _REFUSALS.get(refused.status, ("refused", refused.reason))
        answer = refusal(refused.status, error, detail)
        if hdrs.ALLOW in refused.headers:
            answer.headers[hdrs.ALLOW] = refused.headers[hdrs.ALLOW]
        return answer
    except Exception:  # noqa: BLE001 - the outermost edge: whatever it is, the caller gets an answer
        error_id = new_id("err")
        _log.exception("http_failed", error_id=error_id, method=request.method, path=request.path)
        return web.json_response({"error": "internal", "error_id": error_id}, status=500)
