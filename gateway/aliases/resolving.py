"""Finishing what is open about aliases: changes that nobody ends, verifications, saved methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from gateway.aliases.changing import CHECKS, AliasChange, AliasChanges
from gateway.aliases.news import PAYMENT_ID
from gateway.aliases.verifying import Verifying, save
from gateway.clock import Clock
from gateway.domain.aliases import AliasOperation, AliasOperationKind, AliasOperationState
from gateway.domain.pauses import Pauses
from gateway.domain.payment import PaymentState
from gateway.errors import PaygateError
from gateway.lanes import Lanes
from gateway.signals import Wake
from gateway.storage.alias_operations import (
    claim_alias_operation,
    has_later,
    list_due_accounts,
    list_due_alias_operations,
    settle_alias_operation,
)
from gateway.storage.database import Database
from gateway.storage.payments import get_payment
from gateway.storage.writes import GuardFailedError, Write
from legacy_bridge.errors import BackOfficeUnavailableError
from legacy_bridge.port import BackOffice
from psp.errors import PspError
from psp.port import PaymentServiceProvider

_log = structlog.get_logger(__name__)
_BATCH: Final = 50
_AT_ONCE: Final = 4
"""Operations looked at at the same time for one account: nobody waits for them."""
_UNPAID: Final = frozenset({PaymentState.FAILED, PaymentState.CANCELED})
_UNTIL_PAID: Final = Pauses(first=timedelta(seconds=1), longest=timedelta(hours=6))
"""How often a payment is looked at whose method is to be saved once it is authorised."""


@dataclass(frozen=True, slots=True)
class AliasTools:
    """All that is needed to finish things."""

    database: Database
    providers: Mapping[str, PaymentServiceProvider]
    back_office: BackOffice
    clock: Clock


class AliasResolver:
    """Takes on what is due, one claim a row, and ends it or puts it off."""

    def __init__(
        self,
        tools: AliasTools,
        changes: AliasChanges,
        left_behind: Callable[[AliasOperation], AliasChange],
        lease: timedelta,
        wake: Wake,
    ) -> None:
        self._tools = tools
        self._changes = changes
        self._left_behind = left_behind
        self._lease = lease
        self._verifying = Verifying(tools.providers, tools.back_office, tools.clock)
        self.wake = wake
        self.lanes = Lanes("aliases", _AT_ONCE, wake)
        kinds = AliasOperationKind
        self._ways: Mapping[AliasOperationKind, Callable[[AliasOperation], Awaitable[None]]] = {
            kinds.START_SETUP: self._finish,
            kinds.SET_DEFAULT: self._choose,
            kinds.DELETE: self._finish,
            kinds.VERIFY: partial(self._claimed, self._verifying.look),
            kinds.SAVE: partial(self._claimed, self._saved),
        }

    async def run_once(self) -> int:
        """Begin what is due; the number that was begun."""
        database, now = self._tools.database, self._tools.clock()
        begun = 0
        for account in await list_due_accounts(database, now):
            if self.lanes.has_room(account):
                due = await list_due_alias_operations(database, account, now, _BATCH)
                begun += sum(
                    self.lanes.start(account, each.id, partial(self.resolve, each)) for each in due
                )
        return begun

    async def resolve(self, operation: AliasOperation) -> None:
        """Look at one operation; nothing happens if somebody else is at it."""
        await self._ways[operation.kind](operation)

    async def _choose(self, operation: AliasOperation) -> None:
        """Finish a choice, unless she has chosen otherwise since: a late one must not win."""
        if await has_later(self._tools.database, operation):
            await self._changes.drop(operation, "a later choice stands")
            return
        await self._finish(operation)

    async def _finish(self, operation: AliasOperation) -> None:
        """Carry out a change whose caller is gone, under its own key."""
        try:
            await self._changes.finish(self._left_behind(operation), operation)
        except (PspError, BackOfficeUnavailableError, PaygateError) as error:
            # How it is left is stored: it is due again, or was refused.
            _log.warning("alias_change_open", operation=operation.id, error=str(error))

    async def _claimed(
        self, look: Callable[[AliasOperation], Awaitable[Write]], operation: AliasOperation
    ) -> None:
        """Claim an operation, look at it, store how it is left."""
        tools = self._tools
        with suppress(GuardFailedError):  # somebody else is at it, or an event came meanwhile
            await tools.database.commit(
                [claim_alias_operation(operation, tools.clock() + self._lease)]
            )
            await tools.database.commit([await look(operation.claimed())])

    async def _saved(self, operation: AliasOperation) -> Write:
        """Tell the back office what was saved with a payment, once the payment is authorised."""
        tools, state = self._tools, AliasOperationState
        payment = await get_payment(tools.database, operation.parameters[PAYMENT_ID])
        if payment is None or (payment.state in _UNPAID and not payment.authorized_minor):
            return settle_alias_operation(operation, state.FAILED, "its payment never came about")
        if not payment.authorized_minor:
            again = tools.clock() + _UNTIL_PAID.after(operation.attempts)
            return settle_alias_operation(
                operation, state.PENDING, "its payment is not authorised", next_check_time=again
            )
        try:
            kept = await save(tools.back_office, operation)
        except BackOfficeUnavailableError as error:
            again = tools.clock() + CHECKS.after(operation.attempts)
            return settle_alias_operation(
                operation, state.UNKNOWN, str(error), next_check_time=again
            )
        if not kept:
            return settle_alias_operation(operation, state.FAILED, "the back office refused it")
        return settle_alias_operation(operation, state.DONE)
