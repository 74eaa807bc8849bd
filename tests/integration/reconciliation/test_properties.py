"""Random books with random drift: totals close, each drift is named once, and healing closes it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.domain.discrepancy import DiscrepancyState
from gateway.domain.reconciliation import RunState
from gateway.storage.database import open_database
from psp.settlements import SettlementCategory
from tests.integration.reconciliation.till import DAY_AFTER, NOON, Till
from tests.support.databases import SqliteDatabases
from tests.support.fake_books import FakeBooks

_KINDS: Final = ("lose", "double", "amount", "currency", "fee")


@dataclass(frozen=True)
class Sale:
    """One payment with its refunds, and what goes wrong with its lines."""

    amount_minor: int
    currency: str
    refunds: tuple[int, ...]
    """Parts in percent of the amount."""
    drift: str
    """Of the charge's line; empty if there is none."""
    refund_drift: str
    """Of the first refund's line."""


SALES = st.lists(
    st.builds(
        Sale,
        amount_minor=st.integers(1_000, 100_000),
        currency=st.sampled_from(["EUR", "GBP", "JPY"]),
        refunds=st.lists(st.integers(1, 30), max_size=3).map(tuple),
        drift=st.sampled_from(["", "", "", *_KINDS]),
        refund_drift=st.sampled_from(["", "", "", "lose", "double", "amount", "currency"]),
    ),
    min_size=1,
    max_size=8,
)
FEES = st.lists(st.integers(1, 5_000), max_size=3)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    """Makes a fresh database for every example."""
    return SqliteDatabases(tmp_path_factory.mktemp("properties"))


@settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(sales=SALES, fees=FEES)
def test_books_with_drift(
    sales: list[Sale], fees: list[int], files: SqliteDatabases, tmp_path: Path
) -> None:
    """Whatever goes wrong with whatever lines, and however often it is looked at."""
    asyncio.run(_play(sales, fees, files.fresh(tmp_path, migrated=True)))


async def _play(sales: list[Sale], fees: list[int], url: str) -> None:
    database = open_database(url)
    till = Till(database)
    books = till.psp.books
    for fee in fees:
        books.add(SettlementCategory.FEE, -fee, NOON, description="invoice 2026-04")
    sold = [await _sell(till, sale) for sale in sales]
    true_lines = list(books.lines)
    expected: set[tuple[str, str]] = set()
    for sale, (reference, given_back) in zip(sales, sold, strict=True):
        expected |= _falsify(books, reference, sale.drift)
        if given_back:
            expected |= _falsify(books, given_back[0], sale.refund_drift)

    run = await till.reconcile()

    assert run.state is RunState.DONE
    assert all(balance.closes for balance in run.balances)
    assert sum(total.lines for total in run.totals) == len(books.lines)
    for currency in {total.currency for total in run.totals}:
        net = sum(each.net_minor for each in books.lines if each.currency == currency)
        assert net == sum(each.net_minor for each in run.totals if each.currency == currency)
    assert await till.named() == sorted(expected)
    ids = [each.id for each in await till.discrepancies()]

    again = await till.reconcile()

    assert [each.id for each in await till.discrepancies()] == ids
    assert (again.totals, again.counts.new) == (run.totals, 0)

    books.lines = true_lines
    healing = await till.reconcile()

    assert await till.named() == []
    assert healing.counts.healed == len(expected)
    assert {each.id for each in await till.discrepancies(DiscrepancyState.HEALED)} == set(ids)
    for sale, (reference, _) in zip(sales, sold, strict=True):
        keys = [each.key for each in await till.postings(reference)]
        assert len(keys) == len(set(keys)) == len(sale.refunds)
    await till.reconcile(DAY_AFTER)
    assert await till.named() == []
    await database.close()


async def _sell(till: Till, sale: Sale) -> tuple[str, list[str]]:
    """Sell and refund; the PSP's references of the payment and of its refunds."""
    reference = await till.capture(sale.amount_minor, currency=sale.currency)
    parts = [sale.amount_minor * part // 100 for part in sale.refunds]
    return reference, [await till.give_back(reference, part) for part in parts]


def _falsify(books: FakeBooks, reference: str, drift: str) -> set[tuple[str, str]]:
    """Do something to a line; what a run must name then, as pairs of type and reference."""
    if not drift:
        return set()
    line = books.of(reference)
    if drift == "lose":
        books.lose(reference)
        return {("missing_at_psp", reference)}
    if drift == "double":
        books.double(reference)
        return {("duplicate", reference)}
    if drift == "amount":
        books.change(reference, gross_minor=line.gross_minor + 1)
        return {("amount", reference)}
    if drift == "currency":
        books.change(reference, currency="SEK")
        return {("currency", reference)}
    books.change(reference, net_minor=line.net_minor - 7)
    return {("unexplained_fee", line.entry_id)}
