"""Telling whoever keeps an alias to change it: its PSP, or the back office."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.aliases.values import ShopperAlias
from gateway.domain.aliases import AliasReference
from gateway.payments.creation import KnownCustomers
from legacy_bridge.port import BackOffice, LegacyAlias
from psp.errors import RejectedError
from psp.port import Capability, PaymentServiceProvider


@dataclass(frozen=True, slots=True)
class AliasKeepers:
    """All that keep aliases. Each change acts once under its key."""

    providers: Mapping[str, PaymentServiceProvider]
    back_office: BackOffice
    customers: KnownCustomers

    async def make_default(self, customer_id: str, alias: ShopperAlias, key: str) -> None:
        """Make an alias the shopper's default where it is kept."""
        account, name = alias.psp_account, alias.alias.psp_alias
        if not self._lists_aliases(account):
            await self.back_office.save_alias(_legacy(customer_id, alias), key=key)
            return
        psp_customer = await self._psp_customer(customer_id, account)
        await self.providers[account].set_default_alias(psp_customer, name, key)

    async def delete(self, customer_id: str, alias: AliasReference, key: str) -> None:
        """Delete an alias where it is kept, for ever."""
        account, name = alias.psp_account, alias.psp_alias
        if not self._lists_aliases(account):
            await self.back_office.delete_alias(account, name, key=key)
            return
        psp_customer = await self._psp_customer(customer_id, account)
        await self.providers[account].delete_alias(psp_customer, name, key)

    def _lists_aliases(self, account: str) -> bool:
        # The back office still keeps what it kept for an account that is not configured any more.
        provider = self.providers.get(account)
        return provider is not None and Capability.ALIASES in provider.capabilities

    async def _psp_customer(self, customer_id: str, account: str) -> str:
        psp_customer = await self.customers.psp_customer(customer_id, account)
        if psp_customer is None:
            raise RejectedError(account, f"{customer_id} is no customer of this account")
        return psp_customer


def _legacy(customer_id: str, alias: ShopperAlias) -> LegacyAlias:
    saved = alias.alias
    return LegacyAlias(
        alias=saved.psp_alias,
        customer_id=customer_id,
        psp_account=alias.psp_account,
        brand=saved.brand,
        last4=saved.last4,
        expiry_month=saved.expiry_month,
        expiry_year=saved.expiry_year,
        method=saved.method.value,
        is_default=True,
    )
