"""Bugs planted one by one into the running gateway: each is one that the simulation must catch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Final

import gateway.payments.books
import gateway.payments.sending
import gateway.refunds.truth
from gateway.domain.outcome import NotDone, Unknown
from gateway.domain.refund_outcome import RefundUnknown
from gateway.events import inbox as inbox_module
from gateway.events.delivery import LocalDelivery
from gateway.events.inbox import Inbox
from gateway.ids import new_id
from gateway.orders import decision as decision_module
from gateway.orders import handler as handler_module
from gateway.orders.decision import OrderAction, OrderDecision
from gateway.orders.handler import OrderHandler
from gateway.payments.changes import PaymentChanges
from gateway.payments.sending import OperationSender
from gateway.refunds.sending import RefundSender
from gateway.storage.inbox import insert_event
from gateway.storage.outbox import delete_deliveries
from gateway.storage.payments import order_payments, update_payment
from gateway.storage.writes import Write
from gateway.sweeping import orders as sweeping_orders
from gateway.sweeping.decision import SweepAction, decide_sweep
from gateway.sweeping.unfinished import UnfinishedChanges
from psp.errors import NotSentError
from psp.port import ReviewStatus
from tests.simulation.planted_books import PLANTED

Patch = tuple[Any, str, Any]
"""What is replaced: where, its name, and by what."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One planted bug."""

    says: str
    patches: Callable[[], list[Patch]]


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Let the gateway have this bug inside of the context; an empty name plants nothing."""
    patches = BUGS[name].patches() if name else []
    kept = [(where, attribute, getattr(where, attribute)) for where, attribute, _ in patches]
    try:
        for where, attribute, instead in patches:
            setattr(where, attribute, instead)
        yield
    finally:
        for where, attribute, before in kept:
            setattr(where, attribute, before)


def _commit_after_the_call() -> list[Patch]:
    """Capture and cancel at the PSP before the operation is written down."""
    write = PaymentChanges._write  # noqa: SLF001 - a bug is planted where the code is

    async def call_first(self: Any, wanted: Any, payment: Any, beginning: Any) -> None:
        await self._sender.attempt(beginning.change.payment, beginning.operation)
        await write(self, wanted, payment, beginning)

    return [(PaymentChanges, "_write", call_first)]


def _release_on_return() -> list[Patch]:
    """Take the page's return for the PSP's word: a payment that waits for its shopper is paid."""
    decide = decision_module.decide

    def trusting(order: Any, payments: Any, *more: Any) -> OrderDecision:
        decided = decide(order, payments, *more)
        waiting = [each for each in payments if each.state == "processing"]
        if decided.action is OrderAction.WAIT and waiting and order.state == "draft":
            return OrderDecision(OrderAction.RELEASE, "the shopper came back", waiting[0])
        return decided

    deciding = gateway.payments.books._DECIDING  # noqa: SLF001 - as above
    asks = handler_module._ASKS_FIRST  # noqa: SLF001 - as above
    return [
        (handler_module, "decide", trusting),
        (handler_module, "_ASKS_FIRST", asks - {OrderAction.RELEASE}),
        (gateway.payments.books, "_DECIDING", deciding | {"processing"}),
    ]


def _forget_dedupe() -> list[Patch]:
    """Keep every copy of a webhook as if it were another one."""

    def anew(received: Any) -> Write:
        event = replace(received.event, event_id=new_id("evt"))
        return insert_event(replace(received, event=event))

    return [(inbox_module, "insert_event", anew)]


def _sweep_without_canceling() -> list[Patch]:
    """Give up an old order, and leave its payment open at the PSP."""

    def hasty(situation: Any, ages: Any) -> Any:
        decided = decide_sweep(situation, ages)
        if decided.action is SweepAction.CANCEL_PAYMENT:
            return replace(decided, action=SweepAction.CANCEL_ORDER)
        return decided

    return [(sweeping_orders, "decide_sweep", hasty)]


def _unknown_becomes_failed() -> list[Patch]:
    """Take no answer for a no."""
    attempt = OperationSender.attempt

    async def pessimistic(self: Any, payment: Any, operation: Any) -> Any:
        outcome = await attempt(self, payment, operation)
        if isinstance(outcome, Unknown):
            error = NotSentError(operation.psp_account, "no answer came")
            return NotDone(error, refused=False)
        return outcome

    return [(OperationSender, "attempt", pessimistic)]


def _new_key_on_retry() -> list[Patch]:
    """Send an operation again under another idempotency key."""
    call = gateway.payments.sending._call  # noqa: SLF001 - as above

    async def anew(provider: Any, payment: Any, operation: Any) -> Any:
        key = new_id("key")
        return await call(provider, payment, replace(operation, idempotency_key=key))

    return [(gateway.payments.sending, "_call", anew)]


def _ignore_reviews() -> list[Patch]:
    """Release whatever the fraud review says."""
    return [(decision_module, "_DOUBTS", frozenset()), *_blind()]


def _blind() -> list[Patch]:
    decide = decision_module._decide_for  # noqa: SLF001 - as above

    def blind(order: Any, payment: Any) -> OrderDecision:
        return decide(order, replace(payment, review=ReviewStatus.NONE))

    return [(decision_module, "_decide_for", blind)]


def _refund_under_new_key() -> list[Patch]:
    """Send a refund of unknown outcome once more, as if it were another one."""
    attempt = RefundSender.attempt

    async def again(self: Any, payment: Any, operation: Any, others: Any) -> Any:
        outcome = await attempt(self, payment, operation, others)
        if isinstance(outcome, RefundUnknown):
            anew = replace(operation, idempotency_key=new_id("key"))
            return await attempt(self, payment, anew, others)
        return outcome

    return [(RefundSender, "attempt", again)]


def _older_word_overwrites() -> list[Patch]:
    """Store a payment whatever became of it since it was read."""

    def careless(payment: Any, *, read_version: int) -> Write:
        write = update_payment(payment, read_version=read_version)
        return replace(write, guard="")

    return [(gateway.payments.books, "update_payment", careless)]


def _drop_deliveries() -> list[Patch]:
    """Forget what could not be delivered."""

    async def drop(self: Any, order_id: str, lines: Any, *_: Any) -> None:
        await self._database.commit([delete_deliveries([line.journal_id for line in lines])])

    return [(LocalDelivery, "_put_off", drop)]


def _answer_before_storing() -> list[Patch]:
    """Answer a webhook at once, and store it a moment later."""
    receive = Inbox.receive

    async def hasty(self: Any, account: str, headers: Any, body: bytes) -> Any:
        event = self._providers[account].parse_event(headers, body)
        task = asyncio.get_running_loop().create_task(receive(self, account, headers, body))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return SimpleNamespace(event_id=event.event_id, duplicate=False)

    return [(Inbox, "receive", hasty)]


def _route_again() -> list[Patch]:
    """Capture and cancel where today's routing points, and not where the payment was made."""
    provider_of = OperationSender.provider_of

    def today(self: Any, payment: Any) -> Any:
        others = [name for name in self._providers if name != payment.psp_account]
        moved = payment.country_code == "PT" and payment.state == "authorized"
        return self.provider_at(others[0]) if moved else provider_of(self, payment)

    return [(OperationSender, "provider_of", today)]


def _never_refund() -> list[Patch]:
    """Keep the money that comes for an order which is canceled already."""
    beside = decision_module._beside_the_point  # noqa: SLF001 - as above

    def greedy(order: Any, payments: Any, came_back: Any) -> OrderDecision:
        decided = beside(order, payments, came_back)
        if decided.action is OrderAction.REFUND:
            return OrderDecision(OrderAction.WAIT, "the order is decided")
        return decided

    return [(decision_module, "_beside_the_point", greedy)]


def _refund_missed() -> list[Patch]:
    """Ask about refunds only while the PSP counts one: one that failed can be missed."""

    def by_sum(before: Any, after: Any) -> bool:
        return bool(before.refunded_minor or after.refunded_minor)

    return [(gateway.refunds.truth, "_may_have_refunds", by_sum)]


def _forget_unfinished() -> list[Patch]:
    """Never ask about what a PSP accepted: its closing webhook is the only word."""

    async def forgetful(*_: Any) -> int:
        return 0

    return [(UnfinishedChanges, "ask", forgetful)]


def _decide_from_an_old_look() -> list[Patch]:
    """Decide from payments as they were before the PSP was asked, whatever was stored meanwhile."""

    async def once(self: Any, order: Any, visit: Any) -> OrderDecision:
        if visit.payments is None:
            visit.take(await order_payments(self._books.database, order.order_id))
        while True:
            came_back = await self._came_back(order, visit.payments)
            decided = decision_module.decide(order, visit.payments, came_back)
            payment = decided.payment
            if payment is None or decided.action not in handler_module._ASKS_FIRST:  # noqa: SLF001 - as above
                return decided
            if visit.fresh.get(payment.id) == payment.version:
                return decided
            visit.confirm(await self._refresher.refresh(payment))

    return [(OrderHandler, "_decide", once)]


BUGS: Final[Mapping[str, Bug]] = {
    "commit-after-call": Bug(
        "the PSP is called before the operation is committed", _commit_after_the_call
    ),
    "release-on-return": Bug("an order is released without the PSP's word", _release_on_return),
    "forget-dedupe": Bug("the inbox keeps copies of a webhook under new ids", _forget_dedupe),
    "sweep-without-cancel": Bug(
        "the sweeper leaves payments open at the PSP", _sweep_without_canceling
    ),
    "unknown-is-failed": Bug("no answer is taken for a refusal", _unknown_becomes_failed),
    "new-key-on-retry": Bug("an operation is sent again under a new key", _new_key_on_retry),
    "ignore-reviews": Bug("open and rejected reviews are ignored", _ignore_reviews),
    "refund-under-new-key": Bug("a refund is repeated under a new key", _refund_under_new_key),
    "older-word-overwrites": Bug(
        "the version guard of payments is forgotten", _older_word_overwrites
    ),
    "drop-deliveries": Bug("a delivery that fails is dropped", _drop_deliveries),
    "answer-before-storing": Bug(
        "a webhook is answered before it is durable", _answer_before_storing
    ),
    "route-again": Bug("a change goes where today's routing points", _route_again),
    "never-refund": Bug("money for a canceled order is kept", _never_refund),
    "refund-missed": Bug("a refund that fails later can be missed", _refund_missed),
    "decide-from-an-old-look": Bug(
        "what is stored while the PSP is asked is not heard", _decide_from_an_old_look
    ),
    "forget-unfinished": Bug("what a PSP accepted is never asked about", _forget_unfinished),
    **{name: Bug(says, patches) for name, (says, patches) in PLANTED.items()},
}
"""Every planted bug by name."""
