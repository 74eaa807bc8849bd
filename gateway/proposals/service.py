"""GetPaymentProposal: the country's methods and the shopper's saved ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import structlog

from gateway.domain.aliases import AliasReference, alias_id
from gateway.domain.route_rules import methods_for
from gateway.domain.routing import MethodOffer
from gateway.proposals.proposal import Proposal, ProposalQuery, ShopperAlias, UnavailableSource
from gateway.proposals.reasons import reason_of
from gateway.refusals import refusal_error
from gateway.routing.source import RoutingSource
from gateway.storage.customers import get_links
from gateway.storage.database import Database
from psp.errors import PspError
from psp.port import Capability, PaymentServiceProvider, PspAlias

_log = structlog.get_logger(__name__)
_TIME_LIMIT_S: Final = 2.0
"""How long a page waits for one source of aliases."""

_Answer = Sequence[ShopperAlias] | UnavailableSource


class Proposals:
    """Says what checkout may offer. Changes nothing anywhere."""

    def __init__(
        self,
        database: Database,
        providers: Mapping[str, PaymentServiceProvider],
        routing: RoutingSource,
        *,
        time_limit_s: float = _TIME_LIMIT_S,
    ) -> None:
        self._database = database
        self._providers = providers
        self._routing = routing
        self._time_limit_s = time_limit_s

    async def propose(self, query: ProposalQuery) -> Proposal:
        """Return the methods that take the amount, and the shopper's aliases for them.

        A source of aliases that is slow or down is named and does not spoil the rest. Raises
        `PaygateError` if the country does not sell, or not in this currency.
        """
        offers = methods_for(
            self._routing.table,
            query.country_code,
            query.amount,
            customer_id=query.customer_id,
            order_id=query.order_id,
        )
        if offers.refused_steps or offers.capture_policy is None:
            raise refusal_error(offers.refused_steps)
        answers = await self._ask_sources(query.customer_id, offers.methods)
        return Proposal(
            methods=offers.methods,
            aliases=_offered(answers, offers.methods),
            unavailable_sources=[each for each in answers if isinstance(each, UnavailableSource)],
            capture_policy=offers.capture_policy,
        )

    async def _ask_sources(
        self, customer_id: str, offers: Sequence[MethodOffer]
    ) -> Sequence[_Answer]:
        """Ask every account that is offered and knows the shopper, all at once."""
        accounts = self._keeping_aliases(offers)
        if not customer_id or not accounts:
            return []
        links = await get_links(self._database, customer_id)
        known = {link.psp_account: link.psp_customer for link in links if link.psp_customer}
        return await asyncio.gather(
            *(self._ask(account, known[account]) for account in accounts if account in known)
        )

    def _keeping_aliases(self, offers: Sequence[MethodOffer]) -> Sequence[str]:
        return [
            account
            for account in dict.fromkeys(offer.account.name for offer in offers)
            if Capability.ALIASES in self._providers[account].capabilities
        ]

    async def _ask(self, account: str, psp_customer: str) -> _Answer:
        try:
            async with asyncio.timeout(self._time_limit_s):
                aliases = await self._providers[account].list_aliases(psp_customer)
        except (PspError, TimeoutError) as error:
            reason = reason_of(error)
            _log.warning(
                "aliases_unavailable", psp_account=account, reason=reason, error=str(error)
            )
            return UnavailableSource(account, reason)
        return [_shopper_alias(account, alias) for alias in aliases]


def _shopper_alias(account: str, alias: PspAlias) -> ShopperAlias:
    return ShopperAlias(alias_id(AliasReference(account, alias.psp_alias)), account, alias)


def _offered(answers: Iterable[_Answer], offers: Sequence[MethodOffer]) -> Sequence[ShopperAlias]:
    """Keep the aliases that can be charged for this sale, the default first."""
    chargeable = {(offer.account.name, offer.method) for offer in offers}
    found = [
        alias
        for answer in answers
        if not isinstance(answer, UnavailableSource)
        for alias in answer
        if (alias.psp_account, alias.alias.method) in chargeable
    ]
    return sorted(found, key=lambda each: not each.alias.is_default)
