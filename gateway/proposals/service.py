"""GetPaymentProposal: the country's methods and the shopper's saved ones."""

from __future__ import annotations

from gateway.aliases.listing import AliasListing
from gateway.aliases.wanted import chargeable
from gateway.domain.route_rules import methods_for
from gateway.proposals.proposal import Proposal, ProposalQuery
from gateway.refusals import refusal_error
from gateway.routing.source import RoutingSource


class Proposals:
    """Says what checkout may offer. Changes nothing anywhere."""

    def __init__(self, routing: RoutingSource, aliases: AliasListing) -> None:
        self._routing = routing
        self._aliases = aliases

    async def propose(self, query: ProposalQuery) -> Proposal:
        """Return the methods that take the amount, and the shopper's aliases for them.

        A source of aliases that is slow or down is named and does not spoil the rest. Raises
        `PaygateError` if the country does not sell, or not in this currency.
        """
        table = self._routing.table
        offers = methods_for(
            table,
            query.country_code,
            query.amount,
            customer_id=query.customer_id,
            order_id=query.order_id,
        )
        if offers.refused_steps or offers.capture_policy is None:
            raise refusal_error(offers.refused_steps)
        wanted = chargeable(
            table,
            query.country_code,
            query.amount,
            customer_id=query.customer_id,
            order_id=query.order_id,
        )
        listed = await self._aliases.wanted(query.customer_id, wanted)
        return Proposal(
            methods=offers.methods,
            aliases=listed.aliases,
            unavailable_sources=listed.unavailable_sources,
            capture_policy=offers.capture_policy,
        )
