"""What a caller hears when routing refuses, from one total table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.domain.routing import RouteRefusal, RouteStep
from gateway.errors import PaygateError, Reason

REASON_OF_REFUSAL: Final[Mapping[RouteRefusal, Reason]] = {
    RouteRefusal.COUNTRY_NOT_SERVED: Reason.COUNTRY_NOT_SERVED,
    RouteRefusal.CURRENCY_NOT_SOLD: Reason.CURRENCY_NOT_SOLD,
    RouteRefusal.METHOD_NOT_OFFERED: Reason.METHOD_NOT_OFFERED,
    RouteRefusal.AMOUNT_BELOW_MINIMUM: Reason.AMOUNT_OUT_OF_RANGE,
    RouteRefusal.AMOUNT_ABOVE_MAXIMUM: Reason.AMOUNT_OUT_OF_RANGE,
    RouteRefusal.ACCOUNT_RETIRED: Reason.ACCOUNT_RETIRED,
}


def refusal_error(steps: Sequence[RouteStep]) -> PaygateError:
    """Return the error for the steps that refused: the first one's reason, every explanation.

    Steps that passed are passed over; raises `ValueError` if none refused.
    """
    refused = [(step.refusal, step.explanation) for step in steps if step.refusal is not None]
    if not refused:
        raise ValueError("no rule refused: there is nothing to tell the caller")
    return PaygateError(
        REASON_OF_REFUSAL[refused[0][0]], "; ".join(explanation for _, explanation in refused)
    )
