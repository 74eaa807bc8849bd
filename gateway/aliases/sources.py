"""Asking every source of aliases at once, each with its own time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import Any, Final

import structlog

from gateway.aliases.merging import Answer, SourceAnswer, legacy_alias, psp_alias
from gateway.aliases.reasons import SourceError, reason_of
from gateway.aliases.values import BACK_OFFICE, AliasTimeLimits, UnavailableSource, Wanted
from gateway.clock import Clock
from gateway.storage.customers import get_links
from gateway.storage.database import Database
from legacy_bridge.errors import BackOfficeUnavailableError
from legacy_bridge.port import BackOffice
from psp.errors import PspError
from psp.port import Capability, PaymentServiceProvider

_log = structlog.get_logger(__name__)
_SILENT: Final = (PspError, BackOfficeUnavailableError, TimeoutError)


class AliasSources:
    """The PSPs that list aliases, and the back office for those that do not."""

    def __init__(
        self,
        database: Database,
        providers: Mapping[str, PaymentServiceProvider],
        back_office: BackOffice,
        clock: Clock,
        limits: AliasTimeLimits,
    ) -> None:
        self._database = database
        self._providers = providers
        self._back_office = back_office
        self._clock = clock
        self._limits = limits

    def lists_aliases(self, account: str) -> bool:
        """Whether an account's PSP lists aliases; if not, the back office keeps them."""
        return Capability.ALIASES in self._providers[account].capabilities

    async def ask(self, customer_id: str, wanted: Wanted) -> Sequence[Answer]:
        """Return what each source says of a shopper; one that knows nobody is not asked."""
        listing = [account for account in wanted if self.lists_aliases(account)]
        asked: list[Coroutine[Any, Any, Sequence[Answer]]] = []
        if listing:
            asked.append(self._ask_psps(customer_id, listing))
        if len(listing) < len(wanted):
            asked.append(self._ask_back_office(customer_id))
        return [answer for answers in await at_once(*asked) for answer in answers]

    async def _ask_psps(self, customer_id: str, accounts: Sequence[str]) -> Sequence[Answer]:
        links = await get_links(self._database, customer_id)
        known = {link.psp_account: link.psp_customer for link in links if link.psp_customer}
        return await at_once(
            *(self._ask_psp(account, known[account]) for account in accounts if account in known)
        )

    async def _ask_psp(self, account: str, psp_customer: str) -> Answer:
        try:
            async with asyncio.timeout(self._limits.psp_s):
                listed = await self._providers[account].list_aliases(psp_customer)
        except _SILENT as error:
            return _silent(account, error)
        now = self._clock()
        return SourceAnswer(account, [psp_alias(account, each, now) for each in listed])

    async def _ask_back_office(self, customer_id: str) -> Sequence[Answer]:
        try:
            async with asyncio.timeout(self._limits.back_office_s):
                listed = await self._back_office.list_aliases(customer_id)
        except _SILENT as error:
            return [_silent(BACK_OFFICE, error)]
        now = self._clock()
        found = (legacy_alias(each, now) for each in listed if self._is_legacy(each.psp_account))
        return [SourceAnswer(BACK_OFFICE, [each for each in found if each is not None])]

    def _is_legacy(self, account: str) -> bool:
        # What the back office says of an account whose PSP lists aliases itself is an echo.
        return account in self._providers and not self.lists_aliases(account)


async def at_once(*work: Awaitable[Any]) -> Sequence[Any]:
    """Return what all answer, in their order; if one fails, none of the others goes on."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _silent(source: str, error: SourceError) -> UnavailableSource:
    reason = reason_of(error)
    _log.warning("aliases_unavailable", source=source, reason=reason, error=str(error))
    return UnavailableSource(source, reason)
