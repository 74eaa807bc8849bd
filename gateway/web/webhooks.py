"""`POST /webhooks/{account}`: a PSP's word, kept durably before it is answered."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import structlog
from aiohttp import web
from opentelemetry.trace import SpanKind

from gateway.canonical import CanonicalLine, canonical_line
from gateway.events.errors import UnknownAccountError
from gateway.metrics import Metrics
from gateway.storage.writes import StorageUnavailableError
from gateway.traces import fail, span, tell, trace_of
from gateway.web.answers import refusal
from gateway.web.bodies import (
    BodyBrokenError,
    BodyTooLargeError,
    BodyTooSlowError,
    read_body,
)
from gateway.web.ports import WebhookInbox
from gateway.web.room import Room, RoomFullError
from psp.errors import InvalidEventError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """How one kind of failure is answered and counted."""

    status: int
    outcome: str
    detail: str = ""
    """Empty: the exception's own words, which are safe to show."""


_REFUSALS: Final[Mapping[type[Exception], _Refusal]] = MappingProxyType(
    {
        InvalidEventError: _Refusal(400, "invalid"),
        UnknownAccountError: _Refusal(404, "unknown_account", "no PSP account has this name"),
        # 503: the PSP sends it again later (Stripe API, webhooks: retries for three days).
        StorageUnavailableError: _Refusal(503, "storage_unavailable", "not kept: send it again"),
        # As above. It is refused before it is read, so that a flood costs neither memory nor time.
        RoomFullError: _Refusal(503, "busy", "too many webhooks at once: send it again"),
        BodyTooLargeError: _Refusal(413, "too_large", "the body is larger than webhooks may be"),
        BodyTooSlowError: _Refusal(408, "too_slow", "the body did not arrive in time"),
        BodyBrokenError: _Refusal(400, "broken_body", "the body ended early or is badly framed"),
    }
)
_NOTED: Final = frozenset({"payment_id", "psp_reference"})
"""What the inbox notes of a webhook that it read."""
_UNREAD: Final = (RoomFullError, BodyTooLargeError, BodyTooSlowError)
"""After these the rest of the body is not waited for."""
_OUTCOMES_OF_KNOWN_ACCOUNTS: Final = frozenset(
    {"received", "duplicate", "invalid", "storage_unavailable"}
)
"""What the inbox decides once it has found the account."""


@dataclass(slots=True)
class _Line:
    """What the canonical log line will say of one webhook."""

    account: str
    outcome: str = "crashed"
    status: int = 500
    event_id: str = ""
    event_type: str = ""
    reason: str = ""
    bytes: int = 0


class WebhookRoute:
    """Takes the webhooks of every account."""

    def __init__(
        self,
        inbox: WebhookInbox,
        metrics: Metrics,
        *,
        max_bytes: int,
        max_at_once: int,
        body_timeout_s: float,
    ) -> None:
        self._inbox = inbox
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._room = Room(max_at_once)
        self._body_timeout_s = body_timeout_s

    async def receive(self, request: web.Request) -> web.Response:
        """Answer 200 once the inbox has the event, or say why it has not."""
        account = request.match_info["account"]
        with (
            span("webhook", kind=SpanKind.SERVER, trace=trace_of(request.headers)) as current,
            canonical_line() as spent,
        ):
            line = _Line(account)
            answer = await self._answer(request, line, spent)
            current.set_attribute("http.response.status_code", line.status)
            tell(current, {"outcome": line.outcome, "event_id": line.event_id})
            if line.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                fail(current, line.outcome)
            return answer

    async def _answer(
        self, request: web.Request, line: _Line, spent: CanonicalLine
    ) -> web.Response:
        started_s = time.perf_counter()
        try:
            with self._room.place():
                return await self._received(request, line)
        except tuple(_REFUSALS) as error:
            refused = next(how for kind, how in _REFUSALS.items() if isinstance(error, kind))
            line.outcome, line.status = refused.outcome, refused.status
            line.reason = refused.detail or str(error)
            answer = refusal(line.status, line.outcome, line.reason)
            if isinstance(error, _UNREAD):
                answer.force_close()
            return answer
        finally:
            self._report(line, (time.perf_counter() - started_s) * 1000, spent)

    async def _received(self, request: web.Request, line: _Line) -> web.Response:
        body = await read_body(request, self._max_bytes, self._body_timeout_s)
        line.bytes = len(body)
        taken = await self._inbox.receive(line.account, request.headers, body)
        line.event_id, line.event_type = taken.event_id, taken.event_type
        line.outcome, line.status = "duplicate" if taken.duplicate else "received", 200
        return web.json_response({"received": True, "duplicate": taken.duplicate})

    def _report(self, line: _Line, duration_ms: float, spent: CanonicalLine) -> None:
        _log.info(
            "webhook",
            account=line.account,
            event_id=line.event_id,
            event_type=line.event_type,
            outcome=line.outcome,
            status=line.status,
            reason=line.reason,
            duration_ms=round(duration_ms, 3),
            bytes=line.bytes,
            **{name: fact for name, fact in spent.facts.items() if name in _NOTED},
            **spent.times(),
        )
        # Anybody can post to any name: only configured ones may become labels.
        known = line.outcome in _OUTCOMES_OF_KNOWN_ACCOUNTS
        self._metrics.count_webhook(line.account if known else "unknown", line.outcome)
