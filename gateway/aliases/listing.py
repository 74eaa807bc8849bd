"""ListAliases, and the same list for proposals and for whoever changes it."""

from __future__ import annotations

from gateway.aliases.merging import merged
from gateway.aliases.sources import AliasSources, at_once
from gateway.aliases.values import (
    BACK_OFFICE,
    AliasList,
    AliasQuery,
    ShopperAlias,
    UnavailableSource,
    Wanted,
)
from gateway.aliases.wanted import chargeable, every
from gateway.domain.aliases import AliasReference
from gateway.domain.route_rules import methods_for
from gateway.errors import PaygateError, Reason
from gateway.refusals import refusal_error
from gateway.routing.source import RoutingSource
from gateway.storage.aliases import get_default, links_of_customer
from gateway.storage.database import Database


class AliasListing:
    """Says what a shopper has saved. Changes nothing anywhere."""

    def __init__(self, database: Database, routing: RoutingSource, sources: AliasSources) -> None:
        self._database = database
        self._routing = routing
        self._sources = sources

    async def list(self, query: AliasQuery) -> AliasList:
        """Return a shopper's aliases; raises `PaygateError` if the country is not served."""
        table = self._routing.table
        if not query.country_code:
            return await self.wanted(query.customer_id, every(table))
        refused = methods_for(table, query.country_code).refused_steps
        if refused:
            raise refusal_error(refused)
        methods = chargeable(table, query.country_code, customer_id=query.customer_id)
        return await self.wanted(query.customer_id, methods)

    async def wanted(self, customer_id: str, wanted: Wanted) -> AliasList:
        """Return a shopper's aliases of these accounts and methods.

        A source that is slow or down is named and does not spoil the rest.
        """
        if not customer_id or not wanted:
            return AliasList()
        answers, links, chosen = await at_once(
            self._sources.ask(customer_id, wanted),
            links_of_customer(self._database, customer_id),
            get_default(self._database, customer_id),
        )
        return AliasList(
            aliases=merged(answers, links, chosen, wanted),
            unavailable_sources=[each for each in answers if isinstance(each, UnavailableSource)],
        )

    async def own(self, customer_id: str, reference: AliasReference) -> ShopperAlias:
        """Return a shopper's own alias, by its own account's word alone.

        Raises `PaygateError`: ALIAS_NOT_FOUND if it is not hers, or a word about the account if
        that does not answer: nothing of hers is changed on a guess.
        """
        account = self._routing.table.accounts.get(reference.psp_account)
        if account is None:
            raise not_found(customer_id)
        only = {account.name: frozenset(account.methods)}
        for answer in await self._sources.ask(customer_id, only):
            if isinstance(answer, UnavailableSource):
                raise _unavailable(answer)
            for alias in answer.aliases:
                if alias.reference == reference:
                    return alias
        raise not_found(customer_id)

    async def chargeable(self, customer_id: str, reference: AliasReference) -> ShopperAlias:
        """Return a shopper's own alias that has not expired; raises as `own` does.

        Raises `PaygateError` ALIAS_EXPIRED for one that the back office keeps. Where the PSP keeps
        the card it knows better: banks tell it of new expiry dates, and it declines what is over.
        """
        alias = await self.own(customer_id, reference)
        if alias.has_expired and not self._sources.lists_aliases(alias.psp_account):
            raise _expired(alias)
        return alias


def not_found(customer_id: str) -> PaygateError:
    """Return the refusal of an alias that is not the shopper's, whoever else's it may be."""
    return PaygateError(
        Reason.ALIAS_NOT_FOUND,
        f"{customer_id} has no such alias: take one from ListAliases",
        metadata={"customer_id": customer_id},
    )


def _expired(alias: ShopperAlias) -> PaygateError:
    card = alias.alias
    return PaygateError(
        Reason.ALIAS_EXPIRED,
        f"the card of this alias was good until {card.expiry_month:02}/{card.expiry_year}: "
        "let the shopper pay or save with another one",
        metadata={"alias_id": alias.id, "psp_account": alias.psp_account},
    )


def _unavailable(silent: UnavailableSource) -> PaygateError:
    is_office = silent.source == BACK_OFFICE
    return PaygateError(
        Reason.BACK_OFFICE_UNAVAILABLE if is_office else Reason.PSP_UNAVAILABLE,
        f"{silent.source} {silent.reason}, so that nobody can say whose alias this is: "
        "nothing was done; send the same request again",
        metadata={} if is_office else {"psp_account": silent.source},
    )
