"""The order's state table: what each wish means in each state, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from legacy_bridge.port import DraftOrder, OrderState


class Verdict(Enum):
    """What a wish for a state does to an order."""

    MOVE = "move"
    KEEP = "keep"
    """It is in that state already: nothing to do."""
    REFUSE = "refuse"


_DRAFT, _HELD = OrderState.DRAFT, OrderState.HELD
_RELEASED, _CANCELED = OrderState.RELEASED, OrderState.CANCELED

WISHES: Final = frozenset({_HELD, _RELEASED, _CANCELED})
"""The states that can be asked for. Nothing becomes a draft again."""

TRANSITIONS: Final[Mapping[tuple[OrderState, OrderState], Verdict]] = MappingProxyType(
    {
        (_DRAFT, _HELD): Verdict.MOVE,
        (_DRAFT, _RELEASED): Verdict.MOVE,
        (_DRAFT, _CANCELED): Verdict.MOVE,
        (_HELD, _HELD): Verdict.KEEP,
        (_HELD, _RELEASED): Verdict.MOVE,
        (_HELD, _CANCELED): Verdict.MOVE,
        (_RELEASED, _HELD): Verdict.REFUSE,
        (_RELEASED, _RELEASED): Verdict.KEEP,
        (_RELEASED, _CANCELED): Verdict.REFUSE,
        (_CANCELED, _HELD): Verdict.REFUSE,
        (_CANCELED, _RELEASED): Verdict.REFUSE,
        (_CANCELED, _CANCELED): Verdict.KEEP,
    }
)
"""(state it has, state that is wanted) → verdict."""


def judge(order: DraftOrder, wanted: OrderState, payment_id: str) -> Verdict:
    """Say what wishing `wanted` for `order` does; `payment_id` is empty for a cancellation.

    A released order wished released for another payment is refused: the parcel is paid already,
    and calling it done would hide that the second payment must be refunded.
    """
    verdict = TRANSITIONS[order.state, wanted]
    if (
        verdict is Verdict.KEEP
        and order.state is OrderState.RELEASED
        and order.payment_id != payment_id
    ):
        return Verdict.REFUSE
    return verdict
