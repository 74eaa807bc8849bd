"""CreatePayment: route, write down, send, settle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from gateway.clock import Clock
from gateway.domain.aliases import AliasReference, parse_alias_id
from gateway.domain.beginnings import Beginning, NewPayment, begin_payment
from gateway.domain.operation_rules import (
    OFF_SESSION,
    PSP_ALIAS,
    PSP_CUSTOMER,
    RETURN_URL,
    SAVE_ALIAS,
    flag,
)
from gateway.domain.requests import StoredRequest
from gateway.domain.route_rules import explain, route
from gateway.domain.routing import RouteQuery, RoutingTable
from gateway.errors import FieldViolation, PaygateError, Reason
from gateway.payments.books import PaymentBooks
from gateway.payments.commands import CreatedPayment, CreatePaymentCommand
from gateway.payments.replay import Replays
from gateway.payments.sending import OperationSender, is_unknown_there
from gateway.payments.time_left import require_time
from gateway.refusals import refusal_error
from gateway.routing.source import RoutingSource
from gateway.shield import Shield
from gateway.storage.operations import insert_operation
from gateway.storage.requests import insert_request
from gateway.storage.writes import AlreadyExistsError
from psp.methods import MethodTraits, Presentation
from psp.port import Capability

_NO_ALIAS = AliasReference("", "")


class KnownCustomers(Protocol):
    """Who knows under which id a PSP knows a shopper."""

    async def psp_customer(self, customer_id: str, psp_account: str) -> str | None:
        """Return the PSP's id of the shopper; None if the PSP was never told of her."""

    async def forget(self, customer_id: str, psp_account: str) -> None:
        """The PSP seems not to know her any more: EnsureCustomer is to ask it again."""


class AliasOwners(Protocol):
    """Who knows whose a saved method is."""

    async def chargeable(self, customer_id: str, reference: AliasReference) -> object:
        """Raise `PaygateError` unless the alias is the shopper's, and has not expired."""


@dataclass(frozen=True, slots=True)
class CreationLimits:
    """Times that bound a creation."""

    min_deadline_s: float
    lease: timedelta


class PaymentCreation:
    """Creates payments."""

    def __init__(  # noqa: PLR0913 - what a creation takes, each once and by name
        self,
        *,
        books: PaymentBooks,
        sender: OperationSender,
        replays: Replays,
        routing: RoutingSource,
        customers: KnownCustomers,
        owners: AliasOwners,
        shield: Shield,
        clock: Clock,
        limits: CreationLimits,
    ) -> None:
        self._books = books
        self._sender = sender
        self._replays = replays
        self._routing = routing
        self._customers = customers
        self._owners = owners
        self._shield = shield
        self._clock = clock
        self._limits = limits

    async def create(
        self, command: CreatePaymentCommand, remaining_s: float | None
    ) -> CreatedPayment:
        """Create a payment at the PSP that serves it, or answer as this request was before.

        A decline is an answer. Raises `PaygateError` and the errors of `psp.errors`.
        """
        try:
            beginning = await self._begin(command)
        except PaygateError:
            # What was answered once stays answered, also when the rules have changed since.
            answered = await self._replays.find(command.key, command.fingerprint)
            if answered is None:
                raise
            return await self._replays.with_next_action(command.key, answered)
        require_time(remaining_s, self._limits.min_deadline_s)
        return await self._shield.run(self._write_and_send(command, beginning))

    async def _begin(self, command: CreatePaymentCommand) -> Beginning:
        table = self._routing.table
        alias = _alias_of(command)
        account = _account_for(command, alias, table)
        _require_return_url(command, table.accounts[account].methods[command.method])
        psp_customer = await self._psp_customer(command, account)
        if (
            alias.psp_alias
            and Capability.ALIASES not in self._sender.provider_at(account).capabilities
        ):
            # A PSP that keeps no list of a shopper's aliases charges whichever it is told.
            await self._owners.chargeable(command.customer_id, alias)
        parameters = {
            PSP_CUSTOMER: psp_customer,
            PSP_ALIAS: alias.psp_alias,
            SAVE_ALIAS: flag(command.save_alias),
            OFF_SESSION: flag(command.off_session),
            RETURN_URL: command.return_url,
        }
        new = NewPayment(
            order_id=command.order_id,
            customer_id=command.customer_id,
            country_code=command.country_code,
            method=command.method,
            amount=command.amount,
            capture_policy=table.countries[command.country_code].capture_policy,
            psp_account=account,
            config_digest=table.digest,
        )
        given = {name: value for name, value in parameters.items() if value}
        beginning = begin_payment(new, given, command.key, self._clock(), self._limits.lease)
        self._sender.provider_at(account)  # or refuse before it is written
        return beginning

    async def _psp_customer(self, command: CreatePaymentCommand, account: str) -> str:
        if not command.customer_id:
            return ""
        if Capability.CUSTOMERS not in self._sender.provider_at(account).capabilities:
            return ""  # this PSP keeps no shoppers
        psp_customer = await self._customers.psp_customer(command.customer_id, account)
        if psp_customer is None:
            raise PaygateError(
                Reason.CUSTOMER_NOT_ENSURED,
                f"{account} does not know the customer {command.customer_id}: "
                "call EnsureCustomer for this country first",
                metadata={"customer_id": command.customer_id, "psp_account": account},
            )
        return psp_customer

    async def _write_and_send(
        self, command: CreatePaymentCommand, beginning: Beginning
    ) -> CreatedPayment:
        payment, operation = beginning.change.payment, beginning.operation
        request = StoredRequest(
            key=command.key,
            fingerprint=command.fingerprint,
            resource_id=payment.id,
            create_time=payment.create_time,
        )
        writes = [insert_request(request), insert_operation(operation)]
        try:
            await self._books.open(beginning.change, payment.create_time, writes)
        except AlreadyExistsError:
            return await self._replayed(command)
        settled = await self._sender.send(payment, operation)
        if operation.parameters.get(PSP_CUSTOMER) and is_unknown_there(settled.refusal):
            # She may have been deleted there: EnsureCustomer then looks, and makes her anew.
            await self._customers.forget(command.customer_id, payment.psp_account)
        settled.raise_refusal()
        return CreatedPayment(settled.payment, settled.next_action)

    async def _replayed(self, command: CreatePaymentCommand) -> CreatedPayment:
        answered = await self._replays.find(command.key, command.fingerprint)
        if answered is None:
            # The first sending surely did nothing, and was forgotten between our two looks.
            raise self._replays.just_forgotten(command.key)
        return await self._replays.with_next_action(command.key, answered)


def _alias_of(command: CreatePaymentCommand) -> AliasReference:
    return parse_alias_id(command.alias_id) if command.alias_id else _NO_ALIAS


def _account_for(command: CreatePaymentCommand, alias: AliasReference, table: RoutingTable) -> str:
    query = RouteQuery(
        country_code=command.country_code,
        method=command.method,
        amount=command.amount,
        customer_id=command.customer_id,
        order_id=command.order_id,
        alias_account=alias.psp_account,
    )
    account = route(table, query).account
    if account is None:
        raise refusal_error(explain(table, query).refused_steps)
    return account


def _require_return_url(command: CreatePaymentCommand, traits: MethodTraits) -> None:
    """Refuse a payment whose shopper leaves for the PSP and could not come back."""
    leaves = traits.presentation is Presentation.REDIRECT and not command.off_session
    if leaves and not command.return_url:
        message = f"{command.method} sends the browser to the PSP: say where it comes back to"
        raise PaygateError(
            Reason.INVALID_FIELDS, message, fields=[FieldViolation("return_url", message)]
        )
