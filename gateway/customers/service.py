"""EnsureCustomer: the shopper's record at every PSP that serves her, each made exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from gateway.clock import Clock
from gateway.customers.accounts import customer_accounts
from gateway.customers.answers import links_answer
from gateway.customers.cache import CustomerCache
from gateway.customers.changing import LinkChange
from gateway.customers.commands import EnsureCustomerCommand, EnsuredLink, EnsureOutcome
from gateway.customers.links import RETRY_AFTER_S, Step, in_progress, next_step
from gateway.customers.requests import answer_at_once, begin_request, stored_answer
from gateway.errors import PaygateError, Reason
from gateway.payments.time_left import require_time
from gateway.routing.source import RoutingSource
from gateway.shield import Shield
from gateway.storage.customers import get_link, get_links, insert_link, update_link
from gateway.storage.database import Database
from gateway.storage.requests import answer_request, delete_request, get_request
from gateway.storage.writes import AlreadyExistsError, GuardFailedError, Write
from psp.errors import OutcomeUnknownError
from psp.port import CustomerProfile, PaymentServiceProvider

_MOST_ROUNDS: Final = 5
"""How often a call is planned anew because somebody else was faster."""
_LEASE: Final = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a call has to do; accounts are in the country's order."""

    known: Mapping[str, EnsuredLink | None]
    """The shopper where she is known with this profile; None where the PSP has to be asked."""
    steps: Sequence[Step]


class Customers:
    """Makes shoppers known at PSPs, and knows what they are called there."""

    def __init__(
        self,
        database: Database,
        providers: Mapping[str, PaymentServiceProvider],
        routing: RoutingSource,
        shield: Shield,
        clock: Clock,
        *,
        lease: timedelta = _LEASE,
        min_deadline_s: float = 0.0,
    ) -> None:
        self._database = database
        self._providers = providers
        self._routing = routing
        self._shield = shield
        self._clock = clock
        self._lease = lease
        self._min_deadline_s = min_deadline_s
        self._cache = CustomerCache(clock)

    async def ensure(
        self, command: EnsureCustomerCommand, remaining_s: float | None
    ) -> tuple[EnsuredLink, ...]:
        """Create or update the shopper where she is not known with this very profile.

        The answer has one link for each PSP account that serves her country and keeps customers.
        Raises `PaygateError` and the errors of `psp.errors`: what was done at other accounts is
        kept, and the same request may be sent again.
        """
        # Reads included: between the commit and the call there is no moment to be canceled in.
        return await self._shield.run(self._ensure(command, remaining_s))

    async def psp_customer(self, customer_id: str, psp_account: str) -> str | None:
        """Return the PSP's id of the shopper; None if the PSP was never told of her."""
        remembered = self._cache.get(customer_id, psp_account)
        if remembered is not None:
            return remembered
        link = await get_link(self._database, customer_id, psp_account)
        if link is None or not link.psp_customer:
            return None
        # While the row was read she may have been created anew, and that is the newer id.
        if self._cache.get(customer_id, psp_account) is None:
            self._cache.put(customer_id, psp_account, link.psp_customer)
        return link.psp_customer

    async def forget(self, customer_id: str, psp_account: str) -> None:
        """The PSP seems not to know her any more: the next `ensure` asks it again."""
        self._cache.put(customer_id, psp_account, "")
        link = await get_link(self._database, customer_id, psp_account)
        if link is None or link.pending_key:
            return  # a change is under way, and ends with the PSP's word
        doubted = replace(link, fingerprint="", version=link.version + 1)
        try:
            await self._database.commit([update_link(doubted, read_version=link.version)])
        except GuardFailedError:
            return  # somebody else asks the PSP just now

    async def _ensure(
        self, command: EnsureCustomerCommand, remaining_s: float | None
    ) -> tuple[EnsuredLink, ...]:
        for _ in range(_MOST_ROUNDS):
            stored = await get_request(self._database, command.key)
            answer = stored_answer(stored, command, self._clock(), self._lease)
            if answer is not None:
                return answer
            plan = await self._plan(command.profile)
            require_time(remaining_s, self._min_deadline_s)
            now = self._clock()
            try:
                if not plan.steps:
                    unchanged = _links(plan, [])
                    await self._database.commit([answer_at_once(stored, command, unchanged, now)])
                    return unchanged
                links = [_write_of(step) for step in plan.steps]
                await self._database.commit([begin_request(stored, command, now), *links])
            except (AlreadyExistsError, GuardFailedError):
                continue  # somebody was faster with this request, or with her: look again
            return await self._carry_out(command, plan)
        raise PaygateError(
            Reason.OPERATION_IN_PROGRESS,
            f"{command.profile.customer_id} is being changed by many at once: "
            "send the same request again in a moment",
            metadata={"customer_id": command.profile.customer_id},
            retry_after_s=RETRY_AFTER_S,
        )

    async def _plan(self, wanted: CustomerProfile) -> _Plan:
        table, now = self._routing.table, self._clock()
        accounts = customer_accounts(table, wanted.country_code, self._providers)
        links = {
            link.psp_account: link for link in await get_links(self._database, wanted.customer_id)
        }
        known: dict[str, EnsuredLink | None] = {}
        steps: list[Step] = []
        for account in accounts:
            link = links.get(account)
            lifetime = timedelta(seconds=self._providers[account].idempotency_lifetime_s)
            step = next_step(link, account, wanted, now, self._lease, lifetime)
            if step is not None:
                steps.append(step)
                known[account] = None
            elif link is not None:
                known[account] = EnsuredLink(account, link.psp_customer, EnsureOutcome.UNCHANGED)
        return _Plan(known, steps)

    async def _carry_out(
        self, command: EnsureCustomerCommand, plan: _Plan
    ) -> tuple[EnsuredLink, ...]:
        changes = [
            LinkChange(
                step,
                command.profile,
                self._providers[step.begun.psp_account],
                self._database,
                self._clock,
                self._lease,
            )
            for step in plan.steps
        ]
        ends = await asyncio.gather(*(change.run() for change in changes), return_exceptions=True)
        for end in ends:
            if end is not None:
                # Our own fault or the database's: what is pending is taken up when its lease ends.
                raise end
        *others, last = changes
        for change in others:
            await change.store()
        if not await last.store(_ending(command, plan, changes)):
            await self._database.commit(_ending(command, plan, changes))
        for change in changes:
            link = change.link
            self._cache.put(link.customer_id, link.psp_account, link.psp_customer)
        for change in changes:
            _raise_if_not_done(change)
        return _links(plan, changes)


def _write_of(step: Step) -> Write:
    if step.before is None:
        return insert_link(step.begun)
    return update_link(step.begun, read_version=step.before.version)


def _links(plan: _Plan, changes: Sequence[LinkChange]) -> tuple[EnsuredLink, ...]:
    changed = {change.link.psp_account: change.ensured for change in changes}
    return tuple(known or changed[account] for account, known in plan.known.items())


def _ending(
    command: EnsureCustomerCommand, plan: _Plan, changes: Sequence[LinkChange]
) -> Sequence[Write]:
    """Store the answer, or forget the request so that it can be sent again."""
    if any(change.is_overtaken for change in changes):
        return []  # the request, too, may be somebody else's by now
    if any(change.error for change in changes):
        return [delete_request(command.key)]
    return [answer_request(command.key, links_answer(_links(plan, changes)))]


def _raise_if_not_done(change: LinkChange) -> None:
    if change.is_overtaken:
        raise in_progress(change.link)
    if isinstance(change.error, OutcomeUnknownError):
        raise PaygateError(
            Reason.PSP_UNAVAILABLE,
            f"{change.error}: the outcome is unknown; send the same request again, "
            "and she will be there once",
            metadata={"psp_account": change.error.account},
            retry_after_s=RETRY_AFTER_S,
        ) from change.error
    if change.error is not None:
        raise change.error
