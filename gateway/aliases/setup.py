"""StartAliasSetup: a method to be saved without a purchase, at the PSP that serves the shopper.

A PSP that keeps aliases itself has a set-up of its own. One that saves with a payment only takes a
verification: an authorisation on its page that is released again (`gateway.domain.verifications`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.aliases.changing import Planned
from gateway.aliases.commands import StartAliasSetupCommand
from gateway.aliases.values import StartedSetup
from gateway.aliases.verification import (
    is_verification,
    order_id_of,
    verification_order,
    verification_parameters,
    verification_row,
)
from gateway.clock import Clock
from gateway.domain.aliases import AliasOperation, AliasOperationKind
from gateway.domain.requests import JsonAnswer, RequestKey
from gateway.domain.route_rules import explain
from gateway.domain.routing import RouteQuery
from gateway.errors import PaygateError, Reason
from gateway.payments.creation import KnownCustomers
from gateway.refusals import refusal_error
from gateway.routing.source import RoutingSource
from gateway.storage.alias_operations import find_alias_operation, insert_alias_operation
from gateway.storage.database import Database
from gateway.storage.writes import Write
from psp.errors import RejectedError
from psp.port import AliasSetup, Capability, PaymentMethod, PaymentServiceProvider

_PSP_CUSTOMER: Final = "psp_customer"
_METHOD: Final = "method"
_RETURN_URL: Final = "return_url"
_CUSTOMER_GONE: Final = "resource_missing"


class SetupChange:
    """One set-up; `kind` and the rest as `AliasChange` wants them."""

    kind = AliasOperationKind.START_SETUP

    def __init__(
        self,
        command: StartAliasSetupCommand,
        database: Database,
        providers: Mapping[str, PaymentServiceProvider],
        routing: RoutingSource,
        customers: KnownCustomers,
        clock: Clock,
    ) -> None:
        self._command = command
        self._database = database
        self._providers = providers
        self._routing = routing
        self._customers = customers
        self._clock = clock
        self._setup: AliasSetup | None = None

    @property
    def key(self) -> RequestKey:
        """The request."""
        return self._command.key

    @property
    def customer_id(self) -> str:
        """Who saves."""
        return self._command.customer_id

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return self._command.fingerprint

    async def plan(self) -> Planned:
        """Find the account that serves her, if it can save a method without a payment."""
        command = self._command
        query = RouteQuery(command.country_code, command.method, customer_id=command.customer_id)
        table = self._routing.table
        decision = explain(table, query)
        account = decision.account
        if account is None:
            raise refusal_error(decision.refused_steps)
        if Capability.ALIASES not in self._providers[account].capabilities:
            if not table.accounts[account].methods[command.method].saves_with_payment:
                raise _saves_nothing(account, command.method)
            return Planned(account, verification_parameters(command, table, account))
        psp_customer = await self._customers.psp_customer(command.customer_id, account)
        if psp_customer is None:
            raise _not_ensured(command.customer_id, account)
        parameters = {
            _PSP_CUSTOMER: psp_customer,
            _METHOD: command.method.value,
            _RETURN_URL: command.return_url,
        }
        return Planned(account, parameters)

    async def send(self, operation: AliasOperation) -> JsonAnswer:
        """Begin the set-up. What its page needs is a secret, and is not in the answer."""
        setup = await self._ask(operation)
        return {"psp_reference": setup.psp_reference}

    async def ending(self, operation: AliasOperation) -> Sequence[Write]:
        """Write down the verification, if it takes one: from now on she can pay it.

        Else nothing: there is an alias once the shopper did her part.
        """
        if not is_verification(operation):
            return []
        setup = self._setup or await self._ask(operation)
        return [
            insert_alias_operation(verification_row(operation, setup.psp_reference, self._clock))
        ]

    async def started(self, operation: AliasOperation) -> StartedSetup:
        """Return the set-up with its secret; if it was begun before, the PSP is asked again.

        The same key gets the same set-up while the PSP remembers it, and later a new one, which
        costs nothing. A verification that is over has nothing left for the shopper to do.
        """
        setup = self._setup or await self._ask(operation)
        action = setup.next_action
        if is_verification(operation):
            begun = await find_alias_operation(self._database, order_id_of(operation))
            action = action if begun is not None and begun.next_check_time is not None else None
        return StartedSetup(operation.psp_account, setup.psp_reference, action)

    async def _ask(self, operation: AliasOperation) -> AliasSetup:
        given, provider = operation.parameters, self._providers[operation.psp_account]
        if is_verification(operation):
            created = await provider.create_payment(verification_order(operation))
            self._setup = AliasSetup(created.psp_reference, created.next_action)
            return self._setup
        try:
            self._setup = await provider.start_alias_setup(
                given[_PSP_CUSTOMER],
                PaymentMethod(given[_METHOD]),
                given[_RETURN_URL],
                operation.idempotency_key,
            )
        except RejectedError as refused:
            if refused.code == _CUSTOMER_GONE:
                # She may have been deleted there: EnsureCustomer then looks, and makes her anew.
                await self._customers.forget(operation.customer_id, operation.psp_account)
            raise
        return self._setup


def setup_command(operation: AliasOperation) -> StartAliasSetupCommand:
    """Return what asked for a set-up, as far as its row tells: enough to send it again."""
    given = operation.parameters
    return StartAliasSetupCommand(
        key=operation.key,
        customer_id=operation.customer_id,
        country_code="",  # it decided the account, which stands
        method=PaymentMethod(given[_METHOD]),
        return_url=given[_RETURN_URL],
    )


def _saves_nothing(account: str, method: PaymentMethod) -> PaygateError:
    return PaygateError(
        Reason.METHOD_NOT_OFFERED,
        f"{account} cannot save {method} without a purchase",
        metadata={"psp_account": account},
    )


def _not_ensured(customer_id: str, account: str) -> PaygateError:
    return PaygateError(
        Reason.CUSTOMER_NOT_ENSURED,
        f"{account} does not know the customer {customer_id}: "
        "call EnsureCustomer for this country first",
        metadata={"customer_id": customer_id, "psp_account": account},
    )
