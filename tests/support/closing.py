"""What must hold of shoppers' accounts, wherever it is tested: what is owed, and was paid out.

An order is closed once its parcels are worth its invoices, a refund once its debit is worth its
credit; and what the account says was paid out is what the PSP's books say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from legacy_bridge.port import AccountMovement, MovementKind

_PAID_OUT = frozenset({MovementKind.REFUND_DEBIT, MovementKind.REFUND_REVERSAL})


def left_open(movements: Iterable[AccountMovement]) -> Mapping[tuple[str, str], int]:
    """Return what is owed still, by order or refund and by currency; nothing that is closed."""
    about: Counter[tuple[str, str]] = Counter()
    for each in movements:
        subject = each.reference if each.kind.startswith("refund") else each.order_id
        about[subject, each.amount.currency] += each.signed_minor
    return {key: left for key, left in about.items() if left}


def paid_out(movements: Iterable[AccountMovement]) -> Counter[str]:
    """Return what the account says that the PSP moved, by refund: below nothing if it is away."""
    moved: Counter[str] = Counter()
    for each in movements:
        if each.kind in _PAID_OUT:
            moved[each.reference] += each.signed_minor
    return moved


def expected_to_be_paid_out(amount_minor: int, *, is_away: bool) -> int:
    """Return what `paid_out` has of a refund that the PSP's books have, or have no more."""
    return -amount_minor if is_away else 0
