"""Money in minor units: the one amount type of the whole project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# ISO 4217 active codes a retailer can meet, by number of decimals. A code that is missing here is
# refused at the edge: an amount whose scale we do not know cannot be moved safely.
_TWO_DECIMALS: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
    "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL "
    "MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR "
    "PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
    "TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW"
)
_ZERO_DECIMALS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS: Final = "BHD IQD JOD KWD LYD OMR TND"

CURRENCY_DECIMALS: Final[dict[str, int]] = {
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_ZERO_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
}
"""Decimals of each known ISO 4217 currency: EUR 2, JPY 0, KWD 3."""

MAX_AMOUNT_MINOR: Final = 999_999_999_999
"""Upper bound of any single amount; beyond it a caller's bug is likelier than a sale."""


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies met in one calculation."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """A non-negative amount in the ISO 4217 minor unit of its currency: 12.34 EUR is 1234.

    Raises `ValueError` for a negative or oversized amount and for an unknown currency, so that a
    `Money` that exists is one that can be paid.
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in CURRENCY_DECIMALS:
            message = f"unknown currency {self.currency!r}: use an ISO 4217 code such as EUR"
            raise ValueError(message)
        if not 0 <= self.amount_minor <= MAX_AMOUNT_MINOR:
            message = f"amount {self.amount_minor} is outside 0..{MAX_AMOUNT_MINOR} minor units"
            raise ValueError(message)

    def __add__(self, other: Money) -> Money:
        self._require_same_currency(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._require_same_currency(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def with_amount(self, amount_minor: int) -> Money:
        """Return another amount of the same currency."""
        return Money(amount_minor, self.currency)

    def _require_same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            message = f"cannot combine {self.currency} with {other.currency}"
            raise CurrencyMismatchError(message)

    def __str__(self) -> str:
        decimals = CURRENCY_DECIMALS[self.currency]
        if decimals == 0:
            return f"{self.amount_minor} {self.currency}"
        whole, fraction = divmod(self.amount_minor, 10**decimals)
        return f"{whole}.{fraction:0{decimals}d} {self.currency}"
