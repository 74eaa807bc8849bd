"""Both sides of what a run looks at, with payments and refunds found by our own id as well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from gateway.domain.discrepancy import Finding
from gateway.domain.settlement_rules import judge_payment, judge_refund
from gateway.storage.database import Database
from gateway.storage.settlement_pairs import (
    PaymentPair,
    RefundPair,
    payment_of_id,
    payment_pairs,
    refund_of_id,
    refund_pairs,
)

Pair = PaymentPair | RefundPair
ReadPairs = Callable[[Sequence[str]], Awaitable[Sequence[Pair]]]
"""Returns pairs by the PSP's references."""


class Pairs:
    """Reads pairs of one account."""

    def __init__(self, database: Database, psp_account: str) -> None:
        self._database = database
        self.psp_account = psp_account

    async def payments(self, references: Sequence[str]) -> list[PaymentPair]:
        """Return payments by the PSP's references."""
        found = await payment_pairs(self._database, self.psp_account, references)
        return [await self.complete_payment(pair) for pair in found]

    async def refunds(self, references: Sequence[str]) -> list[RefundPair]:
        """Return refunds by the PSP's references."""
        found = await refund_pairs(self._database, self.psp_account, references)
        return [await self.complete_refund(pair) for pair in found]

    async def complete_payment(self, pair: PaymentPair) -> PaymentPair:
        """Find our side by our own id, where the PSP's books keep that and no reference of ours."""
        if pair.ours is not None or not pair.payment_id:
            return pair
        ours = await payment_of_id(self._database, self.psp_account, pair.payment_id)
        return replace(pair, ours=ours)

    async def complete_refund(self, pair: RefundPair) -> RefundPair:
        """See `complete_payment`."""
        if pair.ours is not None or not pair.refund_id:
            return pair
        ours = await refund_of_id(self._database, self.psp_account, pair.refund_id)
        return replace(pair, ours=ours)

    async def payment_id_of(self, pair: Pair) -> str:
        """Return our id of the payment that a pair is about; empty if it is not known here."""
        if isinstance(pair, PaymentPair):
            return "" if pair.ours is None else pair.ours.payment_id
        if pair.ours is not None:
            return pair.ours.refund.payment_id
        if not pair.payment_reference:
            return ""
        (refunded,) = await self.payments([pair.payment_reference])
        return "" if refunded.ours is None else refunded.ours.payment_id


def judged(pair: Pair) -> Finding | None:
    """Judge a pair by the rules of its kind."""
    if isinstance(pair, PaymentPair):
        return judge_payment(pair.reference, pair.ours, pair.lines)
    return judge_refund(pair.reference, pair.ours, pair.lines)
