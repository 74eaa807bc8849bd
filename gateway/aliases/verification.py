"""A verification as rows and requests: what is asked of the PSP, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter

from gateway.aliases.commands import StartAliasSetupCommand
from gateway.clock import Clock
from gateway.domain.aliases import AliasOperation, AliasOperationKind
from gateway.domain.requests import RequestKey
from gateway.domain.routing import RoutingTable
from gateway.domain.verifications import FIRST_LOOK, verification_amount
from gateway.errors import FieldViolation, PaygateError, Reason
from gateway.ids import new_id
from legacy_bridge.port import LegacyAlias
from psp.money import Money
from psp.port import CancelPayment, CapturePolicy, CreatePayment, PaymentMethod, PspAlias

_ORDER_ID: Final = "order_id"
_METHOD: Final = "method"
_COUNTRY: Final = "country_code"
_AMOUNT: Final = "amount_minor"
_CURRENCY: Final = "currency"
_RETURN_URL: Final = "return_url"
_PSP_REFERENCE: Final = "psp_reference"
_ALIAS: Final = "alias"
_PSP_ALIAS: Final = TypeAdapter(PspAlias)
NO_REQUEST: Final = RequestKey("", "", "")
"""What the gateway does by itself answers nobody."""


def verification_parameters(
    command: StartAliasSetupCommand, table: RoutingTable, account: str
) -> Mapping[str, str]:
    """Return all that it takes to send a shopper to the PSP's page, again and again the same.

    Raises `PaygateError` INVALID_FIELDS if she could not come back from there.
    """
    if not command.return_url:
        message = f"{command.method} sends the browser to the PSP: say where it comes back to"
        raise PaygateError(
            Reason.INVALID_FIELDS, message, fields=[FieldViolation("return_url", message)]
        )
    policy = table.countries[command.country_code]
    taken = policy.by_method[command.method].limits_at(account)
    amount = verification_amount(next(each for each in policy.currencies if each in taken))
    return {
        # Made here, never used twice: the PSP knows the order by it and names the alias from it.
        _ORDER_ID: new_id("alo"),
        _METHOD: command.method.value,
        _COUNTRY: command.country_code,
        _AMOUNT: str(amount.amount_minor),
        _CURRENCY: amount.currency,
        _RETURN_URL: command.return_url,
    }


def is_verification(operation: AliasOperation) -> bool:
    """Whether a set-up takes a verification."""
    return _ORDER_ID in operation.parameters


def order_id_of(setup: AliasOperation) -> str:
    """Return the id of a set-up's verification, ours and the PSP's."""
    return setup.parameters[_ORDER_ID]


def verification_order(setup: AliasOperation) -> CreatePayment:
    """Return the order that a shopper pays to save her card: authorised, never captured."""
    given = setup.parameters
    return CreatePayment(
        payment_id=given[_ORDER_ID],
        order_id=given[_ORDER_ID],
        amount=amount_of(setup),
        method=PaymentMethod(given[_METHOD]),
        country_code=given[_COUNTRY],
        capture_policy=CapturePolicy.MANUAL,
        idempotency_key=setup.idempotency_key,
        save_alias=True,
        return_url=given[_RETURN_URL],
    )


def verification_row(setup: AliasOperation, psp_reference: str, clock: Clock) -> AliasOperation:
    """Return what is written down before the shopper is sent to the PSP's page."""
    now = clock()
    return AliasOperation(
        id=order_id_of(setup),
        kind=AliasOperationKind.VERIFY,
        customer_id=setup.customer_id,
        psp_account=setup.psp_account,
        idempotency_key=f"paygate-{order_id_of(setup)}",
        parameters={**setup.parameters, _PSP_REFERENCE: psp_reference},
        key=NO_REQUEST,
        create_time=now,
        next_check_time=now + FIRST_LOOK,
    )


def amount_of(operation: AliasOperation) -> Money:
    """Return what is authorised."""
    given = operation.parameters
    return Money(int(given[_AMOUNT]), given[_CURRENCY])


def psp_reference_of(verification: AliasOperation) -> str:
    """Return the PSP's id of the order."""
    return verification.parameters[_PSP_REFERENCE]


def release_of(verification: AliasOperation) -> CancelPayment:
    """Return the request that gives an authorisation back."""
    return CancelPayment(
        psp_reference=psp_reference_of(verification),
        idempotency_key=f"{verification.idempotency_key}-release",
    )


def with_alias(parameters: Mapping[str, str], alias: PspAlias) -> Mapping[str, str]:
    """Return parameters that say what was saved; the first word on it stays."""
    return {_ALIAS: _PSP_ALIAS.dump_json(alias).decode(), **parameters}


def saved_alias(operation: AliasOperation) -> LegacyAlias | None:
    """Return what was saved, for the back office; None if the PSP has not said it."""
    stored = operation.parameters.get(_ALIAS)
    if stored is None:
        return None
    alias = _PSP_ALIAS.validate_json(stored)
    return LegacyAlias(
        alias=alias.psp_alias,
        customer_id=operation.customer_id,
        psp_account=operation.psp_account,
        brand=alias.brand,
        last4=alias.last4,
        expiry_month=alias.expiry_month,
        expiry_year=alias.expiry_year,
        method=alias.method.value,
    )
