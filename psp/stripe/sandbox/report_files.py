"""The CSV of a report run, made as it is read: amounts in major units, times in UTC."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from psp.stripe.sandbox.amounts import major_units
from psp.stripe.sandbox.balance import balance_of
from psp.stripe.sandbox.balance_listing import reported
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.drifting import Drift, DriftKind, with_extra_digit
from psp.stripe.sandbox.model import BalanceTransaction, ReportRun
from psp.stripe.sandbox.report_columns import Column, column, report_line, time_text
from psp.stripe.sandbox.reporting import ACTIVITY_REPORT, KINDS, PAYOUT_REPORT, SUMMARY
from psp.stripe.sandbox.synthetic import CURRENCY, synthetic_balance, synthetic_line

_PAYOUT_CATEGORIES: Final = frozenset({"payout", "payout_reversal"})
_BLOCK_ROWS: Final = 1000


def report_chunks(books: Books, run: ReportRun) -> Iterator[bytes]:
    """Yield the file of a run, header first, a block of rows at a time."""
    drift = books.world.drift
    is_activity = run.report_type == ACTIVITY_REPORT.id
    renamed = is_activity and drift is not None and drift.kind is DriftKind.RENAMED_COLUMN
    yield _csv([["gross_amount" if renamed and name == "gross" else name for name in run.columns]])
    if run.report_type == SUMMARY.id:
        yield _csv(_summary_rows(books, run))
        return
    yield _csv(_rows(books, run, drift))
    if is_activity:
        yield from _synthetic_blocks(run, books.world.circumstances.synthetic_rows)


def _rows(books: Books, run: ReportRun, drift: Drift | None) -> Iterator[list[str]]:
    known = KINDS[run.report_type].columns
    writers = [(name, found) for name in run.columns if (found := column(known, name)) is not None]
    of_payouts = run.report_type == PAYOUT_REPORT.id
    finer = drift.transaction if drift and drift.kind is DriftKind.EXTRA_DIGITS else None
    for told in reported(books):
        inside = run.interval_start <= told.created < run.interval_end
        if inside and (told.reporting_category in _PAYOUT_CATEGORIES) == of_payouts:
            yield _row(books, told, writers, finer=told.id == finer)


def _row(
    books: Books,
    told: BalanceTransaction,
    writers: Sequence[tuple[str, Column]],
    *,
    finer: bool,
) -> list[str]:
    line = report_line(books, told)
    row = [write(line) for _, write in writers]
    if finer:
        names = [name for name, _ in writers]
        row[names.index("gross")] = with_extra_digit(row[names.index("gross")])
    return row


def _summary_rows(books: Books, run: ReportRun) -> Iterator[list[str]]:
    """Yield what was truly booked: drift tells lines wrongly, not the balance."""
    lines = list(books.balance.values())
    before = balance_of(line for line in lines if line.created < run.interval_start)
    during = [line for line in lines if run.interval_start <= line.created < run.interval_end]
    payouts = balance_of(line for line in during if line.reporting_category in _PAYOUT_CATEGORIES)
    activity = balance_of(
        line for line in during if line.reporting_category not in _PAYOUT_CATEGORIES
    )
    invented = books.world.circumstances.synthetic_rows
    if invented:
        activity[CURRENCY] = activity.get(CURRENCY, 0) + synthetic_balance(invented)
    for currency in sorted({*before, *payouts, *activity}):
        opening = before.get(currency, 0)
        moved, paid = activity.get(currency, 0), payouts.get(currency, 0)
        closing = opening + moved + paid
        for category, description, amount in (
            ("starting_balance", f"Starting balance ({_day(run.interval_start)})", opening),
            ("activity", "Activity", moved),
            ("payouts", "Less payouts", paid),
            ("ending_balance", f"Ending balance ({_day(run.interval_end)})", closing),
        ):
            written = {
                "category": category,
                "description": description,
                "net_amount": major_units(amount, currency),
                "currency": currency,
            }
            yield [written[name] for name in run.columns]


def _synthetic_blocks(run: ReportRun, rows: int) -> Iterator[bytes]:
    """Yield invented lines, evenly over the run's time; not by `csv`, to be quick."""
    seconds = run.interval_end - run.interval_start
    for first in range(0, rows, _BLOCK_ROWS):
        block = []
        for number in range(first, min(first + _BLOCK_ROWS, rows)):
            row = _synthetic_row(number, _time(run.interval_start + number * seconds // rows))
            block.append(",".join([row.get(name, "") for name in run.columns]))
        yield ("\n".join(block) + "\n").encode()


def _synthetic_row(number: int, created: str) -> dict[str, str]:
    line = synthetic_line(number)
    charge = f"ch_synthetic_{line.payment}"
    sign = "-" if line.amount < 0 else ""
    amount, net = abs(line.amount), abs(line.net)
    return {
        "balance_transaction_id": f"txn_synthetic_{number}",
        "created": created,
        "available_on": created,
        "currency": CURRENCY,
        "gross": f"{sign}{amount // 100}.{amount % 100:02d}",
        "fee": f"{line.fee // 100}.{line.fee % 100:02d}",
        "net": f"{sign}{net // 100}.{net % 100:02d}",
        "reporting_category": "refund" if line.is_refund else "charge",
        "source_id": line.refund or charge,
        "charge_id": charge,
        "payment_intent_id": line.payment_intent,
        "payment_metadata[paygate_payment_id]": line.payment_id,
        "refund_metadata[paygate_refund_id]": line.refund_id,
    }


# Lines of one second come one after the other.
_time = lru_cache(maxsize=16)(time_text)


def _day(moment: int) -> str:
    return time_text(moment)[:10]


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().encode()
