"""Refunds: made, and moved on by time; every sum that depends on one follows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from psp.stripe.sandbox.api_errors import ApiError, JsonDict, invalid, missing
from psp.stripe.sandbox.balance import book_refund, book_refund_failure
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.cards import RefundConduct
from psp.stripe.sandbox.model import Charge, PaymentIntent, Refund
from psp.stripe.sandbox.parameters import Parameters
from psp.stripe.sandbox.rendering import render_refund

SETTLES_AFTER_S: Final = 60
"""When a test card's refund changes its mind; Stripe says only that it does so later."""
_NO_MONEY: Final = "insufficient_funds"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to give back; without an amount, all that is left."""

    amount: int | None = None
    reason: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Course:
    """How a refund begins, and after how long it moves."""

    status: str
    pending_reason: str | None = None
    failure_reason: str | None = None
    due_in_s: int | None = None


def create_refund(books: Books, _id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/refunds, of a PaymentIntent or of a charge."""
    charge = _named_charge(books, parameters)
    wish = Wish(
        parameters.integer("amount"),
        parameters.text("reason"),
        # An empty value is no note.
        {key: value for key, value in parameters.metadata().items() if value},
    )
    return render_refund(give_back(books, charge, wish))


def retrieve_refund(books: Books, refund_id: str, _parameters: Parameters) -> JsonDict:
    """GET /v1/refunds/{id}."""
    return render_refund(books.refund(refund_id))


def refund_intent(books: Books, intent: PaymentIntent, wish: Wish) -> Refund:
    """Refund a PaymentIntent; raises `ApiError`."""
    return give_back(books, _charge_of(books, intent), wish)


def give_back(books: Books, charge: Charge, wish: Wish) -> Refund:
    """Refund a charge; raises `ApiError` for what cannot be given back."""
    amount = _refundable(charge, wish.amount)
    is_card = charge.method_type == "card"
    low = books.world.circumstances.balance_too_low
    course = _course(_conduct(books, charge), is_card=is_card, balance_too_low=low)
    now = books.now()
    refund = Refund(
        id=books.new_id("re" if is_card else "pyr"),
        created=now,
        amount=amount,
        currency=charge.currency,
        charge=charge.id,
        payment_intent=charge.payment_intent,
        status=course.status,
        reason=wish.reason,
        metadata=wish.metadata,
        pending_reason=course.pending_reason,
        failure_reason=course.failure_reason,
        due=None if course.due_in_s is None else now + course.due_in_s,
    )
    books.refunds[refund.id] = refund
    if refund.counts:
        charge.amount_refunded += amount
    if refund.status == "succeeded":
        book_refund(books, refund)
    books.emit_refund("refund.created", refund)
    if refund.status == "succeeded":
        books.emit_charge("charge.refunded", charge)
    if refund.status == "failed":
        books.emit_refund("refund.failed", refund)
    return refund


def move_refund(
    books: Books, refund: Refund, status: str, failure_reason: str | None = None
) -> None:
    """Put a refund into any status; a charge counts only refunds that neither failed nor ended."""
    counted, had_succeeded = refund.counts, refund.status == "succeeded"
    refund.status = status
    refund.due = None
    refund.pending_reason = "processing" if status == "pending" else None
    refund.failure_reason = None
    charge = books.charge(refund.charge)
    charge.amount_refunded += refund.amount * (refund.counts - counted)
    if not refund.counts:
        # Stripe API, Refund: a canceled one bears `merchant_request`.
        default = "merchant_request" if status == "canceled" else "unknown"
        refund.failure_reason = failure_reason or default
        if refund.booked:
            book_refund_failure(books, refund)
    if status == "succeeded" and not refund.booked:
        book_refund(books, refund)
    if status == "succeeded" and not had_succeeded:
        books.emit_charge("charge.refunded", charge)
    books.emit_refund("refund.updated", refund)
    if status == "failed":
        books.emit_refund("refund.failed", refund)


def settle_due_refunds(books: Books) -> None:
    """Move on what is due by now, and what has waited for money that is there."""
    now, low = books.now(), books.world.circumstances.balance_too_low
    for refund in books.refunds.values():
        if refund.pending_reason == _NO_MONEY:
            if not low:
                move_refund(books, refund, "succeeded")
        elif refund.due is not None and refund.due <= now:
            fails = refund.status == "succeeded"
            status = "failed" if fails else "succeeded"
            move_refund(books, refund, status, "expired_or_canceled_card")


def _course(conduct: RefundConduct, *, is_card: bool, balance_too_low: bool) -> _Course:
    """Return how a refund goes: a pure decision."""
    if balance_too_low:
        # Stripe, refunds: card refunds wait for the balance, those of other methods fail.
        if is_card:
            return _Course("pending", pending_reason=_NO_MONEY)
        return _Course("failed", failure_reason=_NO_MONEY)
    if conduct is RefundConduct.PENDING_FIRST:
        return _Course("pending", pending_reason="processing", due_in_s=SETTLES_AFTER_S)
    due_in_s = SETTLES_AFTER_S if conduct is RefundConduct.FAILS_LATER else None
    return _Course("succeeded", due_in_s=due_in_s)


def _conduct(books: Books, charge: Charge) -> RefundConduct:
    card = books.payment_methods[charge.payment_method].card
    return card.refunds if card else RefundConduct.AT_ONCE


def _refundable(charge: Charge, asked: int | None) -> int:
    """Return the sum to give back; raises `ApiError`."""
    if charge.disputed:
        message = f"Charge {charge.id} has been charged back; cannot issue a refund."
        raise ApiError(400, message, "charge_disputed")
    if not charge.captured or charge.status != "succeeded":
        message = (
            f"This PaymentIntent ({charge.payment_intent}) does not have a successful charge to "
            "refund."
        )
        raise ApiError(400, message)
    left = charge.taken
    if left == 0:
        message = f"Charge {charge.id} has already been refunded."
        raise ApiError(400, message, "charge_already_refunded")
    if asked is not None and asked > left:
        message = (
            f"Refund amount ({asked} {charge.currency}) is greater than unrefunded amount on "
            f"charge ({left} {charge.currency})"
        )
        raise invalid(message, "amount")
    return left if asked is None else asked


def _named_charge(books: Books, parameters: Parameters) -> Charge:
    charge_id, intent_id = parameters.text("charge"), parameters.text("payment_intent")
    if (charge_id is None) == (intent_id is None):
        message = "You must specify one of these parameters: charge, payment_intent."
        code = "parameter_missing" if charge_id is None else "parameters_exclusive"
        raise invalid(message, "payment_intent", code)
    if intent_id is not None:
        if intent_id not in books.payment_intents:
            raise missing("payment_intent", intent_id, "payment_intent", in_path=False)
        return _charge_of(books, books.payment_intents[intent_id])
    if charge_id not in books.charges:
        raise missing("charge", charge_id or "", "charge", in_path=False)
    return books.charges[charge_id]


def _charge_of(books: Books, intent: PaymentIntent) -> Charge:
    if intent.latest_charge is None:
        message = f"This PaymentIntent ({intent.id}) does not have a successful charge to refund."
        raise ApiError(400, message)
    return books.latest_charge(intent)
