"""What becomes of a line that could be read: pure, from what is known of movement and payment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.domain.payment import Payment
from gateway.domain.refund_movement import Movement
from gateway.domain.refund_rules import amount_to_refund
from gateway.errors import PaygateError, Reason
from gateway.refund_files.values import LineRefusal, MovementLine, RefusedLine

FINAL_REASONS: Final[Mapping[Reason, LineRefusal]] = {
    Reason.PAYMENT_NOT_FOUND: LineRefusal.UNKNOWN_PAYMENT,
    Reason.PAYMENT_STATE: LineRefusal.PAYMENT_STATE,
    Reason.AMOUNT_EXCEEDS_REMAINING: LineRefusal.EXCEEDS_REMAINING,
    Reason.PSP_REJECTED: LineRefusal.PSP_REJECTED,
}
"""Refusals that the same again would meet again; a movement waits through every other one."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is here of what some lines name; movements are added as they are accepted."""

    accounts: Collection[str]
    movements: dict[str, Movement] = field(default_factory=dict)
    payments: Mapping[str, Payment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The line's movement was accepted before, from a line that meant the same."""

    number: int
    movement_id: str


Verdict = Movement | Duplicate | RefusedLine


def judge(line: MovementLine, batch_id: str, known: Known, now: datetime) -> Verdict:
    """Decide about a line.

    A movement that was accepted before is not looked at again: its payment has been refunded since.
    """
    before = known.movements.get(line.movement_id)
    if before is not None:
        return _again(line, before)
    given = line.payment
    payment = known.payments.get(given.payment_id)
    if given.payment_id and payment is None:
        words = f"no payment has the id {given.payment_id}"
        return _refused(line, LineRefusal.UNKNOWN_PAYMENT, words)
    account = given.psp_account if payment is None else payment.psp_account
    if account not in known.accounts:
        words = f"psp_account {account} is not configured: its name is that of the configuration"
        return _refused(line, LineRefusal.UNKNOWN_ACCOUNT, words)
    movement = _movement(line, batch_id, account, now)
    refusal = None if payment is None else refusal_at(payment, movement)
    return movement if refusal is None else _refused(line, *refusal)


def refusal_at(payment: Payment, movement: Movement) -> tuple[LineRefusal, str] | None:
    """Say why a movement cannot be carried out at its payment; None if it can, or soon may.

    Other refunds that wait are not counted: they are when its turn comes.
    """
    mismatch = mismatch_of(payment, movement)
    if mismatch is not None:
        return mismatch
    try:
        amount_to_refund(payment, (), movement.amount)
    except PaygateError as error:
        return refusal_of(error)
    return None


def mismatch_of(payment: Payment, movement: Movement) -> tuple[LineRefusal, str] | None:
    """Say in what a movement is not its payment's; None if it is."""
    if payment.order_id and payment.order_id != movement.order_id:
        words = f"the payment is of order {payment.order_id}, not of {movement.order_id}"
        return LineRefusal.OTHER_ORDER, words
    currency = movement.amount.currency
    if payment.amount.currency != currency:
        words = f"the payment is in {payment.amount.currency}, not in {currency}"
        return LineRefusal.WRONG_CURRENCY, words
    return None


def refusal_of(error: PaygateError) -> tuple[LineRefusal, str] | None:
    """Say why a movement is refused for good; None for a refusal that may pass."""
    reason = FINAL_REASONS.get(error.reason)
    if reason is None:
        return None
    code = error.metadata.get("psp_code", "")
    return reason, f"{error.message} [{code}]" if code else error.message


def _again(line: MovementLine, before: Movement) -> Verdict:
    if line.digest == before.digest:
        return Duplicate(line.number, line.movement_id)
    given = line.payment
    checks = {
        "amount": (str(line.amount), str(before.amount)),
        "order_id": (given.order_id, before.order_id),
        "payment_id": (given.payment_id, before.payment_id),
        "psp_reference": (given.psp_reference, before.psp_reference),
        "reason": (line.reason.value, before.reason),
        "country": (line.country_code, before.country_code),
    }
    differing = [
        f"{name} {now or 'empty'} instead of {then or 'empty'}"
        for name, (now, then) in checks.items()
        if now != then
    ]
    words = (
        f"movement {line.movement_id} was accepted before, from line {before.line_number} of "
        f"{before.batch_id}, with other contents: {', '.join(differing) or 'another psp_account'}; "
        "give a new movement an id of its own"
    )
    return _refused(line, LineRefusal.MOVEMENT_REUSED, words)


def _movement(line: MovementLine, batch_id: str, account: str, now: datetime) -> Movement:
    given = line.payment
    return Movement(
        movement_id=line.movement_id,
        batch_id=batch_id,
        line_number=line.number,
        order_id=given.order_id,
        payment_id=given.payment_id,
        psp_account=account,
        psp_reference=given.psp_reference,
        amount=line.amount,
        reason=line.reason.value,
        country_code=line.country_code,
        digest=line.digest,
        create_time=now,
    )


def _refused(line: MovementLine, reason: LineRefusal, words: str) -> RefusedLine:
    return RefusedLine(line.number, line.movement_id, reason, words)
