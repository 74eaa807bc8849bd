"""Changes that a PSP ended without our hearing of it are found, and asked about seldom."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.domain.payment import Payment, PaymentState
from gateway.domain.transitions import Change
from gateway.payments.books import PaymentBooks
from gateway.payments.refreshing import PaymentRefresher
from gateway.payments.sending import OperationSender
from gateway.refunds.syncing import RefundSync
from gateway.refunds.truth import PaymentTruth
from gateway.signals import PaymentSignals, Wake
from gateway.storage.database import Database
from gateway.sweeping.unfinished import UnfinishedChanges
from psp.errors import UnavailableError
from psp.port import PendingChange, PspPayment, PspStatus
from tests.support.fake_psp import FakePsp
from tests.support.payments import NOW, TOTAL, payment, word

_ON_ITS_WAY = payment(PaymentState.PROCESSING, authorized_minor=TOTAL.amount_minor)


async def _no_lease() -> None:
    """Nobody else is at it."""


class Bench:
    """One stored payment whose capture was accepted, and the PSP that carries it out."""

    def __init__(self, database: Database) -> None:
        self.psp = FakePsp()
        self.now = NOW
        books = PaymentBooks(database, PaymentSignals(), Wake())
        sender = OperationSender(books, {self.psp.account: self.psp}, self._clock, Wake())
        refresher = PaymentRefresher(books, sender, self._clock)
        truth = PaymentTruth(database, refresher, RefundSync(books, sender, self._clock))
        self.books = books
        self.changes = UnfinishedChanges(database, truth, self._clock)

    def _clock(self) -> datetime:
        return self.now

    async def store(self, stored: Payment, said: PspPayment) -> None:
        self.psp.payments[said.psp_reference] = said
        await self.books.open(Change(stored, ()), NOW, [])

    async def after(self, passed: timedelta, last: timedelta | None = None) -> int:
        """Look after so long; how many had news."""
        self.now = NOW + passed
        return await self.changes.ask(None if last is None else NOW + last, _no_lease)


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return a bench on each database."""
    return Bench(database)


async def test_a_capture_that_ended_unheard_is_found(bench: Bench) -> None:
    """Whatever its order is by then: the money was taken."""
    await bench.store(_ON_ITS_WAY, word(PspStatus.CAPTURED))

    assert await bench.after(timedelta(hours=2)) == 1
    assert (await bench.books.get(_ON_ITS_WAY.id)).state is PaymentState.CAPTURED


async def test_what_is_still_under_way_is_asked_about_at_each_doubling_only(bench: Bench) -> None:
    """A PSP forbids to be polled: at 2 and 4 hours, and not at 3."""
    pending = word(
        PspStatus.PROCESSING,
        authorized_minor=TOTAL.amount_minor,
        pending=PendingChange.CAPTURE,
    )
    await bench.store(_ON_ITS_WAY, pending)
    asked = []
    for last, now in ((1, 2), (2, 3), (3, 4), (4, 5)):
        before = len(bench.psp.calls_of("retrieve_payment"))
        assert await bench.after(timedelta(hours=now), timedelta(hours=last)) == 0
        asked.append(len(bench.psp.calls_of("retrieve_payment")) - before)

    assert asked == [1, 0, 1, 0]


async def test_an_authorisation_that_ended_unheard_is_found(bench: Bench) -> None:
    """A clerk canceled its order while the acquirer was at it: the money is to be given up."""
    await bench.store(payment(PaymentState.PROCESSING), word(PspStatus.AUTHORIZED))

    assert await bench.after(timedelta(hours=2)) == 1
    assert (await bench.books.get(_ON_ITS_WAY.id)).state is PaymentState.AUTHORIZED


async def test_who_was_declined_may_have_paid_after_all(bench: Bench) -> None:
    """On the same page, unheard: asked about at 6, 12 and 24 hours, and not for ever."""
    failed = payment(PaymentState.FAILED)
    await bench.store(failed, word(PspStatus.FAILED))
    asked = []
    for last, now in ((0, 5), (5, 6), (6, 11), (11, 12), (12, 23), (23, 24), (24, 30), (30, 400)):
        before = len(bench.psp.calls_of("retrieve_payment"))
        assert await bench.after(timedelta(hours=now), timedelta(hours=last)) == 0
        asked.append(len(bench.psp.calls_of("retrieve_payment")) - before)
    assert asked == [0, 1, 0, 1, 0, 1, 0, 0]

    await bench.store(
        payment(PaymentState.FAILED, id="pay_other", psp_reference="pi_other"),
        word(PspStatus.AUTHORIZED, payment_id="pay_other", psp_reference="pi_other"),
    )

    assert await bench.after(timedelta(hours=6), timedelta(hours=5)) == 1
    assert (await bench.books.get("pay_other")).state is PaymentState.AUTHORIZED


async def test_a_pass_that_comes_late_makes_up_for_those_that_broke_off(bench: Bench) -> None:
    """No pass was whole for days: she paid after all, and her money must not stay reserved."""
    await bench.store(payment(PaymentState.FAILED), word(PspStatus.AUTHORIZED))

    assert await bench.after(timedelta(hours=60), timedelta(hours=1)) == 1


@pytest.mark.parametrize(
    "state", [PaymentState.AWAITING_CUSTOMER, PaymentState.CAPTURED, PaymentState.CANCELED]
)
async def test_what_a_psp_is_not_at_is_none_of_them(bench: Bench, state: PaymentState) -> None:
    """Her own page, or an end: drafts are swept, and what comes late is told."""
    await bench.store(payment(state), word(PspStatus.CAPTURED))

    assert await bench.after(timedelta(days=1)) == 0
    assert bench.psp.calls_of("retrieve_payment") == []


async def test_a_psp_that_is_down_is_asked_again_later(bench: Bench) -> None:
    """Nothing is guessed."""
    await bench.store(_ON_ITS_WAY, word(PspStatus.CAPTURED))
    bench.psp.fail("retrieve_payment", UnavailableError("stripe_eu", "down"))

    assert await bench.after(timedelta(hours=2)) == 0
    assert await bench.after(timedelta(hours=4), timedelta(hours=2)) == 1
