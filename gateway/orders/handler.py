"""Carrying out what is decided about an order: capture, release, hold, cancel, give up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.domain.journal import EventType
from gateway.domain.payment import Payment
from gateway.domain.permissions import operation_in_progress
from gateway.domain.refund import came_back
from gateway.domain.transitions import Event, record
from gateway.errors import PaygateError, Reason
from gateway.orders.decision import OrderAction, OrderDecision, decide
from gateway.payments.books import PaymentBooks
from gateway.payments.changes import PaymentChanges
from gateway.payments.commands import CancelReason
from gateway.payments.refreshing import (
    UNCONFIRMED,
    PaymentChangingError,
    PaymentRefresher,
)
from gateway.refunds.commands import RefundReason
from gateway.refunds.creation import RefundCreation
from gateway.storage.journal import newest_entries
from gateway.storage.payments import OrderPayments, order_payments
from gateway.storage.refunds import refunds_of_order
from gateway.storage.writes import GuardFailedError, Write
from legacy_bridge.errors import BackOfficeError, OrderConflictError
from legacy_bridge.port import BackOffice, DraftOrder, OrderState

_log = structlog.get_logger(__name__)
_MOST_STEPS: Final = 8
"""Capture, release and a handful of authorisations to give up; more is a loop."""
_MOST_ROUNDS: Final = 5
_MOST_LINES: Final = 50

_TOLD: Final[Mapping[OrderAction, EventType]] = {
    OrderAction.RELEASE: EventType.ORDER_RELEASED,
    OrderAction.HOLD: EventType.ORDER_HELD,
    OrderAction.CANCEL: EventType.ORDER_CANCELED,
    OrderAction.ALARM: EventType.ORDER_CONFLICT,
}
_DONE: Final[Mapping[OrderState, EventType]] = {
    OrderState.RELEASED: EventType.ORDER_RELEASED,
    OrderState.HELD: EventType.ORDER_HELD,
    OrderState.CANCELED: EventType.ORDER_CANCELED,
}
_ASKS_FIRST: Final = frozenset(
    {OrderAction.CAPTURE, OrderAction.RELEASE, OrderAction.REFUND, OrderAction.ALARM}
)
"""Before these the PSP is asked once more: a review may be open that no webhook told of, and the
PSP may have given the money back itself."""
_HAS_REASONS: Final = frozenset({EventType.ORDER_HELD, EventType.ORDER_CONFLICT})
"""There may be one reason after another to hold an order or to raise an alarm; all else happens to
it once."""
_Told = tuple[str, EventType, str]


class OrderUnknownError(Exception):
    """The back office does not know the order yet: its draft may be stored a little later."""


UNHANDLED: Final = (BackOfficeError, *UNCONFIRMED, OrderUnknownError)
"""What keeps an order from being handled, and may be otherwise a little later. Anything else is a
fault of ours, and tried again too: a paid order is never given up."""


DoneWith = Callable[[Mapping[str, int]], Sequence[Write]]
"""What to store once nothing is due for an order: given, of each of its payments, the last journal
line that was known to the decision."""


def _nothing_more(_: Mapping[str, int]) -> Sequence[Write]:
    return ()


@dataclass(slots=True)
class _Visit:
    """What is learnt of an order while it is handled once."""

    done_with: DoneWith = _nothing_more
    is_done_with: bool = False
    """Whether that was stored."""
    order: DraftOrder | None = None
    """As the back office told it last; None has it asked. It guards its own: what it has decided
    meanwhile it answers by a conflict."""
    payments: Sequence[Payment] | None = None
    """The newest first, as they were read and as what was done since left them; None has them read.
    Whoever changes one meanwhile has its order told of that, too."""
    changing: frozenset[str] = frozenset()
    """Those with an operation under way when they were read."""
    fresh: dict[str, int] = field(default_factory=dict)
    """Versions of payments as the PSP just confirmed them."""
    told: set[_Told] = field(default_factory=set)
    """What was seen in the journal or written to it, see `_telling`."""

    def take(self, read: OrderPayments) -> Sequence[Payment]:
        """Take over what was read of the order's payments, and return them."""
        self.payments, self.changing = read.payments, read.changing
        self.told |= {_telling(each, EventType.ORDER_RELEASED) for each in read.release_told}
        return read.payments

    def learn(self, payment: Payment) -> None:
        """Take a payment over as it was just stored."""
        if self.payments is not None:
            self.payments = [
                payment if known.id == payment.id else known for known in self.payments
            ]

    def confirm(self, payment: Payment) -> None:
        """Take a payment over that is stored as the PSP just answered."""
        self.learn(payment)
        self.fresh[payment.id] = payment.version

    def closing(self) -> Sequence[Write]:
        """Return what to store once nothing is due any more."""
        return self.done_with({each.id: each.last_sequence for each in self.payments or ()})

    def is_at_rest(self) -> bool:
        """Whether nothing is due for the order, by what is known of it."""
        if self.order is None or self.payments is None:
            return False
        # Money that came back makes an alarm of what would be a refund, and never nothing.
        return decide(self.order, self.payments).action is OrderAction.WAIT


class OrderHandler:
    """Decides about an order as often as it is told to; nothing happens twice."""

    def __init__(
        self,
        back_office: BackOffice,
        books: PaymentBooks,
        changes: PaymentChanges,
        refunds: RefundCreation,
        refresher: PaymentRefresher,
        clock: Clock,
    ) -> None:
        self._back_office = back_office
        self._books = books
        self._changes = changes
        self._refunds = refunds
        self._refresher = refresher
        self._clock = clock

    async def handle(self, order_id: str, done_with: DoneWith = _nothing_more) -> OrderDecision:
        """Do what is due for an order, then store what `done_with` gives.

        Returns the last decision, which says what the order waits for.

        Raises the errors of the back office and of the PSPs, `PaygateError` if a payment is being
        changed, and `OrderUnknownError`: call again later. Of `done_with` nothing is stored then.
        """
        visit = _Visit(done_with)
        for _ in range(_MOST_STEPS):
            if visit.order is None:
                visit.order = await self._back_office.find_order(order_id)
            if visit.order is None:
                raise OrderUnknownError(order_id)
            order = visit.order
            decision = await self._decide(order, visit)
            payment = decision.payment
            if payment is None or decision.action is OrderAction.WAIT:
                return await self._rest(order, decision, visit)
            is_done = await self._carry_out(order, decision, payment, visit)
            if is_done and decision.action in {OrderAction.HOLD, OrderAction.ALARM}:
                return await self._rest(order, decision, visit)
        raise RuntimeError(f"order {order_id} does not come to rest")

    async def give_up(self, order_id: str, reason: str) -> OrderDecision:
        """Cancel an order that nobody paid, then do what is due for it; raises as `handle` does.

        Money that came a moment before has no order then, and `handle` gives it back.
        """
        try:
            await self._back_office.cancel_order(
                order_id, reason=reason, key=f"give_up:{order_id}:{reason}"
            )
        except OrderConflictError as conflict:
            # It was released a moment before: then it is as it should be.
            _log.info("order_conflict", order_id=order_id, conflict=str(conflict))
        return await self.handle(order_id)

    async def alarm(self, payment: Payment, reason: str) -> bool:
        """Journal that the payment's money has no order, once; whether it was not told before."""
        return await self._tell(payment, EventType.ORDER_CONFLICT, reason, _Visit())

    async def _decide(self, order: DraftOrder, visit: _Visit) -> OrderDecision:
        """Decide, once the PSP has confirmed what the decision depends on."""
        for _ in range(_MOST_ROUNDS):
            if visit.payments is None:
                payments = visit.take(await order_payments(self._books.database, order.order_id))
            else:
                payments = visit.payments
            decision = decide(order, payments, await self._came_back(order, payments))
            payment = decision.payment
            if payment is None or decision.action not in _ASKS_FIRST:
                return decision
            if payment.id in visit.changing:
                raise operation_in_progress(payment.id)
            if visit.fresh.get(payment.id) == payment.version:
                return decision
            confirmed = await self._refresher.refresh(payment)
            visit.fresh[confirmed.id] = confirmed.version
            # Read anew: the PSP's word without news says nothing of what was stored meanwhile.
            visit.payments = None
        raise PaymentChangingError(order.order_id)

    async def _came_back(self, order: DraftOrder, payments: Sequence[Payment]) -> frozenset[str]:
        """Return the payments whose money was given back by us and returned by the PSP."""
        if order.state is OrderState.RELEASED:
            matters = any(payment.id != order.payment_id for payment in payments)
        else:
            matters = order.state is OrderState.CANCELED
        if not matters:
            return frozenset()
        return came_back(await refunds_of_order(self._books.database, order.order_id))

    async def _rest(
        self, order: DraftOrder, decision: OrderDecision, visit: _Visit
    ) -> OrderDecision:
        """Be done with the order, unless that was stored with its last journal line.

        That its end is told says that nothing is due any more (`gateway.storage.sweeping`), so what
        was done unheard is told at last.
        """
        await self._tell_what_was_done(order, visit)
        if not visit.is_done_with and (writes := visit.closing()):
            await self._books.database.commit(writes)
        return decision

    async def _carry_out(
        self,
        order: DraftOrder,
        decision: OrderDecision,
        payment: Payment,
        visit: _Visit,
    ) -> bool:
        """Do what was decided, and tell of it; False if somebody else decided in between."""
        if decision.beside is not None and decision.beside.payment is not None:
            await self._alarm_beside(decision.beside, decision.beside.payment, visit)
        try:
            await self._act(order, decision, payment, visit)
        except OrderConflictError as conflict:
            # The next look decides from what is true now.
            _log.info("order_conflict", order_id=order.order_id, conflict=str(conflict))
            visit.order = visit.payments = None
            return False
        _log.info(
            "order_decided",
            order_id=order.order_id,
            payment_id=payment.id,
            action=decision.action,
            reason=decision.reason,
        )
        if decision.action in _TOLD:
            for about in (payment, *decision.others):
                await self._tell(about, _TOLD[decision.action], decision.reason, visit)
        return True

    async def _alarm_beside(self, alarm: OrderDecision, payment: Payment, visit: _Visit) -> None:
        """Raise an alarm about other payments if their PSP confirms it; else the next look does."""
        try:
            confirmed = await self._refresher.refresh(payment)
            visit.learn(confirmed)
            if confirmed.version == payment.version:
                for about in (payment, *alarm.others):
                    await self._tell(about, _TOLD[alarm.action], alarm.reason, visit)
        except UNCONFIRMED as error:
            _log.info("alarm_put_off", payment_id=payment.id, why=str(error))

    async def _act(
        self,
        order: DraftOrder,
        decision: OrderDecision,
        payment: Payment,
        visit: _Visit,
    ) -> None:
        order_id, key = order.order_id, f"{decision.action}:{order.order_id}:{payment.id}"
        match decision.action:
            case OrderAction.CAPTURE:
                settled = await self._changes.capture_by_itself(payment)
                if settled.is_fresh:
                    visit.confirm(settled.payment)
                else:
                    visit.payments = None  # others stored something, and may have told of it
            case OrderAction.RELEASE:
                visit.order = await self._back_office.release_order(
                    order_id, payment_id=payment.id, key=key
                )
            case OrderAction.HOLD:
                # A payment may be held for one reason after another: each is a wish of its own.
                visit.order = await self._back_office.hold_order(
                    order_id,
                    payment_id=payment.id,
                    reason=decision.reason,
                    key=f"{key}:{payment.version}",
                )
            case OrderAction.CANCEL:
                visit.order = await self._back_office.cancel_order(
                    order_id, reason=decision.reason, key=key
                )
            case OrderAction.VOID:
                released = order.state is OrderState.RELEASED
                reason = CancelReason.DUPLICATE if released else CancelReason.ABANDONED
                await self._changes.cancel_by_itself(payment, reason)
                visit.payments = None
            case OrderAction.REFUND:
                released = order.state is OrderState.RELEASED
                why = RefundReason.DUPLICATE if released else RefundReason.REQUESTED_BY_CUSTOMER
                await self._refund(payment, why)
                visit.payments = None
            case OrderAction.ALARM | OrderAction.WAIT:
                pass  # there is nothing to do but to tell

    async def _refund(self, payment: Payment, why: RefundReason) -> None:
        """Give money back; a PSP that refuses is not asked again, and the next look says so."""
        try:
            await self._refunds.refund_by_itself(payment.id, why)
        except PaygateError as refused:
            if refused.reason is not Reason.PSP_REJECTED:
                raise
            _log.warning("refund_refused", payment_id=payment.id, detail=refused.message)

    async def _tell_what_was_done(self, order: DraftOrder, visit: _Visit) -> None:
        """Journal what a crash kept from being journaled after the back office had done it."""
        if order.state not in _DONE:
            return
        event_type, reason = _DONE[order.state], order.reason or "the order may be shipped"
        payments = visit.payments or ()
        about = [payment for payment in payments if payment.id == order.payment_id] or payments[:1]
        if order.state is not OrderState.CANCELED:
            about = [payment for payment in about if payment.id == order.payment_id]
        for payment in about:
            await self._tell(payment, event_type, reason, visit)

    async def _tell(
        self, payment: Payment, event_type: EventType, reason: str, visit: _Visit
    ) -> bool:
        """Journal what happened to the order, once; whether it was not told before.

        A release that leaves nothing due is stored together with what the visit is done with. If
        the process dies before, the order is told again, and its release is journaled then.
        """
        told = _telling(payment.id, event_type, reason)
        if told in visit.told:
            return False
        # Whether a release was told is read with the payments, as of the version that they have.
        must_look = event_type is not EventType.ORDER_RELEASED
        for _ in range(_MOST_ROUNDS):
            if must_look and await self._is_told(payment, event_type, reason):
                visit.told.add(told)
                return False
            now = self._clock()
            event = Event(event_type, {"order_id": payment.order_id, "reason": reason})
            change = record(payment, [event], now)
            is_last = event_type is EventType.ORDER_RELEASED and visit.is_at_rest()
            try:
                await self._books.save(payment, change, now, visit.closing() if is_last else ())
            except GuardFailedError:
                # Changed meanwhile: nothing was decided on that yet.
                visit.payments, must_look = None, True
                payment = await self._books.get(payment.id)
                continue
            visit.told.add(told)
            visit.learn(change.payment)
            if is_last:
                visit.is_done_with = True
            return True
        raise PaymentChangingError(payment.order_id)

    async def _is_told(self, payment: Payment, event_type: EventType, reason: str) -> bool:
        told = await newest_entries(self._books.database, payment.id, event_type, _MOST_LINES)
        if event_type in _HAS_REASONS:
            return any(entry.details.get("reason") == reason for entry in told)
        return bool(told)


def _telling(payment_id: str, event_type: EventType, reason: str = "") -> _Told:
    """Name what is told once: of a payment, what happened to its order and, if it matters, why."""
    return payment_id, event_type, reason if event_type in _HAS_REASONS else ""
