"""Lists of currencies in the configuration file."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from gateway.routing.problems import Place, Report
from psp.money import CURRENCY_DECIMALS


def check_currencies(currencies: Sequence[str], place: Place, report: Report) -> None:
    """Note codes that we do not know and codes that are listed twice."""
    for number, currency in enumerate(currencies):
        if currency not in CURRENCY_DECIMALS:
            report.add((*place, number), "is no ISO 4217 currency that we know", _cure(currency))
        elif currency in currencies[:number]:
            report.add((*place, number), f"{currency} is listed twice", "list it once")


def known_currencies(currencies: Sequence[str]) -> tuple[str, ...]:
    """Leave out what is noted already, and what may be anything: even a secret, so never shown."""
    return tuple(currency for currency in currencies if currency in CURRENCY_DECIMALS)


def _cure(currency: str) -> str:
    close = get_close_matches(currency.upper(), CURRENCY_DECIMALS, n=1)
    return f"did you mean {close[0]}?" if close else "use three capitals, such as EUR"
