"""What a payment's state allows: refusals before the PSP hears of anything."""

from __future__ import annotations

from typing import Final

from gateway.domain.payment import Payment, PaymentState
from gateway.errors import PaygateError, Reason, StateViolation
from psp.money import Money

RETRY_AFTER_S: Final = 1.0
"""When it makes sense to ask again while another change is in flight."""

_CANCELABLE: Final = frozenset(
    {PaymentState.AWAITING_CUSTOMER, PaymentState.PROCESSING, PaymentState.AUTHORIZED}
)


def amount_to_capture(payment: Payment, wanted: Money | None) -> Money:
    """Return what a capture takes: what is wanted, or all that is authorised.

    Raises `PaygateError` if the payment cannot be captured, or not for so much.
    """
    _require_settled(payment)
    capturable = payment.capturable_minor
    if capturable == 0:
        raise _wrong_state(payment, "only one that is authorised can be captured")
    if wanted is None:
        return payment.amount.with_amount(capturable)
    if wanted.currency != payment.currency or wanted.amount_minor > capturable:
        left = payment.amount.with_amount(capturable)
        raise PaygateError(
            Reason.AMOUNT_EXCEEDS_REMAINING,
            f"{wanted} was to be captured, but {left} is left: ask for at most that",
            metadata={"remaining_minor": str(capturable), "currency_code": payment.currency},
        )
    return wanted


def require_cancelable(payment: Payment) -> None:
    """Raise `PaygateError` if the payment cannot be canceled."""
    _require_settled(payment)
    if payment.state not in _CANCELABLE:
        raise _wrong_state(payment, "only one without captured money can be canceled")


def operation_in_progress(payment_id: str) -> PaygateError:
    """Return the refusal of a second change while one is in flight."""
    return PaygateError(
        Reason.OPERATION_IN_PROGRESS,
        f"another change of {payment_id} is in flight: ask again in a moment",
        metadata={"payment_id": payment_id},
        retry_after_s=RETRY_AFTER_S,
    )


def _require_settled(payment: Payment) -> None:
    if payment.state is PaymentState.OUTCOME_UNKNOWN:
        raise operation_in_progress(payment.id)


def _wrong_state(payment: Payment, rule: str) -> PaygateError:
    held = f"{payment.id} is {payment.state}: {rule}"
    return PaygateError(
        Reason.PAYMENT_STATE,
        held,
        metadata={"payment_id": payment.id, "state": payment.state.value},
        states=[StateViolation("PAYMENT_STATE", f"payments/{payment.id}", held)],
    )
