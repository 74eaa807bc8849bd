"""Amounts: hundredths in requests and in the books, decimals in everything Ogone says."""

from __future__ import annotations

import re
from typing import Final

from psp.money import CURRENCY_DECIMALS
from psp.ogone.sandbox.refusals import (
    BAD_CURRENCY,
    BAD_DECIMALS,
    CURRENCY_NOT_ACCEPTED,
    Refusal,
    invalid,
)

_AMOUNT: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_HUNDRED: Final = 100


def parse_amount(text: str) -> int:
    """Return hundredths; raises `Refusal` (Ogone DirectLink, AMOUNT: times 100, no decimals)."""
    if not _AMOUNT.fullmatch(text) or int(text) == 0:
        raise invalid(f"AMOUNT is a positive whole number, times 100, not {text!r}")
    return int(text)


def check_currency(currency: str, amount: int) -> None:
    """Raise `Refusal` for a currency, or for decimals, that cannot be paid."""
    decimals = CURRENCY_DECIMALS.get(currency)
    if decimals is None:
        raise Refusal(BAD_CURRENCY, f"currency {currency!r} is invalid")
    # Requests carry hundredths whatever the currency: thousandths cannot be told at all.
    if decimals > 2:  # noqa: PLR2004 - as many as hundredths tell
        raise Refusal(CURRENCY_NOT_ACCEPTED, f"currency {currency} is not accepted")
    if decimals == 0 and amount % _HUNDRED:
        raise Refusal(BAD_DECIMALS, f"{currency} has no decimals")


def as_decimal(amount: int) -> str:
    """Return hundredths as Ogone replies them: 1500 is 15, 1250 is 12.5, 2 is 0.02."""
    whole, hundredths = divmod(amount, _HUNDRED)
    return f"{whole}.{hundredths:02d}".rstrip("0").rstrip(".") if hundredths else str(whole)
