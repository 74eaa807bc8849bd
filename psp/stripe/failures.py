"""Why a shopper's attempt failed: Stripe's codes in the port's categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psp.port import FailureCategory, PspFailure
from psp.stripe.fields import JsonObject, text
from psp.stripe.redaction import redacted

_C = FailureCategory

# Stripe, "Decline codes" and "Error codes". What is not listed is an ordinary decline.
_CATEGORIES: Final[Mapping[str, FailureCategory]] = {
    "insufficient_funds": _C.INSUFFICIENT_FUNDS,
    "withdrawal_count_limit_exceeded": _C.INSUFFICIENT_FUNDS,
    "card_velocity_exceeded": _C.INSUFFICIENT_FUNDS,
    "expired_card": _C.EXPIRED_CARD,
    "expired_payment_method": _C.EXPIRED_CARD,
    "incorrect_address": _C.INCORRECT_DATA,
    "incorrect_cvc": _C.INCORRECT_DATA,
    "incorrect_number": _C.INCORRECT_DATA,
    "incorrect_pin": _C.INCORRECT_DATA,
    "incorrect_zip": _C.INCORRECT_DATA,
    "incorrect_postal_code": _C.INCORRECT_DATA,
    "invalid_cvc": _C.INCORRECT_DATA,
    "invalid_expiry_month": _C.INCORRECT_DATA,
    "invalid_expiry_year": _C.INCORRECT_DATA,
    "invalid_number": _C.INCORRECT_DATA,
    "authentication_required": _C.AUTHENTICATION_FAILED,
    "authentication_failure": _C.AUTHENTICATION_FAILED,
    "authentication_not_handled": _C.AUTHENTICATION_FAILED,
    "mobile_device_authentication_required": _C.AUTHENTICATION_FAILED,
    "offline_pin_required": _C.AUTHENTICATION_FAILED,
    "online_or_offline_pin_required": _C.AUTHENTICATION_FAILED,
    "payment_intent_authentication_failure": _C.AUTHENTICATION_FAILED,
    "three_d_secure_authentication_not_supported": _C.AUTHENTICATION_FAILED,
    "fraudulent": _C.FRAUD_SUSPECTED,
    "highest_risk_level": _C.FRAUD_SUSPECTED,
    "elevated_risk_level": _C.FRAUD_SUSPECTED,
    "lost_card": _C.FRAUD_SUSPECTED,
    "merchant_blacklist": _C.FRAUD_SUSPECTED,
    "pickup_card": _C.FRAUD_SUSPECTED,
    "restricted_card": _C.FRAUD_SUSPECTED,
    "rule": _C.FRAUD_SUSPECTED,
    "security_violation": _C.FRAUD_SUSPECTED,
    "stolen_card": _C.FRAUD_SUSPECTED,
    "approve_with_id": _C.PROCESSING_ERROR,
    "issuer_not_available": _C.PROCESSING_ERROR,
    "payment_method_provider_timeout": _C.PROCESSING_ERROR,
    "processing_error": _C.PROCESSING_ERROR,
    "reenter_transaction": _C.PROCESSING_ERROR,
    "three_d_secure_authentication_upstream_error": _C.PROCESSING_ERROR,
    "try_again_later": _C.PROCESSING_ERROR,
    "payment_intent_payment_attempt_expired": _C.EXPIRED,
    "payment_method_customer_decline": _C.ABANDONED,
}
# Stripe, "Decline codes", `advice_code`: it speaks of the same method and beats our own table.
_RETRYABLE_BY_ADVICE: Final[Mapping[str, bool]] = {
    "confirm_card_data": True,
    "try_again_later": True,
    "do_not_try_again": False,
}
_RETRYABLE: Final[Mapping[FailureCategory, bool]] = {
    _C.DECLINED: True,
    _C.INSUFFICIENT_FUNDS: True,
    _C.EXPIRED_CARD: True,
    _C.INCORRECT_DATA: True,
    _C.AUTHENTICATION_FAILED: True,
    _C.FRAUD_SUSPECTED: False,
    _C.PROCESSING_ERROR: True,
    _C.EXPIRED: True,
    _C.ABANDONED: True,
    _C.NEVER_CREATED: True,
}
# PaymentIntent `cancellation_reason`, where it tells of a failure; a cancel that somebody asked
# for is none.
_BY_CANCELLATION: Final[Mapping[str, tuple[FailureCategory, str]]] = {
    "abandoned": (_C.ABANDONED, "The shopper did not finish paying."),
    "automatic": (_C.EXPIRED, "Stripe canceled the payment because its time was over."),
    "expired": (_C.EXPIRED, "The payment was not completed or captured in time."),
    "fraudulent": (_C.FRAUD_SUSPECTED, "The payment was canceled because it looked fraudulent."),
}


def failure_of(error: JsonObject) -> PspFailure | None:
    """Read a decline from an `error` or `last_payment_error` object; None if it is empty."""
    code = text(error, "decline_code") or text(error, "code") or text(error, "type")
    if not code:
        return None
    # A decline's general code says more than an issuer's code that we do not know.
    category = _CATEGORIES.get(code) or _CATEGORIES.get(text(error, "code"), _C.DECLINED)
    advised = _RETRYABLE_BY_ADVICE.get(text(error, "advice_code"))
    return PspFailure(
        category=category,
        code=code,
        message=redacted(text(error, "message")) or "The payment was declined.",
        retryable=_RETRYABLE[category] if advised is None else advised,
    )


def failure_of_cancellation(reason: str) -> PspFailure | None:
    """Say what a `cancellation_reason` tells about why no money came; None if it tells nothing."""
    if reason not in _BY_CANCELLATION:
        return None
    category, message = _BY_CANCELLATION[reason]
    return PspFailure(category=category, code=reason, message=message, retryable=False)
