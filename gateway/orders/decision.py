"""What becomes of an order, given the back office's word and the payments: pure and total."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from gateway.domain.payment import Payment, PaymentState
from legacy_bridge.port import DraftOrder, OrderState
from psp.port import CapturePolicy, FailureCategory, ReviewStatus


class OrderAction(StrEnum):
    """One thing to do next."""

    WAIT = "wait"
    """Nothing: something else has to happen first, or all is done."""
    CAPTURE = "capture"
    """Take the authorised money, then look again."""
    RELEASE = "release"
    HOLD = "hold"
    CANCEL = "cancel"
    VOID = "void"
    """Give up an authorisation that pays for nothing."""
    REFUND = "refund"
    """Give money back that was taken and pays for nothing."""
    ALARM = "alarm"
    """Money that pays for nothing cannot be given back, or goods went out unpaid or under doubt:
    people look."""


@dataclass(frozen=True, slots=True)
class OrderDecision:
    """What to do, for which payment, and why in one sentence."""

    action: OrderAction
    reason: str
    payment: Payment | None = None
    others: Sequence[Payment] = ()
    """Further payments that the same alarm is about."""
    beside: OrderDecision | None = None
    """An alarm about other payments, to be raised whatever comes of this."""


_DOUBTS: Final = frozenset({ReviewStatus.OPEN, ReviewStatus.REJECTED})
_ENDED: Final = frozenset({PaymentState.CANCELED, PaymentState.FAILED})
_LATE_DOUBTS: Final[Mapping[ReviewStatus, str]] = {
    ReviewStatus.OPEN: "its payment came under fraud review since: stop the parcel if it is here",
    ReviewStatus.REJECTED: "the fraud review rejected its payment since",
}
"""What a review says of goods that are on their way; every other word lets them go."""
_A = OrderAction


def decide(
    order: DraftOrder, payments: Sequence[Payment], came_back: Collection[str] = ()
) -> OrderDecision:
    """Decide from the PSP's word alone; the page's return is never heard.

    `payments` are those of the order, in any order; `came_back` are the ids of those whose money
    the gateway gave back already, and the PSP returned it. Called again after each action until it
    says wait or hold, so that every step is decided from what is true then.
    """
    oldest_first = sorted(payments, key=lambda payment: payment.id)
    if order.state in {OrderState.RELEASED, OrderState.CANCELED}:
        return _beside_the_point(order, oldest_first, came_back)
    for payment in oldest_first:
        if payment.state is PaymentState.OUTCOME_UNKNOWN and payment.authorized_minor:
            # It may have been captured: taking another one's money could be taking it twice.
            return OrderDecision(_A.WAIT, "the outcome of a capture is not known", payment)
    with_money = [payment for payment in oldest_first if _has_money(payment)]
    if with_money:
        return _decide_for(order, _chosen(order, with_money))
    if oldest_first and all(_is_over(payment) for payment in oldest_first):
        return _without_money(order, oldest_first)
    return OrderDecision(_A.WAIT, "no payment has been confirmed")


def _has_money(payment: Payment) -> bool:
    """Whether money is reserved or was taken, and was not all given back."""
    if payment.state is PaymentState.AUTHORIZED:
        return True
    return (
        payment.state is PaymentState.CAPTURED and payment.captured_minor > payment.refunded_minor
    )


def _is_captured_by_hand(payment: Payment) -> bool:
    return payment.capture_policy is CapturePolicy.MANUAL


def _is_over(payment: Payment) -> bool:
    return payment.state in _ENDED or _is_refunded(payment)


def _is_refunded(payment: Payment) -> bool:
    return payment.state is PaymentState.CAPTURED and not _has_money(payment)


def _chosen(order: DraftOrder, with_money: Sequence[Payment]) -> Payment:
    """Choose the payment that decides.

    One under review, or rejected, decides before all others: nobody carries an order past it. Then
    one of the right amount, the one held for, captured before authorised, the oldest.
    """
    return min(
        with_money,
        key=lambda payment: (
            payment.review not in _DOUBTS,
            payment.amount != order.total,
            payment.id != order.payment_id,
            payment.state is not PaymentState.CAPTURED,
            payment.id,
        ),
    )


def _decide_for(order: DraftOrder, payment: Payment) -> OrderDecision:
    if payment.review is ReviewStatus.REJECTED:
        return OrderDecision(_A.CANCEL, "the fraud review rejected the payment", payment)
    if payment.review is ReviewStatus.OPEN:
        return _hold(order, payment, "the payment is under fraud review")
    if payment.amount != order.total:
        reason = f"the payment is of {payment.amount} and the order of {order.total}"
        return _hold(order, payment, reason)
    if payment.state is PaymentState.CAPTURED:
        return _decide_for_captured(order, payment)
    if _is_captured_by_hand(payment):
        return OrderDecision(_A.RELEASE, "authorised, and captured by hand later", payment)
    return OrderDecision(_A.CAPTURE, "authorised, and no review is open", payment)


def _decide_for_captured(order: DraftOrder, payment: Payment) -> OrderDecision:
    if payment.refunded_minor:
        refunded = payment.amount.with_amount(payment.refunded_minor)
        return _hold(order, payment, f"{refunded} of its payment was refunded already")
    in_full = payment.captured_minor == order.total.amount_minor
    if in_full or _is_captured_by_hand(payment):
        return OrderDecision(_A.RELEASE, "paid", payment)
    captured = payment.amount.with_amount(payment.captured_minor)
    return _hold(order, payment, f"{captured} was captured of {order.total}")


def _hold(order: DraftOrder, payment: Payment, reason: str) -> OrderDecision:
    held_so = order.state is OrderState.HELD and order.payment_id == payment.id
    return OrderDecision(_A.WAIT if held_so else _A.HOLD, reason, payment)


def _without_money(order: DraftOrder, over: Sequence[Payment]) -> OrderDecision:
    """Decide for an order whose payments are all over; a shopper may still pay a draft anew.

    A payment that somebody canceled or refunded, or whose authorisation lapsed, ends its order.
    One that was declined or abandoned leaves a draft, which is swept when nobody pays.
    """
    for payment in over:
        if _is_refunded(payment):
            return OrderDecision(_A.CANCEL, "its payment was refunded", payment)
        abandoned = payment.failure and payment.failure.category is FailureCategory.ABANDONED
        if payment.state is PaymentState.CANCELED and not abandoned:
            return OrderDecision(_A.CANCEL, "its payment was canceled", payment)
    if order.state is OrderState.HELD:
        return OrderDecision(_A.CANCEL, "its payment came to nothing", over[-1])
    return OrderDecision(_A.WAIT, "no payment succeeded; the shopper may try again")


def _beside_the_point(
    order: DraftOrder, payments: Sequence[Payment], came_back: Collection[str]
) -> OrderDecision:
    """Find what an order that is decided already makes wrong: give up, give back, then alarms."""
    if order.state is OrderState.RELEASED and not order.payment_id:
        return _beside_a_release_by_hand(order, payments)
    pays = order.payment_id if order.state is OrderState.RELEASED else ""
    state = f"the order is {order.state}"
    stray = [payment for payment in payments if payment.id != pays and _has_money(payment)]
    strays = _for_strays(stray, f"{state} already", came_back) if stray else None
    if strays is not None and strays.action is not _A.ALARM:
        return strays
    paying = (_due_after_release(payment) for payment in payments if payment.id == pays)
    due = next((each for each in paying if each is not None), None)
    if due is None:
        return strays or OrderDecision(_A.WAIT, state)
    # Money that cannot be given back stays for long, and so may what is due: both are told of.
    return replace(due, beside=strays)


def _for_strays(stray: Sequence[Payment], reason: str, came_back: Collection[str]) -> OrderDecision:
    for payment in stray:
        if payment.state is PaymentState.AUTHORIZED:
            return OrderDecision(_A.VOID, reason, payment)
    for payment in stray:
        if payment.id not in came_back:
            return OrderDecision(_A.REFUND, reason, payment)
    reason = f"{reason}, and its money could not be given back"
    return OrderDecision(_A.ALARM, reason, stray[0], stray[1:])


def _due_after_release(payment: Payment) -> OrderDecision | None:
    """Decide about the payment that an order was released for; None if all is well."""
    if wrong := _wrong_with_released(payment):
        return OrderDecision(_A.ALARM, f"the order was released, and {wrong}", payment)
    if payment.state is PaymentState.AUTHORIZED and not _is_captured_by_hand(payment):
        # Somebody let it go by hand, when it was held for this payment: it is paid no less.
        return OrderDecision(_A.CAPTURE, "the order was released for it", payment)
    return None


def _beside_a_release_by_hand(order: DraftOrder, payments: Sequence[Payment]) -> OrderDecision:
    """Keep money that may pay for goods that are on their way: nobody said what they go for."""
    with_money = [payment for payment in payments if _has_money(payment)]
    if not with_money:
        return OrderDecision(_A.WAIT, f"the order is {order.state}")
    first = _chosen(order, with_money)
    others = [payment for payment in with_money if payment is not first]
    reason = "the order was released by hand, and names no payment: find out whether this one pays"
    return OrderDecision(_A.ALARM, reason, first, others)


def _wrong_with_released(payment: Payment) -> str:
    """Say what should have kept an order from being released for its payment; empty if nothing."""
    # Goods that come back are refunded, and that is well; these were never paid for.
    if payment.state in _ENDED:
        return f"its payment is {payment.state}"
    # Nothing can be held any more but the parcel, and only by somebody who knows.
    return _LATE_DOUBTS.get(payment.review, "")
