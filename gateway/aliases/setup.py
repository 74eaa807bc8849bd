"""StartAliasSetup: a method to be saved without a payment, at the PSP that serves the shopper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.aliases.changing import Planned
from gateway.aliases.commands import StartAliasSetupCommand
from gateway.aliases.values import StartedSetup
from gateway.domain.aliases import AliasOperation, AliasOperationKind
from gateway.domain.requests import JsonAnswer, RequestKey
from gateway.domain.route_rules import explain
from gateway.domain.routing import RouteQuery
from gateway.errors import PaygateError, Reason
from gateway.payments.creation import KnownCustomers
from gateway.refusals import refusal_error
from gateway.routing.source import RoutingSource
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
        providers: Mapping[str, PaymentServiceProvider],
        routing: RoutingSource,
        customers: KnownCustomers,
    ) -> None:
        self._command = command
        self._providers = providers
        self._routing = routing
        self._customers = customers
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
        decision = explain(self._routing.table, query)
        if decision.account is None:
            raise refusal_error(decision.refused_steps)
        if Capability.ALIASES not in self._providers[decision.account].capabilities:
            raise _with_payments_only(decision.account, command.method)
        psp_customer = await self._customers.psp_customer(command.customer_id, decision.account)
        if psp_customer is None:
            raise _not_ensured(command.customer_id, decision.account)
        parameters = {
            _PSP_CUSTOMER: psp_customer,
            _METHOD: command.method.value,
            _RETURN_URL: command.return_url,
        }
        return Planned(decision.account, parameters)

    async def send(self, operation: AliasOperation) -> JsonAnswer:
        """Begin the set-up. What its page needs is a secret, and is not in the answer."""
        setup = await self._ask(operation)
        return {"psp_reference": setup.psp_reference}

    async def ending(self, operation: AliasOperation) -> Sequence[Write]:  # noqa: ARG002 - nothing depends on which
        """Nothing: there is an alias once the shopper did her part."""
        return []

    async def started(self, operation: AliasOperation) -> StartedSetup:
        """Return the set-up with its secret; if it was begun before, the PSP is asked again.

        The same key gets the same set-up while the PSP remembers it, and later a new one, which
        costs nothing.
        """
        setup = self._setup or await self._ask(operation)
        return StartedSetup(operation.psp_account, setup.psp_reference, setup.next_action)

    async def _ask(self, operation: AliasOperation) -> AliasSetup:
        given = operation.parameters
        try:
            self._setup = await self._providers[operation.psp_account].start_alias_setup(
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


def _with_payments_only(account: str, method: PaymentMethod) -> PaygateError:
    return PaygateError(
        Reason.METHOD_NOT_OFFERED,
        f"{account} saves {method} with a payment only: create one with save_alias instead",
        metadata={"psp_account": account},
    )


def _not_ensured(customer_id: str, account: str) -> PaygateError:
    return PaygateError(
        Reason.CUSTOMER_NOT_ENSURED,
        f"{account} does not know the customer {customer_id}: "
        "call EnsureCustomer for this country first",
        metadata={"customer_id": customer_id, "psp_account": account},
    )
