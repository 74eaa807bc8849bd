"""A cancel whose payment its PSP never heard of: a page was made, and nobody opened it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.domain.operation import Operation, OperationKind, OperationState
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.refund import RefundState
from gateway.domain.transitions import Change
from gateway.payments.books import PaymentBooks
from gateway.payments.resolver import Resolver
from gateway.payments.sending import OperationSender
from gateway.signals import PaymentSignals, Wake
from gateway.storage.database import Database
from gateway.storage.operations import get_operation, insert_operation
from tests.support.fake_psp import FakePsp
from tests.support.payments import NOW, TOTAL, operation, payment

_CANCEL = operation(OperationKind.CANCEL)
_LATER = timedelta(days=3)
"""Longer than a key lives and a request may be on its way."""


class _NoRefunds:
    async def resolve(self, claimed: Operation) -> tuple[RefundState, str]:
        raise AssertionError(f"{claimed.id} is no refund")


class Bench:
    """A process died while it canceled a payment, and another one finds out."""

    def __init__(self, database: Database) -> None:
        self.now = NOW
        self.database = database
        psp = FakePsp()
        self.books = PaymentBooks(database, PaymentSignals(), Wake())
        providers = {psp.account: psp}
        sender = OperationSender(self.books, providers, self._clock, Wake())
        self._resolver = Resolver(
            self.books,
            sender,
            _NoRefunds(),
            providers,
            self._clock,
            timedelta(minutes=3),
            Wake(),
        )

    def _clock(self) -> datetime:
        return self.now

    async def find_out(self, stored: Payment, passed: timedelta) -> tuple[Payment, OperationState]:
        """Return what the payment and its cancel are after so long."""
        await self.books.open(Change(stored, ()), NOW, [insert_operation(_CANCEL)])
        self.now = NOW + passed
        await self._resolver.resolve(_CANCEL)
        found = await get_operation(self.database, _CANCEL.id)
        assert found is not None
        return await self.books.get(stored.id), found.state


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return a bench on each database."""
    return Bench(database)


async def test_a_page_that_nobody_opened_waits_for_its_shopper_again(bench: Bench) -> None:
    """There is nothing to cancel: its order must not wait for an operator."""
    unopened = payment(PaymentState.OUTCOME_UNKNOWN)

    settled, state = await bench.find_out(unopened, _LATER)

    assert (settled.state, state) == (PaymentState.AWAITING_CUSTOMER, OperationState.FAILED)


async def test_a_cancel_that_may_arrive_yet_concludes_nothing(bench: Bench) -> None:
    """The shopper may open the page before the request comes."""
    unopened = payment(PaymentState.OUTCOME_UNKNOWN)

    settled, state = await bench.find_out(unopened, timedelta(minutes=5))

    assert (settled.state, state) == (PaymentState.OUTCOME_UNKNOWN, OperationState.UNKNOWN)


async def test_money_that_the_psp_forgot_is_left_to_an_operator(bench: Bench) -> None:
    """It was authorised once: that the PSP shows nothing of it is no answer."""
    forgotten = payment(PaymentState.OUTCOME_UNKNOWN, authorized_minor=TOTAL.amount_minor)

    settled, state = await bench.find_out(forgotten, _LATER)

    assert (settled.state, state) == (PaymentState.OUTCOME_UNKNOWN, OperationState.UNKNOWN)
