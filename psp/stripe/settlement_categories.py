"""Stripe's reporting categories in the port's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psp.settlements import SettlementCategory

_C = SettlementCategory

CATEGORIES: Final[Mapping[str, SettlementCategory]] = {
    "charge": _C.CHARGE,
    "charge_failure": _C.CHARGE_FAILURE,
    "dispute": _C.DISPUTE,
    "dispute_reversal": _C.DISPUTE_REVERSAL,
    "fee": _C.FEE,
    "network_cost": _C.FEE,
    "other_adjustment": _C.ADJUSTMENT,
    # What a partial capture left, counted as taken first: no shopper is given anything back.
    "partial_capture_reversal": _C.RELEASE,
    "payout": _C.PAYOUT,
    "payout_reversal": _C.PAYOUT_REVERSAL,
    "refund": _C.REFUND,
    "refund_failure": _C.REFUND_FAILURE,
    "risk_reserved_funds": _C.ADJUSTMENT,
    "tax": _C.FEE,
    "topup": _C.ADJUSTMENT,
    "topup_reversal": _C.ADJUSTMENT,
}
"""Stripe, "Reporting categories": those that an account meets which sells and nothing else."""

REFUNDS: Final = frozenset({_C.REFUND, _C.REFUND_FAILURE})
"""Whose source is a refund."""


def settlement_category(raw: str) -> SettlementCategory:
    """Map a category; one that we do not know is `UNKNOWN`, for a person to look at."""
    return CATEGORIES.get(raw, _C.UNKNOWN)
