"""The use cases of aliases together, as the service calls them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from gateway.aliases.changing import AliasChange, AliasChanges
from gateway.aliases.commands import ChangeAliasCommand, StartAliasSetupCommand
from gateway.aliases.import_values import ImportOptions, ImportSummary
from gateway.aliases.importing import AliasImports
from gateway.aliases.keeping import AliasKeepers
from gateway.aliases.listing import AliasListing
from gateway.aliases.news import AliasNews
from gateway.aliases.own import DefaultChange, DeleteChange, changed_alias
from gateway.aliases.resolving import AliasResolver, AliasTools
from gateway.aliases.setup import SetupChange, setup_command
from gateway.aliases.sources import AliasSources
from gateway.aliases.values import (
    AliasList,
    AliasQuery,
    AliasTimeLimits,
    ShopperAlias,
    StartedSetup,
)
from gateway.clock import Clock
from gateway.domain.aliases import AliasOperation, AliasOperationKind
from gateway.payments.creation import KnownCustomers
from gateway.routing.source import RoutingSource
from gateway.shield import Shield
from gateway.signals import Wake
from gateway.storage.database import Database
from legacy_bridge.port import BackOffice
from psp.port import PaymentServiceProvider


@dataclass(frozen=True, slots=True)
class AliasDoors:
    """All that aliases are kept and looked up with."""

    database: Database
    providers: Mapping[str, PaymentServiceProvider]
    back_office: BackOffice
    customers: KnownCustomers
    routing: RoutingSource
    shield: Shield
    clock: Clock


class Aliases:
    """Lists a shopper's saved methods, and changes them."""

    def __init__(
        self,
        doors: AliasDoors,
        *,
        lease: timedelta,
        min_deadline_s: float = 0.0,
        limits: AliasTimeLimits = AliasTimeLimits(),  # noqa: B008 - frozen
    ) -> None:
        self._doors = doors
        database, clock, shield = doors.database, doors.clock, doors.shield
        sources = AliasSources(database, doors.providers, doors.back_office, clock, limits)
        self.listing = AliasListing(database, doors.routing, sources)
        """The list itself, for proposals and for whoever asks whose an alias is."""
        self._keepers = AliasKeepers(doors.providers, doors.back_office, doors.customers)
        self._changes = AliasChanges(database, shield, clock, lease, min_deadline_s)
        wake = Wake()
        self.news = AliasNews(database, clock, wake)
        """Who is to be told what webhooks say of aliases."""
        self.resolver = AliasResolver(
            AliasTools(database, doors.providers, doors.back_office, clock),
            self._changes,
            self._left_behind,
            lease,
            wake,
        )
        self._imports = AliasImports(
            database, doors.providers, doors.back_office, doors.routing, shield, clock, lease
        )

    async def list(self, query: AliasQuery) -> AliasList:
        """See `AliasListing.list`."""
        return await self.listing.list(query)

    async def start_setup(
        self, command: StartAliasSetupCommand, remaining_s: float | None
    ) -> StartedSetup:
        """Begin to save a method; raises as `AliasChanges.run` does."""
        change = self._setup(command)
        changed = await self._changes.run(change, remaining_s)
        return await change.started(changed.operation)

    async def set_default(
        self, command: ChangeAliasCommand, remaining_s: float | None
    ) -> ShopperAlias:
        """Make an alias the default; raises as `AliasChanges.run` does."""
        change = self._default(command)
        changed = await self._changes.run(change, remaining_s)
        return DefaultChange.answered(changed.answer)

    async def delete(self, command: ChangeAliasCommand, remaining_s: float | None) -> None:
        """Delete an alias for ever; raises as `AliasChanges.run` does."""
        await self._changes.run(self._delete(command), remaining_s)

    async def import_file(
        self, options: ImportOptions, chunks: AsyncIterator[bytes]
    ) -> ImportSummary:
        """See `AliasImports.run`."""
        return await self._imports.run(options, chunks)

    def _setup(self, command: StartAliasSetupCommand) -> SetupChange:
        doors = self._doors
        return SetupChange(
            command, doors.database, doors.providers, doors.routing, doors.customers, doors.clock
        )

    def _default(self, command: ChangeAliasCommand) -> DefaultChange:
        doors = self._doors
        return DefaultChange(command, doors.database, self.listing, self._keepers, doors.clock)

    def _delete(self, command: ChangeAliasCommand) -> DeleteChange:
        doors = self._doors
        return DeleteChange(command, doors.database, self.listing, self._keepers, doors.clock)

    def _left_behind(self, operation: AliasOperation) -> AliasChange:
        """Return a change that a caller began, as its row tells it."""
        if operation.kind is AliasOperationKind.START_SETUP:
            return self._setup(setup_command(operation))
        command = ChangeAliasCommand(operation.key, operation.customer_id, changed_alias(operation))
        is_default = operation.kind is AliasOperationKind.SET_DEFAULT
        return self._default(command) if is_default else self._delete(command)
