"""One account's books: its payments and aliases, how they are found, and their history."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count

from psp.ogone.sandbox.acquiring import ACCEPTANCE, Outcome, Wait
from psp.ogone.sandbox.model import Account, Alias, Card, Operation, Payment
from psp.ogone.sandbox.refusals import ALREADY_PROCESSED, DECLINED, NOT_FOUND, Refusal, invalid
from psp.ogone.sandbox.statuses import is_refusal
from psp.ogone.sandbox.transitions import Family
from psp.ogone.sandbox.world import WORKING_DAY_S, World

_CAN_BE_TRIED_AGAIN = frozenset({1, 2, 46})
"""On the hosted page: cancelled, declined, or left at the bank's page."""


class Books:
    """What one account holds. Dictionaries keep the order of creation."""

    def __init__(self, account: Account, world: World) -> None:
        self.account = account
        self.world = world
        self.payments: dict[str, Payment] = {}
        self.aliases: dict[str, Alias] = {}
        self._by_order: dict[str, str] = {}
        self._waiting: list[tuple[float, int, Payment, Operation]] = []
        """A heap by when each becomes known, then by when it was begun."""
        self._begun = count()

    def now(self) -> float:
        """Return the Unix time in the books."""
        return self.world.clock.seconds()

    def add(self, payment: Payment) -> None:
        """Enter a payment; its ORDERID leads to it from now on."""
        self.payments[payment.payid] = payment
        self._by_order[payment.order_id] = payment.payid

    def payment(self, payid: str, order_id: str) -> Payment:
        """Return a payment by its PAYID, or else its ORDERID's last; raises `Refusal`."""
        found = self.payments.get(payid or self._by_order.get(order_id, ""))
        if found is None:
            named = f"payid {payid}" if payid else f"orderid {order_id}"
            raise Refusal(NOT_FOUND, f"unknown {named} for merchant {self.account.pspid}")
        return found

    def check_new(self, order_id: str, *, may_try_again: bool) -> None:
        """Raise `Refusal` with the PAYID that exists if the order was already processed."""
        payid = self._by_order.get(order_id)
        if payid is None:
            return
        status = self.payments[payid].latest.status
        if may_try_again and status in _CAN_BE_TRIED_AGAIN:
            return
        raise Refusal(ALREADY_PROCESSED, f"orderid {order_id} already processed", payid=payid)

    def alias(self, name: str) -> Alias:
        """Return an alias; raises `Refusal`."""
        if name not in self.aliases:
            raise invalid(f"unknown alias {name} for merchant {self.account.pspid}")
        return self.aliases[name]

    def save_alias(self, name: str, card: Card, usage: str = "") -> None:
        """Keep a card under a name; an alias that exists takes the new card."""
        self.aliases[name] = Alias(name, card, usage)

    # ------------------------------------------------------------ history
    def record(
        self,
        payment: Payment,
        operation: str,
        family: Family,
        amount: int,
        outcome: Outcome,
        *,
        tell: bool = True,
        by_hand: bool = False,
    ) -> Operation:
        """Add an operation to a payment's history, and tell of it unless it is only a try."""
        now = self.now()
        step = Operation(
            payidsub=len(payment.history),
            operation=operation,
            family=family,
            amount=amount,
            status=outcome.status,
            at=now,
            ends=outcome.ends,
            by_hand=by_hand,
        )
        payment.history.append(step)
        self.write(payment, step, outcome, tell=tell)
        return step

    def write(
        self, payment: Payment, step: Operation, outcome: Outcome, *, tell: bool = True
    ) -> None:
        """Write an outcome into an operation."""
        waits_s = {
            Wait.NOTHING: None,
            Wait.PROCESSING: self.world.processing_delay_s,
            Wait.WORKING_DAY: WORKING_DAY_S,
        }[outcome.wait]
        now = self.now()
        step.status, step.ends, step.ncerror = outcome.status, outcome.ends, outcome.ncerror
        step.acceptance, step.changed = outcome.acceptance, now
        step.due = None
        if waits_s is not None:
            step.due = now + waits_s
            heappush(self._waiting, (step.due, next(self._begun), payment, step))
        if tell:
            self.world.listener.publish(self.account, payment, step)

    def process(self) -> None:
        """Let every operation whose time has come show its truth, the earliest first."""
        while self._waiting and self._waiting[0][0] <= self.now():
            due, _, payment, step = heappop(self._waiting)
            # Unless its status was forced meanwhile.
            if step.due == due:
                self.settle(payment, step, step.ends)

    def settle(self, payment: Payment, step: Operation, status: int) -> None:
        """Give an operation a status for good, and tell of it."""
        is_refused = is_refusal(status)
        step.status = step.ends = status
        step.due, step.changed = None, self.now()
        step.ncerror = DECLINED if is_refused else "0"
        step.acceptance = "" if is_refused else ACCEPTANCE
        self.world.listener.publish(self.account, payment, step)
