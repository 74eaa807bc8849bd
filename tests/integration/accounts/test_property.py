"""Whatever is reported, refunded, repeated and interrupted: one movement a key, and it closes."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.accounts.commands import ReportCommand
from gateway.domain.posting import PostingState
from gateway.domain.refund import Refund, RefundState
from gateway.domain.refund_postings import (
    posting_for_returned_refund,
    posting_for_settled_refund,
    postings_of_change,
)
from gateway.errors import PaygateError, Reason
from gateway.storage.account_postings import postings_of_order
from gateway.storage.database import open_database
from gateway.storage.upgrade import upgrade
from legacy_bridge.port import MovementKind
from legacy_bridge.sql import SqlBackOffice
from psp.money import Money
from tests.integration.accounts.ledger import FULL_MINOR, Ledger, in_parcel, invoiced
from tests.support.payments import refund
from tests.support.rig import CrashError

_ORDERS = ("order-1", "order-2")
_EXPECTED = {
    Reason.AMOUNT_EXCEEDS_REMAINING,
    Reason.ORDER_NOT_INVOICED,
    Reason.REPORTED_OTHERWISE,
    Reason.OPERATION_IN_PROGRESS,
    Reason.REQUEST_ID_REUSED,
}


@dataclass(frozen=True)
class _Report:
    """An invoice or a parcel; few numbers and amounts, so that they meet again."""

    order: int
    number: int
    amount_minor: int
    is_parcel: bool

    @property
    def command(self) -> ReportCommand:
        make = in_parcel if self.is_parcel else invoiced
        order_id = _ORDERS[self.order]
        return make(self.amount_minor, f"{order_id}-{self.number}", order_id=order_id)


@dataclass(frozen=True)
class _Refunded:
    """A refund with the states that it goes through, each told so many times."""

    number: int
    states: tuple[RefundState, ...]
    times: int


@dataclass(frozen=True)
class _Work:
    """A process posts what is due, and may die at a step of it."""

    crash_at: int


_REPORTS = st.builds(
    _Report,
    st.integers(0, 1),
    st.integers(0, 3),
    st.sampled_from((1, 500, 999, 1000, FULL_MINOR)),
    st.booleans(),
)
_S = RefundState
_REFUNDS = st.builds(
    _Refunded,
    st.integers(0, 4),
    st.sampled_from(
        (
            (_S.PENDING, _S.SUCCEEDED),
            (_S.SUCCEEDED,),
            (_S.FAILED,),
            (_S.PENDING, _S.SUCCEEDED, _S.FAILED),
            (_S.REQUIRES_ACTION, _S.FAILED),
        )
    ),
    st.integers(1, 2),
)
_ACTS = st.lists(
    st.one_of(_REPORTS, _REPORTS, _REFUNDS, st.builds(_Work, st.integers(0, 6))), max_size=25
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_ACTS)
def test_the_account_closes(acts: list[_Report | _Refunded | _Work]) -> None:
    """By order: credits of invoices cover the parcels; by refund: nothing is left."""
    with TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), acts))


async def _play(folder: Path, acts: list[_Report | _Refunded | _Work]) -> None:
    url = f"sqlite+aiosqlite:///{folder}/paygate.db"
    await asyncio.to_thread(upgrade, url)
    database = open_database(url)
    office = SqlBackOffice.open(f"sqlite+aiosqlite:///{folder}/office.db")
    await office.create_schema()
    ledger = Ledger(database, office)
    try:
        for number, order_id in enumerate(_ORDERS, start=1):
            await ledger.open_order(order_id, number)
        refunded: dict[int, Refund] = {}
        for act in acts:
            await _act(ledger, act, refunded)
        ledger.restart()  # nobody dies any more
        for _ in range(2):
            await ledger.work()
            for order_id in _ORDERS:
                await _close(ledger, order_id)
        await _check(ledger)
    finally:
        await database.close()
        await office.close()


async def _act(
    ledger: Ledger, act: _Report | _Refunded | _Work, refunded: dict[int, Refund]
) -> None:
    if isinstance(act, _Work):
        ledger.restart(act.crash_at)
        await ledger.work()
    elif isinstance(act, _Report):
        with suppress(CrashError):
            await _reported(ledger, act.command)
        if ledger.steps.crashed:
            ledger.restart()
    elif act.number not in refunded:
        ledger.restart()
        refunded[act.number] = await _refund(ledger, act)


async def _reported(ledger: Ledger, command: ReportCommand) -> None:
    try:
        await ledger.send(command)
    except PaygateError as refused:
        assert refused.reason in _EXPECTED  # noqa: PT017 - whether it is refused is not the point


async def _refund(ledger: Ledger, act: _Refunded) -> Refund:
    """Let a refund come to its end, and the PSP's report show it."""
    own = refund(
        _S.OUTCOME_UNKNOWN,
        id=f"ref_{act.number}",
        order_id=_ORDERS[act.number % 2],
        psp_reference=f"re_{act.number}",
    )
    for state in act.states:
        after = replace(own, state=state)
        for _ in range(act.times):
            for posting in postings_of_change(own, after, "", ledger.now):
                await ledger.write(posting)
        own = after
    if act.states != (_S.FAILED,):
        for _ in range(act.times):
            await ledger.write(posting_for_settled_refund(own, "", ledger.now))
            if own.state is _S.FAILED:
                await ledger.write(posting_for_returned_refund(own, "", ledger.now))
    return own


async def _close(ledger: Ledger, order_id: str) -> None:
    """Ship what was invoiced, as a shop does in the end."""
    sums: Counter[MovementKind] = Counter()
    for posting in await postings_of_order(ledger.database, order_id):
        sums[posting.kind] += posting.amount.amount_minor
    invoices, parcels = sums[MovementKind.INVOICE_CREDIT], sums[MovementKind.PARCEL_DEBIT]
    assert 0 <= parcels <= invoices <= FULL_MINOR
    if parcels < invoices:
        rest = Money(invoices - parcels, "EUR")
        command = in_parcel(parcel_id=f"{order_id}-last", order_id=order_id, amount=rest)
        await ledger.send(command)


async def _check(ledger: Ledger) -> None:
    movements = await ledger.movements()
    assert len({each.key for each in movements}) == len(movements)
    by_reference: Counter[str] = Counter()
    written: set[str] = set()
    for order_id in _ORDERS:
        postings = await postings_of_order(ledger.database, order_id)
        assert {each.state for each in postings} <= {PostingState.POSTED}
        written |= {each.key for each in postings}
    assert {each.key for each in movements} == written
    for each in movements:
        by_reference[each.reference if each.kind.startswith("refund") else each.order_id] += (
            each.signed_minor
        )
    assert set(by_reference.values()) <= {0}
    assert set((await ledger.office.balance("shopper-1")).values()) <= {0}
