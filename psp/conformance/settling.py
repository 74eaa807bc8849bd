"""Scenarios of a PSP's books: reports of what moved on our balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from psp.conformance.bench import Bench
from psp.conformance.expecting import ConformanceError, expect, expect_equal, expect_error
from psp.conformance.steps import AMOUNT, PART, captured, refund_of
from psp.errors import MisconfiguredError, NotFoundError, ReportUnreadableError
from psp.port import PaymentServiceProvider, PspPayment, PspRefund
from psp.settlements import (
    ReportState,
    SettlementCategory,
    SettlementEntry,
    SettlementPeriod,
    SettlementReport,
)

_C = SettlementCategory
_MOST_QUESTIONS = 20


async def report_holds_the_day(bench: Bench) -> None:
    """The report of a day holds what was taken and given back, under both their references."""
    period, payment, refund = await _business(bench)

    entries = await _read(bench, await _ready(bench.provider, period))

    taken = _of(entries, payment, _C.CHARGE)
    given = _of(entries, payment, _C.REFUND)
    expect_equal("this was taken", AMOUNT.amount_minor, sum(each.gross_minor for each in taken))
    expect_equal(
        "this was given back, by this refund",
        [(-PART.amount_minor, refund.psp_reference)],
        [(each.gross_minor, each.refund_reference) for each in given],
    )
    for entry in (*taken, *given):
        expect_equal("it is in the payment's currency", AMOUNT.currency, entry.currency)
        expect("only a refund names a refund", entry in given or not entry.refund_reference, entry)
        expect("the PSP's own word is kept", entry.raw_category != "", entry)
        within = period.since <= entry.occurred_time < period.until
        expect("it is of the period", within, entry)
    for entry in entries:
        expect_equal("gross less fee is net", entry.net_minor, entry.gross_minor - entry.fee_minor)
        expect("its category is known", entry.category is not _C.UNKNOWN, entry)


async def report_read_again(bench: Bench) -> None:
    """A report read again, and one asked for again, has the same lines under the same ids."""
    period, _, _ = await _business(bench)
    report = await _ready(bench.provider, period)

    first = await _read(bench, report)
    again = await _read(bench, report)
    anew = await _read(bench, await _ready(bench.provider, period, "report-2"))

    expect_equal("reading it again gives the same", _by_id(first), _by_id(again))
    expect_equal("asking for it anew gives the same", _by_id(first), _by_id(anew))
    expect_equal("each line has an id of its own", len(first), len(_by_id(first)))


async def report_adds_up(bench: Bench) -> None:
    """Where the PSP tells balances, opening and lines make closing to the cent in each currency."""
    period, _, _ = await _business(bench)
    report = await _ready(bench.provider, period)

    entries = await _read(bench, report)

    expect("there are lines", entries != [])
    opening, closing = report.opening_minor, report.closing_minor
    expect("both balances are told, or neither", (opening is None) == (closing is None), report)
    if opening is not None and closing is not None:
        moved = Counter(opening)
        for entry in entries:
            moved[entry.currency] += entry.net_minor
        expect_equal(
            "opening and lines are closing", _without_zeros(closing), _without_zeros(moved)
        )


async def report_of_a_returned_refund(bench: Bench) -> None:
    """A refund that fails after it was reported comes back in a line of its own, on its own day."""
    period, payment, refund = await _business(bench)
    before = await _read(bench, await _ready(bench.provider, period))
    (given,) = _of(before, payment, _C.REFUND)

    first = bench.today()
    await bench.fail_refund(refund)
    returned = SettlementPeriod(first, bench.today())
    await bench.end_day()
    entries = await _read(bench, await _ready(bench.provider, returned, "report-2"))

    came_back = _of(entries, payment, _C.REFUND_FAILURE)
    expect_equal(
        "its money came back",
        [(PART.amount_minor, refund.psp_reference)],
        [(each.gross_minor, each.refund_reference) for each in came_back],
    )
    expect("it is another line", given.entry_id not in _by_id(entries), came_back)


async def report_not_yet(bench: Bench) -> None:
    """A day that is not over has no report yet, which is no failure, and says so in words."""
    await captured(bench)
    today = SettlementPeriod(bench.today(), bench.today())

    report = await bench.provider.start_settlement_report(today, "report-1")

    expect_equal("it is not yet", (ReportState.NOT_YET, ""), (report.state, report.reference))
    expect("it says why", report.detail != "")


async def report_cut_off(bench: Bench) -> None:
    """A report that breaks off is unreadable, instead of being a short one."""
    period, _, _ = await _business(bench)
    bench.cut_report()

    cut = _read_anew(bench.provider, period)

    error = await expect_error("it cannot be read", ReportUnreadableError, cut)
    expect("it says what is wrong", error.detail != "")


async def report_unknown(bench: Bench) -> None:
    """A report that never was is not found, whatever is asked of it."""
    nowhere = SettlementReport("of_no_psp", ReportState.READY)

    asked = bench.provider.retrieve_settlement_report(nowhere.reference)
    await expect_error("it is not found", NotFoundError, asked)
    await expect_error("nor are its lines", NotFoundError, _read(bench, nowhere))


async def report_with_wrong_credentials(bench: Bench) -> None:
    """With a wrong key no line of the books is shown: an operator must act."""
    period, _, _ = await _business(bench)
    stranger = bench.wrong_credentials()

    shown = _read_anew(stranger, period)

    await expect_error("an operator must act", MisconfiguredError, shown)
    await stranger.close()


async def _business(bench: Bench) -> tuple[SettlementPeriod, PspPayment, PspRefund]:
    """Take a payment, give a part of it back, and let the day end."""
    first = bench.today()
    payment = await captured(bench)
    refund = await bench.provider.refund_payment(refund_of(payment.psp_reference, PART))
    await bench.settle_offline()
    period = SettlementPeriod(first, bench.today())
    await bench.end_day()
    return period, payment, refund


async def _ready(
    psp: PaymentServiceProvider, period: SettlementPeriod, key: str = "report-1"
) -> SettlementReport:
    report = await psp.start_settlement_report(period, key)
    for _ in range(_MOST_QUESTIONS):
        if report.state is not ReportState.PENDING:
            break
        report = await psp.retrieve_settlement_report(report.reference)
    if report.state is not ReportState.READY:
        raise ConformanceError(f"expected that the day's report is ready; seen: {report!r}")
    return report


async def _read(bench: Bench, report: SettlementReport) -> list[SettlementEntry]:
    return [entry async for entry in bench.provider.settlement_entries(report.reference)]


async def _read_anew(
    psp: PaymentServiceProvider, period: SettlementPeriod
) -> list[SettlementEntry]:
    report = await _ready(psp, period)
    return [entry async for entry in psp.settlement_entries(report.reference)]


def _of(
    entries: Iterable[SettlementEntry], payment: PspPayment, category: SettlementCategory
) -> list[SettlementEntry]:
    return [
        entry
        for entry in entries
        if entry.category is category and entry.payment_reference == payment.psp_reference
    ]


def _by_id(entries: Iterable[SettlementEntry]) -> dict[str, SettlementEntry]:
    return {entry.entry_id: entry for entry in entries}


def _without_zeros(balances: Mapping[str, int]) -> dict[str, int]:
    return {currency: minor for currency, minor in balances.items() if minor}
