"""Values that tests of the Stripe adapter start from."""

from __future__ import annotations

from pydantic import SecretStr

from psp.money import Money
from psp.port import CapturePolicy, CreatePayment, PaymentMethod, RefundPayment
from psp.stripe.config import StripeAccountConfig

JsonDict = dict[str, object]


def account_config(**changes: object) -> StripeAccountConfig:
    """Return a valid configuration whose secrets need no environment."""
    values: JsonDict = {
        "psp": "stripe",
        "api_key": SecretStr("sk_test_adapter"),
        "publishable_key": "pk_test_adapter",
        "webhook_secrets": (SecretStr("whsec_one"), SecretStr("whsec_two")),
        "api_base": "https://api.stripe.com",
        "connect_timeout_s": 5.0,
        "read_timeout_s": 10.0,
        "total_timeout_s": 20.0,
        "max_network_retries": 2,
    }
    return StripeAccountConfig.model_construct(None, **{**values, **changes})  # type: ignore[arg-type]  # fields by name


def create_request(**changes: object) -> CreatePayment:
    """Return a card payment of 12.34 EUR that the gateway captures."""
    values: JsonDict = {
        "payment_id": "pay_1",
        "order_id": "order-1",
        "amount": Money(1234, "EUR"),
        "method": PaymentMethod.CARD,
        "country_code": "FR",
        "capture_policy": CapturePolicy.AT_ORDER,
        "idempotency_key": "key-1",
    }
    return CreatePayment(**{**values, **changes})  # type: ignore[arg-type]  # fields by name


def payment_intent(**changes: object) -> JsonDict:
    """Return a fresh PaymentIntent as Stripe answers it, the fields that matter."""
    intent: JsonDict = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 1234,
        "amount_capturable": 0,
        "amount_received": 0,
        "cancellation_reason": None,
        "client_secret": "pi_1_secret_abc",
        "currency": "eur",
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": {"paygate_payment_id": "pay_1", "paygate_order_id": "order-1"},
        "next_action": None,
        "review": None,
        "status": "requires_payment_method",
    }
    return {**intent, **changes}


def charge(**changes: object) -> JsonDict:
    """Return a captured card charge, the fields that matter."""
    values: JsonDict = {
        "id": "ch_1",
        "object": "charge",
        "amount": 1234,
        "amount_captured": 1234,
        "amount_refunded": 0,
        "created": 1_800_000_000,
        "outcome": {"type": "authorized"},
        "payment_method_details": {"type": "card", "card": {"capture_before": 1_800_600_000}},
        "review": None,
        "status": "succeeded",
    }
    return {**values, **changes}


def refund(**changes: object) -> JsonDict:
    """Return a succeeded refund of 5 EUR that is ours, the fields that matter."""
    values: JsonDict = {
        "id": "re_1",
        "object": "refund",
        "amount": 500,
        "charge": "ch_1",
        "created": 1_800_000_000,
        "currency": "eur",
        "metadata": {"paygate_refund_id": "ref_1"},
        "payment_intent": "pi_1",
        "reason": "requested_by_customer",
        "status": "succeeded",
    }
    return {**values, **changes}


def refund_request(**changes: object) -> RefundPayment:
    """Return a refund of 5 EUR of the payment pi_1."""
    values: JsonDict = {
        "refund_id": "ref_1",
        "psp_reference": "pi_1",
        "amount": Money(500, "EUR"),
        "idempotency_key": "refund-1",
    }
    return RefundPayment(**{**values, **changes})  # type: ignore[arg-type]  # fields by name
