"""Receiving webhooks: verified, made durable, and only then answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.canonical import note
from gateway.clock import Clock
from gateway.domain.inbox import InboxEvent
from gateway.events.errors import UnknownAccountError
from gateway.events.received import ReceiveResult
from gateway.signals import Wake
from gateway.storage.database import Database
from gateway.storage.inbox import insert_event
from gateway.storage.writes import AlreadyExistsError
from gateway.traces import current_trace, trace_of
from psp.errors import InvalidEventError
from psp.port import PaymentServiceProvider, PspEvent

_LONGEST_TEXT: Final = 255


class Inbox:
    """Takes webhooks in. What it answered is in the database, whatever happens next."""

    def __init__(
        self,
        database: Database,
        providers: Mapping[str, PaymentServiceProvider],
        clock: Clock,
        arrivals: Wake,
    ) -> None:
        self._database = database
        self._providers = providers
        self._clock = clock
        self._arrivals = arrivals

    async def receive(self, account: str, headers: Mapping[str, str], body: bytes) -> ReceiveResult:
        """Verify a webhook and store it.

        Raises `UnknownAccountError`, `InvalidEventError` if it is not to be trusted, and
        `StorageUnavailableError`: the PSP then sends it again.
        """
        provider = self._providers.get(account)
        if provider is None:
            raise UnknownAccountError(account)
        event = provider.parse_event(headers, body)
        require_plain(event)
        note(psp_reference=event.psp_reference, payment_id=event.payment_id)
        received = InboxEvent(
            account, event, self._clock(), trace_context=current_trace() or trace_of(headers)
        )
        try:
            await self._database.commit([insert_event(received)])
        except AlreadyExistsError:
            return ReceiveResult(event.event_id, duplicate=True, event_type=event.event_type)
        self._arrivals.set()
        return ReceiveResult(event.event_id, duplicate=False, event_type=event.event_type)


def require_plain(event: PspEvent) -> None:
    """Raise `InvalidEventError` for ids and types that no PSP makes and no database holds."""
    texts = (event.event_id, event.event_type, event.psp_reference, event.payment_id)
    for text in texts:
        if not text.isascii() or not text.isprintable() or len(text) > _LONGEST_TEXT:
            raise InvalidEventError("the event has an id or a type that is none")
