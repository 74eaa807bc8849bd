"""What becomes of a draft that is growing old: pure and total, over order, payments and age.

What money decides is `gateway.orders.decision`, here as everywhere; the sweeper adds the age.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from gateway.domain.payment import Payment, PaymentState
from gateway.orders.decision import OrderAction, OrderDecision, decide
from legacy_bridge.port import DraftOrder, OrderState


class SweepAction(StrEnum):
    """What the sweeper does with one order."""

    WAIT = "wait"
    DECIDE = "decide"
    """What the order's handler decides at any time: release, hold, cancel and so on."""
    CANCEL_PAYMENT = "cancel_payment"
    """Cancel a payment at its PSP, then look again."""
    CANCEL_ORDER = "cancel_order"
    """Nobody paid, and nobody can any more."""
    ALARM = "alarm"
    """It waits as above, and somebody should look why it does so for this long."""


@dataclass(frozen=True, slots=True)
class SweepAges:
    """From which age on an order is looked at, and from which on it is given up."""

    sweep_after: timedelta
    cancel_after: timedelta


@dataclass(frozen=True, slots=True)
class PaymentLook:
    """A payment as its PSP just confirmed it, or what kept the PSP from being heard."""

    payment: Payment
    obstacle: str = ""
    """Why the PSP's word could not be had, or is of no use; empty if neither."""
    unheard: bool = False
    """With an obstacle: the PSP gave no answer at all."""
    unseen: bool = False
    """The PSP will not hear of the payment before the shopper opens its page, and she did not."""
    busy_for: timedelta | None = None
    """For how long a change of it has been under way; None if none is."""
    cancel_refused: bool = False
    """A cancellation came to nothing a short while ago."""


@dataclass(frozen=True, slots=True)
class Situation:
    """An order, its payments, and how long ago the order was stored."""

    order: DraftOrder
    looks: Sequence[PaymentLook]
    age: timedelta

    @property
    def payments(self) -> list[Payment]:
        """The order's payments."""
        return [look.payment for look in self.looks]


@dataclass(frozen=True, slots=True)
class SweepDecision:
    """What to do, for which payment, and why in one sentence."""

    action: SweepAction
    reason: str
    payment: Payment | None = None
    order_action: OrderAction = OrderAction.WAIT
    """With DECIDE, what the handler will decide."""

    @property
    def told_as(self) -> str:
        """The action in one word."""
        return str(self.order_action if self.action is SweepAction.DECIDE else self.action)


_A, _P = SweepAction, PaymentState
_OPEN: Final = frozenset({_P.AWAITING_CUSTOMER, _P.PROCESSING})
"""May still bring money."""
_DECIDED: Final = frozenset({OrderState.RELEASED, OrderState.CANCELED})


def decide_sweep(situation: Situation, ages: SweepAges) -> SweepDecision:
    """Decide about an order from what its PSPs say now, and from its age.

    Called again after each action, until it says wait or alarm.
    """
    if situation.age < ages.sweep_after:
        return SweepDecision(_A.WAIT, "the order is young: its shopper may be paying")
    usual = decide(situation.order, situation.payments)
    looks = {look.payment.id: look for look in situation.looks}
    if usual.action is not OrderAction.WAIT:
        decides = looks[usual.payment.id] if usual.payment else None
        return _as_usual(usual, situation, decides, ages)
    if situation.order.state in _DECIDED:
        return SweepDecision(_A.WAIT, usual.reason)
    if usual.payment is not None:
        return _with_money(usual.payment, usual.reason, looks[usual.payment.id], ages)
    return _without_money(situation, usual.reason, ages)


def _as_usual(
    usual: OrderDecision, situation: Situation, decides: PaymentLook | None, ages: SweepAges
) -> SweepDecision:
    """Let the handler act, if those payments were confirmed that its decision rests on."""
    # A cancellation rests on all of them: none of them may have brought money meanwhile.
    rests_on: Sequence[PaymentLook] = situation.looks
    if decides is not None and usual.action is not OrderAction.CANCEL:
        rests_on = [decides]
    for look in rests_on:
        if look.obstacle:
            return SweepDecision(_patience(situation.age, ages), _hindrance(look), look.payment)
        if look.busy_for is not None:
            return SweepDecision(_A.WAIT, _hindrance(look), look.payment)
    return SweepDecision(_A.DECIDE, usual.reason, usual.payment, usual.action)


def _with_money(payment: Payment, reason: str, look: PaymentLook, ages: SweepAges) -> SweepDecision:
    """Wait for a review, a person or a capture whose outcome is not known, however long."""
    if look.busy_for is not None and look.busy_for >= ages.cancel_after:
        return SweepDecision(_A.ALARM, _hindrance(look), payment)
    return SweepDecision(_A.WAIT, reason, payment)


def _without_money(situation: Situation, usual_reason: str, ages: SweepAges) -> SweepDecision:
    for look in situation.looks:
        if look.obstacle:
            return SweepDecision(_patience(situation.age, ages), _hindrance(look), look.payment)
    for look in situation.looks:
        if look.busy_for is not None or look.payment.state is _P.OUTCOME_UNKNOWN:
            # The resolver is at it, and unknown stays unknown until the PSP speaks.
            too_long = (look.busy_for or timedelta()) >= ages.cancel_after
            action = _A.ALARM if too_long else _A.WAIT
            return SweepDecision(action, _hindrance(look), look.payment)
    open_looks = [look for look in situation.looks if look.payment.state in _OPEN]
    if situation.looks and not open_looks:
        return SweepDecision(_A.CANCEL_ORDER, "its payment came to nothing")
    if situation.age < ages.cancel_after:
        return SweepDecision(_A.WAIT, usual_reason)
    return _given_up(open_looks, situation.age, ages)


def _given_up(open_looks: Sequence[PaymentLook], age: timedelta, ages: SweepAges) -> SweepDecision:
    """Close every way to pay an order that waited long enough, and then the order."""
    waits = _patience(age, ages)
    hours = ages.cancel_after / timedelta(hours=1)
    late = f"nobody paid within {hours:g} hours"
    for look in open_looks:
        payment = look.payment
        if payment.authorized_minor:
            reason = "the PSP accepted a change of the authorised payment and is not done with it"
            return SweepDecision(waits, reason, payment)
        if look.unseen:
            continue  # there is nothing at the PSP to cancel
        if look.cancel_refused:
            reason = "the PSP did not cancel the payment when it was asked to, a short while ago"
            return SweepDecision(waits, reason, payment)
        return SweepDecision(_A.CANCEL_PAYMENT, f"{late}: at the PSP first", payment)
    return SweepDecision(_A.CANCEL_ORDER, late)


def _patience(age: timedelta, ages: SweepAges) -> SweepAction:
    """Wait for what keeps an order of this age from its end, until somebody should look."""
    return _A.ALARM if age >= 2 * ages.cancel_after else _A.WAIT


def _hindrance(look: PaymentLook) -> str:
    if look.obstacle:
        return f"the PSP's word on {look.payment.id} could not be had: {look.obstacle}"
    if look.payment.state is _P.OUTCOME_UNKNOWN:
        return f"the outcome of {look.payment.id} is unknown until the PSP speaks"
    return f"a change of {look.payment.id} is under way"
