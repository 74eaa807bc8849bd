"""SetDefaultAlias and DeleteAlias: changes of an alias that is the shopper's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from gateway.aliases.changing import Planned
from gateway.aliases.commands import ChangeAliasCommand
from gateway.aliases.keeping import AliasKeepers
from gateway.aliases.listing import AliasListing
from gateway.aliases.values import ShopperAlias
from gateway.clock import Clock
from gateway.domain.aliases import AliasLink, AliasOperation, AliasOperationKind, AliasReference
from gateway.domain.requests import JsonAnswer, RequestKey
from gateway.storage.aliases import (
    forget_default,
    get_default,
    links_of_customer,
    put_default,
)
from gateway.storage.database import Database
from gateway.storage.writes import Write

_ALIAS: Final = TypeAdapter(ShopperAlias)
_ALIAS_KEY: Final = "alias"
_TARGETS_KEY: Final = "targets"


class _OwnChange:
    """What both have in common."""

    def __init__(
        self,
        command: ChangeAliasCommand,
        database: Database,
        listing: AliasListing,
        keepers: AliasKeepers,
        clock: Clock,
    ) -> None:
        self._command = command
        self._database = database
        self._listing = listing
        self._keepers = keepers
        self._clock = clock

    @property
    def key(self) -> RequestKey:
        """The request."""
        return self._command.key

    @property
    def customer_id(self) -> str:
        """Whose alias it is said to be."""
        return self._command.customer_id

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return self._command.fingerprint


class DefaultChange(_OwnChange):
    """An alias made the shopper's default: where it is kept, and in our own book of choices."""

    kind = AliasOperationKind.SET_DEFAULT

    async def plan(self) -> Planned:
        """Check that the alias is hers, and can be charged."""
        alias = await self._listing.chargeable(self.customer_id, self._command.alias)
        chosen = replace(alias, alias=replace(alias.alias, is_default=True))
        return Planned(alias.psp_account, {_ALIAS_KEY: _ALIAS.dump_json(chosen).decode()})

    async def send(self, operation: AliasOperation) -> JsonAnswer:
        """Tell whoever keeps it."""
        alias = _ALIAS.validate_json(operation.parameters[_ALIAS_KEY])
        await self._keepers.make_default(self.customer_id, alias, operation.idempotency_key)
        return {_ALIAS_KEY: _ALIAS.dump_python(alias, mode="json")}

    async def ending(self, operation: AliasOperation) -> Sequence[Write]:  # noqa: ARG002 - the command says which
        """Remember her choice."""
        before = await get_default(self._database, self.customer_id)
        now: datetime = self._clock()
        choice = put_default(
            self.customer_id, self._command.alias, now, replaces=before is not None
        )
        return [choice]

    @staticmethod
    def answered(answer: JsonAnswer) -> ShopperAlias:
        """Read what was answered."""
        return _ALIAS.validate_python(answer[_ALIAS_KEY])


class DeleteChange(_OwnChange):
    """An alias deleted, with every other of the same card that an import tied to it."""

    kind = AliasOperationKind.DELETE

    async def plan(self) -> Planned:
        """Check that the alias is hers, and find what else stands for the same card."""
        alias = self._command.alias
        await self._listing.own(self.customer_id, alias)
        links = await links_of_customer(self._database, self.customer_id)
        # The named one goes last: while it is listed, the same can be asked anew.
        targets = [*_same_card(alias, links), alias]
        named = [[each.psp_account, each.psp_alias] for each in targets]
        return Planned(alias.psp_account, {_TARGETS_KEY: json.dumps(named)})

    async def send(self, operation: AliasOperation) -> JsonAnswer:
        """Tell whoever keeps them, one after the other."""
        for target in await self._moved_since(operation):
            key = f"{operation.idempotency_key}-{target.psp_alias}"
            await self._keepers.delete(self.customer_id, target, key)
        for number, target in enumerate(_targets(operation)):
            key = f"{operation.idempotency_key}-{number}"
            await self._keepers.delete(self.customer_id, target, key)
        return {}

    async def _moved_since(self, operation: AliasOperation) -> Sequence[AliasReference]:
        """Return what stands for the same card by an import that came after the plan.

        Between two tries may lie hours, in which the back office has the alias still.
        """
        *_, named = planned = _targets(operation)
        links = await links_of_customer(self._database, self.customer_id)
        return [each for each in _same_card(named, links) if each not in planned]

    async def ending(self, operation: AliasOperation) -> Sequence[Write]:
        """Forget that it was her default, if it was."""
        before = await get_default(self._database, self.customer_id)
        gone = _targets(operation)
        return [forget_default(self.customer_id, before)] if before in gone else []


def _same_card(alias: AliasReference, links: Sequence[AliasLink]) -> Sequence[AliasReference]:
    cards = {link.moved_to for link in links if alias in {link.legacy, link.moved_to}}
    same = [
        each for link in links if link.moved_to in cards for each in (link.legacy, link.moved_to)
    ]
    return [each for each in dict.fromkeys(same) if each != alias]


def _targets(operation: AliasOperation) -> list[AliasReference]:
    named: list[list[Any]] = json.loads(operation.parameters[_TARGETS_KEY])
    return [AliasReference(account, psp_alias) for account, psp_alias in named]


def changed_alias(operation: AliasOperation) -> AliasReference:
    """Return the alias that a choice or a deletion names."""
    if operation.kind is AliasOperationKind.DELETE:
        return _targets(operation)[-1]
    return _ALIAS.validate_json(operation.parameters[_ALIAS_KEY]).reference
