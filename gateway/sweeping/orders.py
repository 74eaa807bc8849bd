"""Sweeping one order: look, decide, act, and look again until it comes to rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from gateway.errors import PaygateError
from gateway.orders.handler import UNHANDLED, OrderHandler
from gateway.payments.changes import PaymentChanges
from gateway.payments.commands import CancelReason
from gateway.sweeping.decision import (
    Situation,
    SweepAction,
    SweepAges,
    SweepDecision,
    decide_sweep,
)
from gateway.sweeping.looking import Looker, is_unheard
from legacy_bridge.port import BackOffice, DraftOrder

_log = structlog.get_logger(__name__)
_MOST_STEPS: Final = 20
"""An order of so many open payments is ended in the next pass."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a pass did about one order, or, in a dry run, would do first."""

    order: DraftOrder
    decision: SweepDecision
    put_off: bool = False
    """It was kept from its end: it is looked at again in the next pass."""
    unheard: bool = False
    """A PSP, or the back office, did not answer."""


class OrderSweep:
    """Brings one old draft where it belongs. Doing so twice, or at once, changes nothing more."""

    def __init__(
        self,
        back_office: BackOffice,
        handler: OrderHandler,
        changes: PaymentChanges,
        looker: Looker,
        peeker: Looker,
        ages: SweepAges,
    ) -> None:
        self._back_office = back_office
        self._handler = handler
        self._changes = changes
        self._looker = looker
        self._peeker = peeker
        self.ages = ages

    async def foresee(self, order: DraftOrder) -> Swept:
        """Say what would be done first, and why; asks the PSPs, and changes nothing anywhere."""
        situation = await self._peeker.look(order)
        decision = decide_sweep(situation, self.ages)
        return _waiting(order, decision, situation)

    async def sweep(self, order: DraftOrder) -> Swept:
        """Do what is due; the last decision that did something, or why nothing was done."""
        swept = await self._sweep(order)
        told = swept.decision
        log = _log.error if told.action is SweepAction.ALARM else _log.info
        log(
            "order_swept",
            order_id=order.order_id,
            payment_id=told.payment.id if told.payment else "",
            action=told.told_as,
            reason=told.reason,
            put_off=swept.put_off,
        )
        return swept

    async def _sweep(self, order: DraftOrder) -> Swept:
        done: SweepDecision | None = None
        for _ in range(_MOST_STEPS):
            situation = await self._looker.look(order)
            decision = decide_sweep(situation, self.ages)
            if decision.action in {SweepAction.WAIT, SweepAction.ALARM}:
                alarm = decision.action is SweepAction.ALARM
                return _waiting(order, decision if alarm else done or decision, situation)
            try:
                await self._act(order, decision)
            except UNHANDLED as error:
                if decision.action is SweepAction.CANCEL_PAYMENT and isinstance(
                    error, PaygateError
                ):
                    # Refused, perhaps because it is paid: what is true was stored with the refusal.
                    done = None
                    continue
                reason = f"to {decision.told_as} did not work: {error}"
                waits = SweepDecision(SweepAction.WAIT, reason, decision.payment)
                return Swept(order, waits, put_off=True, unheard=is_unheard(error))
            done = decision
            if decision.action is not SweepAction.CANCEL_PAYMENT:
                return Swept(order, decision)
        waits = SweepDecision(SweepAction.WAIT, "it has more payments than one pass ends")
        return Swept(order, waits, put_off=True)

    async def _act(self, order: DraftOrder, decision: SweepDecision) -> None:
        if decision.action is SweepAction.DECIDE:
            await self._handler.handle(order.order_id)
        elif decision.action is SweepAction.CANCEL_ORDER:
            await self._handler.give_up(order.order_id, decision.reason)
        elif decision.payment is not None:
            await self._changes.cancel_by_itself(decision.payment, CancelReason.ABANDONED)


def _waiting(order: DraftOrder, decision: SweepDecision, situation: Situation) -> Swept:
    return Swept(
        order,
        decision,
        put_off=any(look.obstacle for look in situation.looks),
        unheard=any(look.unheard for look in situation.looks),
    )
