"""What a PSP can do with one payment method, as data that configuration checks can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from psp.money import Money


class Presentation(StrEnum):
    """How a shop's page shows a method."""

    EMBEDDED = "embedded"
    """Fields of the PSP's front-end library inside the page; needs the account's public key."""
    REDIRECT = "redirect"
    """The browser is sent to the PSP and comes back."""


@dataclass(frozen=True, slots=True)
class MethodTraits:
    """The limits of one method at one PSP. Sums are ISO 4217 minor units."""

    presentation: Presentation
    currencies: frozenset[str] | None = None
    """The currencies it can be shown in; None means every currency the PSP knows."""
    min_amount_minor: Mapping[str, int] = field(default_factory=dict)
    """Smallest amount by currency; a currency that is missing has none that we know."""
    max_amount_minor: Mapping[str, int] = field(default_factory=dict)
    """Largest amount by currency; a currency that is missing has none that we know."""
    authorization_window: timedelta | None = None
    """How long an uncaptured authorisation usually holds; the payment itself says it exactly."""
    refund_window: timedelta | None = None
    """How long after the payment it can be refunded; None means without a limit we know."""
    saves_with_payment: bool = False
    """Whether the PSP saves the method with a first payment only (`CreatePayment.save_alias`), and
    its events are what says so (`PspEvent.saved_alias`): the merchant keeps the list himself."""
    begins_without_call: bool = False
    """Whether nobody is called to begin a payment while the shopper is there: her browser brings it
    to the PSP's page."""

    def takes_currency(self, currency: str) -> bool:
        """Whether the method can be offered in the currency at all."""
        return self.currencies is None or currency in self.currencies

    def takes_amount(self, amount: Money) -> bool:
        """Whether the method can be offered for this amount."""
        if not self.takes_currency(amount.currency):
            return False
        smallest = self.min_amount_minor.get(amount.currency, 1)
        largest = self.max_amount_minor.get(amount.currency)
        return smallest <= amount.amount_minor and (
            largest is None or amount.amount_minor <= largest
        )
