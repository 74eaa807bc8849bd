"""Order management, customer care and fraud analysts: through the gateway, and past it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from gateway.domain.payment import Payment, PaymentState
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError
from gateway.payments.commands import CancelPaymentCommand, CapturePaymentCommand
from gateway.refunds.commands import CreateRefundCommand, RefundedPayment
from legacy_bridge.errors import BackOfficeError
from psp.money import Money
from psp.ogone.sandbox.refusals import Refusal
from psp.port import CapturePolicy
from psp.stripe.sandbox.api_errors import ApiError
from tests.simulation.chaos import HOUR_S
from tests.simulation.shoppers import Purchase
from tests.simulation.world import GaveUpError, World

ERRANDS: Final[Mapping[str, int]] = {
    "nothing": 50,
    "refunds": 10,
    "refunds a part": 8,
    "refunds in two parts": 5,
    "refunds more than there is": 3,
    "cancels the payment": 6,
    "cancels the order": 5,
    "captures by itself": 3,
    "refunds by hand at the PSP": 3,
    "opens a review": 5,
}
"""What becomes of an order besides its payment, and how often."""
_REFUNDED: Final = 0.7
_VERDICTS: Final[Mapping[str, int]] = {
    "": 3,  # nobody looks
    "approved": 6,
    "refunded": 3,
    "refunded_as_fraud": 3,
    "disputed": 1,
}


def draw_errand(world: World, purchase: Purchase) -> str:
    """Draw what becomes of an order; one whose refunds go badly is often refunded."""
    if "refunds" in purchase.plan and world.rng.random() < _REFUNDED:
        return "refunds"
    return world.rng.choices(list(ERRANDS), list(ERRANDS.values()))[0]


class Staff:
    """Everybody in the house who deals with one order."""

    def __init__(self, world: World, purchase: Purchase, errand: str) -> None:
        self._world = world
        self._purchase = purchase
        self._errand = errand
        self._rng = world.rng
        self.refund_requests: list[str] = []

    @property
    def _who(self) -> str:
        return f"staff with {self._purchase.order.order_id}"

    async def work(self) -> None:
        """Do the errand, some time after the order came in."""
        await asyncio.sleep(self._rng.choice((5.0, 60.0, 600.0, HOUR_S, 5 * HOUR_S, 20 * HOUR_S)))
        manual = self._policy() is CapturePolicy.MANUAL
        if manual and self._rng.random() < 0.8:
            await self._do(self._captures)
            await asyncio.sleep(self._rng.uniform(10, 3 * HOUR_S))
        errands: Mapping[str, Callable[[], Awaitable[None]]] = {
            "refunds": lambda: self._refund(None),
            "refunds a part": lambda: self._refund(0.4),
            "refunds in two parts": self._in_two_parts,
            "refunds more than there is": lambda: self._refund(1.5),
            "cancels the payment": self._cancels,
            "cancels the order": self._cancels_order,
            "captures by itself": self._captures,
            "refunds by hand at the PSP": self._by_hand,
            "opens a review": self._opens_review,
        }
        errand = errands.get(self._errand)
        if errand is not None:
            await self._do(errand)

    async def _do(self, errand: Callable[[], Awaitable[None]]) -> None:
        self._world.say(f"{self._who}: {errand.__name__} ({self._errand})")
        try:
            await errand()
        except (PaygateError, GaveUpError, ApiError, Refusal) as error:
            self._world.say(f"{self._who}: {type(error).__name__} {error}")

    def _policy(self) -> CapturePolicy:
        table = self._world.configuration.table
        return table.countries[self._purchase.order.country_code].capture_policy

    async def _payment(self) -> Payment | None:
        """Return one of the order's payments, as the gateway knows it."""
        known = list(self._purchase.payments.values())
        if not known:
            return None
        chosen = self._rng.choice(known)
        return await self._world.ask(self._who, lambda gateway: gateway.payments.get(chosen))

    async def _captures(self) -> None:
        payment = await self._payment()
        if payment is None:
            return
        amount = None
        if self._policy() is CapturePolicy.MANUAL and self._rng.random() < 0.3:
            amount = Money(payment.amount.amount_minor // 2 or 1, payment.currency)
            self._purchase.hand_made = True
        key = RequestKey("orders", "CapturePayment", f"{payment.id}-{self._rng.random()}")
        command = CapturePaymentCommand(key, payment.id, amount)
        await self._world.ask(
            self._who, lambda gateway: gateway.payments.capture(command, None), hurried=True
        )

    async def _cancels(self) -> None:
        payment = await self._payment()
        if payment is None:
            return
        key = RequestKey("orders", "CancelPayment", f"{payment.id}-{self._rng.random()}")
        command = CancelPaymentCommand(key, payment.id)
        canceled = await self._world.ask(
            self._who, lambda gateway: gateway.payments.cancel(command, None), hurried=True
        )
        self._purchase.hand_made = True
        self._world.books.changed(canceled.psp_reference, self._world.now_s())
        if canceled.state is PaymentState.CANCELED:
            self._purchase.notes.append(f"{canceled.id} was answered canceled")

    async def _cancels_order(self) -> None:
        order_id = self._purchase.order.order_id
        try:
            await self._world.office.cancel_order(
                order_id, reason="the customer called", key=f"clerk-{order_id}"
            )
        except BackOfficeError as error:
            self._world.say(f"{self._who}: {error}")

    async def _refund(self, share: float | None) -> None:
        payment = await self._payment()
        if payment is None:
            return
        amount = None
        if share is not None:
            amount = Money(max(1, int(payment.amount.amount_minor * share)), payment.currency)
        request_id = f"{payment.id}-refund-{len(self.refund_requests)}"
        self.refund_requests.append(request_id)
        command = CreateRefundCommand(
            RequestKey("care", "CreateRefund", request_id),
            RefundedPayment(payment_id=payment.id),
            amount,
        )
        self._purchase.hand_made = True
        self._world.books.changed(payment.psp_reference, self._world.now_s())
        refund = await self._world.ask(
            f"{self._who} ({request_id})",
            lambda gateway: gateway.refunds.create(command, None),
            hurried=True,
        )
        self._world.books.changed(payment.psp_reference, self._world.now_s())
        self._world.say(f"{self._who}: {request_id} is {refund.id} {refund.state}")

    async def _in_two_parts(self) -> None:
        """Give back two equal parts: the PSP must not take the second for the first again."""
        await asyncio.gather(self._refund(0.3), self._refund(0.3), return_exceptions=True)
        await self._refund(0.3)

    async def _by_hand(self) -> None:
        payment = await self._payment()
        if payment is None or not payment.psp_reference:
            return
        self._purchase.hand_made = True
        amount = max(1, payment.amount.amount_minor // 3)
        self._world.books.changed(payment.psp_reference, self._world.now_s())
        if payment.psp_account.startswith("stripe"):
            self._world.stripe.refund_by_hand(payment.psp_reference, amount)
            return
        entry = self._world.books.of_payment(payment.id)
        if entry is None or not entry.captured_minor:
            return
        (payid,) = [
            each["payid"]
            for books in self._world.ogone.books()
            for each in _listed(books["payments"])
            if each["order_id"] == payment.id and each["captured"]
        ][:1]
        self._world.ogone.refund_by_hand(payid, amount)

    async def _opens_review(self) -> None:
        payment = await self._payment()
        if payment is None or not payment.psp_account.startswith("stripe"):
            return
        self._world.books.changed(payment.psp_reference, self._world.now_s())
        self._world.stripe.open_review(payment.psp_reference)


def _listed(found: Any) -> list[Any]:
    return list(found)


class Analyst:
    """Closes reviews at Stripe, some soon, some late, some never."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._verdicts: dict[str, tuple[float, str]] = {}

    async def watch(self) -> None:
        """Look for open reviews, for ever."""
        rng, world = self._world.rng, self._world
        while True:
            for review_id, review in list(world.post.reviews.items()):
                if review_id not in self._verdicts:
                    reason = rng.choices(list(_VERDICTS), list(_VERDICTS.values()))[0]
                    after_s = rng.choice((30.0, 900.0, 3 * HOUR_S, 25 * HOUR_S))
                    self._verdicts[review_id] = (world.now_s() + after_s, reason)
                due_s, reason = self._verdicts[review_id]
                if review["open"] and reason and due_s <= world.now_s():
                    self._close(review_id, review["payment_intent"], reason)
            await asyncio.sleep(rng.uniform(10, 300))

    def _close(self, review_id: str, intent: str, reason: str) -> None:
        self._world.books.changed(intent, self._world.now_s())
        try:
            self._world.stripe.close_review(review_id, reason)
            self._world.say(f"analyst: {review_id} of {intent} is {reason}")
        except ApiError as error:
            self._world.say(f"analyst: {review_id} of {intent}: {error}")
