"""Amounts of requests that move a part: checked here, since Stripe reads a missing one as "all"."""

from __future__ import annotations

from psp.errors import RejectedError
from psp.money import Money
from psp.stripe.money import AmountError, to_stripe_amount


def amount_of_a_part(account: str, wanted: Money, nothing: str) -> int:
    """Return what Stripe is to be sent for an amount; raises `RejectedError`, for zero in words."""
    try:
        amount = to_stripe_amount(wanted)
    except AmountError as error:
        raise RejectedError(account, str(error), "amount_invalid") from error
    if amount == 0:
        raise RejectedError(account, nothing, "amount_invalid")
    return amount
