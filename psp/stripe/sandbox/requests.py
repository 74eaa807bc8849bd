"""HTTP requests of the API read, and its answers written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from psp.stripe.sandbox.api_errors import ApiError
from psp.stripe.sandbox.forms import Tree, parse_form
from psp.stripe.sandbox.idempotency import Answer
from psp.stripe.sandbox.rendering import API_VERSION

_VERSION: Final = re.compile(r"20\d\d-\d\d-\d\d(\.\w+)?", re.ASCII)
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the API."""

    method: str
    path: str
    encoded: str
    """The parameters: the query of a GET, the form of a POST."""
    content_type: str
    authorization: str
    idempotency_key: str
    version: str
    request_id: str

    def parameters(self) -> Tree:
        """Return the parameters as a tree; raises `ApiError`."""
        if self.encoded and self.content_type != _FORM and self.method == "POST":
            message = f"Invalid request (check that your POST content type is {_FORM})."
            raise ApiError(400, message, before_execution=True)
        if not _VERSION.fullmatch(self.version):
            message = f"Invalid Stripe API version: {self.version}"
            raise ApiError(400, message, before_execution=True)
        return parse_form(self.encoded)


async def read_call(request: web.Request, request_id: str) -> Call:
    """Read a request to its end."""
    is_read = request.method == "GET"
    body = b"" if is_read else await request.read()
    return Call(
        method=request.method,
        path=request.path,
        encoded=request.query_string if is_read else body.decode("utf-8", errors="replace"),
        content_type=request.content_type,
        authorization=request.headers.get("Authorization", ""),
        idempotency_key=request.headers.get("Idempotency-Key", ""),
        version=request.headers.get("Stripe-Version", API_VERSION),
        request_id=request_id,
    )


def write_answer(call: Call, answer: Answer) -> web.Response:
    """Return an answer as HTTP, with the headers Stripe sends along."""
    headers = {"Request-Id": call.request_id, "Stripe-Version": call.version}
    if call.idempotency_key:
        headers["Idempotency-Key"] = call.idempotency_key
        headers["Original-Request"] = call.request_id
    return web.Response(
        body=json.dumps(answer.body, indent=2).encode(),
        status=answer.status,
        headers={**headers, **answer.headers},
        content_type="application/json",
    )


def refused(error: ApiError) -> Answer:
    """Return the answer that tells an error."""
    return Answer(error.status, error.body(), error.headers, executed=not error.before_execution)
