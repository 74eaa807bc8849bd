"""The test cards that shoppers type, by PSP: those that pay, and those that do something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "stripe": ("pm_card_visa", "pm_card_mastercard", "pm_card_visa_debit"),
    "ogone": ("4111111111111111", "5399999999999999"),
}
OTHERS: Final[Mapping[str, Mapping[str, str]]] = {
    "stripe": {
        "3ds": "pm_card_authenticationRequired",
        "decline": "pm_card_chargeDeclinedInsufficientFunds",
        "review": "pm_card_riskLevelElevated",
        "slow_refund": "pm_card_pendingRefund",
        "refund_fails": "pm_card_refundFail",
    },
    "ogone": {
        "3ds": "4000000000000002",
        "decline": "4000000000009995",
        "review": "4000000000000341",  # Ogone has no reviews; its card ends uncertain, and paid
        "slow_refund": "4000000000007726",
        "refund_fails": "4000000000005126",
    },
}
