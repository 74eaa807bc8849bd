"""Reconciliations as the API sees them: every use case behind one door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Final

from gateway.answers import require_same
from gateway.clock import Clock
from gateway.domain.discrepancy import Discrepancy, DiscrepancyFilter
from gateway.domain.reconciliation import CountryDay, Reconciliation, RunState
from gateway.domain.requests import StoredRequest
from gateway.errors import FieldViolation, PaygateError, Reason
from gateway.ids import new_id
from gateway.job_lease import JobLease, LeaseLostError
from gateway.reconciliation.commands import (
    DiscrepancyPage,
    ResolveCommand,
    RunCommand,
    RunProgress,
)
from gateway.reconciliation.countries import CountryDays
from gateway.reconciliation.resolving import DiscrepancyResolving
from gateway.reconciliation.running import RunInProgress, RunParts
from gateway.shield import Shield
from gateway.storage.discrepancies import list_discrepancies
from gateway.storage.reconciliations import (
    get_reconciliation,
    insert_reconciliation,
    unfinished_run,
)
from gateway.storage.requests import get_request, insert_request
from gateway.storage.writes import AlreadyExistsError
from psp.port import Capability, PaymentServiceProvider

RETRY_AFTER_S: Final = 30.0
"""When to ask again for an account that somebody reconciles now."""

LeaseOf = Callable[[str], JobLease]


class Reconciliations:
    """Runs, reads and resolves. One run of an account at a time, over all replicas."""

    def __init__(
        self,
        parts: RunParts,
        providers: Mapping[str, PaymentServiceProvider],
        shield: Shield,
        lease_of: LeaseOf,
        clock: Clock,
    ) -> None:
        self._parts = parts
        self._database = parts.database
        self._providers = providers
        self._shield = shield
        self._lease_of = lease_of
        self._clock = clock
        self._resolving = DiscrepancyResolving(parts.database, clock)
        self._countries = CountryDays(parts.database)

    async def run(self, command: RunCommand) -> AsyncIterator[RunProgress | Reconciliation]:
        """Reconcile a period: progress, and then the run as it ended, or waits.

        Goes on where a run of the same period was left. The work outlives its caller. Raises
        `PaygateError`: INVALID_FIELDS, REQUEST_ID_REUSED, RECONCILIATION_IN_PROGRESS.
        """
        provider = self._provider(command)
        told: asyncio.Queue[RunProgress | None] = asyncio.Queue(maxsize=1)
        latest = _Latest(told)
        work = asyncio.create_task(
            self._shield.run(self._run(command, provider, latest.tell)), name="reconciliation"
        )
        work.add_done_callback(lambda _: latest.end())
        try:
            while (progress := await told.get()) is not None:
                yield progress
            yield await work
        finally:
            work.cancel()  # the waiting alone: the run itself goes on in the shield
            with suppress(asyncio.CancelledError, Exception):
                await work

    def now(self) -> datetime:
        """Return the time by which discrepancies age."""
        return self._clock()

    async def get(self, run_id: str) -> Reconciliation:
        """Return a run; raises `PaygateError` RECONCILIATION_NOT_FOUND."""
        run = await get_reconciliation(self._database, run_id)
        if run is None:
            raise PaygateError(
                Reason.RECONCILIATION_NOT_FOUND,
                f"no reconciliation has the id {run_id}",
                metadata={"reconciliation_id": run_id},
            )
        return run

    async def country_day(
        self, country_code: str, day: date, psp_accounts: tuple[str, ...]
    ) -> CountryDay:
        """Return a country's day over several PSP accounts, side by side."""
        return await self._countries.read(country_code, day, psp_accounts)

    async def list_discrepancies(
        self, wanted: DiscrepancyFilter, before_id: str, page_size: int
    ) -> DiscrepancyPage:
        """Return discrepancies, newest first, that are older than `before_id`."""
        found = await list_discrepancies(self._database, wanted, before_id, page_size + 1)
        return DiscrepancyPage(found[:page_size], has_more=len(found) > page_size)

    async def resolve(self, command: ResolveCommand) -> Discrepancy:
        """See `DiscrepancyResolving.resolve`."""
        return await self._resolving.resolve(command)

    async def ask(self, payment_id: str) -> None:
        """Bring one payment and its refunds up to date, as a run does where the books differ."""
        await self._parts.matching.ask(payment_id)

    def _provider(self, command: RunCommand) -> PaymentServiceProvider:
        provider = self._providers.get(command.psp_account)
        if provider is not None and Capability.SETTLEMENTS in provider.capabilities:
            return provider
        description = (
            "is no account of this gateway: send one of its configuration"
            if provider is None
            else "is at a PSP that reports no settlements"
        )
        raise PaygateError(
            Reason.INVALID_FIELDS,
            f"psp_account {description}",
            fields=[FieldViolation("psp_account", description)],
        )

    async def _run(
        self,
        command: RunCommand,
        provider: PaymentServiceProvider,
        tell: Callable[[RunProgress], None],
    ) -> Reconciliation:
        known = await self._known(command)
        if known is not None and known.state in {RunState.DONE, RunState.FAILED}:
            return known
        lease = self._lease_of(f"reconciliation:{command.psp_account}")
        async with lease.held() as is_ours:
            if not is_ours:
                raise in_progress(command.psp_account)
            run = await self._begin(command)
            try:
                return await RunInProgress(self._parts, run, lease.keep, tell).go_on(provider)
            except LeaseLostError as lost:
                raise in_progress(command.psp_account) from lost

    async def _begin(self, command: RunCommand) -> Reconciliation:
        """Return the run to go on with: of this request, left before its end, or a new one."""
        known = await self._known(command)
        if known is not None:
            return known
        now = self._clock()
        left = await unfinished_run(self._database, command.psp_account, command.period)
        run = left or Reconciliation(
            id=new_id("rec"),
            psp_account=command.psp_account,
            period=command.period,
            state=RunState.WAITING_FOR_REPORT,
            detail="",
            create_time=now,
            update_time=now,
        )
        request = StoredRequest(command.key, command.fingerprint, run.id, now)
        writes = [insert_request(request)]
        if left is None:
            writes.append(insert_reconciliation(run))
        try:
            await self._database.commit(writes)
        except AlreadyExistsError as exists:
            raise in_progress(command.psp_account) from exists
        return run

    async def _known(self, command: RunCommand) -> Reconciliation | None:
        request = await get_request(self._database, command.key)
        if request is None:
            return None
        require_same(request, command.fingerprint)
        return await self.get(request.resource_id)


class _Latest:
    """Hands the newest progress over, and the end: whoever reads slowly misses steps between."""

    def __init__(self, queue: asyncio.Queue[RunProgress | None]) -> None:
        self._queue = queue

    def tell(self, progress: RunProgress) -> None:
        self._put(progress)

    def end(self) -> None:
        self._put(None)

    def _put(self, value: RunProgress | None) -> None:
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(value)


def in_progress(psp_account: str) -> PaygateError:
    """Return the refusal of an account that somebody reconciles now."""
    return PaygateError(
        Reason.RECONCILIATION_IN_PROGRESS,
        f"another run reconciles {psp_account} now: ask again later, with the same request_id",
        metadata={"psp_account": psp_account},
        retry_after_s=RETRY_AFTER_S,
    )
