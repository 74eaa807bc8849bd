"""What webhooks say of saved methods: taken up once, and carried out by the resolver.

Where a PSP lists no aliases, its event is all that ever says which card was saved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from gateway.aliases.verification import NO_REQUEST, amount_of, with_alias
from gateway.clock import Clock
from gateway.domain.aliases import (
    AliasOperation,
    AliasOperationKind,
    AliasOperationState,
)
from gateway.domain.inbox import InboxEvent
from gateway.domain.payment import Payment
from gateway.ids import new_id
from gateway.signals import Wake
from gateway.storage.alias_operations import (
    claim_alias_operation,
    find_alias_operation,
    has_alias_operation,
    insert_alias_operation,
)
from gateway.storage.database import Database
from gateway.storage.writes import GuardFailedError, Write
from psp.port import PspAlias, PspEvent

_log = structlog.get_logger(__name__)
_MOST_ROUNDS: Final = 5
PAYMENT_ID: Final = "payment_id"
"""Name in the parameters of a SAVE: the payment that it was saved with."""


class AliasNews:
    """Writes down what events say of aliases. Hearing the same twice changes nothing."""

    def __init__(self, database: Database, clock: Clock, wake: Wake) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake

    async def of_payment(self, payment: Payment, events: Sequence[PspEvent]) -> Sequence[Write]:
        """Return what is to be stored of a method that was saved with a payment, once."""
        saved = _saved_in(events)
        if saved is None or not payment.customer_id:
            return []
        key = f"paygate-save-{payment.id}"
        if await has_alias_operation(self._database, key):
            return []
        now = self._clock()
        operation = AliasOperation(
            id=new_id("alo"),
            kind=AliasOperationKind.SAVE,
            customer_id=payment.customer_id,
            psp_account=payment.psp_account,
            idempotency_key=key,
            parameters=with_alias({PAYMENT_ID: payment.id}, saved),
            key=NO_REQUEST,
            create_time=now,
            next_check_time=now,
        )
        return [insert_alias_operation(operation)]

    async def of_verification(self, received: Sequence[InboxEvent]) -> bool:
        """Take up what is told of a verification; False if the events are about none."""
        newest = received[-1]
        for _ in range(_MOST_ROUNDS):
            found = await find_alias_operation(self._database, newest.event.payment_id)
            if found is None or not _is_about(found, newest):
                return False
            if found.state is AliasOperationState.DONE:
                return True
            # Whatever it says, the PSP is asked; one that was given up is taken up anew.
            told = _told(found, [each.event for each in received])
            try:
                await self._database.commit([claim_alias_operation(found, self._clock(), told)])
            except GuardFailedError:
                continue  # the resolver is at it: its end is seen first
            self._wake.set()
            return True
        # It stays due as it is, and the resolver asks the PSP; what the event says comes again.
        raise VerificationBusyError(newest.event.payment_id)


class VerificationBusyError(Exception):
    """The verification kept changing while it was to be told something: try again later."""


def _is_about(found: AliasOperation, received: InboxEvent) -> bool:
    is_verification = found.kind is AliasOperationKind.VERIFY
    return is_verification and found.psp_account == received.psp_account


def _told(found: AliasOperation, events: Sequence[PspEvent]) -> Mapping[str, str]:
    believed = [each for each in events if _agrees(found, each)]
    saved = _saved_in(believed)
    return found.parameters if saved is None else with_alias(found.parameters, saved)


def _agrees(found: AliasOperation, event: PspEvent) -> bool:
    """Whether the event is of the amount that was asked for; else it is not believed."""
    asked = amount_of(found)
    claimed = (
        asked.amount_minor if event.claimed_minor is None else event.claimed_minor,
        event.claimed_currency or asked.currency,
    )
    if claimed == (asked.amount_minor, asked.currency):
        return True
    _log.error(
        "event_contradicts",
        verification=found.id,
        event_id=event.event_id,
        asked=str(asked),
        claimed=f"{claimed[0]} {claimed[1]}",
    )
    return False


def _saved_in(events: Sequence[PspEvent]) -> PspAlias | None:
    return next((each.saved_alias for each in events if each.saved_alias is not None), None)
