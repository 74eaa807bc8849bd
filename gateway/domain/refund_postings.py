"""What a refund moves on the shopper's account, and under which keys: pure.

Due and settled close each other. One that fails takes back both: the money is with us again, and
what is still owed to the shopper is made due by the refund that is asked for instead.

`customer_id` is the payment's; if that names none, the back office is asked whose order it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gateway.domain.posting import Posting
from gateway.domain.refund import Refund, RefundState
from legacy_bridge.port import MovementKind

_ACCEPTED: Final = frozenset(
    {RefundState.PENDING, RefundState.REQUIRES_ACTION, RefundState.SUCCEEDED}
)
"""The PSP has it and will pay, as far as anybody knows."""


def posting_for_due_refund(refund: Refund, customer_id: str, now: datetime) -> Posting:
    """Return the credit of a refund that the PSP accepted: we owe it to the shopper."""
    key = f"refund-due:{refund.id}"
    return _posting(MovementKind.REFUND_CREDIT, key, refund, customer_id, now)


def posting_for_settled_refund(refund: Refund, customer_id: str, now: datetime) -> Posting:
    """Return the debit of a refund that the PSP's report settles: it was paid out.

    `now` is when the PSP booked it. Raises `ValueError` for a refund without the PSP's reference.
    """
    key = f"refund-settled:{_at_psp(refund)}"
    return _posting(MovementKind.REFUND_DEBIT, key, refund, customer_id, now)


def posting_for_returned_refund(refund: Refund, customer_id: str, now: datetime) -> Posting:
    """Return the credit that takes a settlement back: the PSP's report shows it returned.

    `now` is when the PSP booked it. Raises `ValueError` for a refund without the PSP's reference.
    """
    key = f"refund-failed:{_at_psp(refund)}"
    return _posting(MovementKind.REFUND_REVERSAL, key, refund, customer_id, now)


def posting_for_lapsed_refund(refund: Refund, customer_id: str, now: datetime) -> Posting:
    """Return the debit that takes a due credit back: the refund failed after it was accepted."""
    key = f"refund-lapsed:{refund.id}"
    return _posting(MovementKind.REFUND_LAPSE, key, refund, customer_id, now)


def postings_of_change(
    before: Refund | None, after: Refund, customer_id: str, now: datetime
) -> tuple[Posting, ...]:
    """Return what a refund's new state moves; `before` is None for one that was found at the PSP.

    The credit is named each time the refund is seen accepted: its key makes it one.
    """
    if after.state in _ACCEPTED:
        return (posting_for_due_refund(after, customer_id, now),)
    if after.state is RefundState.FAILED and before is not None and before.state in _ACCEPTED:
        return (posting_for_lapsed_refund(after, customer_id, now),)
    return ()


def _at_psp(refund: Refund) -> str:
    if not refund.psp_reference:
        raise ValueError(f"{refund.id} has no reference of its PSP yet: nothing can settle it")
    return f"{refund.psp_account}:{refund.psp_reference}"


def _posting(
    kind: MovementKind, key: str, refund: Refund, customer_id: str, now: datetime
) -> Posting:
    return Posting(
        key=key,
        customer_id=customer_id,
        order_id=refund.order_id,
        kind=kind,
        amount=refund.amount,
        reference=refund.id,
        booking_time=now,
    )
