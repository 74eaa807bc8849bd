"""What the demo's steps have in common: a purchase's first calls, told as they are made."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from gateway.client import (
    AsyncPaygateClient,
    InProgressError,
    new_request_id,
)
from gateway.demo.stage import Stage
from gateway.demo.telling import Telling
from paygate.v1.customer_service_pb2 import (
    CustomerLink,
    CustomerProfile,
    EnsureCustomerRequest,
    EnsureOutcome,
)
from paygate.v1.money_pb2 import Money as MoneyMessage
from paygate.v1.payment_service_pb2 import (
    PAYMENT_METHOD_CARD,
    CreatePaymentRequest,
    CreatePaymentResponse,
    PaymentState,
)
from psp.money import Money

TOTAL: Final = Money(1999, "EUR")


def creation(order_id: str, **changes: object) -> CreatePaymentRequest:
    """Return a request to pay an order of 19.99 EUR in France by card."""
    values: dict[str, object] = {
        "request_id": new_request_id(),
        "order_id": order_id,
        "country_code": "FR",
        "method": PAYMENT_METHOD_CARD,
        "amount": money_message(TOTAL),
    }
    return CreatePaymentRequest(**{**values, **changes})  # type: ignore[arg-type]  # fields by name


async def ensure(stage: Stage, telling: Telling) -> CustomerLink:
    """Make the shopper known to the PSP that serves her, and tell what that was."""
    profile = CustomerProfile(email="claire@example.com", name="Claire Martin")
    request = EnsureCustomerRequest(customer_id="shopper-1", country_code="FR", profile=profile)
    (link,) = (await stage.client.ensure_customer(request)).links
    outcome = short(EnsureOutcome.Name(link.outcome))
    telling.say("EnsureCustomer", {"outcome": outcome, "psp_customer": link.psp_customer})
    return link


async def create(
    stage: Stage, telling: Telling, request: CreatePaymentRequest
) -> CreatePaymentResponse:
    """Create a payment, and tell what was answered."""
    answer = await stage.client.create_payment(request)
    telling.say(
        "CreatePayment",
        {
            "payment": answer.payment.id,
            "state": short(PaymentState.Name(answer.payment.state)),
            "next": answer.next_action.WhichOneof("action") or "nothing",
        },
    )
    return answer


async def patiently(
    client: AsyncPaygateClient, telling: Telling, request: CreatePaymentRequest
) -> CreatePaymentResponse:
    """Send the same request until it no longer runs, as the error's RetryInfo asks."""
    while True:
        try:
            return await client.create_payment(request)
        except InProgressError as running:
            telling.say("still running, so the client waits", {"reason": running.reason})
            await asyncio.sleep(running.retry_after_s or 0.2)


def short(name: str) -> str:
    """Return an enum's value without its prefix: the telling is for people."""
    for prefix in ("PAYMENT_STATE_", "PAYMENT_METHOD_", "ENSURE_OUTCOME_"):
        name = name.removeprefix(prefix)
    return name


def intents_of(stage: Stage, order_id: str) -> list[dict[str, Any]]:
    """Return the payments of an order in the sandbox's own books."""
    kept: list[Any] = [books["payment_intents"] for books in stage.sandbox.books()]
    return [
        intent
        for intents in kept
        for intent in intents
        if intent["metadata"]["paygate_order_id"] == order_id
    ]


def money_message(money: Money) -> MoneyMessage:
    """Write money as the contract has it."""
    return MoneyMessage(amount_minor=money.amount_minor, currency_code=money.currency)
