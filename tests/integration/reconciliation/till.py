"""A till: captures and refunds that the gateway and a PSP in memory both know, and runs."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from gateway.bootstrap import Application, Doors, wire
from gateway.domain.discrepancy import Discrepancy, DiscrepancyFilter, DiscrepancyState
from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.payment import PaymentState
from gateway.domain.posting import Posting
from gateway.domain.reconciliation import Reconciliation
from gateway.domain.refund import RefundState
from gateway.domain.requests import RequestKey
from gateway.ids import new_id
from gateway.reconciliation.commands import RunCommand
from gateway.routing.source import RoutingSource
from gateway.settings import load_settings
from gateway.storage.account_postings import postings_of_order
from gateway.storage.database import Database
from gateway.storage.journal import insert_entry
from gateway.storage.payments import get_payment, insert_payment, update_payment
from gateway.storage.refunds import insert_refund
from psp.money import Money
from psp.port import PspRefund, PspStatus, RefundStatus, ReviewStatus
from psp.settlements import SettlementPeriod
from tests.support.fake_office import FakeOffice
from tests.support.fake_psp import FakePsp
from tests.support.payments import payment, refund, word
from tests.support.rig import SteppedDatabase, Steps
from tests.support.shop import StandingClock
from tests.support.tables import ROUTING_TABLE

ACCOUNT: Final = "stripe_eu"
OTHER: Final = "ogone_be"
DAY: Final = date(2026, 5, 4)
DAY_AFTER: Final = date(2026, 5, 5)
NOON: Final = datetime(2026, 5, 4, 12, tzinfo=UTC)
_STATE_OF: Final = {
    RefundState.FAILED: RefundStatus.FAILED,
    RefundState.PENDING: RefundStatus.PENDING,
}


class Till:
    """One gateway over a database, and two accounts at PSPs in memory."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = StandingClock(NOON + timedelta(days=30))
        self.psps = {name: FakePsp(name, clock=self._booked) for name in (ACCOUNT, OTHER)}
        self._moment = NOON
        self._made = 0
        self.restart()

    @property
    def psp(self) -> FakePsp:
        """The first account."""
        return self.psps[ACCOUNT]

    def restart(self, crash_at: int = 0) -> None:
        """Start a new process over the same database."""
        self.steps = Steps(crash_at)
        doors = Doors(
            SteppedDatabase(self.database, self.steps), FakeOffice(), self.psps, self.clock
        )
        self.application: Application = wire(
            doors, RoutingSource(ROUTING_TABLE), load_settings(min_deadline_s=0.1)
        )

    def add_account(self, name: str) -> FakePsp:
        """Open another account at a PSP in memory."""
        self.psps[name] = FakePsp(name, clock=self._booked)
        return self.psps[name]

    def _booked(self) -> datetime:
        return self._moment

    async def capture(
        self,
        amount_minor: int = 1999,
        *,
        at: datetime = NOON,
        account: str = ACCOUNT,
        **changes: Any,
    ) -> str:
        """Capture a payment on both sides; the PSP's reference of it."""
        self._made += 1
        reference = f"pi_{account}_{self._made}"
        values: dict[str, Any] = {"currency": "EUR", **changes}
        money = Money(amount_minor, values.pop("currency"))
        taken = payment(
            PaymentState.CAPTURED,
            id=new_id("pay"),
            order_id=f"order-{self._made}",
            amount=money,
            authorized_minor=amount_minor,
            captured_minor=amount_minor,
            psp_account=account,
            psp_reference=reference,
            create_time=at,
            update_time=at,
            **values,
        )
        entry = JournalEntry(
            id=new_id("evt"),
            payment_id=taken.id,
            order_id=taken.order_id,
            sequence=1,
            type=EventType.STATE_CHANGED,
            state=taken.state,
            review=ReviewStatus.NONE,
            currency=money.currency,
            captured_minor=amount_minor,
            refunded_minor=0,
            create_time=at,
        )
        await self.database.commit([insert_payment(taken), insert_entry(entry)])
        self._moment = at
        self.psps[account]._keep(  # noqa: SLF001 - what happens at the PSP
            word(
                PspStatus.CAPTURED,
                psp_reference=reference,
                payment_id=taken.id,
                currency=money.currency,
                amount_minor=amount_minor,
                authorized_minor=amount_minor,
                captured_minor=amount_minor,
            )
        )
        return reference

    async def give_back(
        self,
        payment_reference: str,
        amount_minor: int = 500,
        state: RefundState = RefundState.SUCCEEDED,
        *,
        at: datetime = NOON,
        at_psp: RefundStatus | None = None,
    ) -> str:
        """Refund on both sides; the PSP's reference of it. `at_psp` may differ from our state."""
        self._made += 1
        psp = next(each for each in self.psps.values() if payment_reference in each.payments)
        known = psp.payments[payment_reference]
        taken = await get_payment(self.database, known.payment_id)
        assert taken is not None
        counted = amount_minor if state is not RefundState.FAILED else 0
        after = replace(
            taken,
            refunded_minor=taken.refunded_minor + counted,
            last_sequence=taken.last_sequence + 1,
            version=taken.version + 1,
        )
        given = refund(
            state,
            id=new_id("ref"),
            payment_id=known.payment_id,
            order_id=f"order-of-{payment_reference}",
            amount=Money(amount_minor, known.currency),
            psp_account=psp.account,
            psp_reference=f"re_{psp.account}_{self._made}",
            create_time=at,
            update_time=at,
        )
        entry = JournalEntry(
            id=new_id("evt"),
            payment_id=given.payment_id,
            order_id=given.order_id,
            sequence=taken.last_sequence + 1,
            type=EventType.REFUND_CHANGED,
            state=PaymentState.CAPTURED,
            review=ReviewStatus.NONE,
            currency=known.currency,
            captured_minor=known.captured_minor,
            refunded_minor=amount_minor,
            create_time=at,
        )
        update = update_payment(after, read_version=taken.version)
        await self.database.commit([update, insert_refund(given), insert_entry(entry)])
        self._moment = at
        status = at_psp or _STATE_OF.get(state, RefundStatus.SUCCEEDED)
        there = PspRefund(
            psp_reference=given.psp_reference,
            payment_reference=payment_reference,
            status=RefundStatus.PENDING,
            raw_status="pending",
            currency=known.currency,
            amount_minor=amount_minor,
            refund_id=given.id,
        )
        psp.refunds[there.psp_reference] = there
        psp.books.refund(there, at)
        psp.payments[payment_reference] = replace(
            known, refunded_minor=known.refunded_minor + amount_minor
        )
        psp.change_refund(there.psp_reference, status)
        return given.psp_reference

    async def reconcile(
        self,
        first_day: date = DAY,
        last_day: date | None = None,
        *,
        account: str = ACCOUNT,
        request_id: str = "",
    ) -> Reconciliation:
        """Run to its end, or to where it waits."""
        steps = self.application.reconciliations.run(
            command(first_day, last_day, account=account, request_id=request_id)
        )
        last: Any = None
        async for step in steps:
            last = step
        assert isinstance(last, Reconciliation)
        return last

    async def discrepancies(
        self, state: DiscrepancyState | None = DiscrepancyState.OPEN, account: str = ""
    ) -> list[Discrepancy]:
        """Return all of a state, the oldest first."""
        wanted = DiscrepancyFilter(psp_account=account, state=state)
        page = await self.application.reconciliations.list_discrepancies(wanted, "", 500)
        return sorted(page.discrepancies, key=lambda each: each.id)

    async def named(self) -> list[tuple[str, str]]:
        """Return what is open, as pairs of type and reference."""
        found = [each.finding for each in await self.discrepancies()]
        return sorted((each.type.value, each.subject.reference) for each in found)

    async def postings(self, payment_reference: str) -> list[Posting]:
        """Return what the refunds of a payment moved on the account."""
        return await postings_of_order(self.database, f"order-of-{payment_reference}")


def command(
    first_day: date = DAY,
    last_day: date | None = None,
    *,
    account: str = ACCOUNT,
    request_id: str = "",
) -> RunCommand:
    """Return a command to reconcile a day, or more."""
    key = RequestKey("tests", "RunReconciliation", request_id or str(uuid.uuid4()))
    return RunCommand(key, account, SettlementPeriod(first_day, last_day or first_day))
