"""What Ogone can do, as data: capabilities, payment methods and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from psp.methods import MethodTraits, Presentation
from psp.money import CURRENCY_DECIMALS
from psp.port import Capability, PaymentMethod

CAPABILITIES: Final = frozenset(
    {
        Capability.CREATE_PAYMENT,
        Capability.FIND_PAYMENT,
        Capability.CAPTURE,
        Capability.PARTIAL_CAPTURE,
        Capability.CANCEL,
        Capability.REFUNDS,
        Capability.EVENTS,
        Capability.SETTLEMENTS,
    }
)
"""No customers and no list of aliases (the back office keeps them), no reviews, no past events."""

IDEMPOTENCY_LIFETIME_S: Final = 0.0
"""Ogone has no idempotency keys: what may have happened is asked about, never sent again."""

# Requests carry hundredths: what has a third decimal cannot be said in full.
_CURRENCIES: Final = frozenset(
    currency
    for currency, decimals in CURRENCY_DECIMALS.items()
    if decimals <= 2  # noqa: PLR2004 - hundredths
)

METHODS: Final[Mapping[PaymentMethod, MethodTraits]] = MappingProxyType(
    {
        PaymentMethod.CARD: MethodTraits(
            presentation=Presentation.REDIRECT,
            currencies=_CURRENCIES,
            # The schemes' usual window; Ogone's answers do not say when one lapses.
            authorization_window=timedelta(days=7),
            saves_with_payment=True,
            begins_without_call=True,
        ),
    }
)
