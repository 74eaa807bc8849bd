"""Changes of aliases: written down first, then sent, then answered, each under its request_id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import structlog

from gateway.answers import require_same, still_running
from gateway.clock import Clock
from gateway.domain.aliases import AliasOperation, AliasOperationKind, AliasOperationState
from gateway.domain.pauses import Pauses
from gateway.domain.requests import JsonAnswer, RequestKey, StoredRequest
from gateway.errors import PaygateError, Reason
from gateway.ids import new_id
from gateway.payments.time_left import require_time
from gateway.shield import Shield
from gateway.storage.alias_operations import (
    CLAIM_GUARD,
    claim_alias_operation,
    get_alias_operation,
    insert_alias_operation,
    settle_alias_operation,
)
from gateway.storage.database import Database
from gateway.storage.requests import (
    answer_request,
    delete_request,
    get_request,
    insert_request,
    takeover_request,
)
from gateway.storage.writes import AlreadyExistsError, GuardFailedError, Write
from legacy_bridge.errors import BackOfficeUnavailableError
from psp.errors import OutcomeUnknownError, PspError, RejectedError

_log = structlog.get_logger(__name__)
_MOST_ROUNDS: Final = 5
"""How often a step is taken anew because somebody else was faster."""
_RETRY_AFTER_S: Final = 1.0
CHECKS: Final = Pauses(first=timedelta(seconds=1), longest=timedelta(minutes=5))
"""How often the resolver sends again what has no answer to trust."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be sent: found out, and found allowed, before anything is written."""

    psp_account: str
    parameters: Mapping[str, str]
    """All that it takes to send it again."""


class AliasChange(Protocol):
    """One kind of change."""

    @property
    def kind(self) -> AliasOperationKind:
        """Which."""

    @property
    def key(self) -> RequestKey:
        """The request that asks for it."""

    @property
    def customer_id(self) -> str:
        """Whose aliases it is about."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""

    async def plan(self) -> Planned:
        """Check that it may be done, and find out what to send; raises `PaygateError`."""

    async def send(self, operation: AliasOperation) -> JsonAnswer:
        """Send what was planned, and return the answer to keep. Sent again, it acts once."""

    async def ending(self, operation: AliasOperation) -> Sequence[Write]:
        """Return what else is stored with the answer."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A change that is done, now or before."""

    operation: AliasOperation
    answer: JsonAnswer


class AliasChanges:
    """Carries changes out. One that was begun runs to its end, whoever gives up meanwhile."""

    def __init__(
        self,
        database: Database,
        shield: Shield,
        clock: Clock,
        lease: timedelta,
        min_deadline_s: float,
    ) -> None:
        self._database = database
        self._shield = shield
        self._clock = clock
        self._lease = lease
        self._min_deadline_s = min_deadline_s

    async def run(self, change: AliasChange, remaining_s: float | None) -> Changed:
        """Do what is asked, once, or answer as this request was before.

        Raises `PaygateError` and the errors of `psp.errors`; after each the same request may be
        sent again.
        """
        # Reads included: between the commit and the call there is no moment to be canceled in.
        return await self._shield.run(self._run(change, remaining_s))

    async def _run(self, change: AliasChange, remaining_s: float | None) -> Changed:
        for _ in range(_MOST_ROUNDS):
            stored = await get_request(self._database, change.key)
            before = await get_alias_operation(self._database, change.key) if stored else None
            if stored is not None:
                require_same(stored, change.fingerprint)
                if stored.answer is not None and before is not None:
                    return Changed(before, stored.answer)
            if stored is None or before is None:
                operation = await self._planned(change)
                writes = [
                    insert_request(self._request(change)),
                    insert_alias_operation(operation),
                ]
            else:
                self._require_left(stored, before)
                operation = before.claimed()
                writes = self._takeover(stored, before)
            require_time(remaining_s, self._min_deadline_s)
            try:
                await self._database.commit(writes)
            except (AlreadyExistsError, GuardFailedError):
                continue  # somebody was faster with this very request: look again
            return await self._carry_out(change, operation, was_sent=before is not None)
        raise _busy(change)

    async def finish(self, change: AliasChange, left: AliasOperation) -> None:
        """Carry out what a caller began and nobody finished, by the rules of a repeated request.

        Raises as `run` does; does nothing if somebody else is at it.
        """
        stored = await get_request(self._database, change.key)
        if stored is None or stored.answer is not None:
            return  # ended meanwhile: both are stored in one commit with the end
        try:
            await self._database.commit(self._takeover(stored, left))
        except GuardFailedError:
            return
        await self._carry_out(change, left.claimed(), was_sent=True)

    async def drop(self, left: AliasOperation, why: str) -> None:
        """End what nobody finished and must not be done any more; its request may be made anew."""
        failed = settle_alias_operation(left, AliasOperationState.FAILED, why)
        with suppress(GuardFailedError):  # somebody else took it on meanwhile
            await self._database.commit([delete_request(left.key), failed])

    async def _planned(self, change: AliasChange) -> AliasOperation:
        planned = await change.plan()
        operation_id = new_id("alo")
        return AliasOperation(
            id=operation_id,
            kind=change.kind,
            customer_id=change.customer_id,
            psp_account=planned.psp_account,
            idempotency_key=f"paygate-{operation_id}",
            parameters=planned.parameters,
            key=change.key,
            create_time=self._clock(),
            next_check_time=self._clock() + self._lease,
        )

    def _require_left(self, stored: StoredRequest, before: AliasOperation) -> None:
        """Raise `PaygateError` while whoever sent it before may live."""
        now = self._clock()
        is_left = before.state is AliasOperationState.UNKNOWN
        if not is_left and now < stored.create_time + self._lease:
            raise still_running(stored, now, _RETRY_AFTER_S)

    def _takeover(self, stored: StoredRequest, before: AliasOperation) -> list[Write]:
        now = self._clock()
        return [
            takeover_request(stored, now=now),
            claim_alias_operation(before, now + self._lease),
        ]

    async def _carry_out(
        self, change: AliasChange, operation: AliasOperation, *, was_sent: bool
    ) -> Changed:
        try:
            answer = await change.send(operation)
        except (PspError, BackOfficeUnavailableError) as error:
            await self._keep_failure(operation, error, was_sent=was_sent)
            raise _unknown(error) if isinstance(error, OutcomeUnknownError) else error from error
        await self._store(change, operation, answer)
        return Changed(operation, answer)

    async def _store(
        self, change: AliasChange, operation: AliasOperation, answer: JsonAnswer
    ) -> None:
        done = settle_alias_operation(operation, AliasOperationState.DONE)
        for _ in range(_MOST_ROUNDS):
            ending = await change.ending(operation)
            try:
                await self._database.commit([answer_request(change.key, answer), done, *ending])
            except (AlreadyExistsError, GuardFailedError) as changed:
                if isinstance(changed, GuardFailedError) and changed.guard == CLAIM_GUARD:
                    return  # somebody took it on when our time was over, and stores the same
                continue  # her choice changed meanwhile: look again
            return
        raise _busy(change)

    async def _keep_failure(
        self,
        operation: AliasOperation,
        error: PspError | BackOfficeUnavailableError,
        *,
        was_sent: bool,
    ) -> None:
        told = f"{type(error).__name__}: {error}"
        _log.warning(
            "alias_not_changed",
            kind=operation.kind,
            customer_id=operation.customer_id,
            psp_account=operation.psp_account,
            error=told,
        )
        if _may_be_done(error, was_sent=was_sent):
            # The request stays: sent again it takes this operation on, under its own key.
            again = self._clock() + CHECKS.after(operation.attempts)
            unknown = settle_alias_operation(
                operation, AliasOperationState.UNKNOWN, told, next_check_time=again
            )
            with suppress(GuardFailedError):  # somebody took it on when our time was over
                await self._database.commit([unknown])
            return
        await self.drop(operation, told)

    def _request(self, change: AliasChange) -> StoredRequest:
        return StoredRequest(
            key=change.key,
            fingerprint=change.fingerprint,
            resource_id=change.customer_id,
            create_time=self._clock(),
        )


def _may_be_done(error: PspError | BackOfficeUnavailableError, *, was_sent: bool) -> bool:
    if isinstance(error, OutcomeUnknownError | BackOfficeUnavailableError):
        return True
    # Not done now; but whoever sent it before us may have had it done. Only a refusal says no.
    return was_sent and not isinstance(error, RejectedError)


def _unknown(error: OutcomeUnknownError) -> PaygateError:
    return PaygateError(
        Reason.PSP_UNAVAILABLE,
        f"{error}: the outcome is unknown; send the same request again, and it will be done once",
        metadata={"psp_account": error.account},
        retry_after_s=_RETRY_AFTER_S,
    )


def _busy(change: AliasChange) -> PaygateError:
    return PaygateError(
        Reason.OPERATION_IN_PROGRESS,
        f"the aliases of {change.customer_id} are being changed by many at once: "
        "send the same request again in a moment",
        metadata={"customer_id": change.customer_id},
        retry_after_s=_RETRY_AFTER_S,
    )
