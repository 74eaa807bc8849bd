"""What is sent to create a PaymentIntent: a pure function of the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psp.errors import RejectedError
from psp.port import CapturePolicy, CreatePayment, PaymentMethod
from psp.stripe.money import AmountError, to_stripe_amount

PAYMENT_ID: Final = "paygate_payment_id"
"""Metadata that names the payment by our id; `find_payment` and events read it."""
ORDER_ID: Final = "paygate_order_id"
_OURS: Final = "paygate_"

EXPAND: Final = ("latest_charge", "review")
"""What a PaymentIntent is answered with once there can be a charge: one reader serves all."""

_METHOD_TYPES: Final[Mapping[PaymentMethod, str]] = {
    PaymentMethod.CARD: "card",
    PaymentMethod.PAYPAL: "paypal",
}
_CAPTURE_METHODS: Final[Mapping[CapturePolicy, str]] = {
    CapturePolicy.AUTOMATIC: "automatic_async",
    CapturePolicy.AT_ORDER: "manual",
    CapturePolicy.MANUAL: "manual",
}
# PayPal knows agreements for later charges only. A card saved on session may still be charged off
# session; the issuer then asks for the shopper more often.
_SAVED_FOR: Final[Mapping[PaymentMethod, str]] = {
    PaymentMethod.CARD: "on_session",
    PaymentMethod.PAYPAL: "off_session",
}
# Stripe API, metadata: 50 keys, 40 characters a key, 500 a value.
_MAX_KEYS: Final = 50
_MAX_KEY: Final = 40
_MAX_VALUE: Final = 500
_MAX_DESCRIPTION: Final = 1000


def payment_parameters(account: str, request: CreatePayment) -> dict[str, object]:
    """Return the parameters of `POST /v1/payment_intents`.

    Raises `RejectedError`, before anything is sent, for an amount Stripe cannot express, metadata
    it would not hold and a method that is to be saved for nobody.
    """
    parameters: dict[str, object] = {
        "amount": stripe_amount(account, request),
        "currency": request.amount.currency.lower(),
        "allowed_payment_method_types": [_METHOD_TYPES[request.method]],
        "capture_method": _CAPTURE_METHODS[request.capture_policy],
        "description": f"Order {request.order_id}"[:_MAX_DESCRIPTION],
        "metadata": _metadata(account, request),
    }
    if request.psp_customer:
        parameters["customer"] = request.psp_customer
    # An alias is saved already; Stripe refuses to save what it charges without the shopper.
    if request.save_alias and not request.psp_alias:
        if not request.psp_customer:
            detail = "a method can be saved for a customer only"
            raise RejectedError(account, detail, "customer_required")
        parameters["setup_future_usage"] = _SAVED_FOR[request.method]
    confirmation = _confirmation(request)
    if confirmation:
        # One that is not confirmed yet has neither charge nor review.
        parameters["expand"] = list(EXPAND)
    return parameters | confirmation


def stripe_amount(account: str, request: CreatePayment) -> int:
    """Return `amount` in Stripe's units; raises `RejectedError` if it cannot be expressed."""
    try:
        amount = to_stripe_amount(request.amount)
    except AmountError as error:
        raise RejectedError(account, str(error), "amount_invalid") from error
    if amount == 0:
        raise RejectedError(account, "a payment of nothing cannot be made", "amount_invalid")
    return amount


def _confirmation(request: CreatePayment) -> dict[str, object]:
    """Return what asks Stripe to confirm at once, if it can.

    Stripe API: `return_url` and `off_session` are taken with `confirm=true` only.
    """
    if request.psp_alias:
        confirmed: dict[str, object] = {"confirm": True, "payment_method": request.psp_alias}
        if not request.shopper_present:
            return confirmed | {"off_session": True}
        return confirmed | _return_url(request)
    if request.method is PaymentMethod.PAYPAL and request.return_url:
        # There is nothing for a page to enter: confirming now answers with the redirect.
        data = {"type": "paypal"}
        return {"confirm": True, "payment_method_data": data} | _return_url(request)
    return {}


def _return_url(request: CreatePayment) -> dict[str, object]:
    return {"return_url": request.return_url} if request.return_url else {}


def _metadata(account: str, request: CreatePayment) -> dict[str, str]:
    ours = {PAYMENT_ID: request.payment_id, ORDER_ID: request.order_id}
    # Cutting one of our own ids would make it another's; a caller's note may be cut.
    fits = all(0 < len(value) <= _MAX_VALUE for value in ours.values()) and all(
        0 < len(key) <= _MAX_KEY and not key.startswith(_OURS) and not set("[]") & set(key)
        for key in request.metadata
    )
    if not fits or len(request.metadata) + len(ours) > _MAX_KEYS:
        detail = f"metadata: at most {_MAX_KEYS} keys of {_MAX_KEY} characters, none ours"
        raise RejectedError(account, detail, "metadata_invalid")
    notes = {key: value[:_MAX_VALUE] for key, value in request.metadata.items() if value}
    return notes | ours
