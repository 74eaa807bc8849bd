"""What the third PSP can do, as data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from psp.methods import MethodTraits, Presentation
from psp.port import Capability, PaymentMethod

CAPABILITIES: Final = frozenset(
    {
        Capability.CREATE_PAYMENT,
        Capability.FIND_PAYMENT,
        Capability.CAPTURE,
        Capability.CANCEL,
        Capability.REFUNDS,
        Capability.EVENTS,
    }
)
IDEMPOTENCY_LIFETIME_S: Final = 0.0
METHODS: Final[Mapping[PaymentMethod, MethodTraits]] = MappingProxyType(
    {
        PaymentMethod.CARD: MethodTraits(
            presentation=Presentation.REDIRECT,
            currencies=frozenset({"EUR"}),
            authorization_window=timedelta(days=7),
        )
    }
)
