"""Carrying out one change of a shopper at one PSP account, after its row is committed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.customers.commands import EnsuredLink, EnsureOutcome
from gateway.customers.links import (
    Step,
    answered,
    begun,
    begun_anew,
    has_profile,
    left_open,
    not_done,
)
from gateway.domain.customers import CustomerLink
from gateway.storage.customers import get_link, update_link
from gateway.storage.database import Database
from gateway.storage.writes import GuardFailedError, Write
from psp.errors import NotFoundError, OutcomeUnknownError, PspError, RejectedError
from psp.port import CustomerProfile, PaymentServiceProvider

_log = structlog.get_logger(__name__)
_LINK_GUARD: Final = "customer_link"


class LinkChange:
    """One change under way: `run` asks the PSP, `store` keeps what became of it."""

    def __init__(
        self,
        step: Step,
        wanted: CustomerProfile,
        provider: PaymentServiceProvider,
        database: Database,
        clock: Clock,
        lease: timedelta,
    ) -> None:
        self._committed = step.begun
        self._resumed = step.resumed
        self._wanted = wanted
        self._provider = provider
        self._database = database
        self._clock = clock
        self._lease = lease
        is_known = bool(step.begun.psp_customer)
        self._outcome = EnsureOutcome.UPDATED if is_known else EnsureOutcome.CREATED
        self._next: CustomerLink | None = None
        self.error: PspError | None = None
        """Why it was not done, or may not have been."""
        self.is_overtaken = False
        """Whether it took longer than its lease and somebody else took the row on."""

    @property
    def link(self) -> CustomerLink:
        """The link as it is in the database, as far as we know."""
        return self._committed

    @property
    def ensured(self) -> EnsuredLink:
        """The link as the caller hears of it."""
        link = self._next or self._committed
        return EnsuredLink(link.psp_account, link.psp_customer, self._outcome)

    async def run(self) -> None:
        """Ask the PSP until it has the wanted profile; its errors are kept, not raised."""
        try:
            self._next = await self._carry_out()
        except GuardFailedError:
            await self._give_way()
        except PspError as error:
            self._fail(error)

    async def store(self, with_it: Sequence[Write] = ()) -> bool:
        """Commit what became of the link, and `with_it` in one unit; False if nothing was."""
        if self._next is None:
            return False
        write = update_link(self._next, read_version=self._committed.version)
        try:
            await self._database.commit([write, *with_it])
        except GuardFailedError as failed:
            if failed.guard != _LINK_GUARD:
                raise
            await self._give_way()
            return False
        self._committed, self._next = self._next, None
        return True

    async def _carry_out(self) -> CustomerLink:
        while True:
            try:
                done = await self._send()
            except NotFoundError:
                if not self._committed.psp_customer:
                    raise
                # She was deleted at the PSP, by hand or by law: she is created once more.
                self._outcome, now = EnsureOutcome.CREATED, self._clock()
                await self._begin(begun_anew(self._committed, self._wanted, now, self._lease))
                continue
            if has_profile(done, self._wanted):
                return done
            # What was left behind is done; now what is wanted today.
            await self._begin(begun(done, self._wanted, self._clock(), self._lease))

    async def _send(self) -> CustomerLink:
        """Send the pending change; the link as it is once the PSP carried that out."""
        link, profile = self._committed, self._committed.pending_profile
        if profile is None:
            raise ValueError(f"no change of {link.customer_id} at {link.psp_account} is pending")
        try:
            return answered(link, await self._ask(link, profile))
        except PspError:
            raise
        except Exception as error:
            # Whatever broke, it broke while the request may have been on its way.
            _log.exception("psp_adapter_failed", psp_account=self._provider.account)
            detail = f"the adapter failed: {type(error).__name__}"
            raise OutcomeUnknownError(self._provider.account, detail) from error

    async def _ask(self, link: CustomerLink, profile: CustomerProfile) -> str:
        if not link.psp_customer:
            return await self._provider.create_customer(profile, link.pending_key)
        await self._provider.update_customer(link.psp_customer, profile, link.pending_key)
        return link.psp_customer

    async def _begin(self, pending: CustomerLink) -> None:
        """Commit the next change before it is sent."""
        await self._database.commit([update_link(pending, read_version=self._committed.version)])
        self._committed, self._resumed = pending, False

    async def _give_way(self) -> None:
        """Take over what the row says by now; content if it is what was wanted."""
        link = await get_link(self._database, self._wanted.customer_id, self._provider.account)
        if link is None or link.pending_key or not has_profile(link, self._wanted):
            self.is_overtaken = True
            return
        self._committed, self._next, self.error = link, None, None

    def _fail(self, error: PspError) -> None:
        self.error = error
        _log.warning(
            "customer_not_ensured",
            customer_id=self._wanted.customer_id,
            psp_account=self._provider.account,
            error=f"{type(error).__name__}: {error}",
        )
        link = self._committed
        self._next = left_open(link, self._clock()) if self._may_be_done(error) else not_done(link)

    def _may_be_done(self, error: PspError) -> bool:
        if isinstance(error, OutcomeUnknownError):
            return True
        # Not done now; but whoever sent it before us may have had it done. Only a refusal under
        # the very same key says that nothing came of it.
        return self._resumed and not isinstance(error, RejectedError)
