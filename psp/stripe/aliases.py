"""Saved payment methods at Stripe."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from psp.errors import NotFoundError, OutcomeUnknownError, PspError, RejectedError
from psp.port import AliasSetup, NextAction, NextActionKind, PaymentMethod, PspAlias
from psp.stripe.client import StripeCaller
from psp.stripe.fields import (
    JsonObject,
    nested,
    number,
    reference,
    require_object,
    required_text,
    text,
)
from psp.stripe.paging import read_all
from psp.stripe.paths import CUSTOMERS, PAYMENT_METHODS, SETUP_INTENTS, object_path

_METHODS: Final[Mapping[str, PaymentMethod]] = {
    "card": PaymentMethod.CARD,
    "paypal": PaymentMethod.PAYPAL,
}
# What a method is saved for, as with payments: PayPal knows agreements for later charges only.
_SETUPS: Final[Mapping[PaymentMethod, tuple[str, str]]] = {
    PaymentMethod.CARD: ("card", "on_session"),
    PaymentMethod.PAYPAL: ("paypal", "off_session"),
}
# Stripe API, PaymentMethod `allow_redisplay`: `limited` was saved for a purpose of its own and is
# not shown at checkout. `unspecified` is what methods get that are saved with a payment or
# imported; ours are saved only because the shopper asked for it.
_HIDDEN: Final = "limited"
_MAX_PAGES: Final = 10


class StripeAliases:
    """Saved methods of one account's customers. Raises the errors of `psp.errors` only."""

    def __init__(self, caller: StripeCaller) -> None:
        self._caller = caller

    async def shown(self, psp_customer: str) -> tuple[PspAlias, ...]:
        """Return cards and PayPal agreements that may be shown, newest first."""
        listed, default_id = await asyncio.gather(
            self._saved_methods(psp_customer), self._default_id(psp_customer)
        )
        return tuple(
            read_alias(method, default_id)
            for method in listed
            if text(method, "type") in _METHODS and text(method, "allow_redisplay") != _HIDDEN
        )

    async def start_setup(
        self, psp_customer: str, method: PaymentMethod, idempotency_key: str
    ) -> AliasSetup:
        """Create a SetupIntent, which the page confirms with Stripe.js.

        Not confirmed here, PayPal neither: who agrees to be charged later must be seen to agree,
        and Stripe.js sends along with what and from where she did (`mandate_data`).
        """
        method_type, usage = _SETUPS[method]
        parameters: dict[str, object] = {
            "customer": psp_customer,
            "allowed_payment_method_types": [method_type],
            "usage": usage,
        }
        return await self._caller.change(SETUP_INTENTS, parameters, idempotency_key, _read_setup)

    async def set_default(self, psp_customer: str, psp_alias: str, idempotency_key: str) -> None:
        """Make a method the customer's default."""
        path = object_path(self._caller.account, CUSTOMERS, psp_customer)
        parameters = {"invoice_settings": {"default_payment_method": psp_alias}}
        await self._caller.change(path, parameters, idempotency_key, _read_default_id)

    async def detach(self, psp_alias: str, idempotency_key: str) -> None:
        """Take a method from its customer; it can never be attached again.

        Stripe refuses to detach what is detached: if that is why, it is done.
        """
        path = object_path(self._caller.account, PAYMENT_METHODS, psp_alias, "detach")
        try:
            await self._caller.change(path, {}, idempotency_key, _read_owner)
        except NotFoundError:
            raise
        except RejectedError as refusal:
            if await self._owner(psp_alias, refusal):
                raise

    async def _owner(self, psp_alias: str, refusal: RejectedError) -> str:
        path = object_path(self._caller.account, PAYMENT_METHODS, psp_alias)
        try:
            return await self._caller.read(path, {}, _read_owner)
        except PspError as unread:
            detail = f"{refusal.detail}; what is true could not be read: {unread.detail}"
            raise OutcomeUnknownError(refusal.account, detail, refusal.code) from unread

    async def _saved_methods(self, psp_customer: str) -> list[JsonObject]:
        path = object_path(self._caller.account, CUSTOMERS, psp_customer, "payment_methods")
        listed = read_all(self._caller, path, {}, _MAX_PAGES)
        return [method async for method in listed if text(method, "id")]

    async def _default_id(self, psp_customer: str) -> str:
        path = object_path(self._caller.account, CUSTOMERS, psp_customer)
        return await self._caller.read(path, {}, _read_default_id)


def read_alias(method: JsonObject, default_id: str) -> PspAlias:
    """Read a PaymentMethod of one of our types; raises `UnreadableAnswerError` without an id."""
    kind = text(method, "type")
    details = nested(method, kind)
    alias_id = required_text(method, "id")
    return PspAlias(
        psp_alias=alias_id,
        method=_METHODS[kind],
        brand=text(details, "brand") or kind,
        last4=text(details, "last4"),
        expiry_month=number(details, "exp_month"),
        expiry_year=number(details, "exp_year"),
        is_default=alias_id == default_id,
        label=_masked(text(details, "payer_email")),
    )


def _read_default_id(answer: JsonObject) -> str:
    customer = require_object(answer, "customer")
    return reference(nested(customer, "invoice_settings"), "default_payment_method")


def _read_setup(answer: JsonObject) -> AliasSetup:
    intent = require_object(answer, "setup_intent")
    secret = required_text(intent, "client_secret")
    confirm = NextAction(NextActionKind.CONFIRM, client_secret=secret)
    return AliasSetup(required_text(intent, "id"), confirm)


def _read_owner(answer: JsonObject) -> str:
    return reference(require_object(answer, "payment_method"), "customer")


def _masked(email: str) -> str:
    """Return what a shopper recognises an address by: `j***@example.com`."""
    name, at, host = email.partition("@")
    return f"{name[:1]}***@{host}" if name and at else ""
