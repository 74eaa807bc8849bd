"""Stripe's test payment methods and how each behaves: data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Final


class Authentication(Enum):
    """When a card asks for 3-D Secure (Stripe, "Testing", 3D Secure authentication)."""

    NEVER = auto()
    ALWAYS = auto()
    UNLESS_SET_UP = auto()
    """Until it was saved for off-session use with the shopper's authentication."""
    ON_SESSION_ONLY = auto()
    """As if set up elsewhere: off-session charges pass."""


class RefundConduct(Enum):
    """How refunds to a card go (Stripe, "Testing", refunds)."""

    AT_ONCE = auto()
    PENDING_FIRST = auto()
    """Pending, and succeeded later."""
    FAILS_LATER = auto()
    """Succeeded, and failed later."""


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a charge fails."""

    code: str
    decline_code: str | None
    message: str
    advice_code: str | None = None
    blocked: bool = False
    """By Radar, before the card network heard of it."""


@dataclass(frozen=True, slots=True)
class SimulatedCard:
    """A card behind a test payment method."""

    number: str
    """Stripe's published test number; only its end and its fingerprint are ever shown."""
    brand: str = "visa"
    decline: Decline | None = None
    authentication: Authentication = Authentication.NEVER
    elevated_risk: bool = False
    """A rule of the account sends such payments to review."""
    disputed: bool = False
    refunds: RefundConduct = RefundConduct.AT_ONCE

    saves: bool = False
    """Can be saved although charges are declined."""

    @property
    def declines_setup(self) -> bool:
        """Whether saving it without a payment is declined."""
        return self.decline is not None and not self.saves

    @property
    def last4(self) -> str:
        """The end of the number."""
        return self.number[-4:]


def _declined(decline_code: str, advice: str) -> Decline:
    return Decline("card_declined", decline_code, "Your card was declined.", advice)


_GENERIC: Final = _declined("generic_decline", "try_again_later")
_INSUFFICIENT: Final = replace(
    _declined("insufficient_funds", "try_again_later"),
    message="Your card has insufficient funds.",
)
_EXPIRED: Final = Decline("expired_card", None, "Your card has expired.", "confirm_card_data")
_BAD_CVC: Final = Decline(
    "incorrect_cvc", None, "Your card's security code is incorrect.", "confirm_card_data"
)
_PROCESSING: Final = Decline(
    "processing_error",
    None,
    "An error occurred while processing your card. Try again in a little bit.",
    "try_again_later",
)
_BLOCKED: Final = replace(_declined("fraudulent", "do_not_try_again"), blocked=True)

_DECLINING: Final[Mapping[str, SimulatedCard]] = {
    "chargeDeclined": SimulatedCard("4000000000000002", decline=_GENERIC),
    "chargeDeclinedInsufficientFunds": SimulatedCard("4000000000009995", decline=_INSUFFICIENT),
    "chargeDeclinedLostCard": SimulatedCard(
        "4000000000009987", decline=_declined("lost_card", "do_not_try_again")
    ),
    "chargeDeclinedStolenCard": SimulatedCard(
        "4000000000009979", decline=_declined("stolen_card", "do_not_try_again")
    ),
    "chargeDeclinedExpiredCard": SimulatedCard("4000000000000069", decline=_EXPIRED),
    "chargeDeclinedIncorrectCvc": SimulatedCard("4000000000000127", decline=_BAD_CVC),
    "chargeDeclinedProcessingError": SimulatedCard("4000000000000119", decline=_PROCESSING),
}

TEST_CARDS: Final[Mapping[str, SimulatedCard]] = MappingProxyType(
    {
        "pm_card_visa": SimulatedCard("4242424242424242"),
        "pm_card_visa_debit": SimulatedCard("4000056655665556"),
        "pm_card_mastercard": SimulatedCard("5555555555554444", brand="mastercard"),
        "pm_card_amex": SimulatedCard("378282246310005", brand="amex"),
        # Stripe lists some with the brand in the name and some without.
        **{f"pm_card_{name}": card for name, card in _DECLINING.items()},
        **{f"pm_card_visa_{name}": card for name, card in _DECLINING.items()},
        "pm_card_chargeCustomerFail": SimulatedCard(
            "4000000000000341", decline=_GENERIC, saves=True
        ),
        "pm_card_authenticationRequired": SimulatedCard(
            "4000002760003184", authentication=Authentication.ALWAYS
        ),
        "pm_card_authenticationRequiredOnSetup": SimulatedCard(
            "4000002500003155", authentication=Authentication.UNLESS_SET_UP
        ),
        "pm_card_authenticationRequiredSetupForOffSession": SimulatedCard(
            "4000003800000446", authentication=Authentication.ON_SESSION_ONLY
        ),
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": SimulatedCard(
            "4000008260003178", decline=_INSUFFICIENT, authentication=Authentication.ALWAYS
        ),
        "pm_card_riskLevelElevated": SimulatedCard("4000000000009235", elevated_risk=True),
        "pm_card_radarBlock": SimulatedCard("4100000000000019", decline=_BLOCKED),
        "pm_card_pendingRefund": SimulatedCard(
            "4000000000007726", refunds=RefundConduct.PENDING_FIRST
        ),
        "pm_card_refundFail": SimulatedCard("4000000000005126", refunds=RefundConduct.FAILS_LATER),
        "pm_card_createDispute": SimulatedCard("4000000000000259", disputed=True),
        "pm_card_bypassPending": SimulatedCard("4000000000000077"),
    }
)
"""Each use of one of these ids makes a PaymentMethod of its own, as Stripe does."""
