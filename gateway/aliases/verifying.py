"""Ending verifications: her card goes to the back office, her money is let go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from gateway.aliases.verification import psp_reference_of, release_of, saved_alias
from gateway.clock import Clock
from gateway.domain.aliases import AliasOperation, AliasOperationState
from gateway.domain.verifications import CAPTURED, CHECKS, GIVE_UP, Verdict, judge
from gateway.storage.alias_operations import settle_alias_operation
from gateway.storage.writes import Write
from legacy_bridge.errors import AliasConflictError, BackOfficeUnavailableError
from legacy_bridge.port import BackOffice
from psp.errors import NotFoundError, PspError, UnavailableError
from psp.port import PaymentServiceProvider, PspPayment

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verifying:
    """Looks at one verification at a time, which somebody claimed, and does what is to be done.

    Each step may be repeated: the back office knows its key, and the PSP is asked before it is
    told to cancel.
    """

    providers: Mapping[str, PaymentServiceProvider]
    back_office: BackOffice
    clock: Clock

    async def look(self, operation: AliasOperation) -> Write:
        """Return how the verification is to be left."""
        try:
            verdict = await self._carry_on(operation)
        except (PspError, BackOfficeUnavailableError) as error:
            told = f"{type(error).__name__}: {error}"
            _log.warning("verification_open", verification=operation.id, error=told)
            again = self.clock() + CHECKS.after(operation.attempts)
            return settle_alias_operation(
                operation, AliasOperationState.UNKNOWN, told, next_check_time=again
            )
        _log.info("verification_checked", verification=operation.id, detail=verdict.detail)
        if verdict.end is not None:
            return settle_alias_operation(operation, verdict.end, verdict.detail)
        return settle_alias_operation(
            operation,
            AliasOperationState.PENDING,
            verdict.detail,
            next_check_time=self._next(operation, verdict),
        )

    async def _carry_on(self, operation: AliasOperation) -> Verdict:
        provider = self.providers.get(operation.psp_account)
        if provider is None:
            raise UnavailableError(operation.psp_account, "the account is not configured")
        word = await _word_of(provider, operation)
        verdict = self._judged(operation, word)
        try:
            if verdict.save:
                await save(self.back_office, operation)
        finally:
            # Her money does not wait for the back office, nor her card for the PSP.
            if verdict.release:
                released = await provider.cancel_payment(release_of(operation))
                verdict = self._judged(operation, released)
        if verdict.detail == CAPTURED:
            _log.error("verification_captured", verification=operation.id)
        return verdict

    def _judged(self, operation: AliasOperation, word: PspPayment | None) -> Verdict:
        age = self.clock() - operation.create_time
        return judge(word, age, told=saved_alias(operation) is not None)

    def _next(self, operation: AliasOperation, verdict: Verdict) -> datetime:
        if verdict.quiet:
            # Ogone prohibits to poll every transaction: it is asked once more, at the end.
            return operation.create_time + GIVE_UP
        return self.clock() + CHECKS.after(operation.attempts)


async def save(back_office: BackOffice, operation: AliasOperation) -> bool:
    """Tell the back office what was saved, once; whether it keeps it.

    Raises `BackOfficeUnavailableError`.
    """
    alias = saved_alias(operation)
    if alias is None:
        return False
    try:
        await back_office.save_alias(alias, key=f"{operation.idempotency_key}-save")
    except AliasConflictError:
        # The PSP names it from an id of ours: nobody else has it, unless somebody made that up.
        _log.exception("alias_not_saved", operation=operation.id, psp_account=alias.psp_account)
        return False
    return True


async def _word_of(
    provider: PaymentServiceProvider, operation: AliasOperation
) -> PspPayment | None:
    try:
        return await provider.retrieve_payment(psp_reference_of(operation))
    except NotFoundError:
        return None
