"""Reconciliation of a Stripe that keeps books, by either source, with its books told wrongly."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

import aiohttp
import pytest

from gateway.bootstrap import Application, Doors, wire
from gateway.domain.discrepancy import DiscrepancyFilter, DiscrepancyState
from gateway.domain.payment import PaymentState
from gateway.domain.reconciliation import Reconciliation, RunState, shortcomings
from gateway.domain.requests import RequestKey
from gateway.payments.commands import CreatePaymentCommand
from gateway.reconciliation.commands import RunCommand
from gateway.refunds.commands import CreateRefundCommand, RefundedPayment
from gateway.routing.source import RoutingSource
from gateway.settings import load_settings
from gateway.storage.database import Database
from psp.money import Money
from psp.port import CapturePolicy, PaymentMethod
from psp.settlements import SettlementPeriod
from psp.stripe.config import SettlementSource
from psp.stripe.provider import StripeProvider
from psp.stripe.sandbox import running_sandbox
from psp.stripe.sandbox.drifting import DriftKind
from psp.stripe.sandbox.sandbox import StripeSandbox
from tests.integration.stripe_sandbox.support import ManualClock
from tests.support.fake_office import FakeOffice
from tests.support.tables import ROUTING_TABLE
from tests.unit.psp.stripe.support import account_config

_DAY: Final = date(2027, 1, 15)
_NEXT: Final = date(2027, 1, 16)
_NOON: Final = datetime(2027, 1, 15, 12, tzinfo=UTC).timestamp()
_DAY_S: Final = 86_400
_LINES: Final = {
    DriftKind.MISSING: "missing_at_psp",
    DriftKind.DOUBLED: "duplicate",
    DriftKind.DOUBLED_EFFECT: "duplicate",
    DriftKind.WRONG_AMOUNT: "amount",
    DriftKind.WRONG_CURRENCY: "currency",
    DriftKind.LATE: "missing_at_psp",
    DriftKind.UNKNOWN_CATEGORY: "unknown_category",
}
_TABLE: Final = replace(
    ROUTING_TABLE,
    countries={
        code: replace(country, capture_policy=CapturePolicy.AUTOMATIC)
        for code, country in ROUTING_TABLE.countries.items()
    },
)


@dataclass
class Shop:
    """A gateway whose account is at a Stripe in a sandbox, both at a time that a test moves."""

    sandbox: StripeSandbox
    clock: ManualClock
    application: Application

    async def sell(self, amount_minor: int = 1999) -> str:
        """Sell; the payment's id here."""
        command = CreatePaymentCommand(
            key=RequestKey("tests", "CreatePayment", str(uuid.uuid4())),
            order_id=f"order-{uuid.uuid4()}",
            customer_id="",
            country_code="FR",
            method=PaymentMethod.CARD,
            amount=Money(amount_minor, "EUR"),
        )
        created = await self.application.payments.create(command, None)
        assert created.next_action is not None
        self.sandbox.browser_confirm(created.next_action.client_secret, "pm_card_visa")
        # As a webhook would have it done.
        await self.application.reconciliations.ask(created.payment.id)
        paid = await self.application.payments.get(created.payment.id)
        assert paid.state is PaymentState.CAPTURED
        return paid.id

    async def give_back(self, payment_id: str, amount_minor: int = 500) -> str:
        """Refund a part; the PSP's id of the refund."""
        command = CreateRefundCommand(
            RequestKey("tests", "CreateRefund", str(uuid.uuid4())),
            RefundedPayment(payment_id=payment_id),
            Money(amount_minor, "EUR"),
        )
        return (await self.application.refunds.create(command, None)).psp_reference

    async def reference(self, payment_id: str) -> str:
        """Return Stripe's id of a payment."""
        return (await self.application.payments.get(payment_id)).psp_reference

    async def reconcile(self, day: date = _DAY) -> Reconciliation:
        """Run to the end, or to where it waits."""
        key = RequestKey("tests", "RunReconciliation", str(uuid.uuid4()))
        command = RunCommand(key, "stripe_eu", SettlementPeriod(day, day))
        last: object = None
        async for step in self.application.reconciliations.run(command):
            last = step
        assert isinstance(last, Reconciliation)
        return last

    async def named(self, state: DiscrepancyState = DiscrepancyState.OPEN) -> list[str]:
        """Return the types of what is in a state."""
        wanted = DiscrepancyFilter(state=state)
        page = await self.application.reconciliations.list_discrepancies(wanted, "", 100)
        return [each.finding.type.value for each in page.discrepancies]


@pytest.fixture(params=list(SettlementSource), ids=lambda source: source.value)
async def shop(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Shop]:
    """A shop at noon, its books read from either source."""
    clock = ManualClock(_NOON)
    async with running_sandbox(now=clock) as sandbox, aiohttp.ClientSession() as session:
        config = account_config(
            api_base=sandbox.address,
            files_base=sandbox.address,
            settlement_source=request.param,
            max_network_retries=0,
        )
        provider = StripeProvider("stripe_eu", config, session, clock=clock)
        doors = Doors(
            database,
            FakeOffice(),
            {"stripe_eu": provider},
            lambda: datetime.fromtimestamp(clock.seconds, UTC),
        )
        settings = load_settings(min_deadline_s=0.1)
        yield Shop(sandbox, clock, wire(doors, RoutingSource(_TABLE), settings))


async def test_a_day_of_sales_agrees(shop: Shop) -> None:
    """Charges, refunds and fees; the day is not over first, and that is a state."""
    bought = await shop.sell()
    await shop.sell(700)
    await shop.give_back(bought)

    early = await shop.reconcile()
    shop.clock.seconds += _DAY_S
    run = await shop.reconcile()

    assert early.state is RunState.WAITING_FOR_REPORT
    assert (run.id, run.state) == (early.id, RunState.DONE)
    assert await shop.named() == []
    assert [(each.category.value, each.gross_minor) for each in run.totals] == [
        ("charge", 2699),
        ("refund", -500),
    ]
    assert run.counts.settled == 1


@pytest.mark.parametrize("kind", _LINES, ids=lambda kind: kind.value)
@pytest.mark.parametrize("of_refund", [False, True], ids=["charge", "refund"])
async def test_books_told_wrongly_are_named(
    shop: Shop, kind: DriftKind, *, of_refund: bool
) -> None:
    """Exactly that one difference; told rightly again, it closes itself."""
    bought = await shop.sell()
    await shop.sell(700)
    given = await shop.give_back(bought)
    shop.clock.seconds += 1
    shop.sandbox.drift(kind, given if of_refund else await shop.reference(bought))
    shop.clock.seconds += _DAY_S

    await shop.reconcile()
    named = await shop.named()
    shop.sandbox.end_drift()
    await shop.reconcile()

    # A refund or charge of a category that nobody knows is in its own place no more.
    also = ["missing_at_psp"] if kind is DriftKind.UNKNOWN_CATEGORY else []
    assert sorted(named) == sorted([_LINES[kind], *also])
    assert await shop.named() == []
    assert sorted(await shop.named(DiscrepancyState.HEALED)) == sorted(named)


async def test_a_late_line_comes_the_next_day(shop: Shop) -> None:
    """And heals what missed it."""
    bought = await shop.sell()
    shop.sandbox.drift(DriftKind.LATE, await shop.reference(bought))
    shop.clock.seconds += _DAY_S
    await shop.reconcile()
    assert await shop.named() == ["missing_at_psp"]
    shop.clock.seconds += _DAY_S

    await shop.reconcile(_NEXT)

    assert await shop.named() == []


@pytest.mark.parametrize("shop", [SettlementSource.REPORT_RUNS], indirect=True)
@pytest.mark.parametrize(
    "kind",
    [
        DriftKind.EXTRA_DIGITS,
        DriftKind.TRUNCATED,
        DriftKind.TRUNCATED_LINE,
        DriftKind.RENAMED_COLUMN,
    ],
    ids=lambda kind: kind.value,
)
async def test_a_report_that_cannot_be_read_changes_nothing(shop: Shop, kind: DriftKind) -> None:
    """The run fails, or waits, with a sentence; read rightly, the day agrees."""
    await shop.sell()
    shop.sandbox.drift(kind)
    shop.clock.seconds += _DAY_S

    broken = await shop.reconcile()
    shop.sandbox.end_drift()
    run = await shop.reconcile()

    assert broken.state in {RunState.FAILED, RunState.WAITING_FOR_REPORT}
    assert broken.detail
    assert (run.state, await shop.named()) == (RunState.DONE, [])
    assert shortcomings(run) == ()


@pytest.mark.parametrize("shop", [SettlementSource.REPORT_RUNS], indirect=True)
async def test_a_line_that_is_missing_keeps_the_day_from_closing(shop: Shop) -> None:
    """Stripe's balance knows better than its report: the run says how much is missing."""
    bought = await shop.sell(1999)
    shop.sandbox.drift(DriftKind.MISSING, await shop.reference(bought))
    shop.clock.seconds += _DAY_S

    run = await shop.reconcile()

    (sentence,) = shortcomings(run)
    assert sentence.startswith("EUR: opening 0 + activity 0 is not closing")
